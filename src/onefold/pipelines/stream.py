"""The order of work on the stream: from log entries to committed profiles.

    read → judge → name → claim → resolve → fold → commit

One batch is one transaction of the profile store, consumer offset included, so a batch that dies half-way never
happened and is done again. It is resolved, folded and committed in pieces as large as the store likes. Nothing here
keeps state between batches but a cache of known edges. Under a backlog the first steps of a batch, which ask nothing of
the store, are done while the one before it commits (`batches`, `ahead`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from onefold.identity.resolve import Resolution, Sighting, resolve
from onefold.model import (
    Edge,
    EdgeKind,
    IdentityChange,
    Rejected,
    StoredEntry,
    format_profile_id,
)
from onefold.pipelines import breakage, folding, garbage, judging
from onefold.pipelines.batches import Candidate, Judged, Scope, read
from onefold.pipelines.breakage import BrokenEntriesError, Place
from onefold.pipelines.folding import Broken
from onefold.pipelines.parts import Parts
from onefold.ports import Commit, DeadLetter, NodeRow, OutboxMessage, ProfileTransaction, Tally, TimelineRow

BATCH_ENTRIES = 15_000
"""Most entries a transaction. More of a person's events fall into one: measured 6 % faster than 10,000, for 24 MB more;
20,000 gains no more and costs 50 MB. A backlog's batch takes a second or so, and without a backlog batches are small."""

_EDGE_KINDS: dict[str, EdgeKind] = {"record": "record", "alias": "alias"}


class Worked(msgspec.Struct, frozen=True, gc=False):
    """What one batch did: entries read, and by outcome; last offset."""

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    suppressed: int = 0
    solved: int = 0
    changes: int = 0


def drain(parts: Parts, *, batch: int = BATCH_ENTRIES, until: Mapping[int, int] | None = None) -> Worked:
    """Process what the log holds, up to the offsets in `until` if given, and stop when nothing is left."""
    total = Worked()
    while (done := advance(parts, batch=batch, until=until)).read:
        total = both(total, done)
    return total


def both(a: Worked, b: Worked) -> Worked:
    """What two batches did together."""
    pairs = zip(msgspec.structs.astuple(a), msgspec.structs.astuple(b), strict=True)
    return Worked(*(x + y for x, y in pairs))


def advance(
    parts: Parts,
    *,
    batch: int = BATCH_ENTRIES,
    until: Mapping[int, int] | None = None,
    leased: Mapping[int, int] | None = None,
    blamed: Mapping[Place, Rejected] | None = None,
) -> Worked:
    """Process one batch, from all partitions alike; `read` is 0 when there was nothing to do.

    Args:
        parts: The workspace.
        batch: Most entries, but for one more of each partition.
        until: Last offset per partition to process; others are left alone.
        leased: Partitions this worker holds, with the epoch of each lease; None when it is the only worker.
        blamed: Events to turn away, for our code is known to break on them.

    Raises:
        BrokenEntriesError: Our code broke on single events; nothing was written. `isolation` deals with it.
        LeaseLostError: One of the leases is another worker's by now; nothing was written.
        UnavailableError: The log or the store does not answer; nothing was written.
    """
    with garbage.resting():
        # In a call of its own, so that the batch's objects are gone before the collector wakes and walks them.
        return _advance(parts, Scope({}, batch, until, leased), blamed or {})


def _advance(parts: Parts, scope: Scope, blamed: Mapping[Place, Rejected]) -> Worked:
    try:
        with parts.store.transaction() as transaction:
            scope = msgspec.structs.replace(scope, offsets=transaction.offsets())
            judged = parts.ahead.take(scope) or read(parts, scope)
            if not judged.entries:
                return Worked()
            judged.turn_away(blamed)
            after = msgspec.structs.replace(scope, offsets={**scope.offsets, **_offsets(judged.entries)})
            behind = len(judged.entries) >= scope.batch
            if behind and parts.ahead.early:
                parts.ahead.start(after, lambda: read(parts, after))
            worked, evidence = _work(parts, transaction, judged, scope.leased or {})
            if behind and not parts.ahead.early:
                parts.ahead.start(after, lambda: read(parts, after))
    except BaseException:
        if parts.store.entries_at_once:
            parts.known.forget()  # a piece may have met what the one before had written, which is not stored after all
        raise
    parts.known.committed(evidence)
    return worked


