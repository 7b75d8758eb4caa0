"""Batches: the next entries of the log, read, validated and named. Nothing is asked of the store yet.

So a batch can be prepared while the store is busy with the one before it (`prefetch`), or by another process
(`prefetch_process`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Protocol, TypeVar

import msgspec

from onefold.identity.hashing import Hasher, NamedIdentifier
from onefold.identity.settings import IdentitySettings
from onefold.ingest.gate import Gate
from onefold.model import (
    Accepted,
    Event,
    Finding,
    GateResult,
    Judgement,
    LogEntry,
    Rejected,
    Scoring,
    StoredEntry,
    Suppressed,
)
from onefold.pipelines import judgements, scores
from onefold.pipelines.stream import internal_errors
from onefold.pipelines.stream.internal_errors import Position
from onefold.ports import EventLog

_log = logging.getLogger("onefold.stream")

T = TypeVar("T")
_Result = GateResult | Judgement | Scoring
Validated = list[tuple[StoredEntry, _Result]]
"""Entries, each with what the gate or, for judgements and scores, their reader says of it."""


class PreparationContext(Protocol):
    """What preparing a batch needs of a workspace's `Context`: no store."""

    @property
    def log(self) -> EventLog:
        """Received items."""

    @property
    def gate(self) -> Gate:
        """Gate 1."""

    @property
    def identity(self) -> IdentitySettings:
        """Types, limits, rules."""

    @property
    def hasher(self) -> Hasher:
        """Makes node ids under the workspace's hashing key."""


class Candidate(msgspec.Struct, gc=False):
    """An accepted event on its way: who it names and where it stands."""

    event: Event
    named: tuple[NamedIdentifier, ...]
    stored: StoredEntry


class BatchBounds(msgspec.Struct, frozen=True):
    """Which entries belong to a batch.

    Attributes:
        offsets: The last offset processed, per partition; a partition not named is read from its start.
        entries: Most entries, but for one more of each partition.
        until: Last offset to read per partition; None means the end of the log.
        leased: The partitions to read, with the epoch of each lease; None means all.
    """

    offsets: dict[int, int]
    entries: int
    until: Mapping[int, int] | None
    leased: Mapping[int, int] | None


class PreparedBatch(msgspec.Struct):
    """The entries of a batch, by what the gate and the naming of identifiers made of them.

    Attributes:
        entries: All of them, in the order of the log within each partition.
        candidates: Accepted events that name somebody. Repeats are still among them.
        judgements: What people said of the identity graph, each with the entry that holds it.
        rejected: Future dead letters, with the reason.
        suppressed: Left out on purpose, with the reason.
        scorings: Pairs that the matcher scored, each chunk with the entry that holds it.
        rows: Keys of rejected rows of files, by position: loaded again, the same row is a duplicate.
    """

    entries: Sequence[StoredEntry]
    candidates: list[Candidate]
    judgements: list[tuple[Judgement, StoredEntry]]
    rejected: list[tuple[StoredEntry, Rejected]]
    suppressed: list[tuple[StoredEntry, Suppressed]]
    rows: dict[Position, bytes] = {}
    scorings: list[tuple[Scoring, StoredEntry]] = []

    def reject(self, reasons: Mapping[Position, Rejected]) -> None:
        """Reject the candidates at these positions: our code is known to break on them."""
        if not reasons:
            return
        kept = []
        for c in self.candidates:
            why = reasons.get((c.stored.partition, c.stored.offset))
            if why is None:
                kept.append(c)
            else:
                self.rejected.append((c.stored, why))
        self.candidates = kept

    def ends(self) -> dict[int, int]:
        """The last offset of each partition that the batch has entries of."""
        return last_offsets(self.entries)


def last_offsets(entries: Sequence[StoredEntry]) -> dict[int, int]:
    """The last offset of each partition in `entries`."""
    offsets: dict[int, int] = {}
    for stored in entries:
        offsets[stored.partition] = max(stored.offset, offsets.get(stored.partition, 0))
    return offsets


def prepare(context: PreparationContext, bounds: BatchBounds) -> PreparedBatch:
    """The batch within `bounds`, ready to be processed."""
    return name(context, validate(context, read(context.log, bounds)))


