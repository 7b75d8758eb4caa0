"""Compiled checks against the oracle: every check over random tables says of every row what plain Python says."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlglot import exp, parse_one
from tests.governance.checks import oracle
from tests.governance.checks.tables import RELATIONS, database, query

from onefold.governance import checks
from onefold.governance.checks import failures, queries, running
from onefold.governance.checks.definition import (
    Check,
    Completeness,
    Distribution,
    NotNull,
    OneOf,
    Pattern,
    Range,
    Reference,
    Rule,
    Tolerance,
    TypeIs,
    Unique,
)
from onefold.rules import bind, evaluate, parse

AS_OF_US = 1_790_000_000_000_000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
START = dt.datetime(2026, 9, 20, tzinfo=dt.UTC)
KINDS = {"id": "number", "text": "text", "plan": "text", "amount": "number", "n": "number", "flag": "boolean",
         "day": "time", "at": "time"}  # fmt: skip
TEXTS = ["", "a", "A", "ab", "12", "-7", "+3", "1.5", ".5", "1.", ".", "1e3", " 1", "true", "TRUE", "2026-02-28",
         "2026-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2026-13-01", "2026-04-31", "2026-01-01T10:00",
         "2026-01-01 24:00:00", "2026-01-01T10:00:00Z", "2026-01-01T10:00:00.123456+02:00", "a%b_c", "a\nb", "ab\n", "é",
         "0b2fca5c-1c1b-4d6e-9a52-0e3f4b1d2c3a", "0b2fca5c1c1b4d6e9a520e3f4b1d2c3a", "it's"]  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.none() | st.sampled_from(TEXTS),
            "plan": st.none() | st.sampled_from(["pro", "free", "team"]),
            "amount": st.none()
            | st.decimals(-100, 100, places=2)
            | st.sampled_from([Decimal("9.99"), Decimal("10.00")]),
            "n": st.none() | st.integers(-3, 3),
            "flag": st.none() | st.booleans(),
            "day": st.none() | st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 5)),
            "at": st.none() | st.integers(0, 72 * 60).map(lambda minutes: START + dt.timedelta(minutes=minutes)),
        }
    ),
    max_size=8,
).map(lambda rows: [{"id": n, **row} for n, row in enumerate(rows)])
OTHERS = st.lists(
    st.fixed_dictionaries({"a": st.none() | st.integers(-3, 3), "b": st.none() | st.sampled_from(["pro", "free"])}),
    max_size=5,
)
COLUMNS = st.lists(
    st.sampled_from(["text", "plan", "amount", "n", "flag", "day", "at"]), min_size=1, max_size=3, unique=True
)
RULES = [
    "amount >= 10 or plan = 'free'", "not flag", "n + 1 > amount", "amount * 2 - 1 <= 100.5", "n between 0 and 2",
    "plan in ('pro', 'team')", "plan not in ('pro')", "text is null", "text like 'a%'", "text ilike 'A_'",
    "contains(text, '.')", "starts_with(text, '2026')", "length(text) = 2", "upper(text) = 'A'", "coalesce(n, 7) = 7",
    "days_since(at) <= 1", "hours_since(at) > 30", "at > '2026-09-21T12:00:00Z'", "day >= '2026-01-03'", "day < at",
    "n / 2 > 1", "n / 0 > 1", "flag and n > 0", "flag or n > 0", "flag = true", "n <> -1", "not (flag and n > 0)",
    "lower(plan) = 'pro' and amount > -3.5", "text = 'it''s'", "coalesce(at, '2026-09-21') > '2026-09-20'",
]  # fmt: skip
BOUNDS = {"amount": ["-3.5", "10", "9.99"], "n": ["-1", "0", "2"], "day": ["2026-01-02", "2026-01-04"],
          "at": ["2026-09-21", "2026-09-22T10:00:00"], "text": ["a", "2026"]}  # fmt: skip


@st.composite
def ranges(draw):
    column = draw(st.sampled_from(sorted(BOUNDS)))
    low, high = (draw(st.none() | st.sampled_from(BOUNDS[column])) for _ in range(2))
    return Range(column, low if low or high else BOUNDS[column][0], high)


ROW_KINDS = {
    "not_null": COLUMNS.map(tuple).map(NotNull),
    "unique": COLUMNS.map(tuple).map(Unique),
    "type": st.builds(TypeIs, st.sampled_from(["text", "amount", "n", "flag", "day", "at"]),
                      st.sampled_from(["integer", "decimal", "boolean", "date", "time", "uuid"])),
    "date": st.just(TypeIs("text", "date")),
    "range": ranges(),
    "set": st.sampled_from([OneOf("plan", ("pro", "free")), OneOf("n", ("0", "2")), OneOf("flag", ("true",)),
                            OneOf("amount", ("10", "9.990")), OneOf("day", ("2026-01-02",)), OneOf("text", ("it's", "a"))]),
    "pattern": st.sampled_from(["^a", "b$", "^[0-9]+$", "a.b", "^$", "[.]", "é"]).map(lambda p: Pattern("text", p)),
    "reference": st.sampled_from([Reference(("n",), "temp.other", ("a",)),
                                  Reference(("n", "plan"), "temp.other", ("a", "b"))]),
    "completeness": st.builds(Completeness, COLUMNS.map(tuple), st.sampled_from(["0.3", "0.5", "0.6", "1"]).map(Decimal)),
    "rule": st.sampled_from(RULES).map(lambda text: Rule(text, parse(text))),
}  # fmt: skip
TOLERANCES = st.one_of(
    st.integers(0, 3).map(lambda n: Tolerance(rows=n)),
    st.sampled_from(["0", "0.25", "0.5"]).map(lambda s: Tolerance(share=Decimal(s))),
)


def truth(text, row):
    """A rule about a row, by the evaluator that the stream uses."""
    plain = {**row, "day": _us(row["day"]), "at": _us(row["at"])}
    return evaluate(bind(parse(text), KINDS), plain, AS_OF_US)


def _us(at):
    if at is None:
        return None
    if not isinstance(at, dt.datetime):
        at = dt.datetime(at.year, at.month, at.day, tzinfo=dt.UTC)
    return (at - EPOCH) // dt.timedelta(microseconds=1)


def expected(check, rows, others):
    """Keys of the failing rows, and how many rows are looked at."""
    looked_at = [r for r in rows if check.where is None or truth(WHERE[check.where], r) is True]
    failing = [r["id"] for r in looked_at if oracle.fails(check.kind, r, looked_at, {"temp.other": others}, truth)]
    return failing, len(looked_at)


WHERE = {parse(text): text for text in ("n >= 0", "flag", "plan = 'pro' or amount > 0", "days_since(at) < 2")}


def some_checks(kinds, wheres):
    """Up to six checks of these kinds."""
    parts = st.tuples(kinds, TOLERANCES, st.sampled_from(["error", "warn"]), wheres)
    return st.lists(parts, min_size=1, max_size=6).map(
        lambda many: [
            Check(relation="temp.thing", name=f"c{n}", kind=k, tolerance=t, severity=s, where=where, key=("id",))
            for n, (k, t, s, where) in enumerate(many)
        ]
    )


WHERES = st.none() | st.sampled_from(sorted(WHERE, key=str))
CHECKS = some_checks(st.one_of(*ROW_KINDS.values()), WHERES)


def compare(rows, others, some):
    """Run checks both ways."""
    with database(rows, others) as connection:
        report = checks.run(some, query(connection), run_id="r", at_us=AS_OF_US, relations=RELATIONS)
    broken = {}
    for check, result in zip(some, report.results, strict=True):
        failing, looked_at = expected(check, rows, others)
        allowed = check.tolerance.rows if check.tolerance.share is None else check.tolerance.share * looked_at
        status = "passed" if len(failing) <= allowed else "failed" if check.severity == "error" else "warned"
        assert (result.rows, result.failing, result.status) == (looked_at, len(failing), status), check
        assert result.sample == (tuple(map(str, failing[: running.SAMPLE])) if status != "passed" else ()), check
        if status == "failed":
            for row in failing:
                broken.setdefault(row, []).append(check.name)
    assert {dict(f.key)["id"]: list(f.checks) for f in report.failing} == broken


@settings(max_examples=100, deadline=None)
@given(ROWS, OTHERS, CHECKS)
def test_checks_say_of_every_row_what_the_oracle_says(rows, others, some):
    """Counts, verdicts, samples and failing rows are those of plain Python, nulls, duplicates and tolerances included."""
    compare(rows, others, some)


NUMBERS = st.lists(st.decimals(-100, 100, places=2) | st.none(), max_size=9)


@settings(max_examples=60, deadline=None)
@given(NUMBERS, st.sampled_from(["0.01", "0.25", "0.5", "0.9", "1"]).map(Decimal))
def test_statistics_are_those_of_the_oracle(amounts, q):
    """Mean and quantile of what is not null; a column without any value fails."""
    rows = [{"id": n, "text": None, "plan": None, "amount": a, "n": None, "flag": None, "day": None, "at": None}
            for n, a in enumerate(amounts)]  # fmt: skip
    some = [
        Check(relation="temp.thing", name="mean", kind=Distribution("amount", "mean", low=Decimal(-100))),
        Check(relation="temp.thing", name="q", kind=Distribution("amount", "quantile", low=Decimal(-100), quantile=q)),
    ]
    with database(rows, []) as connection:
        mean, quantile = checks.run(some, query(connection), run_id="r", at_us=AS_OF_US, relations=RELATIONS).results
    values = [a for a in amounts if a is not None]
    if not values:
        assert (mean.status, quantile.status, mean.observed) == ("failed", "failed", None)
        return
    assert mean.observed == pytest.approx(float(oracle.mean(values)))
    assert quantile.observed == float(oracle.quantile(values, q))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["pro", "free", "team", "new"]), min_size=1, max_size=20))
def test_stability_index_is_that_of_the_oracle(plans):
    """Values that the baseline does not name are one bin."""
    baseline = {"pro": Decimal("0.5"), "free": Decimal("0.3"), "team": Decimal("0.2")}
    rows = [{"id": n, "text": None, "plan": p, "amount": None, "n": None, "flag": None, "day": None, "at": None}
            for n, p in enumerate(plans)]  # fmt: skip
    kind = Distribution("plan", "psi", high=Decimal("0.2"), baseline=tuple(baseline.items()))
    with database(rows, []) as connection:
        (result,) = checks.run(
            [Check(relation="temp.thing", name="psi", kind=kind)], query(connection),
            run_id="r", at_us=AS_OF_US, relations=RELATIONS,
        ).results  # fmt: skip
    index = oracle.stability(plans, baseline)
    assert result.observed == pytest.approx(index)
    assert result.status == ("passed" if index <= 0.2 else "failed")


PLANTED = {
    "a null fails a range": ("range", failures, "_outside", lambda was: lambda c, of, *b: _or_null(was(c, of, *b), of)),
    "a null passes": ("not_null", failures, "_is_null", lambda was: lambda of: _never_null(was(of), of)),
    "the first of each duplicate passes": (
        "unique", queries, "_duplicate_count", lambda was: lambda *a: _less_one(was(*a)),
    ),
    "where is forgotten": ("not_null", failures, "scope", lambda _: lambda *_a: None),
    "a pattern must match the whole text": (
        "pattern", failures, "_no_match", lambda was: lambda v, p: was(v, f"^(?:{p})$"),
    ),
    "a bound is not where it is said": (
        "range", failures, "_constant", lambda was: lambda check, of, given: _next(was(check, of, given), of),
    ),
    "an orphan's null counts": ("reference", queries, "_known", lambda _: lambda _of: _true()),
    "a date is any eight digits": (
        "date", failures, "FORMS", lambda was: was | {"date": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    ),
    "unknown fails": (
        "rule", failures, "truth", lambda was: lambda *a: exp.Coalesce(this=was(*a), expressions=[exp.false()]),
    ),
    "one value too few is enough": (
        "completeness", failures, "literal", lambda was: lambda value: was(value - 1),
    ),
    "a value is left out": (
        "set", exp, "In", lambda was: lambda this, expressions: was(this=this, expressions=expressions[1:]),
    ),
    "tolerance is one row wider": (
        "not_null", Tolerance, "allows", lambda was: lambda self, failing, rows: was(self, failing - 1, rows),
    ),
}  # fmt: skip


def _true():
    return exp.true()


def _or_null(condition, of):
    return exp.or_(condition, exp.Is(this=exp.column(of.name, quoted=True), expression=exp.null()))


def _never_null(condition, of):
    return _true().not_() if of.name == "plan" else condition


def _less_one(tree):
    return parse_one(tree.sql("duckdb").replace("SUM(many)", "SUM(many - 1)"), dialect="duckdb")


def _next(constant, of):
    return exp.Add(this=constant, expression=exp.Literal.number(1)) if of.kind == "number" else constant


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_caught(bug, monkeypatch):
    """The comparison goes red when the compiler is broken on purpose."""
    kind, module, name, breaking = PLANTED[bug]
    monkeypatch.setattr(module, name, breaking(getattr(module, name)))

    @settings(max_examples=300, deadline=None, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False)
    @given(ROWS, OTHERS, some_checks(ROW_KINDS[kind], WHERES))
    def go(rows, others, some):
        compare(rows, others, some)

    with pytest.raises(AssertionError):
        go()
