"""The SQL of a rule: evaluated by an engine, it answers what the stream's evaluator answers."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cache

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from onefold.rules import RuleError, SqlField, bind, evaluate, parse, to_sql
from onefold.rules.tree import (
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
    Field,
    In,
    IsNull,
    Like,
    Literal,
    Moment,
    Not,
    Or,
)

FIELDS = {"n": "number", "m": "number", "t": "time", "u": "time", "text": "text", "p": "boolean", "q": "boolean"}
COLUMNS = {name: SqlField(kind, exp.column(name, quoted=True)) for name, kind in FIELDS.items()}
SCHEMA = pa.schema(
    [("n", pa.int32()), ("m", pa.decimal128(9, 2)), ("t", pa.timestamp("us")), ("u", pa.timestamp("us")),
     ("text", pa.string()), ("p", pa.bool_()), ("q", pa.bool_())]
)  # fmt: skip
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  a timestamp without a zone is what is compared
AS_OF_US = 1_790_000_000_123_456
HOUR_US = 3_600_000_000

MOMENTS = st.integers(-60, 60).map(lambda hours: AS_OF_US + hours * HOUR_US // 2 - 123_456)
TEXT = st.sampled_from(["", "a", "Ab", "b%", "a_b", "it's", "ab"])
NUMBERS = st.one_of(
    st.sampled_from([Field("n"), Field("m")]),
    st.one_of(st.integers(-4, 4), st.decimals(-4, 4, places=1)).map(Literal),
    st.builds(lambda t: Call("days_since", (t,)), st.sampled_from([Field("t"), Field("u")])),
    st.builds(lambda t: Call("hours_since", (t,)), st.sampled_from([Field("t"), Field("u")])),
    st.just(Call("length", (Field("text"),))),
)
SUMS = st.recursive(NUMBERS, lambda inner: st.builds(Arithmetic, st.sampled_from("+-*"), inner, inner), max_leaves=3)
TIMES = st.one_of(st.sampled_from([Field("t"), Field("u")]), MOMENTS.map(Moment), st.just(Literal("2026-09-21")))
WORDS = st.one_of(
    st.just(Field("text")),
    TEXT.map(Literal),
    st.sampled_from(["lower", "upper"]).map(lambda f: Call(f, (Field("text"),))),
)
OPERATORS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


ATOMS = st.one_of(
    st.sampled_from([Field("p"), Field("q"), Literal(True), Literal(False), Literal(None)]),
    st.builds(Compare, OPERATORS, SUMS, SUMS),
    st.builds(Compare, OPERATORS, WORDS, WORDS),
    st.builds(Compare, OPERATORS, st.sampled_from([Field("t"), Field("u")]), TIMES),
    st.builds(Between, SUMS, NUMBERS, NUMBERS),
    st.builds(In, SUMS, st.lists(NUMBERS | st.just(Literal(None)), min_size=1, max_size=3).map(tuple)),
    st.builds(Like, st.just(Field("text")), st.sampled_from(["a%", "%b", "_", "", "%'%", "A%"]), st.booleans()),
    st.sampled_from(list(FIELDS)).map(lambda name: IsNull(Field(name))),
    st.builds(lambda a, b: Call("contains", (a, b)), WORDS, WORDS),
    st.builds(lambda a, b: Call("starts_with", (a, b)), WORDS, WORDS),
)
RULES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=6,
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.none() | st.integers(-4, 4),
            "m": st.none() | st.decimals(-4, 4, places=2),
            "t": st.none() | MOMENTS,
            "u": st.none() | MOMENTS,
            "text": st.none() | TEXT,
            "p": st.none() | st.booleans(),
            "q": st.none() | st.booleans(),
        }
    ),
    min_size=1,
    max_size=8,
)


@cache
def _connection():
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    return connection


def _written(at_us):
    return None if at_us is None else EPOCH + dt.timedelta(microseconds=at_us)


def in_sql(rule, rows):
    """What an engine answers, row by row."""
    connection = _connection()
    times = [
        {**row, **{k: None if row[k] is None else EPOCH + dt.timedelta(microseconds=row[k]) for k in "tu"}}
        for row in rows
    ]
    connection.register("thing", pa.Table.from_pylist(times, schema=SCHEMA))
    try:
        tree = exp.select(exp.alias_(to_sql(rule, COLUMNS, AS_OF_US), "answer")).from_("thing")
        return [row[0] for row in connection.sql(tree.sql("duckdb")).fetchall()]
    finally:
        connection.unregister("thing")


@settings(max_examples=300, deadline=None)
@given(RULES, ROWS)
def test_sql_answers_what_the_evaluator_answers(rule, rows):
    """True, false or unknown, the same in a warehouse as in the stream."""
    bound = bind(rule, FIELDS)
    assert in_sql(rule, rows) == [evaluate(bound, row, AS_OF_US) for row in rows]


@pytest.mark.parametrize(
    ("text", "row", "answer"),
    [
        ("n / 2 = 1.5", {"n": 3}, True),
        ("n / 0 > 1", {"n": 3}, None),
        ("coalesce(n, m) = 2", {"m": Decimal(2)}, True),
        ("to_number(n) = 2", {"n": 2}, True),
        ("coalesce(t, '2026-01-01') = '2026-01-01'", {}, True),
    ],
)
def test_what_is_not_generated(text, row, answer):
    """Quotients are doubles, so they are looked at one by one."""
    assert in_sql(parse(text), [dict.fromkeys(FIELDS) | row]) == [answer]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("events('X') > 1", "events"), ("matches(text, '(?i)a')", "pattern"), ("text like 'a\\%'", "backslash"),
        ("amount > 1", "amount"), ("n = 'x'", "number"),
    ],
)  # fmt: skip
def test_what_sql_cannot_say_is_refused_by_name(text, word):
    """Rather than to mean something else."""
    with pytest.raises(RuleError, match=word):
        to_sql(parse(text), COLUMNS, AS_OF_US)