def read(log: EventLog, bounds: BatchBounds) -> list[StoredEntry]:
    """The next entries of each partition, from all partitions alike."""
    ends = log.ends() if bounds.until is None else bounds.until
    behind = [
        partition
        for partition, end in ends.items()
        if end > bounds.offsets.get(partition, 0) and (bounds.leased is None or partition in bounds.leased)
    ]
    entries: list[StoredEntry] = []
    for partition in behind:
        found = log.read(partition, bounds.offsets.get(partition, 0), -(-bounds.entries // len(behind)))
        entries += [e for e in found if e.offset <= ends[partition]] if bounds.until is not None else found
    return entries


def validate(context: PreparationContext, entries: Sequence[StoredEntry]) -> Validated:
    """Gate 1. Judgements and scores, which are for no gate, are read instead."""
    check = context.gate.check

    def result(stored: StoredEntry) -> _Result:
        if stored.entry.shape == "judgement":
            return judgements.read(stored, context.identity, context.hasher)
        if stored.entry.shape == "scores":
            return scores.read(stored)
        return check(stored.entry)

    results: Validated = []
    reported: set[str] = set()
    for stored in entries:
        try:
            results.append((stored, result(stored)))
        except Exception as error:
            if not internal_errors.is_ours(error):
                raise
            results.append((stored, _retried(result, stored, reported)))
    return results


def name(context: PreparationContext, validated: Validated) -> PreparedBatch:
    """Each accepted event with the nodes it names: one whose identifiers are all refused has no anchor."""
    batch = PreparedBatch([stored for stored, _ in validated], [], [], [], [])
    accept, identity = context.hasher.name, context.identity
    reported: set[str] = set()

    def candidate(event: Event, stored: StoredEntry) -> Candidate | Rejected:
        named, findings = accept(event.identifiers, identity)
        if not named:
            return _nameless(findings)
        return Candidate(with_findings(event, findings) if findings else event, named, stored)

    for stored, result in validated:
        if type(result) is Accepted:
            event = result.event
            try:
                found = candidate(event, stored)
            except Exception as error:
                if not internal_errors.is_ours(error):
                    raise
                found = _retried(partial(candidate, event), stored, reported)
            if type(found) is Candidate:
                batch.candidates.append(found)
            else:
                batch.rejected.append((stored, found))  # type: ignore[arg-type]  # mypy does not narrow by `type`
        elif type(result) is Judgement:
            batch.judgements.append((result, stored))
        elif type(result) is Scoring:
            batch.scorings.append((result, stored))
        elif type(result) is Rejected:
            batch.rejected.append((stored, result))
        elif type(result) is Suppressed:
            batch.suppressed.append((stored, result))
    for stored, why in batch.rejected:
        # One that is sent again has to be a dead letter again, and what our own bugs set aside may be right.
        if stored.entry.replay_of is None and why.reason != internal_errors.INTERNAL_ERROR and _is_row(stored.entry):
            batch.rows[stored.partition, stored.offset] = _row_key(stored.entry)
    return batch


def _is_row(entry: LogEntry) -> bool:
    # The reader of files says in `shared` what is wrong with a row that it could not read; a request has none to say it.
    return entry.shape == "record" or (entry.shape == "unreadable" and entry.shared is not None)


def _row_key(entry: LogEntry) -> bytes:
    """16 bytes of BLAKE2b over what a repeated load repeats; equal rows of one file differ by message id or line."""
    parts = (b"rejected", entry.source.encode(), entry.shared or b"", entry.body)
    return blake2b(b"\0".join(parts), digest_size=16).digest()


def with_findings(event: Event, findings: Sequence[Finding]) -> Event:
    """The event with what naming its identifiers found, besides what the gate did; each finding once."""
    return msgspec.structs.replace(event, findings=tuple(dict.fromkeys((*event.findings, *findings))))


def _nameless(findings: Sequence[Finding]) -> Rejected:
    why = ", ".join(sorted({f"{found.where} {found.code}" for found in findings}))
    return Rejected("no_identifier", f"No identifier was acceptable: {why}." if why else "The event has no identifier.")


def _retried(step: Callable[[StoredEntry], T], stored: StoredEntry, reported: set[str]) -> T | Rejected:
    """The step's second try on an entry that broke it, for what fails once may have been chance; then a rejection."""
    try:
        return step(stored)
    except Exception as error:
        if not internal_errors.is_ours(error):
            raise
        why = internal_errors.rejection(error)
        if why.detail not in reported:
            # One line a bug and batch: thousands would hold others up.
            reported.add(why.detail)
            _log.exception("entries set aside", extra={"partition": stored.partition, "offset": stored.offset})
        return why
