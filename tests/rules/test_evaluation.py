"""Evaluation: three-valued, total, and aware of when it will change."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.rules import RuleError, bind, evaluate, evaluation, next_change, parse
from onefold.rules.time import DAY_US, HOUR_US
from onefold.rules.tree import And, Expr, Field, Literal, Not, Or
from onefold.rules.values import like

FIELDS = {
    "n": "number", "m": "number", "t": "time", "u": "time", "text": "text", "p": "boolean", "q": "boolean",
    "r": "boolean", "attr.*": "any",
}  # fmt: skip
NOON = 100 * DAY_US + DAY_US // 2


def ask(rule, as_of_us=NOON, /, **row):
    return evaluate(bind(parse(rule), FIELDS), {k.replace("__", "."): v for k, v in row.items()}, as_of_us)


@pytest.mark.parametrize(
    ("text", "row", "answer"),
    [
        ("n >= 1", {"n": 1}, True),
        ("n >= 1", {}, None),
        ("n = 0.3", {"n": Decimal("0.3")}, True),
        ("n + 0.2 = 0.3", {"n": 0.1}, True),
        ("n / 0 > 1", {"n": 1}, None),
        ("n between 1 and 2", {"n": 2}, True),
        ("n between 5 and m", {"n": 1}, False),
        ("n in (1, null)", {"n": 2}, None),
        ("n in (1, null)", {"n": 1}, True),
        ("n not in (1, 2)", {"n": 3}, True),
        ("n is null", {}, True),
        ("not p", {}, None),
        ("p or true", {}, True),
        ("p and false", {}, False),
        ("text like 'San %'", {"text": "San Jose"}, True),
        ("text ilike 'san _ose'", {"text": "SAN JOSE"}, True),
        ("contains(text, 'Jo')", {"text": "San Jose"}, True),
        ("contains(attr.tags, 'x')", {"attr__tags": ["x", "y"]}, True),
        ("attr.age > 30", {"attr__age": "42"}, None),
        ("to_number(attr.age) > 30", {"attr__age": "42"}, True),
        ("to_number(attr.age) > 30", {"attr__age": "many"}, None),
        ("attr.vip", {"attr__vip": True}, True),
        ("attr.vip", {"attr__vip": "yes"}, None),
        ("attr.one = 1", {"attr__one": True}, None),
        ("t < '1970-01-02'", {"t": 5}, True),
        ("to_time(attr.joined) >= '2024-01-01'", {"attr__joined": "2024-01-01T00:00:00Z"}, True),
        ("to_time(attr.joined) >= '2024-01-01'", {"attr__joined": "lately"}, None),
        ("days_since(attr.joined) = 1", {"attr__joined": "1970-04-10"}, True),
        ("coalesce(n, 7) = 7", {}, True),
        ("events('E') = 0", {}, True),
        ("last_event('E') is null", {}, True),
        ("length(upper(text)) = 2", {"text": "ab"}, True),
        ("starts_with(text, 'a')", {"text": "ab"}, True),
        ("ends_with(text, 'b')", {"text": "ab"}, True),
        ("ends_with(text, 'a')", {}, None),
        ("matches(text, '^a[0-9]+$')", {"text": "a17"}, True),
        ("matches(text, '^a[0-9]+$')", {"text": "ba17"}, False),
        ("matches(attr.sku, '(?i)X')", {"attr__sku": "ax"}, True),
        ("matches(attr.sku, 'x')", {"attr__sku": 7}, None),
        ("contains_any(attr.tags, 'x', 'y')", {"attr__tags": ["y", 1]}, True),
        ("contains_any(attr.tags, 'x', 1)", {"attr__tags": ["y", True]}, False),
        ("contains_any(attr.tags, 'x', 'y')", {"attr__tags": 7}, None),
        ("n = 0.1", {"n": 0.1}, True),
        ("n > 0.3", {"n": 0.1 + 0.2}, True),
        ("t < moment('1970-01-02')", {"t": 5}, True),
    ],
)
def test_it_answers(text, row, answer):
    """True, false, or unknown where too little is known or kinds differ."""
    assert ask(text, **row) is answer


@pytest.mark.parametrize(
    "text",
    ["nn = 1", "n = 'x'", "p = 1", "n and p", "days_since(n) > 1", "lower(n) = 'x'", "t > 5", "t > 'soon'", "attr. = 1",
     "attr = 1", "lower(text, text) = 'x'", "events(text) > 1", "n like 'x'", "p + 1 = 2", "days_since() > 1",
     "matches(text, text)", "matches(text, '(')", "matches(text, '(a)\\1')", "ends_with(n, 'x')"],
)  # fmt: skip
def test_what_does_not_fit_is_refused_when_it_is_bound(text):
    """So evaluation cannot fail later."""
    with pytest.raises(RuleError):
        bind(parse(text), FIELDS)


def test_days_since_are_utc_midnights_passed():
    """A minute before midnight is one day ago a minute after it."""
    assert ask("days_since(t) = 1", 5 * DAY_US, t=5 * DAY_US - 1) is True
    assert ask("days_since(t) = 0", 6 * DAY_US - 1, t=5 * DAY_US) is True


_LOGIC: st.SearchStrategy[Expr] = st.recursive(
    st.one_of(st.sampled_from([Field("p"), Field("q"), Field("r")]), st.sampled_from([True, False, None]).map(Literal)),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).map(lambda p: And(tuple(p))),
        st.lists(inner, min_size=1, max_size=3).map(lambda p: Or(tuple(p))),
    ),
    max_leaves=10,
)


def _kleene(expr, row):
    """Kleene's logic as arithmetic on 0, 1/2 and 1: an oracle that shares nothing with the product."""
    match expr:
        case Field(name=name):
            return {True: 1, False: 0, None: 0.5}[row[name]]
        case Literal(value=value):
            return {True: 1, False: 0, None: 0.5}[value]
        case Not(part=part):
            return 1 - _kleene(part, row)
        case And(parts=parts):
            return min(_kleene(p, row) for p in parts)
        case Or(parts=parts):
            return max(_kleene(p, row) for p in parts)


