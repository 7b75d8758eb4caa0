"""`staging.record`: of each record of each source the current row, known by the source's own id."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests import workbench
from tests.warehouse.yard import Yard

from onefold.model import LogEntry

IDS = ["crm.contact_id", "other.contact_id", "user_id", "member_id", "email", "device_id"]
"""From what names a record of `crm` best to what names it least; the last two are ids of nothing."""

records = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.sampled_from(["crm", "shop"]),
            "ids": st.lists(st.sampled_from(IDS), min_size=1, unique=True),
            "who": st.integers(0, 2),
            "second": st.integers(0, 5),
            "state": st.integers(0, 3),
        }
    ),
    max_size=8,
)


def value(kind: str, who: int) -> str:
    """The identifier of a person, of this type."""
    return f"p{who}@example.org" if kind == "email" else f"{kind}-00{who}-4711"


def entry(n: int, record: dict) -> LogEntry:
    """The record as it is received."""
    body = {
        "messageId": str(n),
        "timestamp": workbench.iso(record["second"]),
        "identifiers": [{"type": kind, "value": value(kind, record["who"])} for kind in record["ids"]],
        "traits": {"state": record["state"]},
    }
    made = workbench.entry(body, source=record["source"], index=n, received_at_us=workbench.NOW_US + n)
    return LogEntry("record", made.source, made.received_at_us, n, made.body, request_id="test")


def named(record: dict) -> tuple[str, str]:
    """The type and value by which a record is known."""
    own = f"{record['source']}.contact_id"
    kind = min(record["ids"], key=lambda each: (each != own, ["crm.contact_id", *IDS].index(each)))
    if kind in {"email", "device_id"}:
        kind = "email" if "email" in record["ids"] else "device_id"
    return kind, value(kind, record["who"])


@given(records)
@settings(max_examples=15)
def test_a_record_has_one_row_and_it_is_the_latest(queries, tmp_path_factory, stated):
    """One row a source and record id: the one that speaks as of the latest time; it points to its entry of the log."""
    yard = Yard(workbench.context(), tmp_path_factory.mktemp("records"), queries)
    places = yard.context.log.append([entry(n, record) for n, record in enumerate(stated)])
    yard.receive()
    expected: dict[tuple[str, str, str], tuple] = {}
    for n, record in enumerate(stated):
        key = (record["source"], *named(record))
        row = (record["second"], n, record["state"], *places[n])
        expected[key] = max(row, expected.get(key, row))
    rows = yard.rows("SELECT source, record_type, record_id, traits, log_partition, log_offset FROM staging.record")
    found = {(r["source"], r["record_type"], r["record_id"]): r for r in rows}
    assert len(found) == len(rows)
    assert {
        key: (r["traits"], r["log_partition"], r["log_offset"]) for key, r in found.items()
    } == {key: (f'{{"state":{state}}}', *place) for key, (_, _, state, *place) in expected.items()}  # fmt: skip


def test_an_id_that_comes_to_another_node_is_still_the_same_record(yard):
    """A record is known by its id, whichever of its identifiers is the strongest by now."""
    old = {"source": "crm", "ids": ["crm.contact_id"], "who": 1, "second": 1, "state": 1}
    new = {"source": "crm", "ids": ["crm.contact_id", "user_id"], "who": 1, "second": 2, "state": 2}
    yard.context.log.append([entry(0, old), entry(1, new)])
    yard.receive()
    assert len(yard.rows("SELECT DISTINCT node FROM staging.event")) == 2
    (row,) = yard.rows("SELECT record_id, traits FROM staging.record")
    assert (row["record_id"], row["traits"]) == ("crm.contact_id-001-4711", '{"state":2}')
