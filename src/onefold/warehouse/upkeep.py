"""Upkeep: tables in which the warehouse's own maintenance tells what it did, and what erasures do to computed tables.

What a model made of a person cannot be told from the rest of its rows. So an erasure takes every such table with it, in the
same transaction, and they are computed anew. What it did is a row of `quality.erasure`, of which nobody learns who it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from onefold.model import Column, Relation
from onefold.ports.warehouse import Warehouse
from onefold.warehouse.calendar import CAMPAIGN, DIM_DATE
from onefold.warehouse.households import HOUSEHOLD
from onefold.warehouse.matching_models import MATCHED_RECORD, MATCHING_MODEL
from onefold.warehouse.promoted import RECORDED

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

ERASURE = Relation(
    "quality",
    "erasure",
    (
        Column("erased_at", "timestamp", description="When.", required=True),
        Column("rows", "bigint", description="Rows of the stream's relations that went.", required=True),
        Column("tables", "json", description="Tables that went as a whole, to be computed anew.", required=True),
    ),
    "table",
    "Erasures in the warehouse.",
)
RECONCILIATION = Relation(
    "quality",
    "reconciliation",
    (
        Column("ran_at", "timestamp", description="When it ended.", required=True),
        Column("people", "bigint", description="People in the store.", required=True),
        Column(
            "differing", "bigint", description="Of whom store and warehouse say something different.", required=True
        ),
        Column(
            "columns", "json", description="For each column in which they differ, how many people do.", required=True
        ),
        Column("seconds", "double", description="How long it took.", required=True),
    ),
    "table",
    "What reconciliations of the store with the warehouse found.",
    ("ran_at",),
)
RETENTION = Relation(
    "quality",
    "retention",
    (
        Column("relation", "text", description="Of which rows, or values of some, went.", required=True),
        Column(
            "trimmed_at", "timestamp", description="When a file of it was last written anew for that.", required=True
        ),
        Column(
            "rows_before",
            "timestamp",
            description="Up to when rows went, but for those that the present is made of; null where none did.",
        ),
    ),
    "table",
    "What retention took out of the warehouse.",
    ("relation",),
)
KEPT = frozenset(
    {
        ERASURE.full_name,
        RETENTION.full_name,
        RECONCILIATION.full_name,
        DIM_DATE.full_name,
        CAMPAIGN.full_name,
        "golden.rfm_run",
        RECORDED,
    }
    | {MATCHING_MODEL.full_name}
)
"""Tables that hold nothing of a person."""
BY_PERSON = frozenset({"golden.rfm"})
"""Tables that have the person of each row in `person`, and lose the rows of whoever is erased."""
BY_NODE = frozenset({HOUSEHOLD.full_name, MATCHED_RECORD.full_name})
"""The same for tables that have the node of each row in `node`."""
KEPT_DAYS = 90
"""How long results of checks and reconciliations are kept."""
EMPTIED: Mapping[str, Mapping[str, str]] = {"quality.check_result": {"sample": "[]", "bins": "{}"}}
"""Tables that stay, and what is put in the place of their columns that hold values of people."""


def old(warehouse: Warehouse, relation: Relation, now: datetime) -> pa.Table | None:
    """The times of runs that a relation has kept long enough, for `merge`; None where there is no such relation.

    Args:
        warehouse: Where it is.
        relation: One with a column `ran_at`.
        now: The time, UTC, without saying so.
    """
    if relation.full_name not in {one.full_name for one in warehouse.relations()}:
        return None
    limit = exp.cast(exp.Literal.string((now - timedelta(days=KEPT_DAYS)).isoformat(sep=" ")), "TIMESTAMP")
    table = exp.table_(relation.name, db=relation.schema, quoted=True)
    return warehouse.run(exp.select("ran_at").distinct().from_(table).where(exp.column("ran_at") < limit))
