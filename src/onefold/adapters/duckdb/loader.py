"""The loader: the feed becomes segment files, and the people it concerns get rows in `golden.profile_change`.

A load writes its files first, and then, in one transaction of the profile store, names them in the manifest, moves the
mark up to which the feed is loaded and deletes that part of the feed. Killed before, it leaves files that nobody names and
that are removed later; killed after, nothing.

Profiles are worked out from the store when a load reaches the end of the feed in the snapshot it reads: the store is then
exactly what the feed adds up to. A load in the midst of a backlog only remembers whom it concerns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

import pyarrow as pa
import pyarrow.compute as pc

from onefold.adapters.duckdb.columns import fed_tables, table
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.errors import ConflictError
from onefold.ports import ProfileSnapshot, ProfileStore
from onefold.ports.warehouse import FeedChunk, ManifestChange, ManifestReader, Segment
from onefold.warehouse import relations
from onefold.warehouse.feed import Feed, Rows
from onefold.warehouse.rows import ProfileRow
from onefold.warehouse.standing import profiled_up_to
from onefold.warehouse.touched import Touched

SEGMENT_ROWS = 60_000
"""Rows of the feed that become one load: 1,000 cost three times as much each, and more gain nothing."""

PROFILE_ROWS = 20_000
"""Profiles that become one file: there are as many as people when a store is loaded for the first time."""

Profiler = Callable[[ProfileSnapshot, Touched], Iterable[ProfileRow]]
"""Works out the profiles of whom something concerns, as a snapshot of the store has them; it uses that up."""


class Loader:
    """Loads one workspace's feed. One at a time does it; another one's load makes this one's a `ConflictError`."""

    def __init__(
        self, store: ProfileStore, feed: Feed, files: SegmentFiles, profiler: Profiler, *, rows: int = SEGMENT_ROWS
    ) -> None:
        self._store = store
        self._feed = feed
        self.files = files
        self._profiler = profiler
        self._rows = rows
        self._touched: Touched | None = None  # since profiles were last worked out; None: not known in this process
        self._loaded = -1  # up to where that is

    def load(self, *, profiles: bool = True) -> int:
        """Load some of what waits; the rows that were loaded, 0 when none wait.

        Without `profiles` those are left to a later load, or to readers: they cost many times what the rest does.

        Raises:
            ConflictError: Somebody else loads too. Nothing was changed.
            UnavailableError: The disk or the store cannot be written. Nothing was changed.
        """
        with self._store.snapshot() as snapshot:
            loaded = snapshot.loaded()
            chunks = snapshot.feed(after=loaded, rows=self._rows + 1)
            if not chunks and not (profiles and profiled_up_to(snapshot) < loaded):
                return 0
            self.files.require(snapshot.segments())
            whole = sum(chunk.rows for chunk in chunks) <= self._rows
            if not whole and len(chunks) > 1:
                chunks.pop()  # it only told that there is more
            if self._touched is None or self._loaded != loaded:
                self._touched = touched_since_profiled(snapshot, self.files, loaded)
            decoded = opened(self._feed, chunks)
            for _, rows in decoded:
                self._touched.take(rows)
            whole = whole and profiles
            end = chunks[-1].last if chunks else loaded
            known_at_us = decoded[-1][1].known_at_us if decoded else latest_known_at(snapshot, self.files)
            found = fed_tables(decoded)
            del decoded
            made: Iterable[ProfileRow] = ()
            if whole:  # which uses up whom it concerns; if this fails, segments tell again
                made, self._touched = self._profiler(snapshot, self._touched), None
            added = self._write(chain(found.items(), _profile_tables(made, end, known_at_us)))
        if not added:
            if whole:  # nobody was concerned; nor is anybody the next time
                self._touched, self._loaded = Touched(), loaded
            return 0
        change = ManifestChange(loaded_before=loaded, loaded=end, add=added)
        try:
            with self._store.transaction() as transaction:
                transaction.revise(change)
        except ConflictError:
            self._touched = None
            self.files.remove([segment.name for segment in added])
            raise
        self._loaded = end
        if whole:
            self._touched = Touched()
        return sum(chunk.rows for chunk in chunks) or sum(segment.rows for segment in added)

    def sweep(self) -> int:
        """Remove files that killed processes left."""
        with self._store.snapshot() as snapshot:
            named = {segment.name for segment in snapshot.segments()}
        return self.files.sweep(named)

    def _write(self, found: Iterable[tuple[str, pa.Table]]) -> list[Segment]:
        by_name = {relation.full_name: relation for relation in relations.LOGS}
        added: list[Segment] = []
        try:
            for name, rows in found:
                added.append(self.files.write(by_name[name], rows))
        except BaseException:
            self.files.remove([segment.name for segment in added])
            raise
        return added


