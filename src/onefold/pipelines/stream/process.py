"""The order of work on the stream: from log entries to committed profiles.

    read → validate → name → claim → resolve → fold → write

`process_batch` is that list. One batch is one transaction of the profile store, consumer offset included, so a batch
that dies half-way never happened and is done again. It is resolved, folded and written in pieces as large as the store
prefers. Nothing here keeps state between batches but a cache of known edges. Around it: `advance` (transaction,
prefetching), `quarantine` (entries on which our code breaks), `processor` (the loop, retries, leases).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from onefold.identity.history import Sighting
from onefold.identity.resolve import Resolution
from onefold.identity.resolve import resolve as resolve_identities
from onefold.model import (
    Edge,
    EdgeKind,
    IdentityChange,
    Judgement,
    NodeId,
    Rejected,
    Scoring,
    StoredEntry,
    fingerprint,
    format_profile_id,
)
from onefold.pipelines import judgements
from onefold.pipelines.context import Context
from onefold.pipelines.stream import feeding, folding, gc_pause, internal_errors, marking
from onefold.pipelines.stream.batches import BatchBounds, Candidate, PreparedBatch, name, prepare, read, validate
from onefold.pipelines.stream.folding import Broken, fold
from onefold.pipelines.stream.internal_errors import BrokenEntriesError, Position
from onefold.ports import Changes, DeadLetter, NodeRow, OutboxMessage, ProfileTransaction, Tally, TimelineRow
from onefold.ports.warehouse import FeedChunk
from onefold.profiles.computed import begun

BATCH_ENTRIES = 15_000
"""Most entries a transaction. More of a person's events fall into one: measured 6 % faster than 10,000, for 24 MB more;
20,000 gains no more and costs 50 MB. A backlog's batch takes a second or so, and without a backlog batches are small."""

_EDGE_KINDS: dict[str, EdgeKind] = {"record": "record", "alias": "alias"}


class BatchResult(msgspec.Struct, frozen=True, gc=False):
    """What one batch did: entries read, and by outcome; components solved; changes of who is who."""

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    suppressed: int = 0
    solved: int = 0
    changes: int = 0

    def __add__(self, other: BatchResult) -> BatchResult:
        """What two batches did together."""
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return BatchResult(*(x + y for x, y in pairs))


def process_batch(
    context: Context,
    transaction: ProfileTransaction,
    bounds: BatchBounds,
    prepared: PreparedBatch | None = None,
    rejecting: Mapping[Position, Rejected] | None = None,
) -> tuple[BatchResult, PreparedBatch, list[Edge]]:
    """One batch, from the log into the transaction; the caller commits it, prefetches, tries again.

    Args:
        context: The workspace.
        transaction: Where everything is read and written.
        bounds: Which entries.
        prepared: The first three steps, done before; None to do them now.
        rejecting: Events to reject, because our code is known to break on them.

    Returns:
        What was done, the batch, and the evidence that was recorded.

    Raises:
        BrokenEntriesError: Our code broke on single events: the transaction is to be rolled back.
    """
    step = context.progress.step
    batch = prepared or name(context, validate(context, read(context.log, bounds)))
    step()
    kept = begun.changed(context.profiles.computed, transaction.kept(), bounds.offsets)
    if not batch.entries:
        if kept:
            transaction.write(Changes(offsets={}, kept=kept))
        return BatchResult(), batch, []
    batch.reject(rejecting or {})
    fresh, duplicates = claim(transaction, batch)
    broken: list[Broken] = []
    evidence: list[Edge] = []
    solved = changed = 0
    marked = transaction.marking()
    accounts = _accounts(context, batch, fresh, duplicates, bounds.leased or {}, kept)
    for piece, changes in _pieces(fresh, context, accounts):
        step()
        rows = transaction.nodes(sorted({n.node for c in piece for n in c.named}))
        scorings = [scoring for scoring, _ in batch.scorings] if changes is accounts else []
        resolution, found = resolve(context, transaction, piece, rows, changes.judgements, scorings)
        broken += found
        if resolution is None:
            continue
        step()
        nodes, found = fold(context, piece, rows, resolution)
        broken += found
        step()
        if broken:
            continue
        fed = feeding.feed(context, piece, rows, nodes, resolution, changes.judgements)
        transaction.write(_with_piece(changes, piece, nodes, resolution, fed, marked=marked))
        evidence += resolution.edges
        solved += resolution.solved
        changed += len(resolution.changes)
    if broken:
        raise _breaking(broken + folding.broken_repeats(batch.candidates, broken, context.profiles), batch)
    context.finding_lines.take(c.event for c in fresh)
    result = BatchResult(
        len(batch.entries), len(fresh) + len(batch.judgements) + len(batch.scorings), len(duplicates), len(batch.rejected),
        len(batch.suppressed), solved, changed,
    )  # fmt: skip
    return result, batch, evidence


