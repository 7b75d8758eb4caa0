"""The order of work on the stream: from log entries to committed profiles.

    read → judge → name → claim → resolve → fold → commit

One batch is one transaction of the profile store, consumer offset included, so a batch that dies half-way never
happened and is done again. Nothing here keeps state between batches but a cache of known edges. Under a backlog the
first steps of a batch, which ask nothing of the store, are done while the one before it commits (`batches`, `ahead`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from onefold.identity.resolve import Sighting, resolve
from onefold.model import (
    EdgeKind,
    IdentityChange,
    Rejected,
    StoredEntry,
    format_profile_id,
)
from onefold.pipelines import breakage, folding, garbage, judging
from onefold.pipelines.batches import Candidate, Judged, Scope, read
from onefold.pipelines.breakage import BrokenEntriesError, Place
from onefold.pipelines.parts import Parts
from onefold.ports import Commit, DeadLetter, OutboxMessage, ProfileTransaction, Tally, TimelineRow

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
        commit, worked = _work(parts, transaction, judged, scope.leased or {})
        transaction.commit(commit)
        if behind and not parts.ahead.early:
            parts.ahead.start(after, lambda: read(parts, after))
    parts.known.committed(commit.edges)
    return worked


def _work(
    parts: Parts, transaction: ProfileTransaction, batch: Judged, leased: Mapping[int, int]
) -> tuple[Commit, Worked]:
    entries = batch.entries
    fresh, duplicates = _claim(transaction, batch)
    rows = transaction.nodes(sorted({n.node for c in fresh for n in c.named}))
    resolution = resolve(
        transaction,
        _sightings(fresh, entries),
        [j for j, _ in batch.judgements],
        parts.identity,
        {node: row.member for node, row in rows.items()},
        parts.known,
    )
    nodes, broken = folding.fold(parts, fresh, rows, resolution)
    if broken:
        raise _breaking(broken + folding.broken_repeats(batch.candidates, broken, parts.profiles), entries)
    saved = {row.member.id for row in nodes}
    offsets = _offsets(entries)
    commit = Commit(
        offsets=offsets,
        epochs={partition: leased[partition] for partition in offsets if partition in leased},
        nodes=nodes,
        members=[m for node, m in resolution.members.items() if node not in saved],
        edges=resolution.edges,
        judgements=[j for j, _ in batch.judgements],
        changes=resolution.changes,
        timeline=[
            TimelineRow(c.named[0].node, c.event.timestamp_us, c.stored.partition, c.stored.offset) for c in fresh
        ],
        dead_letters=[dead_letter(stored, verdict) for stored, verdict in batch.rejected],
        replayed=[replayed(s, s.entry.replay_of) for s in entries if s.entry.replay_of is not None],
        tallies=_tallies(batch, fresh, duplicates),
        outbox=[_announcement(change) for change in resolution.changes if change.kind != "renamed"],
    )
    worked = Worked(
        len(entries), len(fresh) + len(batch.judgements), len(duplicates), len(batch.rejected), len(batch.suppressed),
        resolution.solved, len(resolution.changes),
    )  # fmt: skip
    return commit, worked


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


def _sightings(fresh: Sequence[Candidate], entries: Sequence[StoredEntry]) -> list[Sighting]:
    try:
        return [_sighting(c) for c in fresh]
    except Exception as error:
        if not breakage.is_ours(error):
            raise
        broken = breakage.culprits(lambda some: [_sighting(c) for c in some], fresh)
        if not broken:
            raise
        raise _breaking(broken, entries) from error


def _sighting(c: Candidate) -> Sighting:
    event, stored = c.event, c.stored
    return Sighting(
        c.named, event.timestamp_us, event.id, _EDGE_KINDS.get(event.kind, "event"), event.source,
        stored.partition, stored.offset, event.received_at_us, stored.entry.request_id,
    )  # fmt: skip


def _breaking(broken: Sequence[folding.Broken], entries: Sequence[StoredEntry]) -> BrokenEntriesError:
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