def opened(feed: Feed, chunks: Sequence[FeedChunk]) -> list[tuple[int, Rows]]:
    """The rows of chunks, each chunk with the sequence of its last row."""
    return [(chunk.last, feed.rows(chunk)) for chunk in chunks]


def _profile_tables(rows: Iterable[ProfileRow], sequence: int, known_at_us: int) -> Iterator[tuple[str, pa.Table]]:
    waiting = iter(rows)
    while some := list(islice(waiting, PROFILE_ROWS)):
        yield relations.PROFILE_CHANGE.full_name, profile_table(some, sequence, known_at_us)


def profile_table(rows: Sequence[ProfileRow], sequence: int, known_at_us: int) -> pa.Table:
    """Rows of `golden.profile_change` as they stood at a sequence."""
    many = len(rows)
    columns = [[sequence] * many, *map(list, zip(*rows, strict=True)), [known_at_us] * many]
    return table(relations.PROFILE_CHANGE, columns)


def latest_known_at(manifest: ManifestReader, files: SegmentFiles) -> int:
    """When the latest row of what is loaded was committed, in microseconds; 0 where nothing is."""
    fed = {relation.full_name for relation in relations.FED}
    latest = max((s for s in manifest.segments() if s.relation in fed), key=lambda s: s.last, default=None)
    if latest is None:
        return 0
    return int(pc.max(files.read(latest, ["known_at"])["known_at"]).cast(pa.int64()).as_py())


def touched_since_profiled(manifest: ManifestReader, files: SegmentFiles, loaded: int) -> Touched:
    """Whom segments concern that were loaded since profiles were last worked out."""
    since = profiled_up_to(manifest)
    touched = Touched()
    for segment in manifest.segments():
        if since < segment.last <= loaded:
            _take(touched, segment, files, since)
    return touched


def _take(touched: Touched, segment: Segment, files: SegmentFiles, since: int) -> None:
    wanted = {
        relations.EVENT.full_name: ("nodes", "consents"),
        relations.IDENTITY_CHANGE.full_name: ("node", "person", "before"),
        relations.EVIDENCE.full_name: ("node_a", "node_b"),
        relations.JUDGEMENT.full_name: ("node_a", "node_b"),
    }.get(segment.relation)
    if wanted is None:
        return
    rows = files.read(segment, ["sequence", *wanted])
    rows = rows.filter(pc.greater(rows["sequence"], since))
    columns = [_plain(rows[name]) for name in wanted]
    if segment.relation == relations.EVENT.full_name:
        for nodes, consents in zip(*columns, strict=True):
            touched.happened(b"".join(node.bytes for node in nodes), spoke=consents is not None)
    elif segment.relation == relations.IDENTITY_CHANGE.full_name:
        for node, person, before in zip(*columns, strict=True):
            touched.moved(node.bytes, person.bytes, None if before is None else before.bytes)
    elif segment.relation == relations.JUDGEMENT.full_name:
        for a, b in zip(*columns, strict=True):
            touched.judged(a.bytes, None if b is None else b.bytes)
    else:
        for a, b in zip(*columns, strict=True):
            touched.linked.update((a.bytes, b.bytes))


def _plain(column: pa.ChunkedArray) -> list[object]:
    values: list[object] = column.to_pylist()
    return values
