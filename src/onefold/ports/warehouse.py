"""The ports of the warehouse: what is fed to it, the manifest of its segment files, and the warehouse itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import msgspec

from onefold.errors import UnavailableError
from onefold.model import Relation

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa
    from sqlglot import exp


class FeedChunk(msgspec.Struct, frozen=True, gc=False):
    """Rows for the warehouse, on their way from the transaction that made them to a segment file.

    Attributes:
        rows: How many, at least one.
        sealed: The rows, encoded, compressed and encrypted (`warehouse.feed`).
        last: Sequence of the last of them; 0 before they are stored. The others have the numbers before it.
    """

    rows: int
    sealed: bytes
    last: int = 0


def enough(chunks: Iterable[FeedChunk], rows: int | None) -> list[FeedChunk]:
    """The first chunks that together have at least so many rows; all where that is None."""
    found: list[FeedChunk] = []
    many = 0
    for chunk in chunks:
        found.append(chunk)
        many += chunk.rows
        if rows is not None and many >= rows:
            break
    return found


class Segment(msgspec.Struct, frozen=True, gc=False):
    """A segment file of the warehouse: rows of one relation, never changed once it is in the manifest.

    Attributes:
        name: Of the file, unique for ever.
        relation: Whose rows they are (`staging.event`).
        first: Smallest sequence of its rows; 0 for relations without one.
        last: Greatest.
        rows: How many.
        size: Of the file, bytes.
        key: The file's own key, wrapped, with what is known of its rows. Destroying it erases the rows.
        level: 0 as it was loaded, 1 once it was compacted.
        bucket: Of the nodes its rows belong to; -1 for all.
    """

    name: str
    relation: str
    first: int
    last: int
    rows: int
    size: int
    key: bytes
    level: int = 0
    bucket: int = -1


class ManifestChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a load, a compaction or an erasure changes in the manifest; all of it or nothing.

    Attributes:
        add: Segments whose files are durable.
        remove: Names of segments; their keys are destroyed with them.
        loaded: The feed up to this sequence is in segments now, and is deleted; None leaves it as it is.
        loaded_before: What `loaded` must be in the store.
        relations: Definitions to record, by full name: MessagePack of a `Relation`.
        drop: Full names of relations whose definitions go.
        expected: By full name of a relation, the names of all segments that it must have in the store.
    """

    loaded_before: int
    add: Sequence[Segment] = ()
    remove: Sequence[str] = ()
    loaded: int | None = None
    relations: Mapping[str, bytes] = msgspec.field(default_factory=dict)
    drop: Sequence[str] = ()
    expected: Mapping[str, Collection[str]] = msgspec.field(default_factory=dict)


class ManifestReader(Protocol):
    """What the warehouse's readers and its loader ask of the store. Read in one snapshot, it is one moment's answer."""

    def loaded(self) -> int:
        """Sequence up to which the feed is in segments."""
        ...

    def fed(self) -> int:
        """The last sequence given. What is after `loaded` waits in the feed."""
        ...

    def feed(self, *, after: int, rows: int | None = None) -> list[FeedChunk]:
        """Chunks with rows after that sequence, in order; as many as have at least so many rows, or all."""
        ...

    def segments(self) -> list[Segment]:
        """All of them, by relation and sequence."""
        ...

    def relations(self) -> dict[str, bytes]:
        """Definitions that were recorded, by full name."""
        ...


class WarehouseCapabilities(msgspec.Struct, frozen=True):
    """In what warehouses differ.

    Attributes:
        merge: Whether `merge` is there; else only `append` and `replace`.
        snapshot_reads: Whether a query sees one moment of all relations.
        fresh: Whether a query sees what the stream committed before it began.
        isolated: Whether queries run where they reach nothing but the relations.
    """

    merge: bool
    snapshot_reads: bool
    fresh: bool
    isolated: bool


class QueryLimits(msgspec.Struct, frozen=True):
    """What one query may take before it is ended."""

    seconds: float = 60.0
    memory_mb: int = 1024
    result_mb: int = 256
    threads: int = 2


class Cancellation:
    """A way to end a query from another thread, whether it has begun or not."""

    def __init__(self) -> None:
        """Nothing is cancelled yet."""
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """End the query; who waits for it gets an error. A query that has not begun does not begin."""
        with self._lock:
            self.cancelled = True
            if self._end is not None:
                self._end()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """While the block runs, `end` is what ends the query.

        Raises:
            UnavailableError: It was cancelled before.
        """
        with self._lock:
            if self.cancelled:
                raise UnavailableError("The query was cancelled.")
            self._end = end
        try:
            yield
        finally:
            with self._lock:
                self._end = None


class Warehouse(Protocol):
    """Relations for analysts, metrics, segments and models: Arrow in, Arrow out.

    Attributes:
        dialect: What sqlglot calls its SQL.
        capabilities: In what it differs from others.
    """

    dialect: str
    capabilities: WarehouseCapabilities

    def relations(self) -> list[Relation]:
        """All relations with their columns, by full name."""
        ...

    def run(self, query: exp.Query, limits: QueryLimits | None = None) -> pa.Table:
        """The rows of a query. Nothing but the relations can be reached by it, whatever it says.

        Raises:
            UsageError: It cannot be run as stated: an unknown column, something other than a query.
            ExpensiveError: It took more than `limits` allow, and was ended.
        """
        ...

    def fence(self) -> bool:
        """Refuse to write once something is erased after this: what was read before may hold what is gone.

        Until it is called again, `append`, `replace` and `merge` then raise ConflictError. Returns whether nothing was
        erased since it was called before.
        """
        ...

    def append(self, relation: Relation, rows: pa.Table) -> None:
        """Add rows to a relation, which is made if it is not there. All or none, durably."""
        ...

    def replace(self, relation: Relation, rows: pa.Table) -> None:
        """Put rows in the place of all that the relation had. All or none, durably."""
        ...

    def merge(self, relation: Relation, rows: pa.Table, *, gone: pa.Table | None = None) -> None:
        """Put each row in the place of the one with the same `key`, or add it. All or none, durably.

        `gone` has some of the relation's columns: rows that agree in them with one of its rows are removed before.
        """
        ...

    def drop(self, relation: Relation) -> None:
        """Remove a relation with its rows; no error if it is not there."""
        ...

    def close(self) -> None:
        """Let go of processes and files."""
        ...
