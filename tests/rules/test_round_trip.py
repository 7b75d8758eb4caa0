"""Both forms say everything: a tree written in either is read as the same tree."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rules.trees import Maker

from onefold.rules import RuleError, decode_json, fit, from_json, parse, require_agreement, to_json, to_text
from onefold.rules import document_rendering as as_json
from onefold.rules import rendering as as_text
from onefold.rules.tree import And, Arithmetic, Compare, Field, Literal, Not, Or


@settings(max_examples=100, deadline=None)
@given(st.integers(0))
def test_a_rule_survives_both_forms(seed):
    """The law: text and JSON, and JSON as bytes, lose nothing."""
    rule = Maker(seed).rule()
    assert parse(to_text(rule)) == rule
    document = to_json(rule)
    assert from_json(document) == rule
    assert from_json(decode_json(json.dumps(document))) == rule
    require_agreement(to_text(rule), document)


@pytest.mark.parametrize(
    ("module", "name", "broken", "rule"),
    [
        (as_text, "_term", to_text, Arithmetic("*", Arithmetic("+", Field("a"), Field("b")), Field("c"))),
        (as_text, "_inside", to_text, And((Or((Field("a"), Field("b"))), Field("c")))),
        (as_text, "_name", str, Compare("=", Field("select"), Literal(1))),
        (as_text, "_quoted", "'{}'".format, Compare("=", Field("a"), Literal("it's"))),
        (as_json, "_nested", lambda _: False, Or((Field("a"), And((Field("b"), Not(Field("c"))))))),
    ],
)
def test_a_writer_that_forgets_something_breaks_the_law(monkeypatch, module, name, broken, rule):
    """Negative controls: brackets, quotes, keywords, groups."""
    assert parse(to_text(rule)) == rule
    assert from_json(to_json(rule)) == rule
    wrote = [to_text(rule), to_json(rule)]
    monkeypatch.setattr(module, name, broken)
    assert [to_text(rule), to_json(rule)] != wrote
    if module is as_text:
        with pytest.raises((AssertionError, RuleError)):
            assert parse(to_text(rule)) == rule


def test_a_condition_with_an_operator_is_written_with_it():
    """Builders show conditions; only what none says is an expression."""
    rule = parse(
        "attr.country in ('US', 'CA') and sum('Gift'.amount within 30 days) >= 100 and lower(attr.plan) = 'pro'"
    )
    assert to_json(rule) == {
        "logic": "and",
        "conditions": [
            {"field": "attr.country", "operator": "in", "value": ["US", "CA"]},
            {
                "field": "event", "event_name": "Gift", "aggregate": "sum", "property": "amount",
                "within": {"value": 30, "unit": "days"}, "operator": "greater_or_equal", "value": 100,
            },
            {"expression": "lower(attr.plan) = 'pro'"},
        ],
    }  # fmt: skip


def test_forms_that_disagree_are_refused_with_the_place():
    """In JSON as a pointer, without the values."""
    document = to_json(parse("a = 1 and (b = 2 or c = 'ann@example.org')"))
    with pytest.raises(RuleError, match=r"disagree.*/groups/0/conditions/1") as caught:
        require_agreement("a = 1 and (b = 2 or c = 'x')", document)
    assert "ann@" not in str(caught.value)


KINDS = {"purchases": "number", "attr.*": "any", "first_seen": "time"}


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("attr.a = 1 and\n  purchase > 2", "did you mean `purchases`? (line 2, column 3)"),
        ("attr.a = 1 and purchases = 'x'", "(line 1, column 16)"),
        ("attr.a = 1 and nosuch(1)", "(line 1, column 16)"),
        ("attr.a = 1 and and", "(line 1, column 16)"),
        ("count('A' where days_since(event.at) > 1) > 2", "`within`"),
        ("matches(attr.a, '(a+)+b\\1') and purchases > 1", "(line 1, column 1)"),
        ({"conditions": [{"field": "attr.a", "operator": "equals", "value": 1},
                         {"field": "purchase", "operator": "equals", "value": 1}]},
         "did you mean `purchases`? (/conditions/1)"),
        ({"groups": [{"conditions": [{"field": "purchases", "operator": "equals", "value": "x"}]}]},
         "(/groups/0/conditions/0)"),
        ({"groups": [{"conditions": [{"field": "a", "operator": "equal", "value": "x"}]}]},
         "did you mean `equals`? (/groups/0/conditions/0)"),
        ({"groups": [{"conditions": []}]}, "at least one condition. (/groups/0)"),
        ({"conditions": [{"field": "a", "operator": "within_last", "value": 3}]}, "needs its `unit`"),
        ({"conditions": [{"field": "event", "event_name": "A", "within": {"value": 3}, "operator": "exists"}]},
         "(/conditions/0/within)"),
        ({"conditions": [{"expression": "a = "}]}, "(/conditions/0)"),
        ("purchases", "gives a number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(written, place):
    """Line and column, or a JSON pointer."""
    with pytest.raises(RuleError) as caught:
        fit(written, KINDS)
    assert place in str(caught.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"conditions": [' + b"1," * 5_000_000 + b"1]}", "at most 100,000 bytes"),
        (b'{"groups":[' * 5_000 + b"]}" * 5_000, "nested at most"),
        (b'{"groups":[{}', "not JSON"),
        (b"\xff", "not JSON"),
    ],
    ids=["large", "deep", "torn", "bytes"],
)
def test_hostile_documents_are_refused_before_they_cost_anything(data, says):
    """Ten megabytes, and thousands of levels."""
    with pytest.raises(RuleError, match=says):
        from_json(decode_json(data))


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000 + "a" + ")" * 10_000, "not " * 10_000 + "a", "a or " * 2_000_000 + "a"],
    ids=["brackets", "not", "long"],
)
def test_hostile_texts_are_refused_before_they_cost_anything(text):
    """By their length or their depth."""
    with pytest.raises(RuleError, match="at most"):
        fit(text, KINDS)
