"""Housekeeping does what is due: a comparison every night, and models again that an erasure took with it."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from tests import workbench

from onefold import bootstrap
from onefold.bootstrap import housekeeping
from onefold.bootstrap.housekeeping import Housekeeping, HousekeepingThread
from onefold.bootstrap.rfm import rfm_runs
from onefold.model import Identifier
from onefold.pipelines import judgements
from onefold.pipelines.stream import process

BODIES = [
    {"type": "track", "event": "Order Completed", "userId": who, "messageId": who, "properties": {"revenue": 5}}
    for who in ("ann", "bo")
]
DAY_US = 86_400_000_000


def names(due):
    return [work.__name__ for work in due]


def test_each_night_and_after_an_erasure(tmp_path):
    """What is due, and what comes of it; then nothing is, until the next night."""
    bootstrap.init(tmp_path, "shop")
    with bootstrap.opened(tmp_path, None) as workspace:
        workspace.context.log.append([workbench.entry(body, index=n) for n, body in enumerate(BODIES)])
        process.drain(workspace.context)
        keeping = Housekeeping(workspace, tmp_path)
        assert names(keeping.due()) == ["_score", "_reconcile"]
        for work in keeping.due():
            work()
        assert keeping.due() == []
        (run,) = rfm_runs(tmp_path, None)["customers"]
        assert run.people == 2
        found = housekeeping.Reconciliations(workspace).latest()
        assert (found.people, found.differing) == (2, 0)

        list(bootstrap.run_models(tmp_path, None, []))
        assert keeping.due() == []
        node = judgements.subject(Identifier("user_id", "ann"), workspace.context.identity, workspace.context.hasher)
        assert bootstrap.eraser_of(workspace).erase([node])
        assert names(keeping.due()) == ["_build"]
        keeping.due()[0]()
        assert keeping.due() == []
        with bootstrap.asking(tmp_path) as asker:
            customers = asker.ask("SELECT * FROM marts.customers").to_pylist()
            assert len(customers) == 1
            assert "ann" not in str(customers)

        now_us = workspace.context.clock_us()
        tomorrow = replace(workspace, context=replace(workspace.context, clock_us=lambda: now_us + DAY_US))
        assert names(Housekeeping(tomorrow, tmp_path).due()) == ["_score", "_reconcile"]


def test_records_are_matched_every_night(tmp_path):
    """After midnight, once, and their scores become evidence."""
    bootstrap.init(tmp_path, "shop")
    (tmp_path / "identity.yaml").write_text("match: {}\n")
    with bootstrap.opened(tmp_path, None) as workspace:
        now_us = workspace.context.clock_us()
        late = replace(workspace, context=replace(workspace.context, clock_us=lambda: now_us))
        keeping = Housekeeping(late, tmp_path)
        people = [
            {
                "type": "identify", "userId": f"{who}{n}", "messageId": f"{who}{n}",
                "traits": {"first_name": f"Ann{n}", "last_name": f"Roe{n}", "birthday": f"1980-01-1{n}"},
            }
            for n in range(9)
            for who in "ab"
        ]  # fmt: skip
        workspace.context.log.append([workbench.entry(body, index=n) for n, body in enumerate(people)])
        process.drain(late.context)
        assert "_match" not in names(keeping.due()), "the night before was another process's"
        now_us += DAY_US
        next(work for work in keeping.due() if work.__name__ == "_match")()
        assert "_match" not in names(keeping.due())
        process.drain(late.context)
        with late.context.store.snapshot() as seen:
            assert sum(edge.kind == "scored" for edge in seen.scan_edges()) >= 9


def test_records_are_matched_every_night_and_new_ones_between(tmp_path):
    """All of them after midnight; those that are new once something was processed, some minutes after the run before."""
    bootstrap.init(tmp_path, "shop")
    (tmp_path / "identity.yaml").write_text("match: {}\n")
    with bootstrap.opened(tmp_path, None) as workspace:
        now = [workspace.context.clock_us()]
        late = replace(workspace, context=replace(workspace.context, clock_us=lambda: now[0]))
        keeping = Housekeeping(late, tmp_path)

        def matching():
            return [work for work in keeping.due() if work.__name__.startswith("_match")]

        def ran(name):
            (work,) = matching()
            assert work.__name__ == name
            work()
            process.drain(late.context)

        people = [
            {"type": "identify", "userId": who, "messageId": who, "traits": traits}
            for n in range(9)
            for who, traits in (
                (f"a{n}", {"first_name": f"Ann{n}", "last_name": f"Roe{n}", "birthday": f"1980-01-1{n}"}),
                (f"b{n}", {"first_name": f"Ann{n}", "last_name": f"Roe{n}", "birthday": f"1980-01-1{n}"}),
            )
        ]
        workspace.context.log.append([workbench.entry(body, index=n) for n, body in enumerate(people)])
        process.drain(late.context)
        assert matching() == [], "it is neither night nor a while since"
        now[0] += DAY_US
        ran("_match")
        with late.context.store.snapshot() as seen:
            assert sum(edge.kind == "scored" for edge in seen.scan_edges()) >= 9
        assert matching() == []
        now[0] += housekeeping.MATCH_US + 1
        ran("_match_new")
        now[0] += housekeeping.MATCH_US + 1
        assert matching() == [], "nothing was processed since"


def test_the_thread_does_it_where_it_is_to(tmp_path, monkeypatch):
    """Only the worker that leads; an error ends nothing; it ends when it is told to."""
    done, seen = count(), []
    monkeypatch.setattr(housekeeping, "LOOK_SECONDS", 0.01)
    bootstrap.init(tmp_path, "shop")
    with bootstrap.opened(tmp_path, None) as workspace:
        thread = HousekeepingThread(workspace, tmp_path, lambda: bool(seen))

        def due(self):
            assert seen, "it was asked of a worker that does not lead"
            if next(done) == 0:
                raise RuntimeError("planted")
            if next(done) > 4:
                thread._stop.set()
            return [lambda: seen.append("done")]

        monkeypatch.setattr(Housekeeping, "due", due)
        thread.start()
        seen.append("leads")
        thread._thread.join(60)
        assert not thread._thread.is_alive()
        assert "done" in seen
        thread.stop()