def advance(
    context: Context,
    *,
    batch: int = BATCH_ENTRIES,
    until: Mapping[int, int] | None = None,
    leased: Mapping[int, int] | None = None,
    rejecting: Mapping[Position, Rejected] | None = None,
) -> BatchResult:
    """Process one batch in a transaction of its own; `read` is 0 when there was nothing to do.

    Under a backlog the next batch is prefetched: as soon as the end of this one is known where that costs nothing here,
    else while this one commits.

    Args:
        context: The workspace.
        batch: Most entries, but for one more of each partition.
        until: Last offset per partition to process; others are left alone.
        leased: Partitions this worker holds, with the epoch of each lease; None when it is the only worker.
        rejecting: Events to reject, because our code is known to break on them.

    Raises:
        BrokenEntriesError: Our code broke on single events; nothing was written. `quarantine` deals with it.
        LeaseLostError: One of the leases is another worker's by now; nothing was written.
        UnavailableError: The log or the store does not answer; nothing was written.
    """
    with gc_pause.paused():
        # In a call of its own, so that the batch's objects are gone before the collector wakes and walks them.
        return _advance(context, BatchBounds({}, batch, until, leased), rejecting)


def _advance(context: Context, bounds: BatchBounds, rejecting: Mapping[Position, Rejected] | None) -> BatchResult:
    try:
        with context.store.transaction() as transaction:
            bounds = msgspec.structs.replace(bounds, offsets=transaction.offsets())
            prepared = context.prefetch.take(bounds)
            early = prepared is not None and context.prefetch.early
            if prepared is not None and early:
                _prefetch(context, bounds, prepared)
            result, batch, evidence = process_batch(context, transaction, bounds, prepared, rejecting)
            if not early:
                _prefetch(context, bounds, batch)
    except BaseException:
        if context.store.capabilities.preferred_entries_per_write:
            context.known.forget()  # a piece may have met what the one before had written, which is not stored after all
        raise
    context.known.committed(evidence)
    return result


def _prefetch(context: Context, bounds: BatchBounds, batch: PreparedBatch) -> None:
    """Begin to prepare what follows a full batch."""
    if len(batch.entries) >= bounds.entries:
        following = msgspec.structs.replace(bounds, offsets={**bounds.offsets, **batch.ends()})
        context.prefetch.start(following, lambda: prepare(context, following))


def drain(context: Context, *, batch: int = BATCH_ENTRIES, until: Mapping[int, int] | None = None) -> BatchResult:
    """Process what the log holds, up to the offsets in `until` if given, and stop when nothing is left."""
    total = BatchResult()
    while (done := advance(context, batch=batch, until=until)).read:
        total += done
    return total


