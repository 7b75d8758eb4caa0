"""The text form: what it reads, what it refuses."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.rules import RuleError, explain, parse
from onefold.rules import text as reading
from onefold.rules.tree import And, Arithmetic, Between, Call, Compare, Field, In, IsNull, Like, Literal, Not, Or, walk

A, B, C = Field("a"), Field("b"), Field("c")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a", A),
        ("attr.address.city", Field("attr.address.city")),
        ("a.b.c.d.e", Field("a.b.c.d.e")),
        ("a = 1", Compare("=", A, Literal(1))),
        ("a <> -1.50", Compare("<>", A, Literal(Decimal("-1.50")))),
        ("a and b and c", And((A, B, C))),
        ("a or b and not c", Or((A, And((B, Not(C)))))),
        ("(a or b) and c", And((Or((A, B)), C))),
        ("a between 1 and b", Between(A, Literal(1), B)),
        ("a not in ('x', null)", Not(In(A, (Literal("x"), Literal(None))))),
        ("a is not null", Not(IsNull(A))),
        ("a like 'x%'", Like(A, "x%")),
        ("a not ilike 'it''s'", Not(Like(A, "it's", any_case=True))),
        ("a + b * 2", Arithmetic("+", A, Arithmetic("*", B, Literal(2)))),
        ("Days_Since(a)", Call("days_since", (A,))),
        ("contains(lower(a), 'x')", Call("contains", (Call("lower", (A,)), Literal("x")))),
        ("coalesce(a, b, 0)", Call("coalesce", (A, B, Literal(0)))),
        ("TRUE", Literal(True)),
        ("a = 1 -- why", Compare("=", A, Literal(1))),
    ],
)
def test_it_reads(text, tree):
    """Every construct has one meaning."""
    assert parse(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-- nothing", "a b", "a; b", "1; drop table x", "select 1", "(select 1)", "exists(select 1)",
        "a in (select b)", "a in ()", "a::int", "cast(a as int)", "a[1]", "a -> b", "a || b", "a % b", "a = ?", "a = :b",
        "@a", "*", "count(*)", "case when a then b end", "interval '1' day", "date '2024-01-01' < a", "a is true",
        "a is distinct from b", "a like b", "a like 'x' escape '!'", "now()", "current_date", "system('ls')",
        "coalesce(distinct a)", "lower(a) over ()", "a = any(b)", "a = all (select 1)", "1e999", "9" * 40, "a as b",
        "create table x (y int)", "drop table x", "begin", "kill 5", "pragma x", "copy x to 'y'", "attach 'x'",
        "(" * 31 + "a" + ")" * 31, "not " * 900 + "a", "a" + " + 1" * 100, "x" * 4_001, "\x00", "'", '"', "a \ud800 b",
    ],
)  # fmt: skip
def test_it_refuses(text):
    """With the one error that says so."""
    with pytest.raises(RuleError):
        parse(text)


def test_a_refusal_quotes_no_values():
    """A rule may hold an e-mail address."""
    with pytest.raises(RuleError) as caught:
        parse("email in (select 'ann@example.org')")
    assert "ann@" not in str(caught.value)


def test_a_refusal_names_the_nearest_function():
    """Misspelt words are the usual mistake."""
    with pytest.raises(RuleError, match="did you mean `days_since`"):
        parse("day_since(a) > 1")


_WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        "a b.c 1 2.5 'x' ( ) , and or not in between like is null = <> < >= + - * / days_since coalesce case when then "
        "end select from cast as :: [ ] { } ; -- /* */ ? @ $ : -> || interval date true exists lambda over distinct",
    )
)


@given(st.one_of(st.text(max_size=60), st.lists(_WORDS, max_size=14).map(" ".join)))
def test_any_text_is_read_or_refused(text):
    """Nothing but a tree of ours or a `RuleError` comes out, and every tree can be explained."""
    try:
        tree = parse(text)
    except RuleError:
        return
    assert all(type(part).__module__ == "onefold.rules.tree" for part in walk(tree))
    assert explain(tree)


def test_a_reader_that_drops_what_it_does_not_know_would_change_the_meaning(monkeypatch):
    """Negative control: without the check for left-over parts, `in (select …)` or `distinct` would be lost silently."""

    def read(text):
        return reading._Reader(text, {}).read(reading.sqlglot.parse_one(text), 0)

    monkeypatch.setattr(reading, "_only", lambda e, *_parts: e.args)
    reading.parsed.cache_clear()
    assert parse("coalesce(a, b) = 1") == parse("coalesce(a, b) = 1")
    plain = read("a like 'x'")
    escaped = read("a between symmetric 2 and 1")
    assert plain == Like(A, "x")
    assert escaped == Between(A, Literal(2), Literal(1))
    monkeypatch.undo()
    reading.parsed.cache_clear()
    with pytest.raises(RuleError):
        parse("a between symmetric 2 and 1")
