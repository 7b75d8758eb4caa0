"""Content: a hash of what the warehouse says, for which it makes no difference when and in which order it came to say it.

Equal hashes mean equal events and judgements, the same nodes with the same people, and the same profiles. A rebuild gives the
same hash. What arrival implies is left out: sequences, times of commits, the steps between, and which rows of evidence there
are, since a batch writes its strongest (the hash of the state covers evidence). So is the lifecycle stage, which changes with
time alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
from sqlglot import exp

from onefold.model import Relation
from onefold.ports.warehouse import QueryLimits, Warehouse
from onefold.warehouse import relations, views

LIMITS = QueryLimits(seconds=3_600, memory_mb=4_096)
COVERED = (relations.EVENT, relations.JUDGEMENT, views.IDENTITY, views.PROFILE)
_NOT_COVERED = frozenset({"sequence", "known_at", "stage", "stage_changes_at"})


class Content(msgspec.Struct, frozen=True):
    """The hash, and how many rows of each relation it covers."""

    hash: str
    rows: dict[str, int]


def content(warehouse: Warehouse, covered: Sequence[Relation] = COVERED) -> Content:
    """The hash of what a warehouse says now."""
    digest, rows = hashlib.sha256(), dict[str, int]()
    for relation in covered:
        # Sums do not depend on the order, and of two equal rows both count.
        (found,) = warehouse.run(_sums(relation), LIMITS).to_pylist()
        rows[relation.full_name] = found["rows"]
        digest.update(msgspec.json.encode([relation.full_name, found["rows"], str(found["low"]), str(found["high"])]))
    return Content(digest.hexdigest(), rows)


def _sums(relation: Relation) -> exp.Select:
    columns = [exp.column(c.name, quoted=True) for c in relation.columns if c.name not in _NOT_COVERED]
    told = exp.select(*columns).from_(exp.table_(relation.name, db=relation.schema, quoted=True)).subquery("told")
    row = exp.func("to_json", exp.column("told"))
    texts = exp.select(exp.alias_(exp.cast(row, "TEXT"), "row")).from_(told).subquery("texts")
    sums = [
        exp.alias_(exp.Sum(this=exp.func(name, exp.column("row", quoted=True))), alias)
        for name, alias in (("md5_number_lower", "low"), ("md5_number_upper", "high"))
    ]
    return exp.select(exp.alias_(exp.Count(this=exp.Star()), "rows"), *sums).from_(texts)
