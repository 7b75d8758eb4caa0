"""Work done ahead is used for what it was done for and for nothing else, and its failures happen again in place."""

from __future__ import annotations

from tests.pipelines.torn import advance_torn
from tests.workbench import context as make_context
from tests.workbench import entry, iso

from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import process
from onefold.pipelines.stream.prefetch import Prefetch


def test_a_result_answers_to_its_key_once():
    ahead: Prefetch[int] = Prefetch()
    assert ahead.take("a") is None
    ahead.start("a", lambda: 1)
    assert ahead.take("a") == 1
    assert ahead.take("a") is None
    ahead.start("a", lambda: 2)
    assert ahead.take("b") is None
    assert ahead.take("a") is None
    ahead.start("a", lambda: 3)
    ahead.start("b", lambda: 4)
    assert ahead.take("b") == 4


def test_a_failure_is_no_result():
    ahead: Prefetch[float] = Prefetch()
    ahead.start("a", lambda: 1 / 0)
    assert ahead.take("a") is None


def events(count: int):
    return [
        entry({"type": "identify", "userId": f"u{n % 7}", "messageId": str(n), "timestamp": iso(n)}, index=n)
        for n in range(count)
    ]


def test_batches_read_ahead_leave_the_same_state():
    whole, piecewise = make_context(), make_context()
    for workspace in (whole, piecewise):
        workspace.log.append(events(50))
    assert process.drain(whole, batch=99).stored == process.drain(piecewise, batch=4).stored == 50
    assert rebuild.state_hash(whole) == rebuild.state_hash(piecewise)


def stored_after_a_torn_commit(monkeypatch) -> int:
    """Events stored of twelve, when the first batch is torn after the work ahead began; None of them is a repeat."""
    workspace = make_context()
    workspace.log.append(events(12))
    advance_torn(monkeypatch, workspace, 4)
    return process.drain(workspace, batch=4).stored


def test_what_was_read_ahead_is_dropped_when_the_store_stands_elsewhere(monkeypatch):
    """A commit may fail after the work ahead began, or another worker may have gone on."""
    assert stored_after_a_torn_commit(monkeypatch) == 12


def test_a_worker_that_trusts_what_it_read_ahead_loses_events(monkeypatch):
    """The negative control: without the look at the offsets, the torn batch is passed over."""
    take = Prefetch.take
    monkeypatch.setattr(Prefetch, "take", lambda self, _: take(self, self._key))
    assert stored_after_a_torn_commit(monkeypatch) == 8
