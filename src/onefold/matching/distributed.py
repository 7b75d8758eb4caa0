"""The matcher on a cluster: records are read, brought together, compared and scored where their table stands.

What comes here are counts of patterns, and of the pairs that are worth a look their ids and levels; of them people are
made here, as of any other table's. A known model is needed: it says of each record alone how it is read and compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from onefold.errors import UsageError
from onefold.matching import batches, blocking, matcher, outcome, pairs, screening
from onefold.matching.matcher import Matched, Tell
from onefold.matching.pairs import Compared, Integers
from onefold.matching.records import Records
from onefold.matching.settings import Decision, MatchSettings
from onefold.matching.trained import Known
from onefold.ports.cluster import Cluster

_LIKELY = """
WITH block AS (
    SELECT id, held.block AS block, held.largest AS largest
    FROM (SELECT id, UNNEST(blocks) AS held FROM record) AS listed
), fitting AS (
    SELECT block FROM block GROUP BY block, largest HAVING count(*) > 1 AND count(*) <= largest
), inside AS (
    SELECT block.block, block.id FROM block JOIN fitting ON block.block = fitting.block
), ranked AS (
    SELECT id, same, lead(id) OVER (PARTITION BY place ORDER BY position) AS successor,
        lead(same) OVER (PARTITION BY place ORDER BY position) AS successor_same
    FROM record
), found AS (
    SELECT one.id AS x, other.id AS y, false AS copy FROM inside AS one JOIN inside AS other ON one.block = other.block
    WHERE one.id < other.id
    UNION ALL SELECT least(id, successor), greatest(id, successor), true FROM ranked WHERE same = successor_same
), pair AS (
    SELECT x, y, bool_or(copy) AS copy FROM found GROUP BY x, y
)
"""
"""Pairs that blocking finds, each once, and whether they are copies, which nothing screens out."""


class Found(msgspec.Struct, frozen=True):
    """What was found on a cluster.

    Attributes:
        count: Records of the table.
        people: How many people they are.
        largest: Records of the largest person.
        matched: Of the records that are in a pair worth a look, whose values stayed where they are.
    """

    count: int
    people: int
    largest: int
    matched: Matched


def match(
    cluster: Cluster,
    table: str,
    known: Known,
    settings: MatchSettings,
    *,
    decisions: Sequence[Decision] = (),
    tell: Tell = lambda _: None,
) -> Found:
    """Find the people of a table that stands on a cluster. The relation `people` has them afterwards, `pairs` the pairs.

    Raises:
        NotFoundError: There is no such table.
        UsageError: The model cannot be used there; the table lacks a column of it, or its ids are not unique.
    """
    if settings.model == "weighted":
        raise UsageError("The weighted model is not matched on an engine; leave `model: weighted` out of the settings.")
    _read(cluster, table, known, tell)
    tell("Comparing pairs")
    cluster.map("compared", _chosen(known), batches.compared(known), batches.LEVELS)
    patterns = cluster.fetch("SELECT levels, count(*) AS n FROM compared GROUP BY levels")
    scores = known.model.score(_levels(patterns["levels"], len(known.comparisons)))
    # Who is joined by no pair is not worth a look either, so the rest never leaves the cluster.
    likely = (scores > 0) | (matcher.probability_of(scores) >= settings.review_from)
    cluster.put("likely", pa.table({"levels": patterns["levels"].filter(pa.array(likely))}))
    cluster.keep(
        "edge",
        "SELECT compared.a, compared.b, compared.levels FROM compared JOIN likely ON compared.levels = likely.levels",
    )
    rows = _touched(cluster, known, decisions)
    found = _compared(cluster.fetch("SELECT a, b, levels FROM edge"), rows, known)
    tell(f"Joining {len(found.pairs):,} likely pairs of {int(pc.sum(patterns['n']).as_py() or 0):,}")
    matched = matcher.of_pairs(
        _Comparer(cluster, rows, known, found),
        rows,
        found,
        known.model,
        known.trained.scheme,
        fields=batches.of_model(known),
        settings=settings,
        decided=matcher.decided_by(rows, decisions),
        known=known,
    )
    matched = msgspec.structs.replace(matched, looked_at=int(pc.sum(patterns["n"]).as_py() or 0))
    return _put(cluster, known, matched)


def _read(cluster: Cluster, table: str, known: Known, tell: Tell) -> None:
    """Make the relation `record`."""
    fields = batches.of_model(known)
    if not any(field.kind == "record_id" for field in fields):
        raise UsageError(
            "Rows of a table on an engine have no order, so the model needs a column of ids: state its column as "
            "`record_id` under `fields`, and save the model anew."
        )
    there = cluster.source("stated", table)
    missing = [field.column for field in fields if field.column not in there]
    if missing:
        raise UsageError(f"The table has no column `{missing[0]}`, which the model was trained with.")
    tell("Normalising")
    columns = ", ".join('"{}"'.format(field.column.replace('"', '""')) for field in fields)
    cluster.map("record", f"SELECT {columns} FROM stated", batches.prepared(known), batches.schema_of(known))  # noqa: S608  our own names
    (counted,) = cluster.fetch(
        "SELECT count(*) AS records, count(DISTINCT nullif(id, '')) AS ids FROM record"
    ).to_pylist()
    if counted["records"] != counted["ids"]:
        raise UsageError(
            f"The table has {counted['records']:,} rows and {counted['ids']:,} different ids; each row needs its own id."
        )


def _chosen(known: Known) -> str:
    """A query for the pairs to compare, each with what is compared, in the order of their records."""
    names = ["id", *batches.values(known.comparisons)]
    one, other = ("{" + ", ".join(f"'{name}': {side}.{name}" for name in names) + "}" for side in "xy")
    scheme = known.trained.scheme
    kept = f"WHERE pair.copy OR {screening.sql(scheme.keys)} >= {scheme.least}" if scheme.least > 0 else ""
    return f"{_LIKELY} {_sides('pair', one, other)} {kept}"


def _sides(of: str, one: str, other: str) -> str:
    return (
        f"SELECT CASE WHEN x.position < y.position THEN {one} ELSE {other} END AS a, "  # noqa: S608  our own names
        f"CASE WHEN x.position < y.position THEN {other} ELSE {one} END AS b "
        f"FROM {of} JOIN record AS x ON x.id = {of}.x JOIN record AS y ON y.id = {of}.y"
    )


def _levels(column: Any, width: int) -> Any:
    return np.frombuffer(b"".join(column.to_pylist()), np.uint8).reshape(-1, width)


def _touched(cluster: Cluster, known: Known, decisions: Sequence[Decision]) -> Records:
    """The records of pairs worth a look and of decisions, in their order; without their values."""
    named = sorted({name for each in decisions for name in (each.record_a, each.record_b)})
    cluster.put("named", pa.table({"id": pa.array(named, pa.string())}))
    touched = cluster.fetch(
        "SELECT id, source FROM record WHERE id IN (SELECT a FROM edge UNION SELECT b FROM edge UNION SELECT id FROM named) "
        "ORDER BY position"
    )
    # All sources of the table are known by name, also those of which no record is touched.
    sources = sorted(cluster.fetch("SELECT DISTINCT source FROM record")["source"].to_pylist())
    codes = pc.index_in(touched["source"], pa.array(sources, pa.string())).to_numpy().astype(np.int32)
    return Records(
        count=touched.num_rows,
        order=np.arange(touched.num_rows),
        columns={},
        fields=known.trained.reading.compared,
        sources=codes,
        source_names=sources or [""],
        ids=touched["id"].to_pylist(),
        reading=known.trained.reading,
    )


def _compared(found: pa.Table, rows: Records, known: Known) -> Compared:
    """Compared pairs by the numbers of their records, ascending."""
    ids = pa.array(rows.ids, pa.string())
    a, b = (pc.index_in(found[side], ids).to_numpy().astype(np.int64) for side in ("a", "b"))
    numbered = a * rows.count + b
    order = np.argsort(numbered)
    seen, pattern = pairs.distinct_levels(_levels(found["levels"], len(known.comparisons))[order])
    return Compared(numbered[order], seen, np.bincount(pattern, minlength=len(seen)).astype(np.int64), pattern)


class _Comparer:
    """Compares further pairs of touched records; those worth a look are known already."""

    def __init__(self, cluster: Cluster, rows: Records, known: Known, found: Compared) -> None:
        self._cluster, self._rows, self._known, self._found = cluster, rows, known, found

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<_Comparer(records={self._rows.count}, pairs={len(self._found.pairs)})>"

    def compare(self, pairs: Integers) -> Compared:
        """As in `pairs.Comparing`; pairs that it is asked for once it asks the cluster for no more."""
        missing = blocking.distinct(pairs[~np.isin(pairs, self._found.pairs, kind="sort")])
        if len(missing):
            self._found = _both(self._found, self._ask(missing))
        at = np.searchsorted(self._found.pairs, pairs)
        pattern = self._found.pattern[at]
        counts = np.bincount(pattern, minlength=len(self._found.patterns)).astype(np.int64)
        return Compared(pairs, self._found.patterns, counts, pattern)

    def _ask(self, pairs: Integers) -> Compared:
        ids, count = pa.array(self._rows.ids, pa.string()), self._rows.count
        x, y = (ids.take(pa.array(side)) for side in (pairs // count, pairs % count))
        self._cluster.put("asked", pa.table({"x": x, "y": y}))
        names = ["id", *batches.values(self._known.comparisons)]
        one, other = ("{" + ", ".join(f"'{name}': {side}.{name}" for name in names) + "}" for side in "xy")
        self._cluster.map("further", _sides("asked", one, other), batches.compared(self._known), batches.LEVELS)
        return _compared(self._cluster.fetch("SELECT a, b, levels FROM further"), self._rows, self._known)


def _both(one: Compared, other: Compared) -> Compared:
    numbered = np.concatenate([one.pairs, other.pairs])
    levels = np.concatenate([one.patterns[one.pattern], other.patterns[other.pattern]])
    order = np.argsort(numbered)
    seen, pattern = pairs.distinct_levels(levels[order])
    return Compared(numbered[order], seen, np.bincount(pattern, minlength=len(seen)).astype(np.int64), pattern)


def _put(cluster: Cluster, known: Known, matched: Matched) -> Found:
    """Make the relations `people`, of all records, and `pairs`."""
    rows = matched.records
    sizes = np.bincount(matched.person, minlength=rows.count)
    ids = pa.array(rows.ids, pa.string())
    touched = {
        "id": ids,
        "person": ids.take(pa.array(matched.person)),
        "probability": pa.array(matched.probability, pa.float64(), mask=np.isnan(matched.probability)),
        "records_of_person": pa.array(sizes[matched.person], pa.int64()),
    }
    cluster.put("touched", pa.table(touched))
    source = "record.source, " if any(field.kind == "source" for field in batches.of_model(known)) else ""
    cluster.keep(
        "people",
        f"SELECT record.id AS record, {source}coalesce(touched.person, record.id) AS person, touched.probability, "  # noqa: S608  our own names
        "coalesce(touched.records_of_person, 1) AS records_of_person "
        "FROM record LEFT JOIN touched ON touched.id = record.id",
    )
    cluster.put("pairs", outcome.scored(matched))
    (counted,) = cluster.fetch("SELECT count(*) AS records FROM record").to_pylist()
    alone = counted["records"] - rows.count
    people = alone + len(np.unique(matched.person))
    return Found(counted["records"], people, max(int(sizes.max(initial=0)), min(alone, 1)), matched)
