"""Prefetching in a process: another one reads, validates and names the next batch while this one resolves and writes.

Two cores instead of one under a long backlog. The two talk over pipes, in frames of a length and that many bytes: the
bounds of a batch one way, the prepared batch the other. The other process holds nothing that is not in the log, so it
may die at any time; the work is then done here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import IO, Any

import msgspec

from onefold.identity.hashing import NamedIdentifier
from onefold.model import Event, Judgement, Rejected, Scoring, StoredEntry, Suppressed
from onefold.pipelines.stream.batches import BatchBounds, Candidate, PreparationContext, PreparedBatch, prepare
from onefold.pipelines.stream.prefetch import Prefetch

_log = logging.getLogger("onefold.prefetch")
_LENGTH_BYTES = 8


class _Sent(msgspec.Struct, array_like=True, gc=False):
    """A prepared batch on its way: each entry once, without its body, and the rest with the entry's number."""

    entries: list[StoredEntry]
    candidates: list[tuple[int, Event, tuple[NamedIdentifier, ...]]]
    judgements: list[tuple[int, Judgement]]
    rejected: list[tuple[int, Rejected]]
    suppressed: list[tuple[int, Suppressed]]
    rows: list[tuple[int, bytes]]
    scorings: list[tuple[int, Scoring]]


_bounds = msgspec.msgpack.Decoder(BatchBounds)
_batches = msgspec.msgpack.Decoder(_Sent)


class ProcessPrefetch(Prefetch[PreparedBatch]):
    """What another process has worked out of the next batch. Not for several threads."""

    early = True

    def __init__(self, asked: IO[bytes], told: IO[bytes]) -> None:
        """Ask over `asked` and read what is told over `told`; at the other ends is `answer`."""
        super().__init__()
        self._asked = asked
        self._told = told
        self._waiting = False

    def start(self, key: Any, call: Callable[[], PreparedBatch]) -> None:
        """Have the batch of the bounds `key` worked out; `call` is not made here."""
        del call
        self.take(None)
        try:
            _send(self._asked, msgspec.msgpack.encode(key))
        except OSError:
            return  # it is gone, and has said why
        self._key, self._waiting = key, True

    def take(self, key: Any) -> PreparedBatch | None:
        """The batch of the bounds `key`; None when there is none, it was another's, or the process failed."""
        if not self._waiting:
            return None
        self._waiting = False
        sent = _receive(self._told)
        return received(sent) if sent and key == self._key else None


def answer(context: PreparationContext, asked: IO[bytes], told: IO[bytes]) -> None:
    """Gate each batch that is asked for, until nobody asks any more. What fails here is answered with nothing."""
    while (bounds := _receive(asked)) is not None:
        try:
            sent = sendable(prepare(context, _bounds.decode(bounds)))
        except Exception:  # noqa: BLE001  whoever asked does it again, fails in the right place, and knows what to do
            _log.exception("batch not prepared")
            sent = b""
        _send(told, sent)


def sendable(batch: PreparedBatch) -> bytes:
    """A batch as bytes. The bodies of its entries stay behind: they have been read."""
    replace = msgspec.structs.replace
    number = {(stored.partition, stored.offset): n for n, stored in enumerate(batch.entries)}

    def of(stored: StoredEntry) -> int:
        return number[stored.partition, stored.offset]

    return msgspec.msgpack.encode(
        _Sent(
            [replace(stored, entry=replace(stored.entry, body=b"", shared=None)) for stored in batch.entries],
            [(of(c.stored), c.event, c.named) for c in batch.candidates],
            [(of(stored), judgement) for judgement, stored in batch.judgements],
            [(of(stored), verdict) for stored, verdict in batch.rejected],
            [(of(stored), verdict) for stored, verdict in batch.suppressed],
            [(number[position], key) for position, key in batch.rows.items()],
            [(of(stored), scoring) for scoring, stored in batch.scorings],
        )
    )


def received(sent: bytes) -> PreparedBatch:
    """Undo `sendable`, but for the bodies."""
    batch = _batches.decode(sent)
    entries = batch.entries
    return PreparedBatch(
        entries,
        [Candidate(event, named, entries[n]) for n, event, named in batch.candidates],
        [(judgement, entries[n]) for n, judgement in batch.judgements],
        [(entries[n], verdict) for n, verdict in batch.rejected],
        [(entries[n], verdict) for n, verdict in batch.suppressed],
        {(entries[n].partition, entries[n].offset): key for n, key in batch.rows},
        [(scoring, entries[n]) for n, scoring in batch.scorings],
    )


def _send(to: IO[bytes], content: bytes) -> None:
    to.write(len(content).to_bytes(_LENGTH_BYTES, "big"))
    to.write(content)
    to.flush()


def _receive(source: IO[bytes]) -> bytes | None:
    """The next frame; None when the other end is closed, in the midst of one too."""
    length = source.read(_LENGTH_BYTES)
    if len(length) < _LENGTH_BYTES:
        return None
    size = int.from_bytes(length, "big")
    content = source.read(size)
    return content if len(content) == size else None