def claim(transaction: ProfileTransaction, batch: PreparedBatch) -> tuple[list[Candidate], list[StoredEntry]]:
    """Part the events never seen before from repeats; repeated judgements, scores and rejected rows leave the batch."""
    rows = [stored for stored, _ in batch.rejected if (stored.partition, stored.offset) in batch.rows]
    keys = [c.event.id for c in batch.candidates] + [j.id for j, _ in batch.judgements]
    keys += [scoring.id for scoring, _ in batch.scorings]
    new = iter(transaction.claim([*keys, *(batch.rows[stored.partition, stored.offset] for stored in rows)]))
    claimed = [next(new) for _ in batch.candidates]
    fresh = [c for c, first in zip(batch.candidates, claimed, strict=True) if first]
    repeats = [c.stored for c, first in zip(batch.candidates, claimed, strict=True) if not first]
    said = [next(new) for _ in batch.judgements]
    repeats += [stored for (_, stored), first in zip(batch.judgements, said, strict=True) if not first]
    batch.judgements = [j for j, first in zip(batch.judgements, said, strict=True) if first]
    scored = [next(new) for _ in batch.scorings]
    repeats += [stored for (_, stored), first in zip(batch.scorings, scored, strict=True) if not first]
    batch.scorings = [s for s, first in zip(batch.scorings, scored, strict=True) if first]
    known = [stored for stored, first in zip(rows, new, strict=True) if not first]
    if known:
        repeated = {(stored.partition, stored.offset) for stored in known}
        batch.rejected = [(s, why) for s, why in batch.rejected if (s.partition, s.offset) not in repeated]
        repeats += known
    return fresh, repeats


def resolve(
    context: Context,
    transaction: ProfileTransaction,
    piece: Sequence[Candidate],
    rows: Mapping[NodeId, NodeRow],
    judgements: Sequence[Judgement],
    scorings: Sequence[Scoring] = (),
) -> tuple[Resolution | None, list[Broken]]:
    """What a piece's events, judgements and scores change in who is who; None, and the events at fault, where that breaks."""
    sightings, broken = _sightings(piece)
    if broken:
        return None, broken
    members = {node: row.member for node, row in rows.items()}
    found = resolve_identities(transaction, sightings, judgements, context.identity, members, context.known, scorings)
    return found, []


def _accounts(
    context: Context,
    batch: PreparedBatch,
    fresh: Sequence[Candidate],
    duplicates: Sequence[StoredEntry],
    leased: Mapping[int, int],
    kept: Mapping[str, bytes],
) -> Changes:
    """What a batch changes besides its events: offsets, judgements, dead letters, counts."""
    offsets = batch.ends()
    last = {s.partition: fingerprint(s.entry) for s in batch.entries if offsets[s.partition] == s.offset}
    return Changes(
        offsets=offsets,
        fingerprints=last,
        at_us=context.clock_us(),
        epochs={partition: leased[partition] for partition in offsets if partition in leased},
        judgements=[j for j, _ in batch.judgements],
        dead_letters=[dead_letter(stored, verdict) for stored, verdict in batch.rejected],
        replayed=[replayed(s, s.entry.replay_of) for s in batch.entries if s.entry.replay_of is not None],
        tallies=_tallies(batch, fresh, duplicates),
        kept=kept,
    )


def _pieces(
    fresh: Sequence[Candidate], context: Context, accounts: Changes
) -> list[tuple[Sequence[Candidate], Changes]]:
    """Events in pieces as large as the store likes, each with what is written besides; `accounts` go with the last."""
    *pieces, last = _cut(fresh, context.store.capabilities.preferred_entries_per_write)
    return [*((piece, Changes(offsets={})) for piece in pieces), (last, accounts)]


