"""Connections: how many there may be, of whom, and how long each may take to say what it wants.

An outsider needs no key to open a connection. So what one can hold of a server is bounded here: descriptors (the oldest
connection that wants nothing yet gives way to a new one, and a reserve stays for files), memory, and time.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from onefold.serving.forwarded import network_of

Reason = Literal[
    "address_full", "answer_unread", "body_late", "body_unwanted", "full", "head_late", "head_too_large", "idle", "invalid",
    "pipelined", "shed",
]  # fmt: skip
"""Why a connection was closed by us, fit for logs and metrics."""

SWEEP_SECONDS = 1.0
LOG_SECONDS = 10.0
CONNECTIONS_MAX = 4_096
"""Most connections when nobody says otherwise: what all of them can hold together still fits a small machine."""
_CROWDED = 0.75
_FILES = 160
"""Descriptors kept for files of the stores, which threads open as they come to need them."""

_log = logging.getLogger("onefold.connections")


class Bounds(msgspec.Struct, frozen=True):
    """What connections may hold.

    Attributes:
        head_bytes: Largest request line and headers together.
        head_seconds: Time within which they must arrive, from the connection or from their first byte.
        request_seconds: Time within which the whole request must arrive, from its first byte.
        idle_seconds: Time for which a connection is kept between requests.
        answer_seconds: Time within which an answer must be taken.
        connections: Most connections; None for as many as descriptors allow.
        per_address: Most connections of one address.
    """

    head_bytes: int = 32 * 1024
    head_seconds: float = 10.0
    request_seconds: float = 30.0
    idle_seconds: float = 65.0
    answer_seconds: float = 60.0
    connections: int | None = None
    per_address: int = 256


class Connection(Protocol):
    """What the guard asks of a connection.

    Attributes:
        address: Whose it is, for counting; None where that is not one client (a trusted proxy).
        deadline: The loop's time at which it is too late for what it is about to send.
    """

    address: str | None
    deadline: float

    def unsent_bytes(self) -> int:
        """Bytes of answers that the client has not taken."""
        ...

    def late(self) -> None:
        """The deadline has passed: end the connection, unless it is we who do not read."""
        ...

    def drop(self) -> None:
        """End the connection at once."""
        ...


class Guard:
    """Admits, counts and sheds the connections of one server. Everything happens on the event loop.

    Attributes:
        closed: Connections closed by us, by reason.
    """

    def __init__(self, bounds: Bounds, trust: Callable[[str], bool]) -> None:
        self.bounds = bounds
        self.backlog, room = _descriptors()
        self.most = min(CONNECTIONS_MAX, room) if bounds.connections is None else min(bounds.connections, room)
        self._share = max(4, self.most // 16)
        self.closed: dict[Reason, int] = {}
        self._trust = trust
        self._open: dict[Connection, float] = {}  # with the time since which an answer waits to be taken
        # Those without a request, who began to wait first standing first; apart those that never had one.
        self._fresh: dict[Connection, None] = {}
        self._waiting: dict[Connection, None] = {}
        self._arriving: dict[Connection, None] = {}  # in the middle of a body, likewise
        self._addresses: dict[str, int] = {}
        self._told: Mapping[Reason, int] = {}
        self._told_at = 0.0
        self._sweeping: asyncio.TimerHandle | None = None

    def admit(self, connection: Connection, peer: str | None) -> bool:
        """Whether a new connection may stay; others may have had to go for it."""
        connection.address = None if peer is None or self._trust(peer) else network_of(peer)
        address = connection.address
        if address is not None:
            held = self._addresses.get(address, 0)
            # Where it gets crowded, nobody may have more than a share: to refuse one more costs less than to shed another.
            crowded = len(self._open) > self.most * _CROWDED
            if held >= (min(self.bounds.per_address, self._share) if crowded else self.bounds.per_address):
                self.note("address_full")
                return False
            self._addresses[address] = held + 1
        self._open[connection] = 0.0
        if len(self._open) > self.most and not self._shed():
            self.note("full")
            self.leave(connection)
            return False
        self._fresh[connection] = None
        if self._sweeping is None:
            self._sweep_later()
        return True

    def leave(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        if self._open.pop(connection, None) is None:
            return
        for group in (self._fresh, self._waiting, self._arriving):
            group.pop(connection, None)
        address = connection.address
        if address is not None:
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]

    def waits(self, connection: Connection) -> None:
        """A connection has no request under way."""
        if connection in self._open and connection not in self._arriving:
            self._waiting[connection] = None

    def asks(self, connection: Connection) -> None:
        """A connection's request has begun to be answered."""
        self._fresh.pop(connection, None)
        self._waiting.pop(connection, None)

    def arrives(self, connection: Connection) -> None:
        """A connection's request is being answered though its body is not here yet."""
        if connection in self._open:
            self._arriving[connection] = None

    def arrived(self, connection: Connection) -> None:
        """A request is here as a whole."""
        self._arriving.pop(connection, None)

    def note(self, reason: Reason) -> None:
        """Count a connection closed by us."""
        self.closed[reason] = self.closed.get(reason, 0) + 1

    def counts(self) -> Mapping[str, int]:
        """Connections by what they do: `waiting` for a request, `arriving` with a body, or `answered`."""
        waiting, arriving = len(self._fresh) + len(self._waiting), len(self._arriving)
        return {"waiting": waiting, "arriving": arriving, "answered": len(self._open) - waiting - arriving}

    def sweep(self, now: float) -> None:
        """Close whoever is too late, and say now and then how many were closed."""
        for connection, since in list(self._open.items()):
            if connection.deadline <= now:
                connection.late()
            if not connection.unsent_bytes():
                if since:
                    self._open[connection] = 0.0
            elif not since:
                self._open[connection] = now
            elif now - since > self.bounds.answer_seconds and connection in self._open:
                self.note("answer_unread")
                connection.drop()
        if now - self._told_at >= LOG_SECONDS and self.closed != self._told:
            self._tell(now)

    def _shed(self) -> bool:
        # Who asked for something before is more likely to be somebody who will again.
        for group in (self._fresh, self._arriving, self._waiting):
            if group:
                oldest = next(iter(group))
                self.note("shed")
                self.leave(oldest)
                oldest.drop()
                return True
        return False

    def _sweep_later(self) -> None:
        self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        self.sweep(asyncio.get_running_loop().time())
        if self._open or self.closed != self._told:
            self._sweep_later()

    def _tell(self, now: float) -> None:
        """One line a reason, without addresses: they are personal data."""
        for reason, total in self.closed.items():
            closed = total - self._told.get(reason, 0)
            if closed and reason != "idle":
                extra = {"reason": reason, "closed": closed, "connections": len(self._open)}
                _log.warning("connections closed", extra=extra)
        self._told, self._told_at = dict(self.closed), now


def _descriptors() -> tuple[int, int]:
    """How many connections may wait to be accepted, and how many may be open, so that files can still be opened.

    Those that wait are accepted all at once, before any is looked at.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2_048, CONNECTIONS_MAX
    backlog = max(16, min(2_048, soft // 4))
    mine = Path("/proc/self/fd")
    held = len(list(mine.iterdir())) if mine.is_dir() else _FILES
    return backlog, max(8, soft - held - backlog - min(_FILES, soft // 4))
