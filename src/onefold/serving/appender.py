"""Group commit: what arrives while one append is on its way to the disk goes with the next, in one transaction."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice

import msgspec

from onefold.errors import OverloadedError, UnavailableError
from onefold.model import LogEntry
from onefold.ports import EventLog

_log = logging.getLogger("onefold.appender")


class AppenderLimits(msgspec.Struct, frozen=True):
    """How much may wait for the disk, and how much goes in one transaction.

    Attributes:
        waiting_entries: Entries that may wait; more are refused.
        waiting_bytes: Bytes of their bodies that may wait.
        group_entries: Entries after which a transaction takes no further request.
        answer_seconds: Time after which a request is told that the log does not take it, however long it waited for others;
            its entries may yet be appended if they are on their way. With what comes before and after, within the 5 s that
            are promised.
    """

    waiting_entries: int = 50_000
    waiting_bytes: int = 64 * 1024 * 1024
    group_entries: int = 5_000
    answer_seconds: float = 4.5


class _Request(msgspec.Struct, gc=False):
    """The entries of one HTTP request, and who waits for them."""

    entries: Sequence[LogEntry]
    size: int
    done: asyncio.Future[None]
    due: float


class Appender:
    """Appends to one workspace's log from one event loop, through one thread.

    The log is only ever written by that thread; everything else happens on the loop, so nothing here needs a lock.
    """

    def __init__(self, log: EventLog, *, limits: AppenderLimits, name: str = "appender") -> None:
        self._log = log
        self._limits = limits
        self._waiting: deque[_Request] = deque()
        self._under_way: list[_Request] = []
        self._expiry: asyncio.TimerHandle | None = None
        self._busy = False
        self._closed = False
        self.waiting_entries = 0
        self.waiting_bytes = 0
        self._work: queue.SimpleQueue[list[_Request] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def append(self, entries: Sequence[LogEntry], size: int) -> asyncio.Future[None]:
        """Queue a request's entries; the future is done when they are durable, and not before.

        Args:
            entries: At least one.
            size: Bytes of their bodies.

        The future fails with `UnavailableError` when the log does not take them, or not in time.

        Raises:
            OverloadedError: Too much waits already, or the appender is closing. Nothing was queued.
        """
        limits = self._limits
        full = self.waiting_entries >= limits.waiting_entries or self.waiting_bytes + size > limits.waiting_bytes
        if self._closed or (full and self.waiting_entries):
            raise OverloadedError("More arrives than the disk takes.", retry_after_seconds=1)
        request = _Request(entries, size, self._loop.create_future(), self._loop.time() + limits.answer_seconds)
        self._waiting.append(request)
        self.waiting_entries += len(entries)
        self.waiting_bytes += size
        if self._expiry is None:
            self._expiry = self._loop.call_at(request.due, self._expire)
        if not self._busy:
            self._busy = True
            self._idle.clear()
            # Not at once: requests that the loop reads in this turn go into the same transaction.
            self._loop.call_soon(self._hand_over)
        return request.done

    async def close(self) -> None:
        """Take no more, and return when everything taken is on the disk or refused."""
        self._closed = True
        await self._idle.wait()
        if self._expiry is not None:
            self._expiry.cancel()
        self._work.put(None)
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self) -> None:
        group: list[_Request] = []
        entries = 0
        while self._waiting and entries < self._limits.group_entries:
            request = self._waiting.popleft()
            entries += len(request.entries)
            group.append(request)
        self._under_way = group
        if group:
            self._work.put(group)
        else:
            self._busy = False
            self._idle.set()

    def _finish(self, group: list[_Request], failures: list[BaseException | None]) -> None:
        for request, failure in zip(group, failures, strict=True):
            self.waiting_entries -= len(request.entries)
            self.waiting_bytes -= request.size
            if request.done.done():  # its sender left, or was told that it takes too long
                continue
            if failure is None:
                request.done.set_result(None)
            else:
                request.done.set_exception(failure)
        self._hand_over()

    def _expire(self) -> None:
        """Tell whoever is due that the log does not take their entries. One timer serves all, for the oldest is due first."""
        now = self._loop.time()
        while self._waiting and self._waiting[0].due <= now:
            request = self._waiting.popleft()
            self.waiting_entries -= len(request.entries)
            self.waiting_bytes -= request.size
            _refuse(request)
        for request in self._under_way:
            if request.due <= now:
                _refuse(request)
        pending = [r.due for r in (*self._under_way, *islice(self._waiting, 1)) if not r.done.done()]
        self._expiry = self._loop.call_at(min(pending), self._expire) if pending else None

    def _run(self) -> None:
        while (group := self._work.get()) is not None:
            failures = self._append(group)
            self._loop.call_soon_threadsafe(self._finish, group, failures)

    def _append(self, group: list[_Request]) -> list[BaseException | None]:
        try:
            self._log.append([entry for request in group for entry in request.entries])
        except UnavailableError as error:
            return [error] * len(group)
        except Exception as error:  # noqa: BLE001  the last resort
            _log.exception("append failed", extra={"entries": sum(len(r.entries) for r in group)})
            if len(group) == 1:
                return [_unavailable(error)]
            # One request's entries the log cannot take must not cost its neighbours theirs.
            return [failure for request in group for failure in self._append([request])]
        return [None] * len(group)


def _refuse(request: _Request) -> None:
    if not request.done.done():
        request.done.set_exception(UnavailableError("The log did not take the entries in time."))


def _unavailable(cause: Exception) -> UnavailableError:
    error = UnavailableError("The log did not take the entries.")
    error.__cause__ = cause
    return error