def _work(
    parts: Parts, transaction: ProfileTransaction, batch: Judged, leased: Mapping[int, int]
) -> tuple[Worked, list[Edge]]:
    """Commit a batch in pieces as large as the store likes; returns what was done, and the evidence recorded."""
    entries, offsets = batch.entries, _offsets(batch.entries)
    fresh, duplicates = _claim(transaction, batch)
    accounts = Commit(
        offsets=offsets,
        epochs={partition: leased[partition] for partition in offsets if partition in leased},
        judgements=[j for j, _ in batch.judgements],
        dead_letters=[dead_letter(stored, verdict) for stored, verdict in batch.rejected],
        replayed=[replayed(s, s.entry.replay_of) for s in entries if s.entry.replay_of is not None],
        tallies=_tallies(batch, fresh, duplicates),
    )
    *pieces, last = _pieces(fresh, parts.store.entries_at_once)
    broken: list[Broken] = []
    evidence: list[Edge] = []
    solved = changes = 0
    for piece, commit in [*((piece, Commit(offsets={})) for piece in pieces), (last, accounts)]:
        sightings, found = _sightings(piece)
        broken += found
        if found:
            continue
        rows = transaction.nodes(sorted({n.node for c in piece for n in c.named}))
        members = {node: row.member for node, row in rows.items()}
        resolution = resolve(transaction, sightings, commit.judgements, parts.identity, members, parts.known)
        nodes, found = folding.fold(parts, piece, rows, resolution)
        broken += found
        if not broken:
            transaction.commit(_told(commit, piece, nodes, resolution))
            evidence += resolution.edges
            solved += resolution.solved
            changes += len(resolution.changes)
    if broken:
        raise _breaking(broken + folding.broken_repeats(batch.candidates, broken, parts.profiles), entries)
    worked = Worked(
        len(entries), len(fresh) + len(batch.judgements), len(duplicates), len(batch.rejected), len(batch.suppressed),
        solved, changes,
    )  # fmt: skip
    return worked, evidence


def _pieces(fresh: Sequence[Candidate], size: int | None) -> list[Sequence[Candidate]]:
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


def _told(commit: Commit, piece: Sequence[Candidate], nodes: Sequence[NodeRow], resolution: Resolution) -> Commit:
    """The commit, with what a piece's events change."""
    saved = {row.member.id for row in nodes}
    return msgspec.structs.replace(
        commit,
        nodes=nodes,
        members=[m for node, m in resolution.members.items() if node not in saved],
        edges=resolution.edges,
        changes=resolution.changes,
        timeline=[
            TimelineRow(c.named[0].node, c.event.timestamp_us, c.stored.partition, c.stored.offset) for c in piece
        ],
        outbox=[_announcement(change) for change in resolution.changes if change.kind != "renamed"],
    )


def _claim(transaction: ProfileTransaction, batch: Judged) -> tuple[list[Candidate], list[StoredEntry]]:
    """Part the events never seen before from repeats; repeated judgements leave the batch."""
    keys = [c.event.id for c in batch.candidates] + [j.id for j, _ in batch.judgements]
    new = transaction.claim(keys)
    fresh = [c for c, first in zip(batch.candidates, new, strict=False) if first]
    repeats = [c.stored for c, first in zip(batch.candidates, new, strict=False) if not first]
    told = new[len(batch.candidates) :]
    repeats += [stored for (_, stored), first in zip(batch.judgements, told, strict=True) if not first]
    batch.judgements = [j for j, first in zip(batch.judgements, told, strict=True) if first]
    return fresh, repeats


def _sightings(piece: Sequence[Candidate]) -> tuple[list[Sighting], list[Broken]]:
    """What a piece's events say of who is who; and the events on which that breaks, where there are such."""
    try:
        return [_sighting(c) for c in piece], []
    except Exception as error:
        if not breakage.is_ours(error):
            raise
        broken = breakage.culprits(lambda some: [_sighting(c) for c in some], piece)
        if not broken:
            raise
        return [], broken


def _sighting(c: Candidate) -> Sighting:
    event, stored = c.event, c.stored
    return Sighting(
        c.named, event.timestamp_us, event.id, _EDGE_KINDS.get(event.kind, "event"), event.source,
        stored.partition, stored.offset, event.received_at_us, stored.entry.request_id,
    )  # fmt: skip


def _breaking(broken: Sequence[Broken], entries: Sequence[StoredEntry]) -> BrokenEntriesError:
    return BrokenEntriesError({(c.stored.partition, c.stored.offset): why for c, why in broken}, _offsets(entries))


def _offsets(entries: Sequence[StoredEntry]) -> dict[int, int]:
    offsets: dict[int, int] = {}
    for stored in entries:
        offsets[stored.partition] = max(stored.offset, offsets.get(stored.partition, 0))
    return offsets


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


def _tallies(batch: Judged, fresh: Sequence[Candidate], duplicates: Sequence[StoredEntry]) -> list[Tally]:
    stored: Counter[str] = Counter()
    emq: dict[str, list[int]] = defaultdict(lambda: [0] * 10)
    for c in fresh:
        event = c.event
        stored[event.source] += 1
        emq[event.source][min(9, int(event.emq * 10))] += 1
    tallies = [Tally(source, "stored", n, "", tuple(emq[source])) for source, n in stored.items()]
    if batch.judgements:
        tallies.append(Tally(judging.SOURCE, "stored", len(batch.judgements)))
    repeated = Counter(s.entry.source for s in duplicates)
    tallies += [Tally(source, "duplicate", n) for source, n in repeated.items()]
    rejected = Counter((s.entry.source, v.reason) for s, v in batch.rejected)
    tallies += [Tally(source, "rejected", n, reason) for (source, reason), n in rejected.items()]
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
