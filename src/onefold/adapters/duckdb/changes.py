"""Changes: rows of the segment files after a sequence, in steps, for whoever keeps a copy of the warehouse.

A step ends where no file reaches over: at the end of a load, or of what was compacted together. At such a place all logs
are those of one moment, so a copy that takes steps whole is always the warehouse as it once was.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from onefold.adapters.duckdb.columns import conformed
from onefold.adapters.duckdb.sealed_file import SealedFile
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.model import Column, NodeId, Relation
from onefold.ports import ProfileStore
from onefold.ports.engine import EngineState, Step
from onefold.ports.warehouse import Segment
from onefold.warehouse import relations

_LOGS = {relation.full_name: relation for relation in relations.LOGS}
NAMING = {relations.IDENTITY_CHANGE.full_name: ("node",), relations.JUDGEMENT.full_name: ("node_a", "node_b")}
"""Logs that together have every node there is, and in which columns: one that only a judgement names was never seen."""
_NODES = Relation("", "nodes", (Column("node", "uuid", required=True),))


@dataclass(frozen=True, slots=True)
class PinnedSegments:
    """The segment files of one moment, open.

    Attributes:
        loaded: Up to which sequence they hold the logs.
        segments: All of them.
        definitions: Relations that were recorded, by full name: MessagePack of a `Relation`.
    """

    loaded: int
    segments: Sequence[Segment]
    definitions: dict[str, bytes]
    _files: SegmentFiles
    _descriptors: dict[str, int]

    def read(self, segment: Segment, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a segment; all columns, or these."""
        with SealedFile(os.dup(self._descriptors[segment.name]), self._files.key(segment)) as file:
            return pq.read_table(pa.PythonFile(file, mode="r"), columns=columns and list(columns))

    def continues(self, state: EngineState) -> bool:
        """Whether what a copy holds is a beginning of this history, and not of one before a rebuild or a restore."""
        return state.sequence <= self.loaded and self._latest(state.sequence) == state.latest

    def steps(self, after: int) -> Iterator[Step]:
        """The rows after a sequence."""
        waiting = sorted(
            (segment for segment in self.segments if segment.relation in _LOGS and segment.last > after),
            key=lambda segment: (segment.first, segment.last),
        )
        while waiting:
            group = [waiting.pop(0)]
            end = group[0].last
            while waiting and waiting[0].first <= end:
                group.append(waiting.pop(0))
                end = max(end, group[-1].last)
            yield Step(after, end, self._parts(group, after))
            after = end

    def rows(self, relation: Relation) -> Iterator[pa.Table]:
        """All rows of a relation that is no log, a part at a time."""
        for segment in self.of(relation.full_name):
            yield conformed(relation, self.read(segment))

    def of(self, name: str) -> list[Segment]:
        """The files of a relation."""
        return [segment for segment in self.segments if segment.relation == name]

    def missing(self, nodes: Iterable[pa.Table], until: int) -> list[NodeId]:
        """Those of some nodes, in a column `node`, that no row up to a sequence has: they were erased."""
        left = pa.concat_arrays([_plain(conformed(_NODES, table)["node"]) for table in nodes]).unique()
        for name, columns in NAMING.items():
            for segment in self.of(name):
                rows = self.read(segment, ["sequence", *columns])
                rows = rows.filter(pc.less_equal(rows["sequence"], until))
                for column in columns:
                    left = left.filter(pc.invert(pc.is_in(left, value_set=_plain(rows[column]))))
        return [NodeId(node) for node in left.to_pylist()]

    def whole(self, segment: Segment) -> pa.Table:
        """The rows of a log's file, in the log's columns."""
        relation = _LOGS[segment.relation]
        return conformed(relation, self.read(segment, [column.name for column in relation.columns]))

    def cleared(self) -> list[Segment]:
        """Files of logs that values of a class of personal data were taken out of."""
        return [s for s in self.segments if s.relation in _LOGS and any(self._files.summary(s).trimmed)]

    def outlived(self, relation: Relation, there: pa.Table) -> pa.Table:
        """Those of some keys of rows (`relations.row_key`) that no file has any more."""
        names = list(relations.row_key(relation))
        keys = tuple(column for column in relation.columns if column.name in names)
        left = conformed(msgspec.structs.replace(relation, columns=keys), there)
        for segment in self.of(relation.full_name):
            if left.num_rows:
                left = left.filter(pc.invert(pc.is_in(_keys(left), value_set=_keys(self.read(segment, names)))))
        return left

    def _parts(self, group: Collection[Segment], after: int) -> Iterator[tuple[Relation, pa.Table]]:
        for segment in group:
            relation = _LOGS[segment.relation]
            rows = self.read(segment, [column.name for column in relation.columns])
            if segment.first <= after:
                rows = rows.filter(pc.greater(rows["sequence"], after))
            if rows.num_rows:
                yield relation, conformed(relation, rows)

    def _latest(self, until: int) -> tuple[int, int] | None:
        """Sequence and time of commit of the last row up to a sequence."""
        candidates = [segment for segment in self.segments if segment.relation in _LOGS and segment.first <= until]
        found: tuple[int, int] | None = None
        for segment in sorted(candidates, key=lambda segment: -min(segment.last, until)):
            if found is not None and min(segment.last, until) < found[0]:
                break
            rows = self.read(segment, ["sequence", "known_at"])
            rows = rows.filter(pc.less_equal(rows["sequence"], until))
            if rows.num_rows:
                place = pc.index(rows["sequence"], pc.max(rows["sequence"])).as_py()
                known_at = rows["known_at"].cast(pa.int64())[place].as_py()
                found = max(found or (0, 0), (rows["sequence"][place].as_py(), known_at))
        return found


def _keys(rows: pa.Table) -> pa.Array:
    """Keys of rows as a value each."""
    numbers = rows["sequence"].combine_chunks()
    if "person" not in rows.column_names:
        return numbers
    people = _plain(rows["person"]).cast(pa.binary())
    return pc.binary_join_element_wise(people, numbers.cast(pa.string()).cast(pa.binary()), b"")


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """Nodes as bytes."""
    return column.combine_chunks().storage if column.num_chunks else pa.array([], pa.binary(16))


@contextmanager
def pinned(store: ProfileStore, files: SegmentFiles) -> Iterator[PinnedSegments]:
    """The segment files of this moment for the block, whatever becomes of them meanwhile."""
    with ExitStack() as leaving:
        descriptors: dict[str, int] = {}
        with store.snapshot() as snapshot:
            loaded, segments, definitions = snapshot.loaded(), snapshot.segments(), snapshot.relations()
            for segment in segments:
                descriptors[segment.name] = files.open(segment)
                leaving.callback(os.close, descriptors[segment.name])
        yield PinnedSegments(loaded, segments, definitions, files, descriptors)
