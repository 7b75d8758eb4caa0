"""Promoted properties: typed columns beside the JSON, which make a difference in time and in nothing else."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb import catalog, compaction, promotion
from onefold.adapters.duckdb.changes import pinned
from onefold.adapters.duckdb.columns import empty
from onefold.adapters.duckdb.compaction import Compactor
from onefold.adapters.duckdb.erasure import Eraser
from onefold.ports.warehouse import ManifestChange
from onefold.warehouse.promoted import Promoted, chosen
from onefold.warehouse.query import parse
from onefold.warehouse.relations import EVENT

PROMOTED = [
    Promoted("amount", "decimal"),
    Promoted("fund"),
    Promoted("recurring", "boolean"),
    Promoted("when", "timestamp"),
]
GIFTS = [
    {"amount": 12.5, "fund": "roof", "recurring": True, "when": "2026-01-01T10:00:00+02:00"},
    {"amount": "7.10", "fund": "Roof", "recurring": "false", "when": "2026-01-01"},
    {"amount": True, "fund": 5, "recurring": "maybe", "when": "soon"},
    {"fund": None},
    {},
]
ALL = (
    "SELECT message_id, property_amount, property_fund, property_recurring, property_when FROM staging.event ORDER BY 1"
)


def promote(yard: Yard, promoted) -> None:
    with yard.context.store.snapshot() as snapshot:
        loaded = snapshot.loaded()
    with yard.context.store.transaction() as transaction:
        transaction.revise(ManifestChange(loaded_before=loaded, relations=catalog.record(promoted)))


def give(yard: Yard, first: int = 0) -> None:
    yard.receive(
        *(
            {"type": "track", "event": "Gift", "userId": f"u{n}", "messageId": f"{first + n}", "properties": gift}
            for n, gift in enumerate(GIFTS)
        )
    )


def in_two_files(yard: Yard) -> None:
    """Gifts in two loads, for one file is not compacted."""
    for load in range(2):
        give(yard, load * len(GIFTS))
        yard.load()


def compact(yard: Yard) -> int:
    return Compactor(yard.context.store, yard.files, rows=1, segments=1).compact()


def ready(yard: Yard) -> list[bool]:
    """Whether each file of events has the promoted columns."""
    with yard.context.store.snapshot() as snapshot:
        promoted, of = catalog.promoted(snapshot), [s for s in snapshot.segments() if s.relation == EVENT.full_name]
    return [promotion.is_ready(yard.files.summary(segment), promoted) for segment in of]


def test_values_are_typed_and_exact(yard):
    """Money is a decimal and never a boolean, a time with a zone is UTC, and what is not of the type is null."""
    promote(yard, PROMOTED)
    give(yard)
    found = [tuple(row.values())[1:] for row in yard.rows(ALL)]
    amounts = [row[0] for row in found]
    assert amounts == [Decimal("12.5"), Decimal("7.1"), None, None, None]
    assert [row[1] for row in found] == ["roof", "Roof", "5", None, None]
    assert [row[2] for row in found] == [True, False, None, None, None]
    assert [str(row[3]) for row in found] == ["2026-01-01 08:00:00", "2026-01-01 00:00:00", "None", "None", "None"]


def test_no_answer_depends_on_where_the_columns_are(yard):
    """In the tail, in files without them, in files with them, promoted before or after: the same rows."""
    give(yard)
    yard.load()
    promote(yard, PROMOTED)
    waiting = yard.rows(ALL)
    assert ready(yard) == [False]
    give(yard, len(GIFTS))
    yard.load()
    small = yard.rows(ALL)
    assert compact(yard)
    assert set(ready(yard)) == {True}
    assert yard.rows(ALL) == small
    assert small[: len(GIFTS)] == waiting
    mapped = ALL.replace("staging.event", "golden.engagement_event")
    assert yard.rows(mapped) == small
    promote(yard, [*PROMOTED, Promoted("campaign")])
    assert not any(ready(yard))
    assert yard.rows(ALL) == small
    assert compact(yard)
    assert set(ready(yard)) == {True}
    assert yard.rows(ALL) == small


TAKEN = "SELECT e.properties ->> '$.fund' AS fund, count(*) AS n FROM staging.event AS e GROUP BY 1 ORDER BY 1"
UNNAMED = "SELECT properties ->> 'fund' FROM golden.engagement_event WHERE properties ->> 'fund' IS NOT NULL ORDER BY 1"


@pytest.mark.parametrize("query", [TAKEN, UNNAMED])
def test_a_query_of_the_json_reads_the_column(yard, query, monkeypatch):
    """Names and rows are the same; with another value put into the column the answer is that one."""
    in_two_files(yard)
    before = yard.warehouse.run(parse(query))
    promote(yard, PROMOTED)
    assert compact(yard)
    assert yard.warehouse.run(parse(query)) == before
    monkeypatch.setattr(Promoted, "expression", property(lambda one: "'planted'" if one.type == "text" else "NULL"))
    monkeypatch.setattr(promotion, "_FORMAT", "2")
    assert compact(yard)
    assert "planted" in yard.warehouse.run(parse(query)).column(0).to_pylist()


def test_erasing_takes_the_columns_too(yard):
    """An event of another that only names an erased node loses what it states, columns included."""
    promote(yard, PROMOTED)
    in_two_files(yard)
    yard.receive(
        {"type": "track", "event": "Gift", "userId": "ann", "anonymousId": "shared", "messageId": "x",
         "properties": {"fund": "roof", "amount": 5}},
        {"type": "track", "event": "Gift", "userId": "bob", "messageId": "y", "properties": {"fund": "door"}},
    )  # fmt: skip
    yard.load()
    assert compact(yard)
    ((node,),) = [tuple(row.values()) for row in yard.rows("SELECT node FROM golden.identity WHERE value = 'shared'")]
    eraser = Eraser(yard.context.store, yard.context.feed, yard.files, yard.loader, yard.context.clock_us)
    eraser.erase([bytes.fromhex(node.replace("-", ""))])
    found = {row["message_id"]: (row["property_fund"], row["property_amount"]) for row in yard.rows(ALL)}
    assert (found["x"], found["y"], len(found)) == ((None, None), ("door", None), 2 + 2 * len(GIFTS))
    assert set(ready(yard)) == {True}


def test_a_copy_is_given_the_columns_of_the_log_alone(yard):
    """Whoever follows the segment files gets the relation as it is everywhere."""
    promote(yard, PROMOTED)
    in_two_files(yard)
    assert compact(yard)
    with pinned(yard.context.store, yard.files) as segments:
        parts = [part for step in segments.steps(0) for part in step.parts]
    names = {relation.full_name: rows.column_names for relation, rows in parts}
    assert names[EVENT.full_name] == [column.name for column in EVENT.columns]


numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)


@given(st.lists(numbers, min_size=1, max_size=20))
@settings(max_examples=20)
def test_money_is_what_was_written(amounts):
    """Whatever number stands in the JSON, the column is that number to nine places, and not what a double makes of it."""
    rows = empty(EVENT)
    texts = [f'{{"amount":{amount:f}}}' for amount in amounts]
    columns = [
        pa.array(texts, pa.string()) if field.name == "properties" else pa.nulls(len(texts), field.type)
        for field in rows.schema
    ]
    found = promotion.with_promoted(pa.Table.from_arrays(columns, schema=rows.schema), PROMOTED[:1])
    with localcontext(prec=60):
        expected = [amount.quantize(Decimal("1e-9"), ROUND_HALF_UP) for amount in amounts]
    assert found["property_amount"].to_pylist() == expected


def test_what_is_promoted_is_what_is_stated_and_used():
    """A stated type wins over a use as text; names that can have no column have none; letters' case makes no two columns."""
    found = chosen({"Amount": "decimal"}, ["amount", "fund", "a.b", "x y", ""])
    assert found == [Promoted("Amount", "decimal"), Promoted("fund", "text")]


def test_compaction_uses_what_queries_use():
    """One expression: what a file holds and what a query works out cannot disagree."""
    assert compaction.with_promoted is promotion.with_promoted
    made = promotion.made(PROMOTED)
    assert made.keys() == {one.column for one in PROMOTED}
