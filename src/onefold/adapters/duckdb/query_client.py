"""The asking side of the process that runs queries: begins it, bounds it, and ends it when it takes too long."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import pyarrow as pa

from onefold.adapters.duckdb import query_messages as messages
from onefold.adapters.duckdb.query_messages import Reply, Request
from onefold.errors import ExpensiveError, IntegrityError, UnavailableError, UsageError

_KEPT = ("LANG", "LC_ALL", "PATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "LD_LIBRARY_PATH", "PYTHONPATH")
"""Of the environment, which may hold secrets, what a process needs to begin."""

_BEGIN_SECONDS = 60.0
"""How long it may take to begin on a busy machine. It is not the query's time."""
_GRACE_SECONDS = 0.5
"""How long a query whose time is over may take to stop by itself; then its process is ended."""


class QueryProcess:
    """One process for queries, begun with the first and again after each that had to be ended. One query at a time."""

    def __init__(self) -> None:
        """Nothing is begun yet."""
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._cancelled = False

    def __repr__(self) -> str:
        return f"<QueryProcess(pid={self._process.pid if self._process else None})>"

    def run(self, request: Request, descriptors: Sequence[int]) -> pa.Table:
        """The rows of a query.

        Raises:
            UnavailableError: No process can be begun, or the query was cancelled.
            ExpensiveError: It took more time, memory or room than its limits allow.
            IntegrityError: A file is not what was written.
            UsageError: It cannot be run as it is.
        """
        with self._lock:
            try:
                asked = self._begun()
            except OSError as error:
                self._end()
                self._require_wanted()
                raise UnavailableError("A process for queries does not begin; try again.") from error
            self._require_wanted()
            try:
                until = time.monotonic() + request.limits.seconds + _GRACE_SECONDS
                return self._ask(asked, request, descriptors, until)
            except (TimeoutError, KeyboardInterrupt) as error:
                self._end()
                if isinstance(error, KeyboardInterrupt):
                    raise
                raise ExpensiveError(messages.TOO_LONG) from None
            except OSError:
                self._end()
                self._require_wanted()
                raise ExpensiveError(
                    f"The query's process ended: it needs more than {request.limits.memory_mb} MB of memory."
                ) from None
            except pa.ArrowException:
                self._end()
                raise UnavailableError("The answer of a query's process cannot be read; try again.") from None

    def _require_wanted(self) -> None:
        if self._cancelled:
            raise UnavailableError("The query was cancelled.")

    def cancel(self) -> None:
        """End the query that runs or begins, from any thread: who waits for it gets an error. `close` it before the next."""
        self._cancelled = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()
            self._cancelled = False

    def _ask(self, asked: socket.socket, request: Request, descriptors: Sequence[int], until: float) -> pa.Table:
        asked.settimeout(max(0.001, until - time.monotonic()))
        messages.send(asked, request)
        for start in range(0, len(descriptors), messages.FILES_AT_ONCE):
            socket.send_fds(asked, [b"f"], descriptors[start : start + messages.FILES_AT_ONCE])
        parts: list[pa.Table] = []
        while True:
            asked.settimeout(max(0.001, until - time.monotonic()))
            data = messages.receive(asked)
            if data is None:
                raise ConnectionError("the query's process is gone")
            reply = messages.decode_reply(data)
            if reply.kind == "end":
                return pa.concat_tables(parts)
            if reply.kind != "rows":
                raise _error(reply)
            with pa.ipc.open_stream(reply.rows) as stream:
                parts.append(stream.read_all())

    def _begun(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._socket is None:
            ours, theirs = socket.socketpair()
            command = [sys.executable, "-m", "onefold.adapters.duckdb.query_process", str(theirs.fileno())]
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603  ourselves, with our own arguments
                    command,
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={"HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
                    | {name: os.environ[name] for name in _KEPT if name in os.environ},
                )
            self._socket = ours
            ours.settimeout(_BEGIN_SECONDS)
            if ours.recv(len(messages.READY)) != messages.READY:
                raise ConnectionError("the process ended")
        return self._socket

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()
            self._process.wait()
            self._process = None


def _error(reply: Reply) -> Exception:
    if reply.kind == "expensive":
        return ExpensiveError(reply.message)
    if reply.kind == "internal":
        return IntegrityError(reply.message)
    return UsageError(reply.message)
