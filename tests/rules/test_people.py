"""Rules about people in SQL: planted bugs are caught, and nothing reaches SQL but through the tree. The law is in `laws`."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import pytest
from sqlglot import exp
from tests.rules.asking import Asker
from tests.rules.engines import ENGINES, assert_alike, engine
from tests.rules.people import AS_OF_US, KINDS, VALUES, People

from onefold.rules import RuleError, SqlField, aggregate, aggregates, bind, fit, parse, sql, sql_any, sql_events, time
from onefold.rules.tree import Aggregate, And, Call, Compare, Field, In, Literal
from onefold.warehouse import people as compiled

PEOPLE = 30
many = cache(lambda: People(7, 150))


def test_the_rules_of_the_law_are_no_formality():
    """Negative control of the generator: most rules divide the people, all three answers are common."""
    asker, people = Asker(1), People(1, PEOPLE)
    answers = [set(people.answers(asker.rule()).values()) for _ in range(200)]
    assert sum(len(found) > 1 for found in answers) > 100
    assert all(sum(truth in found for found in answers) > 60 for truth in (True, False, None))


def _without(text, name="_or_none"):
    return name, lambda value, *_: value


def _aggregate(**changed):
    """The module of meanings, as the compiler sees it, with something else in it."""
    return SimpleNamespace(**(vars(aggregate) | changed))


def _shifted(by):
    def bounds(window, as_of_us):
        start, stop = aggregate.bounds(window, as_of_us)
        return start + by * window.tile_us, stop

    return bounds


ADDER = sql_events._Adder
REAL_FOLLOWED, REAL_RANKED = ADDER._followed, ADDER._ranked
DAYS = {**sql_events._STEPS, "week": ("DAY", 1)}
PLANTED = {
    "a window a tile too short": (sql_events, "aggregate", _aggregate(bounds=_shifted(1)), "count('Gift' within 3 days) > 1"),
    "a window a tile too long": (sql_events, "aggregate", _aggregate(bounds=_shifted(-1)), "count('Gift' within 3 days) > 1"),
    "no events are unknown": (sql_events, "_or_none", lambda value: value, "sum('Gift'.amount) < 30"),
    "too many decimals add up": (sql_any, "plain_number", sql_any.number_or_text, "sum('Gift'.a) > 3"),
    "texts and numbers are one value": (
        sql_any, "counted", lambda tagged: exp.Substring(this=tagged.copy(), start=exp.Literal.number(2)),
        "unique_count('Gift'.a) > 2",
    ),
    "the last is the first": (
        ADDER, "_ranked",
        lambda self, name, counts, one: REAL_RANKED(self, name, counts, Aggregate("first", one.event, one.property)),
        "last('Gift'.a) = 1",
    ),
    "the commonest by value": (
        ADDER, "_commonest", REAL_RANKED,
        "most_frequent('Visit'.a) = 1",
    ),
    "weeks are counted as days": (sql_events, "_STEPS", DAYS, "streak('Gift' per week) > 1"),
    "conditions are left out": (
        ADDER, "_counts", lambda self, event, where, one=None, real=ADDER._counts: real(self, event, None, one),
        "count('Gift' where a = 1) > 1",
    ),
    "followed by the same moment": (exp, "GT", exp.GTE, "exists('Gift' then 'Gift' within 0 hours)"),
    "absence is certain at once": (
        ADDER, "_followed",
        lambda self, *given: REAL_FOLLOWED(
            SimpleNamespace(_as_of_us=2**60, _counts=self._counts, _tile=self._tile, _columns=self._columns), *given
        ),
        "exists('Gift' then not 'Visit' within 4 days)",
    ),
    "zones are passed over": (
        sql_any, "_shifted", lambda text, size: sql_any._moment(sql_any._without(text, size)), "hours_since(attr.d) < 14",
    ),
    "no year is a leap year": (
        sql_any, "PLAIN_TIME", time.PLAIN_TIME.replace(time._LEAP_DAYS, time._DAYS), "days_since(attr.d) > 900",
    ),
    "values are compared as texts only": (sql, "_READ", {"text": sql_any.text}, "attr.a = attr.b"),
    "unknown is false": (
        sql, "_compared",
        lambda operator, a, b, real=sql._compared: exp.Coalesce(this=real(operator, a, b), expressions=[exp.false()]),
        "not (attr.a > 1)",
    ),
    "consent to all is forgotten": (
        compiled, "_OPEN", {**compiled._OPEN, "consent": lambda p: SqlField("boolean", sql_any.boolean(
            sql_any.of_json(exp.column("consents", table="profile"), (p, "granted"))))}, "not consent.email",
    ),
    "addresses in attributes are forgotten": (compiled, "_CONTACTS", frozenset(), "has_email"),
    "dotted names are one name": (
        sql_any, "member", lambda column, name: sql_any.of_json(column, (name,)), "attr.x.z is null",
    ),
    "lists hold numbers as they are written": (
        sql_any, "_written", lambda part: [str(part)], "contains(attr.a, 1)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_bug_is_caught(monkeypatch, planted):
    """Negative controls: each mistake of the compiler that one could think of shows."""
    module, name, broken, text = PLANTED[planted]
    rule, people = parse(text), many()
    assert_alike({"rule": rule}, people, "duckdb")
    monkeypatch.setattr(module, name, broken)
    with pytest.raises(AssertionError):
        assert_alike({"rule": rule}, people, "duckdb")


def test_members_are_those_of_whom_the_rule_is_true():
    """Neither those of whom it is false, nor those of whom too little is known."""
    rule, people = parse("not (attr.a > 1) or exists('Gift' within 2 days)"), People(3, 60)
    duck = engine("duckdb")
    duck.load(people)
    expected = {person for person, truth in people.answers(rule).items() if truth is True}
    assert duck.run(compiled.members(rule, AS_OF_US), ()).keys() == expected
    assert 0 < len(expected) < 60


def test_a_trait_is_its_aggregate_under_a_name():
    """In SQL as in the evaluator."""
    people, (gifts,) = many(), aggregates(parse("sum('Gift'.amount within 5 days)"))
    duck = engine("duckdb")
    duck.load(people)
    named, plain = parse("recent >= 10"), parse("sum('Gift'.amount within 5 days) >= 10")
    assert fit("recent >= 10", {"recent": gifts}).aggregates == {gifts}
    found = duck.run(compiled.asked({"a": named, "b": plain}, AS_OF_US, {"recent": gifts}), "ab")
    assert all(row["a"] is row["b"] for row in found.values())
    assert {row["a"] for row in found.values()} == {True, False}


HOSTILE = ["'", "'; DROP TABLE golden.profile; --", "\\'", "\\", "/* ", "--", ";", "$1", "?", "%s", "' OR '1'='1",
           '" OR 1=1 --', "a') OR TRUE --", "\n", "🦆", "%", "E'\\x41'", ":a", "NULL", "pg_sleep(9)"]  # fmt: skip


def _rules_with(text):
    """A rule for each place that a text from outside may stand in."""
    name = text.strip() or "x"
    event = Aggregate("count", name, None, Compare("=", Field("a"), Literal(text)))
    yield Compare("=", Field("attr.a"), Literal(text))
    yield In(Field("lifecycle_stage"), (Literal(text),))
    yield Call("contains_any", (Field("attr.a"), Literal(text), Literal(1)))
    yield Call("starts_with", (Field("attr.a"), Literal(text)))
    yield Compare(">", event, Literal(0))
    yield And((Compare("=", Aggregate("last", "Gift", name), Literal(text)), Field("has_email")))
    yield Compare("=", Field(f"attr.{name}"), Literal(text))
    yield Field(f"consent.{name}")
    yield Call("matches", (Field("attr.a"), Literal(text)))


@pytest.mark.parametrize("name", ENGINES)
def test_nothing_from_a_user_reaches_sql_but_as_a_value(name):
    """Hostile texts in every place: they are refused, or compared and found nowhere but where they are."""
    people, rules, refused = People(5, len(HOSTILE)), {}, 0
    for number, profile in enumerate(people.profiles.values()):
        profile["attributes"]["a"] = HOSTILE[number]
    for text in HOSTILE:
        for rule in _rules_with(text):
            try:
                bind(rule, KINDS)
                tree = compiled.asked({"x": rule}, AS_OF_US)
            except RuleError:
                refused += 1
                continue
            assert len(list(tree.find_all(exp.Select))) >= 1
            rules[f"r{len(rules)}"] = rule
    assert len(rules) > refused, "else it shows little"
    assert_alike(rules, people, name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("attr.a * 2 > 1", "multiply"), ("matches(attr.a, '(?i)a')", "pattern"),
        ('attr."a*" = 1', "asterisk"), ("contains(attr.a, attr.b)", "stated values"), ("attr.a > 1" + "0" * 20, "18 digits"),
        ("attr.a like '\\%'", "backslash"),
    ],
)  # fmt: skip
def test_what_engines_mean_differently_is_refused_by_name(text, says):
    """Rather than to give other people."""
    with pytest.raises(RuleError, match=says):
        compiled.asked({"x": fit(text, KINDS).expr}, AS_OF_US)


def test_the_population_has_what_matters():
    """Values of each kind, nulls, texts that are numbers, numbers at the limits."""
    assert {type(value) for value in VALUES} >= {str, bool, int, float, list, dict, type(None)}
