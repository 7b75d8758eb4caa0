"""`onefold reconcile`: store and warehouse say the same of everybody, and a difference is found and named."""

from __future__ import annotations

import random

import msgspec
from tests import workbench
from tests.warehouse.test_exactness import live
from tests.warehouse.yard import Yard

from onefold.pipelines.maintenance.reconcile import Reconciled, reconcile, record
from onefold.pipelines.reading import profile_rows
from onefold.warehouse.upkeep import KEPT_DAYS


def test_after_any_history_nobody_differs(tmp_path, queries):
    """Counters, attributes, identifiers and consents of everybody are the same in both."""
    yard = Yard(workbench.context(), tmp_path, queries, rows=10)
    live(yard, random.Random(3))
    found = reconcile(yard.context, yard.warehouse)
    assert found.people > 3
    assert (found.differing, found.columns, found.examples) == (0, {}, ())


def test_a_difference_is_found_and_named(tmp_path, queries, monkeypatch):
    """The negative control: profiles and events that are not as the store has them are counted, by column and by person."""
    yard = Yard(workbench.context(), tmp_path, queries)
    made = profile_rows.profile_row

    def wrong(profile):
        row = list(made(profile))
        row[5], row[6] = msgspec.json.encode({"city": "Atlantis"}), 7
        return tuple(row)

    with monkeypatch.context() as patch:
        patch.setattr(profile_rows, "profile_row", wrong)
        yard.receive(
            {"type": "identify", "userId": "u1", "messageId": "1", "traits": {"city": "Chicago"}},
            {"type": "track", "event": "X", "anonymousId": "a", "messageId": "2"},
        )
        yard.load()
    found = reconcile(yard.context, yard.warehouse)
    assert (found.people, found.differing) == (2, 2)
    assert found.columns == {"attributes": 2, "events": 2}
    assert len(found.examples) == 2


def test_what_was_found_is_kept_for_a_while(yard):
    """With its time; what is old enough goes when something new is kept. What the stream disturbed is not kept."""
    yard.receive({"type": "identify", "userId": "u1", "messageId": "1"})
    found = reconcile(yard.context, yard.warehouse)
    now, day = yard.context.clock_us(), 86_400_000_000
    for at_us in (now, now + day, now + 2 * day):
        record(yard.warehouse, found, at_us, 0.5)
    record(yard.warehouse, Reconciled(1, 1, {}, (), moving=True), now + 3 * day, 0.5)
    kept = "SELECT epoch_us(ran_at) AS at, people, differing FROM quality.reconciliation ORDER BY at"
    assert [row["at"] for row in yard.rows(kept)] == [now, now + day, now + 2 * day]
    last = now + (KEPT_DAYS + 1) * day + 1
    record(yard.warehouse, found, last, 0.5)
    assert yard.rows(kept) == [{"at": at, "people": 1, "differing": 0} for at in (now + 2 * day, last)]
