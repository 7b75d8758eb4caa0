"""Checks over the warehouse: results are kept and compared, what fails is held, mended and released."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from tests import workbench

from onefold.config.checks import shipped_checks
from onefold.errors import ConfigurationError, UsageError
from onefold.governance.checks import Check
from onefold.governance.checks.definition import (
    Completeness,
    Distribution,
    Freshness,
    NotNull,
    Pattern,
    Range,
    Reference,
    RowCount,
    Rule,
    TypeIs,
)
from onefold.pipelines.batch import checks
from onefold.pipelines.maintenance import dead_letters
from onefold.pipelines.stream import process
from onefold.rules import parse

HALF = Decimal("0.5")
POSITION = ("log_partition", "log_offset")


def gift(n, amount, **more):
    return {"type": "track", "event": "Donation Completed", "anonymousId": f"a{n}", "messageId": f"m{n}",
            "timestamp": workbench.iso(n), "properties": {"amount": amount}, **more}  # fmt: skip


def record(n, **traits):
    return {"type": "record", "userId": f"u{n}", "messageId": f"r{n}", "timestamp": workbench.iso(n), "traits": traits}


def check(name, kind, **more):
    return Check(
        relation=more.pop("relation", "staging.event"), name=name, kind=kind, key=more.pop("key", POSITION), **more
    )


def run(yard, *own, run_id="r1", shipped=()):
    return checks.check(yard.context, yard.warehouse, own, shipped, run_id=run_id)


def by_name(outcome):
    return {result.check: result for result in outcome.report.results}


def test_results_are_rows_that_the_next_run_compares_with(yard):
    """A row count that jumps by more than it may fails beside the previous run, and not in the first."""
    steady = check("steady", RowCount(None, None, Decimal("0.2")))
    fresh = check("fresh", Freshness("received_at", 3_600_000_000))
    moved = check("moved", Distribution("kind", "psi", high=Decimal("0.2")))
    yard.receive(*(gift(n, 10) for n in range(4)))
    first = by_name(run(yard, steady, fresh, moved))
    assert [r.status for r in first.values()] == ["passed"] * 3
    yard.receive(*(record(n, city="Bonn") for n in range(4, 8)))
    second = by_name(run(yard, steady, fresh, moved, run_id="r2"))
    assert (second["steady"].status, second["steady"].detail) == ("failed", "8 rows (+100%)")
    assert second["moved"].status == "failed"
    assert second["moved"].bins == {"track": 0.5, "record": 0.5}
    yard.receive(*(record(n, city="Bonn") for n in range(8, 24)))
    assert by_name(run(yard, steady, run_id="r3"))["steady"].status == "failed"
    assert by_name(run(yard, steady, run_id="r4"))["steady"].status == "passed"
    kept = yard.rows(
        "SELECT run_id, check_name, status FROM quality.check_result WHERE run_id < 'r3' ORDER BY run_id, check_name"
    )
    assert [(row["run_id"], row["check_name"], row["status"]) for row in kept] == [
        ("r1", "fresh", "passed"), ("r1", "moved", "passed"), ("r1", "steady", "passed"),
        ("r2", "fresh", "passed"), ("r2", "moved", "failed"), ("r2", "steady", "failed"),
    ]  # fmt: skip


def test_members_of_json_are_checked_like_columns(yard):
    """As texts; as numbers where they are held against numbers."""
    yard.receive(gift(1, 10), gift(2, -5), gift(3, "ten"), gift(4, 0.5), gift(5, "12.50"))
    amount = "properties.amount"
    found = by_name(
        run(
            yard,
            check("typed", TypeIs(amount, "decimal")),
            check("positive", Range(amount, "0", None)),
            check("mean", Distribution(amount, "mean", low=Decimal("4.5"), high=Decimal("4.5"))),
            check(
                "median",
                Distribution(amount, "quantile", quantile=Decimal("0.5"), low=Decimal("0.5"), high=Decimal("0.5")),
            ),
            check("rule", Rule("properties.amount <> 'ten'", parse("properties.amount <> 'ten'"))),
            check("named", NotNull(("properties.campaign",)), where=parse("properties.amount = '10'")),
            check("form", Pattern(amount, "^[0-9.-]+$")),
            check("filled", Completeness((amount, "properties.campaign"), Decimal("0.6"))),
        )
    )
    assert {name: r.failing for name, r in found.items()} == {
        "typed": 1, "positive": 1, "mean": None, "median": None, "rule": 1, "named": 1, "form": 1, "filled": 5,
    }  # fmt: skip
    assert (found["mean"].status, found["median"].status, found["named"].rows) == ("passed", "passed", 1)


def test_failing_entries_are_held_and_released(yard):
    """A dead letter each, once; closed by itself when nothing fails any more."""
    positive = check("positive", Range("properties.amount", "0", None))
    yard.receive(gift(1, 10), gift(2, -5))
    assert run(yard, positive).held == 1
    assert run(yard, positive, run_id="r2").held == 0
    (letter,) = dead_letters.listed(yard.context, reason="check_failed")
    assert dead_letters.listed(yard.context, reason="too_large") == []
    assert (letter.offset, letter.reason, letter.detail) == (2, "check_failed", "staging.event: positive")
    (row,) = yard.rows("SELECT * FROM quality.quarantine")
    assert (row["row_key"], row["log_offset"], row["checks"]) == ("0/2", 2, '["positive"]')
    wider = check("positive", Range("properties.amount", "-5", None))
    assert run(yard, wider, run_id="r3").released == 1
    assert dead_letters.listed(yard.context) == []
    assert yard.rows("SELECT * FROM quality.quarantine") == []


def test_a_run_of_other_checks_releases_nothing(yard):
    """What a check holds, the same check releases; a row that several hold stays while one does."""
    positive = check("positive", Range("properties.amount", "0", None))
    small = check("small", Range("properties.amount", None, "-9"))
    yard.receive(gift(1, 10), gift(2, -5))
    assert run(yard, positive).held == 1
    assert run(yard, check("named", NotNull(("name",))), run_id="r2").released == 0
    assert [letter.offset for letter in dead_letters.listed(yard.context)] == [2]
    assert run(yard, small, run_id="r3").held == 1
    rows = yard.rows("SELECT row_key, checks FROM quality.quarantine ORDER BY row_key")
    assert [(row["row_key"], row["checks"]) for row in rows] == [("0/1", '["small"]'), ("0/2", '["small","positive"]')]
    assert run(yard, check("small", Range("properties.amount", None, "99")), run_id="r4").released == 1
    assert yard.rows("SELECT row_key, checks FROM quality.quarantine") == [{"row_key": "0/2", "checks": '["positive"]'}]


def test_a_warning_holds_nothing(yard):
    """Only what fails a check of severity `error` is set aside."""
    yard.receive(gift(2, -5))
    outcome = run(yard, check("positive", Range("properties.amount", "0", None), severity="warn"))
    assert (outcome.held, outcome.report.failed) == (0, False)
    assert by_name(outcome)["positive"].sample == ("0/1",)


def test_a_held_record_is_mended(yard):
    """Its mended values stand on the profile before those it mends, and the letter is closed."""
    yard.receive(record(1, city="??"), gift(2, -5))
    run(yard, check("city", Rule("traits.city <> '??'", parse("traits.city <> '??'"))))
    dead_letters.replay(yard.context, 1, body=b'{"type":"record","userId":"u1","messageId":"r1","timestamp":"%s",'
                        b'"traits":{"city":"Bonn"}}' % workbench.iso(1).encode())  # fmt: skip
    process.drain(yard.context)
    assert dead_letters.listed(yard.context) == []
    (row,) = yard.rows("SELECT attributes FROM golden.profile WHERE primary_type = 'user_id'")
    assert row["attributes"] == '{"city":"Bonn"}'


def test_a_held_event_cannot_count_twice(yard):
    """Mended it would; released it is a duplicate of itself."""
    yard.receive(gift(1, -5))
    run(yard, check("positive", Range("properties.amount", "0", None)))
    with pytest.raises(UsageError, match="count twice"):
        dead_letters.replay(yard.context, 1, body=b'{"type":"track","event":"x","anonymousId":"a1","messageId":"m9"}')
    dead_letters.replay(yard.context, 1)
    process.drain(yard.context)
    assert dead_letters.listed(yard.context) == []
    assert yard.rows("SELECT count(*) AS n FROM staging.event") == [{"n": 1}]


def test_shipped_gates_pass_on_sound_events(yard):
    """And leave out, by name, relations that are not there."""
    yard.receive(
        gift(1, 10), record(2, email="ann@example.org", phone="+12025550123", first_name="Ann", last_name="Lee")
    )
    absent = check("x", NotNull(("a",)), relation="golden.nowhere")
    outcome = run(yard, shipped=(*shipped_checks(), absent))
    assert [(r.relation, r.check) for r in outcome.report.results if r.status != "passed"] == []
    assert {r.gate for r in outcome.report.results} == {2, 3}
    assert outcome.missing == {"golden.nowhere": 1}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (check("a", NotNull(("nod",))), r"checks/e.yaml:7: .*no column `nod`; did you mean `node`\?"),
        (
            check("a", NotNull(("x",)), relation="staging.evnt"),
            r"no relation `staging.evnt`; did you mean `staging.event`\?",
        ),
        (check("a", Range("match_quality", "low", None)), "`low` cannot be compared with `match_quality`"),
        (check("a", Rule("nam = 'x'", parse("nam = 'x'"))), "did you mean `name`"),
        (check("a", Reference(("node",), "golden.identity", ("nodee",))), "golden.identity has no column `nodee`"),
        (check("a", Freshness("name", 1)), "needs time or date"),
        (check("a", Pattern("match_quality", "x")), "needs text"),
        (check("a", Distribution("name", "mean", low=Decimal(1))), "needs number"),
    ],
)
def test_a_check_that_does_not_fit_is_told(yard, wrong, message):
    """With file, line and the nearest word, before anything is run."""
    with pytest.raises(ConfigurationError, match=message):
        run(yard, msgspec.structs.replace(wrong, file="checks/e.yaml", line=7))
