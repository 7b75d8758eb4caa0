"""Server-sent events: the tail of the log, for a browser or `curl -N`.

Each event's id says how far every partition was read, so whoever comes back with it (browsers do so by themselves)
misses nothing and sees nothing twice. A stream ends after a while and says when to come again: no reader holds a server
up that is told to stop, and one that reads slowly holds nobody up but itself, because nothing is read ahead for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec
from starlette.concurrency import run_in_threadpool

from onefold.errors import UsageError
from onefold.pipelines.reading.tail import TailedEntry

LOOK_SECONDS = 0.25
HEARTBEAT_LOOKS = 60  # every 15 seconds, so that proxies between do not take the line for dead
STREAM_LOOKS = 1_200  # five minutes
RETRY = b"retry: 1000\n\n"

Places = Mapping[int, int]
Read = Callable[[Places | None], tuple[list[TailedEntry], dict[int, int]]]


def positions(text: str) -> dict[int, int] | None:
    """Read an event's id, `partition:offset` pairs joined by commas; None when there is none.

    Raises:
        UsageError: Invalid event id.
    """
    if not text:
        return None
    try:
        return {int(p): int(o) for p, o in (pair.split(":") for pair in text.split(","))}
    except ValueError:
        raise UsageError("Invalid event id; start again without one.") from None


async def frames(read: Read, start: Places | None, stopping: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The stream, from `start` or from now on, until the server is told to stop."""
    yield RETRY
    reached = start
    for look in range(STREAM_LOOKS):
        if stopping():
            return
        before, (shown, reached) = dict(reached or {}), await run_in_threadpool(read, reached)
        for number, sight in enumerate(shown, start=1):
            partition, _, offset = sight.position.partition(":")
            before[int(partition)] = int(offset)
            yield _frame(before if number < len(shown) else reached or before, sight)
        if not shown:
            if look % HEARTBEAT_LOOKS == 0:
                yield b": still here\n\n"
            await asyncio.sleep(LOOK_SECONDS)


def _frame(reached: Places, sight: TailedEntry) -> bytes:
    identity = ",".join(f"{p}:{o}" for p, o in sorted(reached.items())).encode()
    return b"id: " + identity + b"\nevent: entry\ndata: " + msgspec.json.encode(sight) + b"\n\n"
