"""received = stored + duplicate + rejected + suppressed, for every source, always."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests import workbench
from tests.plain import balances, dead_letters

from onefold.adapters.memory.log import MemoryEventLog
from onefold.model import LogEntry
from onefold.pipelines.stream import batches, process

GOOD = b'{"type":"track","userId":"u%d","event":"x","messageId":"m%d"}'
values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
    | st.sampled_from([10**400, -1, 10**30, "1e400", "NaN", "-Infinity", "12.50", "2026-01-01T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)  # fmt: skip
strange = st.fixed_dictionaries(
    {
        "userId": st.sampled_from(["u1", "u2", "null"]),
        "event": st.sampled_from(["Order Completed", "Unsubscribed", "x"]),
        "type": st.sampled_from(["track", "identify", "record", "page"]),
    },
    optional={
        "properties": st.dictionaries(
            st.sampled_from(["revenue", "total", "currency", "products", "order_id", "email", "consent"]),
            values,
            max_size=4,
        ),
        "traits": st.dictionaries(st.sampled_from(["email", "phone", "name", "createdAt", "x"]), values, max_size=4),
        "context": st.dictionaries(st.sampled_from(["consent", "device", "page", "gpc"]), values, max_size=2),
        "timestamp": values,
    },
)
bodies = (
    st.tuples(st.integers(0, 2), st.integers(0, 4)).map(lambda pair: GOOD % pair)
    | st.sampled_from(
        [
            b"{",
            b"[]",
            b"{}",
            b'{"type":"z"}',
            b'{"type":"track","userId":"null","event":"x"}',
            b"\xff",
            b'{"a":1,"a":2}',
        ]
    )
    | strange.map(lambda item: workbench.entry(item).body)
)
entries = st.builds(
    LogEntry,
    st.sampled_from(["segment", "segment", "posthog", "record", "unreadable", "judgement"]),
    st.sampled_from(["web", "app"]),
    st.just(workbench.NOW_US),
    st.integers(0, 3),
    bodies,
)


def balanced(context):
    """Check every account, and return them."""
    found = balances.sources(context)
    for account in found:
        judged = sum(account[outcome] for outcome in ("stored", "duplicate", "rejected", "suppressed"))
        assert account["received"] == judged + account["pending"]
        assert sum(account["reasons"].values()) == account["rejected"] + account["suppressed"]
        assert sum(account["emq"]) in {account["stored"], 0}
        assert account["balanced"]
    return found


def conserved(received, batch):
    context = workbench.context()
    context.log.append(received)
    assert sum(account["pending"] for account in balanced(context)) == len(received)
    process.advance(context, batch=batch)
    balanced(context)
    process.drain(context, batch=batch)
    assert sum(account["pending"] for account in balanced(context)) == 0
    assert sum(account["received"] for account in balances.sources(context)) == len(received)
    sent = dead_letters.replay_all(context)
    again = process.drain(context, batch=batch)
    assert again.rejected == again.read == sent
    assert sum(account["pending"] for account in balanced(context)) == 0


@settings(max_examples=150, deadline=None)
@given(st.lists(entries, max_size=14), st.integers(1, 6))
def test_nothing_is_lost_and_nothing_counted_twice(received, batch):
    """Good, bad, strange and repeated items, before, between and after processing, and again when all are replayed."""
    conserved(received, batch)


@pytest.mark.parametrize("loser", ["dead letters", "duplicates"])
def test_a_lost_outcome_breaks_the_law(loser, monkeypatch):
    """Control: a processor that forgets to count duplicates or to keep dead letters is found out."""
    if loser == "duplicates":
        whole = process._tallies
        monkeypatch.setattr(process, "_tallies", lambda batch, fresh, _: whole(batch, fresh, []))
    else:
        whole = process.name

        def careless(context, validated):
            batch = whole(context, validated)
            batch.rejected = [r for r in batch.rejected if r[1].reason != "malformed_json"]
            return batch

        monkeypatch.setattr(process, "name", careless)
        monkeypatch.setattr(batches, "name", careless)
    law = settings(max_examples=300, deadline=None, database=None, phases=[Phase.generate])(
        given(st.lists(entries, max_size=14), st.just(3))(conserved)
    )
    with pytest.raises(AssertionError):
        law()


class _Growing(MemoryEventLog):
    """A log to which somebody appends just after each look at what it received or where it ends."""

    growing = False

    def received(self):
        found = super().received()
        self._grow()
        return found

    def ends(self):
        found = super().ends()
        self._grow()
        return found

    def _grow(self):
        if self.growing:
            self.append([workbench.entry({"type": "track", "userId": "u", "event": "x"})])


def test_an_account_taken_while_items_arrive_is_not_called_unbalanced():
    """Whatever comes between the looks is pending, never missing."""
    log = _Growing()
    context = workbench.context(log=log)
    log.append([workbench.entry({"type": "track", "userId": "u", "event": "x"})])
    process.drain(context)
    log.growing = True
    for _ in range(3):
        assert [account["balanced"] for account in balances.sources(context)] == [True]


def test_a_missing_item_is_called_unbalanced():
    """Control: a source whose outcomes do not add up says so."""
    context = workbench.context()
    context.log.append([workbench.entry({"type": "track", "userId": "u", "event": "x"})])
    process.drain(context)
    context.log._received["web"] += 1
    assert [account["balanced"] for account in balances.sources(context)] == [False]
