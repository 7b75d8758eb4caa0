"""Silence: a connection that does not wait for ever for a server which has gone without a word.

TCP notices a dead peer, but not a live one that passes nothing on: a frozen machine behind a load balancer, a pooler that
lost its server, a full queue in between. And a statement may rightly take a minute. So whoever has heard nothing for a
moment asks, over a new connection, whether the server answers at all.
"""

from __future__ import annotations

import threading
import time
from typing import Any, TypeVar

import psycopg
from psycopg import Connection
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo

Returned = TypeVar("Returned")

QUIET_SECONDS = 1.5
"""How long nothing is heard before the question is put. With `ASKING_SECONDS`: an error within five seconds."""
ASKING_SECONDS = 2
"""How long a new connection may take; no less than libpq takes for meant."""
LONGEST_SECONDS = 75.0
"""A wait that no statement reaches, because the server ends statements before: this connection is lost in between."""
_FRESH_SECONDS = 0.5
_SPARED_SECONDS = 1.0
"""How long nobody tries, once the server was found silent: those in line fail at once and do not wait one by one."""


class Pulse:
    """Whether a server answers, asked by whoever hears nothing, one at a time and for all who wait. Safe for threads."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = make_conninfo(conninfo, connect_timeout=ASKING_SECONDS)
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._beats = True
        self.heard = float("-inf")
        """When anybody last had an answer to anything."""

    def beats(self, connection: Connection[Any]) -> bool:
        """Whether the server at the other end of `connection` answers anybody."""
        with self._lock:
            if time.monotonic() - self._asked > _FRESH_SECONDS:
                self._beats = self._ask(connection)
                self._asked = time.monotonic()
            return self._beats

    def missed(self) -> None:
        """A new connection was waited for in vain. That is silence only if nobody else had an answer meanwhile."""
        with self._lock:
            now = time.monotonic()
            if now - self.heard > QUIET_SECONDS:
                self._beats, self._asked = False, now

    def stopped(self) -> bool:
        """Whether the server was found silent a moment ago, and nobody has heard of it since."""
        return not self._beats and self.heard < self._asked and time.monotonic() - self._asked < _SPARED_SECONDS

    def _ask(self, connection: Connection[Any]) -> bool:
        info = connection.info
        address = None if info.host.startswith("/") else info.hostaddr
        there = make_conninfo(self._conninfo, host=info.host, hostaddr=address, port=info.port)
        try:
            with Guarded.connect(there, autocommit=True) as asking:
                asking.execute("SELECT 1")
        except psycopg.Error as error:
            # "FATAL:  too many clients", in whatever language, is an answer; a refused or reset connection is none.
            return ":  " in str(error)
        return True


class Guarded(Connection[Any]):
    """A connection that gives up, closed, when nothing is heard and the server has no pulse."""

    pulse: Pulse | None = None
    """Whom to ask; without it silence alone is enough to give up."""

    def wait(self, gen: PQGen[Returned], *args: Any, **kwargs: Any) -> Returned:
        """Wait for an answer as psycopg does, and no longer than there is hope."""
        return super().wait(self._hoping(gen), *args, **kwargs)

    def _hoping(self, gen: PQGen[Returned]) -> PQGen[Returned]:
        try:
            awaited = next(gen)
            began = asked = time.monotonic()
            while True:
                heard = yield awaited
                if heard:
                    began = asked = time.monotonic()
                elif (now := time.monotonic()) - asked > QUIET_SECONDS:
                    if now - began > LONGEST_SECONDS or self.pulse is None or not self.pulse.beats(self):
                        self.close()
                        raise psycopg.OperationalError("the server is silent")
                    asked = time.monotonic()
                awaited = gen.send(heard)
        except StopIteration as end:
            if self.pulse is not None:
                self.pulse.heard = time.monotonic()
            answer: Returned = end.value
            return answer