def _cut(fresh: Sequence[Candidate], size: int | None) -> list[Sequence[Candidate]]:
    """Events in pieces of about this many, at least one piece, each in the order of the log.

    All events of an anchor are in one piece, so that its state is opened and sealed once a batch.
    """
    if size is None or len(fresh) <= size:
        return [fresh]
    pieces: list[list[Candidate]] = [[] for _ in range(-(-len(fresh) // size))]
    many = len(pieces)
    for c in fresh:
        pieces[int.from_bytes(c.named[0].node[:4], "big") * many >> 32].append(c)
    return [piece for piece in pieces if piece]


def _with_piece(
    changes: Changes,
    piece: Sequence[Candidate],
    nodes: Sequence[NodeRow],
    resolution: Resolution,
    fed: Sequence[FeedChunk],
    *,
    marked: bool,
) -> Changes:
    """The changes, with those of a piece's events."""
    saved = {row.member.id for row in nodes}
    return msgspec.structs.replace(
        changes,
        nodes=nodes,
        members=[m for node, m in resolution.members.items() if node not in saved],
        edges=resolution.edges,
        changes=resolution.changes,
        timeline=[
            TimelineRow(c.named[0].node, c.event.timestamp_us, c.stored.partition, c.stored.offset) for c in piece
        ],
        outbox=[_announcement(change) for change in resolution.changes if change.kind != "renamed"],
        feed=fed,
        marks=marking.marks(piece, resolution, changes.judgements) if marked else None,
    )


def _sightings(piece: Sequence[Candidate]) -> tuple[list[Sighting], list[Broken]]:
    """What a piece's events say of who is who; and the events on which that breaks, where there are such."""
    try:
        return [_sighting(c) for c in piece], []
    except Exception as error:
        if not internal_errors.is_ours(error):
            raise
        broken = internal_errors.culprits(lambda some: [_sighting(c) for c in some], piece)
        if not broken:
            raise
        return [], broken


def _sighting(c: Candidate) -> Sighting:
    event, stored = c.event, c.stored
    return Sighting(
        c.named, event.timestamp_us, event.id, _EDGE_KINDS.get(event.kind, "event"), event.source,
        stored.partition, stored.offset, event.received_at_us, stored.entry.request_id,
    )  # fmt: skip


def _breaking(broken: Sequence[Broken], batch: PreparedBatch) -> BrokenEntriesError:
    return BrokenEntriesError({(c.stored.partition, c.stored.offset): why for c, why in broken}, batch.ends())


def replayed(stored: StoredEntry, offset: int) -> tuple[int, int]:
    """Where the dead letter lies that an entry sends again: mended, it may belong to another partition than before."""
    partition = stored.entry.replay_in
    return (stored.partition if partition is None else partition, offset)


def dead_letter(stored: StoredEntry, verdict: Rejected) -> DeadLetter:
    """What an entry becomes that is turned away."""
    entry = stored.entry
    return DeadLetter(
        stored.partition, stored.offset, entry.source, verdict.reason, verdict.detail, entry.received_at_us
    )


def _tallies(batch: PreparedBatch, fresh: Sequence[Candidate], duplicates: Sequence[StoredEntry]) -> list[Tally]:
    stored: Counter[str] = Counter()
    emq: dict[str, list[int]] = defaultdict(lambda: [0] * 10)
    for c in fresh:
        event = c.event
        stored[event.source] += 1
        emq[event.source][min(9, int(event.emq * 10))] += 1
    tallies = [Tally(source, "stored", n, "", tuple(emq[source])) for source, n in stored.items()]
    if said := len(batch.judgements) + len(batch.scorings):
        tallies.append(Tally(judgements.SOURCE, "stored", said))
    repeated = Counter(s.entry.source for s in duplicates)
    tallies += [Tally(source, "duplicate", n) for source, n in repeated.items()]
    rejected = Counter((s.entry.source, v.reason) for s, v in batch.rejected)
    tallies += [Tally(source, "rejected", n, reason) for (source, reason), n in rejected.items()]
    findings = Counter(
        (c.event.source, code) for c in fresh if c.event.findings for code in {f.code for f in c.event.findings}
    )
    tallies += [Tally(source, "finding", n, code) for (source, code), n in findings.items()]
    suppressed = Counter((s.entry.source, v.reason) for s, v in batch.suppressed)
    tallies += [Tally(source, "suppressed", n, reason) for (source, reason), n in suppressed.items()]
    return tallies


def _announcement(change: IdentityChange) -> OutboxMessage:
    body = {
        "profile_id": format_profile_id(change.person),
        "before": format_profile_id(change.before),
        "identifiers_moved": len(change.nodes),
        "request_id": change.request_id,
    }
    return OutboxMessage(f"profile.{change.kind}", change.person, msgspec.json.encode(body))
