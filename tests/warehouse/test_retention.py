"""Retention: rows and values older than they are kept leave the files, and nothing that the present is made of does."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import workbench
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb import trimming
from onefold.adapters.duckdb.trimming import STEP_US, Trimmer
from onefold.warehouse.relations import EVENT, PROFILE_CHANGE
from onefold.warehouse.retention import Retention, clearing, only, without

DAY = 86_400_000_000
NOW = 1_790_000_000_000_000
CLASSES = {("staging.event", "properties.illness"): "sensitive", ("staging.event", "properties.amount"): "none"}


def at(days: int) -> str:
    """So many days before now."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp((NOW - days * DAY) / 1e6, UTC).isoformat()


def filled(yard: Yard) -> None:
    """Events of the last hundred days, every ten: one a person, with a record and a word of consent among the oldest."""
    for days in range(100, 0, -10):
        body = {
            "type": "track", "event": "Visit", "userId": f"u{days}", "messageId": f"m{days}", "timestamp": at(days),
            "properties": {"illness": "flu", "amount": 5, "note": "hello"}, "context": {"page": {"path": "/"}},
        }  # fmt: skip
        yard.receive(body)
        if days % 20 == 0:  # some files have old and young rows
            yard.load()
    yard.receive(
        {"type": "track", "event": "Consent Granted", "userId": "u90", "messageId": "consent", "timestamp": at(90),
         "context": {"consent": {"categoryPreferences": {"email": True}}}},
    )  # fmt: skip
    yard.load()


def trim(yard: Yard, retention: Retention, now: int = NOW) -> int:
    return Trimmer(yard.context.store, yard.files, retention, lambda: now).trim()


def events(yard: Yard) -> list[str]:
    return [
        row["message_id"] for row in yard.rows("SELECT message_id FROM staging.event ORDER BY event_at, message_id")
    ]


def test_rows_that_are_too_old_go_and_the_present_stays(yard):
    """Events before the time are gone but for what was said of consent; profiles, people and links are as they were."""
    filled(yard)
    kept = "SELECT person, events, consents, attributes FROM golden.profile ORDER BY person"
    before = yard.rows(kept), yard.rows("SELECT * FROM golden.identity ORDER BY node")
    assert trim(yard, Retention({EVENT.full_name: 45 * DAY}))
    assert events(yard) == ["consent", "m40", "m30", "m20", "m10"]
    assert before == (yard.rows(kept), yard.rows("SELECT * FROM golden.identity ORDER BY node"))
    assert len(yard.rows("SELECT * FROM golden.consent_change")) == 1
    with yard.context.store.snapshot() as snapshot:
        named = {segment.name for segment in snapshot.segments()}
    assert {path.name for path in yard.files.directory.iterdir()} == named


def test_a_trim_that_has_nothing_to_do_writes_nothing(yard):
    """Done again at once it does nothing; a day later only what has become too old."""
    filled(yard)
    retention = Retention({EVENT.full_name: 45 * DAY}, {"sensitive": 15 * DAY}, CLASSES)
    assert trim(yard, retention)
    assert trim(yard, retention) == 0
    assert trim(yard, retention, NOW + STEP_US // 2) == 0
    assert trim(yard, retention, NOW + 6 * DAY + 1) == 2
    assert events(yard) == ["consent", "m30", "m20", "m10"]


def test_values_of_a_class_go_and_others_stay(yard):
    """Sensitive members of old events are gone; the rest of the row, and younger rows, are as they were."""
    filled(yard)
    assert trim(yard, Retention({}, {"sensitive": 45 * DAY}, CLASSES))
    found = {row["message_id"]: row["properties"] for row in yard.rows("SELECT message_id, properties FROM event")}
    assert json.loads(found["m50"]) == {"amount": 5, "note": "hello"}
    assert json.loads(found["m40"]) == {"illness": "flu", "amount": 5, "note": "hello"}


def test_a_class_that_json_has_by_itself_takes_all_that_is_of_no_other(yard):
    """What nobody declared is personal, and goes with the class; what is declared otherwise stays."""
    filled(yard)
    assert trim(yard, Retention({}, {"personal": 45 * DAY}, CLASSES))
    (old,) = yard.rows("SELECT properties, context, message_id FROM event WHERE message_id = 'm50'")
    assert json.loads(old["properties"]) == {"illness": "flu", "amount": 5}
    assert old["context"] is None
    (young,) = yard.rows("SELECT context FROM event WHERE message_id = 'm40'")
    assert young["context"] is not None


def test_of_profiles_the_latest_row_of_each_person_stays(yard):
    """However old: earlier rows of their history go."""
    yard.receive({"type": "identify", "userId": "ann", "messageId": "1", "traits": {"name": "Ann"}})
    yard.load()
    yard.receive({"type": "identify", "userId": "bob", "messageId": "2", "traits": {"name": "Bob"}})
    yard.receive({"type": "identify", "userId": "ann", "messageId": "3", "traits": {"name": "Anna"}})
    yard.load()
    before = yard.rows("SELECT * FROM golden.profile ORDER BY person")
    assert len(yard.rows("SELECT * FROM golden.profile_change")) == 3
    assert trim(yard, Retention({PROFILE_CHANGE.full_name: 1 * DAY}), NOW + 3 * DAY)
    assert len(yard.rows("SELECT * FROM golden.profile_change")) == 2
    assert yard.rows("SELECT * FROM golden.profile ORDER BY person") == before


def test_raw_shows_what_was_received_within_the_time(yard):
    """Older entries are not shown; the log still has them."""
    import time

    now = time.time_ns() // 1_000
    for n, received in enumerate((now - 50 * DAY, now - 10 * DAY)):
        body = {"type": "track", "event": "X", "userId": "u", "messageId": str(n)}
        yard.context.log.append([workbench.entry(body, index=n, received_at_us=received)])
    yard.receive()
    yard.warehouse._raw_kept_us = 30 * DAY
    assert [row["item"] for row in yard.rows("SELECT item FROM raw.web")] == [1]
    assert len(yard.context.log.read(0, 0, 10)) == 2


def _all_is_old(patch):
    patch.setattr(trimming.pc, "greater_equal", lambda at, _: trimming.pc.less(at, 0))


def _the_present_goes_too(patch):
    patch.setattr(trimming, "_present", lambda rows, _: trimming.pa.array([False] * rows.num_rows, trimming.pa.bool_()))


def _nothing_goes(patch):
    patch.setattr(trimming, "replaced", lambda *_: True)


@pytest.mark.parametrize("planted", [_all_is_old, _the_present_goes_too, _nothing_goes])
def test_a_mistake_in_trimming_is_noticed(planted, yard, monkeypatch):
    """Negative control."""
    planted(monkeypatch)
    with pytest.raises(AssertionError):
        test_rows_that_are_too_old_go_and_the_present_stays(yard)


documents = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=5)


@given(documents, st.frozensets(st.text(max_size=5), max_size=4))
def test_members_are_taken_out_and_nothing_else_changes(document, names):
    """`without` and `only` part an object in two, value by value."""
    names |= set(list(document)[:1])
    text = json.dumps(document)
    left, taken = without(text, names), only(text, names)
    assert (json.loads(left) if left else {}) == {k: v for k, v in document.items() if k not in names}
    assert (json.loads(taken) if taken else {}) == {k: v for k, v in document.items() if k in names}


def test_columns_that_must_hold_a_value_keep_it():
    """A clearing names no required column."""
    found = clearing(EVENT, "personal", {})
    assert "message_id" not in found.columns
    assert {"properties", "traits", "context"} <= found.others.keys()