@given(_LOGIC, st.fixed_dictionaries({k: st.sampled_from([True, False, None]) for k in "pqr"}))
def test_logic_is_kleenes(expr, row):
    """Against min and max on three numbers."""
    assert evaluate(bind(expr, FIELDS), row, 0) is {1: True, 0: False, 0.5: None}[_kleene(expr, row)]


_RULES = st.recursive(
    st.builds(
        "{}({}) {} {}".format,
        st.sampled_from(["days_since", "hours_since"]),
        st.sampled_from(["t", "u", "attr.x", "coalesce(t, u)"]),
        st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
        st.sampled_from(["2", "2.5", "-1", "n", "0", "n * 2", "days_since(u)", "1 + days_since(u)"]),
    )
    | st.sampled_from(
        ["days_since(t) between 1 and n", "days_since(t) in (1, 3, n)", "days_since(t) * 2 > 5", "n > 1"]
    ),
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=4,
)
_MOMENTS = st.integers(-2 * 24, 5 * 24).map(lambda h: NOON + h * HOUR_US)


def assert_never_late(expr, row, asked):
    """The law: until the moment given, hour by hour, the answer stays."""
    bound = bind(parse(expr), FIELDS)
    moment = asked(bound, row, NOON)
    assert moment is None or moment > NOON
    horizon = NOON + 12 * DAY_US
    hours = range(NOON // HOUR_US + 1, min(moment or horizon, horizon) // HOUR_US + 1)
    at = [h * HOUR_US for h in hours if moment is None or h * HOUR_US < moment]
    now = evaluate(bound, row, NOON)
    assert all(evaluate(bound, row, m) is now for m in at)
    if moment is not None and bound.restless_us is None:
        assert evaluate(bound, row, moment) is not now


_ROWS = st.fixed_dictionaries(
    {}, optional={"t": _MOMENTS, "u": _MOMENTS, "n": st.integers(-2, 6), "attr.x": st.just("1970-04-11T08:00:00Z")}
)


@given(_RULES, _ROWS)
def test_the_next_change_is_never_late(expr, row):
    """And exact wherever elapsed time is only compared."""
    assert_never_late(expr, row, next_change)


def test_a_next_change_one_tile_late_breaks_the_law():
    """Negative control."""

    def late(bound, row, as_of_us):
        moment = next_change(bound, row, as_of_us)
        return None if moment is None else moment + DAY_US

    with pytest.raises(AssertionError):
        assert_never_late("days_since(t) > 2", {"t": NOON}, late)


def test_a_next_change_that_looks_at_one_bound_only_breaks_the_law(monkeypatch):
    """Negative control: `between` leaves on time only if its upper bound is looked at."""
    real = evaluation._flips
    monkeypatch.setattr(evaluation, "_flips", lambda c, r, a: real(type(c)(c.tile_us, c.then, c.bounds[:1]), r, a))
    with pytest.raises(AssertionError):
        assert_never_late("days_since(t) between 0 and 3", {"t": NOON}, next_change)


_ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=50), st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1), st.decimals(),
)  # fmt: skip


@given(_ANYTHING, _ANYTHING)
@pytest.mark.parametrize(
    "rule",
    [
        "attr.a = attr.b", "attr.a < attr.b", "attr.a in (attr.b, 'x')", "attr.a like '%x%'", "contains(attr.a, attr.b)",
        "attr.a + attr.b > attr.a / attr.b", "to_number(attr.a) * to_number(attr.b) > 1", "days_since(attr.a) > attr.b",
        "lower(attr.a) = upper(attr.b)", "ends_with(attr.a, attr.b)", "contains_any(attr.a, attr.b, 1)",
        "starts_with(attr.a, attr.b)", "length(attr.a) > 1", "not attr.a or attr.b", "matches(attr.a, 'x')",
        "coalesce(attr.a, attr.b) between attr.a and attr.b",
    ],
)  # fmt: skip
def test_evaluation_never_fails(rule, a, b):
    """Whatever the outside world sent as an attribute."""
    bound = bind(parse(rule), FIELDS)
    assert evaluate(bound, {"attr.a": a, "attr.b": b}, NOON) in {True, False, None}
    next_change(bound, {"attr.a": a, "attr.b": b}, NOON)


@given(st.text("ab", max_size=8), st.text("ab%_", max_size=6))
def test_like_matches_by_its_definition(text, pattern):
    """Against a recursion straight from the definition."""

    def defined(t, p):
        if not p:
            return not t
        if p[0] == "%":
            return any(defined(t[n:], p[1:]) for n in range(len(t) + 1))
        return bool(t) and p[0] in {"_", t[0]} and defined(t[1:], p[1:])

    assert like(text, pattern) is defined(text, pattern)
