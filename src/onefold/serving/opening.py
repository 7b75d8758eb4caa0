"""Opening a body: decompressing it and taking it apart. What is large is opened in a thread, one after the other.

A request of a few kilobytes can hold megabytes, and a few megabytes of JSON take longer than a hundred small requests. So
those who send small ones do not wait for those who send large ones, and strangers who send large ones wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from onefold.errors import OverloadedError, TooLargeError, UsageError
from onefold.ingest import framing

SMALL_BYTES = 64 * 1024
"""Bodies that are opened where they arrive; decompressing one takes less than a millisecond."""
LANE_MAX = 16
"""Large bodies that may wait to be opened; more are told to come again."""

T = TypeVar("T")


class Opened(NamedTuple):
    """A body as it was before it was compressed (as it came, if it cannot be decompressed), and what it holds."""

    body: bytes
    envelope: framing.Envelope | framing.Malformed


def open_small(body: bytes) -> Opened | None:
    """Open a body here and now; None when it is large, or may be once it is decompressed."""
    try:
        return _open(body, SMALL_BYTES)
    except TooLargeError:
        return None


class Lane:
    """A thread that does one piece of work after the other."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Do it when it is its turn.

        Raises:
            OverloadedError: Too much waits already.
        """
        if self._waiting >= LANE_MAX:
            raise OverloadedError("Too many large bodies at once.", retry_after_seconds=1)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Do nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class Opener:
    """Opens the bodies of one server.

    Args:
        largest_bytes: Largest body after decompression.
        is_key: Whether a token is a key.
    """

    def __init__(self, largest_bytes: int, is_key: Callable[[str], bool]) -> None:
        self._largest_bytes = largest_bytes
        self._is_key = is_key
        self._known = Lane("large-bodies")
        self._strangers = Lane("strangers-bodies")

    async def open_large(self, body: bytes, *, known: bool) -> Opened | None:
        """Open a body that `open_small` does not; None when it is a stranger's, large, and states no key that is one.

        Args:
            body: As it came.
            known: Whether the request has shown a key.

        Raises:
            TooLargeError: It has too many bytes, or states too much about too many items.
            OverloadedError: Too many large bodies wait.
        """
        largest = self._largest_bytes
        if known:
            return await self._known.run(lambda: _open(body, largest))
        unpacked, stated = await self._strangers.run(lambda: _look_for_keys(body, largest))
        if not any(map(self._is_key, stated)):
            return None
        return await self._strangers.run(lambda: Opened(unpacked, framing.peek(unpacked)))

    async def apart(self, work: Callable[[], T]) -> T:
        """Work on a large body that was opened."""
        return await self._known.run(work)

    def close(self) -> None:
        """Open nothing more."""
        self._known.close()
        self._strangers.close()


def _open(body: bytes, largest: int) -> Opened:
    try:
        body = framing.unpack(body, max_bytes=largest)
    except TooLargeError:
        raise
    except UsageError:
        return Opened(body, framing.Malformed("bad_compression"))
    return Opened(body, framing.peek(body))


def _look_for_keys(body: bytes, largest: int) -> tuple[bytes, list[str]]:
    """A body decompressed, and what may be keys in it: a search costs a hundredth of taking it apart."""
    try:
        body = framing.unpack(body, max_bytes=largest)
    except TooLargeError:
        raise
    except UsageError:
        return body, []
    return body, framing.stated_keys(body)
