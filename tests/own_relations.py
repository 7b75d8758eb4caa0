"""A law of every warehouse: relations of one's own hold what was appended, replaced, merged and removed, and nothing else."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import strategies as st
from tests.engines import whole

from onefold.model import Column, Relation

PLEDGE = Relation(
    "marts",
    "pledge",
    (
        Column("donor", "text", required=True),
        Column("year", "integer", required=True),
        Column("amount", "decimal"),
        Column("at", "timestamp"),
    ),
    key=("donor", "year"),
)
_KEYS = st.tuples(st.sampled_from(["ann", "Ann", "bob", "", "é'\\\n"]), st.integers(2024, 2026))
_ROWS = st.dictionaries(_KEYS, st.one_of(st.none(), st.integers(-9, 9)), max_size=6)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), _ROWS),
        st.tuples(st.just("replace"), _ROWS),
        st.tuples(st.just("merge"), _ROWS),
        st.tuples(st.just("gone"), _ROWS, st.sets(st.sampled_from(["ann", "bob", "cid"]))),
        st.tuples(st.just("drop")),
    ),
    min_size=1,
    max_size=6,
)


def pledges(rows):
    """Rows of `PLEDGE`, by key."""
    return pa.table(
        {
            "donor": pa.array([donor for donor, _ in rows], pa.string()),
            "year": pa.array([year for _, year in rows], pa.int32()),
            "amount": pa.array(list(rows.values()), pa.int64()),
        }
    )


def stored(warehouse):
    """What a warehouse holds of `PLEDGE`, in an order; None where it has no such relation."""
    if PLEDGE.full_name not in [relation.full_name for relation in warehouse.relations()]:
        return None
    rows = warehouse.run(whole(PLEDGE.full_name)).to_pylist()
    assert all(row["at"] is None for row in rows)
    plain = (
        (row["donor"], row["year"], row["amount"] if row["amount"] is None else int(row["amount"])) for row in rows
    )
    return sorted(plain, key=repr)


def holds_what_was_done(warehouse, steps):
    """Do each step, and compare with a plain list after each."""
    warehouse.drop(PLEDGE)
    there = None
    for step, *said in steps:
        if step == "drop":
            warehouse.drop(PLEDGE)
            there = None
        elif step == "append":
            warehouse.append(PLEDGE, pledges(said[0]))
            there = [*(there or ()), *said[0].items()]
        elif step == "replace":
            warehouse.replace(PLEDGE, pledges(said[0]))
            there = list(said[0].items())
        else:
            leaving = said[1] if step == "gone" else set()
            gone = pa.table({"donor": pa.array(sorted(leaving), pa.string())}) if step == "gone" else None
            warehouse.merge(PLEDGE, pledges(said[0]), gone=gone)
            kept = [(key, n) for key, n in there or () if key not in said[0] and key[0] not in leaving]
            there = [*kept, *said[0].items()]
        wanted = None if there is None else sorted(((*key, n) for key, n in there), key=repr)
        assert stored(warehouse) == wanted, (step, said)
