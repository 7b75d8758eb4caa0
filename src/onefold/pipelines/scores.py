"""Scores in the log: pairs that the matcher scored, as entries that a rebuild reads again."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence

import msgspec

from onefold.model import SCORED_BY, LogEntry, PairScore, Rejected, Scoring, StoredEntry
from onefold.ports import EventLog

PAIRS_PER_ENTRY = 25
"""A batch of the stream has thousands of entries, and has to hold all their pairs."""
ENTRIES_PER_APPEND = 2_000

_PAIR = struct.Struct(">16s16si")
_THOUSANDTHS = 1_000
_NOTHING = -(2**31)


class _Statement(msgspec.Struct, frozen=True, gc=False):
    """The body of an entry; `pairs` as `_PAIR` packs them: two nodes, thousandths of natural-log odds or `_NOTHING`."""

    run: str
    model: str
    at_us: int
    pairs: bytes


_decoder = msgspec.json.Decoder(_Statement)


def rounded(score: float) -> float:
    """A score as the log holds it: finite, in thousandths."""
    return round(max(-1e6, min(1e6, score)) * _THOUSANDTHS) / _THOUSANDTHS


def read(stored: StoredEntry) -> Scoring | Rejected:
    """The scores an entry holds, or why it holds none."""
    body = stored.entry.body
    try:
        said = _decoder.decode(body)
        pairs = tuple(_pairs(said.pairs))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, struct.error, ValueError):
        return Rejected("malformed_scores", "The body does not hold scored pairs.")
    digest = hashlib.blake2b(body, digest_size=16).digest()
    return Scoring(digest, said.run, said.model, said.at_us, pairs, stored.partition, stored.offset)


def append(log: EventLog, pairs: Sequence[PairScore], *, run: str, model: str, at_us: int) -> int:
    """Append a run's pairs to the log; returns how many entries they take."""
    entries = [
        LogEntry("scores", SCORED_BY, at_us, number, _body(run, model, at_us, some), request_id=run)
        for number, some in enumerate(_chunks(pairs))
    ]
    for start in range(0, len(entries), ENTRIES_PER_APPEND):
        log.append(entries[start : start + ENTRIES_PER_APPEND])
    return len(entries)


def _chunks(pairs: Sequence[PairScore]) -> Iterator[Sequence[PairScore]]:
    ordered = sorted(pairs, key=lambda pair: (pair.a, pair.b))
    for start in range(0, len(ordered), PAIRS_PER_ENTRY):
        yield ordered[start : start + PAIRS_PER_ENTRY]


def _body(run: str, model: str, at_us: int, pairs: Sequence[PairScore]) -> bytes:
    packed = b"".join(
        _PAIR.pack(a, b, _NOTHING if score is None else round(rounded(score) * _THOUSANDTHS)) for a, b, score in pairs
    )
    return msgspec.json.encode(_Statement(run, model, at_us, packed))


def _pairs(packed: bytes) -> Iterator[PairScore]:
    for a, b, thousandths in _PAIR.iter_unpack(packed):
        if a >= b:
            raise ValueError("the smaller node comes first")
        yield PairScore(a, b, None if thousandths == _NOTHING else thousandths / _THOUSANDTHS)
