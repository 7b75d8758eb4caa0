"""The JSON form: the same trees by another way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.rules import RuleError, from_json, parse
from onefold.rules.tree import And, Compare, Field, Literal, Moment


def only(**condition):
    return from_json({"logic": "and", "conditions": [condition]})


def test_the_specifications_example_is_read():
    """Nested groups, renamed fields, an event window."""
    document = {
        "logic": "and",
        "conditions": [
            {"field": "lifecycle_stage", "operator": "equals", "value": "customer"},
            {"field": "computed_traits.total_purchases", "operator": "greater_than", "value": 3},
            {"field": "event", "event_name": "Purchase", "operator": "within_last", "value": 30, "unit": "days"},
        ],
        "groups": [
            {
                "logic": "or",
                "conditions": [{"field": "profile_data.country", "operator": "in", "value": ["US", "CA", "UK"]}],
            }
        ],
    }
    assert from_json(document) == parse(
        "lifecycle_stage = 'customer' and purchases > 3 and days_since(last_event('Purchase')) between 0 and 30"
        " and attr.country in ('US', 'CA', 'UK')"
    )


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ({"field": "x", "operator": "equals", "value": 1}, "x = 1"),
        ({"field": "x", "operator": "not_equals", "value": "a"}, "x <> 'a'"),
        ({"field": "x", "operator": "contains", "value": "@"}, "contains(x, '@')"),
        ({"field": "x", "operator": "less_than", "value": 0.1}, "x < 0.1"),
        ({"field": "x", "operator": "between", "value": [1, 2]}, "x between 1 and 2"),
        ({"field": "event", "event_name": "E", "operator": "greater_than", "value": 2}, "events('E') > 2"),
        ({"field": "x", "operator": "within_last", "value": 2, "unit": "weeks"}, "days_since(x) between 0 and 14"),
        ({"field": "x", "operator": "within_last", "value": 6, "unit": "hours"}, "hours_since(x) between 0 and 6"),
    ],
)
def test_each_operator_has_a_text(condition, text):
    """Both forms give one tree."""
    assert only(**condition) == parse(text)


def test_before_and_after_take_dates():
    """Read as midnight UTC."""
    assert only(field="signup", operator="before", value="1970-01-02") == Compare(
        "<", Field("signup"), Moment(86_400_000_000)
    )


def test_not_means_none_of_them():
    """As segment builders mean it."""
    conditions = [{"field": f, "operator": "equals", "value": 1} for f in "ab"]
    assert from_json({"logic": "not", "conditions": conditions}) == parse("not (a = 1 or b = 1)")
    assert from_json({"conditions": conditions}) == And(
        (Compare("=", Field("a"), Literal(1)), Compare("=", Field("b"), Literal(1)))
    )


@pytest.mark.parametrize(
    "document",
    [
        None, [], {}, {"conditions": 1}, {"logic": "xor", "conditions": [{"field": "a", "operator": "equals", "value": 1}]},
        {"conditions": [{"field": "a", "operator": "equal", "value": 1}]}, {"conditions": [{"operator": "equals"}]},
        {"conditions": [{"field": "event", "operator": "equals", "value": 1}]}, {"condition": []},
        {"conditions": [{"field": "a", "operator": "equals", "value": {}}]},
        {"conditions": [{"field": "a", "operator": "within_last", "value": 1, "unit": "moons"}]},
        {"conditions": [{"field": "a", "operator": "within_last", "value": True}]},
        {"conditions": [{"field": "a", "operator": "before", "value": "soon"}]},
        {"conditions": [{"field": "a", "operator": "between", "value": [1]}]},
        {"conditions": [{"field": "a", "operator": "equals", "value": 1, "unit": "days"}]},
        {"conditions": [{"field": "a", "operator": "equals", "value": 1}] * 201},
        {"conditions": [{"field": "a", "operator": [], "value": 1}]},
    ],
)  # fmt: skip
def test_it_refuses(document):
    """With the one error that says so."""
    with pytest.raises(RuleError):
        from_json(document)


_JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(["equals", "in"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["logic", "conditions", "groups", "field", "operator", "value", "unit", "event_name"]),
            inner,
        ),
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_json_is_read_or_refused(document):
    """Nothing else is ever raised."""
    try:
        from_json(document)
    except RuleError:
        return


def test_nesting_without_end_is_refused():
    """Before it can exhaust the stack."""
    document: dict[str, object] = {"conditions": [{"field": "a", "operator": "equals", "value": 1}]}
    for _ in range(10_000):
        document = {"groups": [document]}
    with pytest.raises(RuleError, match="nested"):
        from_json(document)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ({"field": "a", "operator": "starts_with", "value": "x"}, "starts_with(a, 'x')"),
        ({"field": "a", "operator": "ends_with", "value": "x"}, "ends_with(a, 'x')"),
        ({"field": "a", "operator": "matches", "value": "^x"}, "matches(a, '^x')"),
        ({"field": "a", "operator": "exists"}, "a is not null"),
        ({"field": "a", "operator": "not_exists"}, "not (a is not null)"),
        ({"field": "a", "operator": "not_in", "value": ["x", 1]}, "a not in ('x', 1)"),
        ({"field": "traits.tags", "operator": "contains_any", "value": ["x", "y"]}, "contains_any(attr.tags, 'x', 'y')"),
        ({"field": "event", "event_name": "E", "operator": "exists"}, "count('E') > 0"),
        ({"field": "event", "event_name": "E", "aggregate": "sum", "property": "p", "operator": "less_than", "value": 0.5},
         "sum('E'.p) < 0.5"),
        ({"field": "event", "event_name": "E", "aggregate": "streak", "per": "year", "operator": "equals", "value": 3},
         "streak('E' per year) = 3"),
        ({"field": "event", "event_name": "A", "aggregate": "exists", "operator": "equals", "value": True,
          "where": {"conditions": [{"field": "total", "operator": "greater_than", "value": 5}]},
          "then": {"event_name": "B", "absent": True, "within": {"value": 1, "unit": "weeks"}}},
         "exists('A' where total > 5 then not 'B' within 7 days) = true"),
        ({"field": "event", "event_name": "E", "operator": "within_last", "value": 30, "unit": "days"},
         "days_since(last('E')) between 0 and 30"),
    ],
)  # fmt: skip
def test_each_operator_says_what_the_text_form_says(condition, text):
    """One language, two ways to write it."""
    assert only(**condition) == parse(text)


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "event", "event_name": "E", "aggregate": "total", "operator": "equals", "value": 1},
        {"field": "event", "event_name": "E", "aggregate": ["sum"], "operator": "equals", "value": 1},
        {"field": "event", "event_name": "E", "aggregate": "sum", "operator": "equals", "value": 1},
        {"field": "event", "event_name": "E", "per": [], "operator": "equals", "value": 1},
        {"field": "event", "event_name": "E", "within": {"value": 1, "unit": []}, "operator": "equals", "value": 1},
        {
            "field": "event",
            "event_name": "E",
            "within": {"value": "1", "unit": "days"},
            "operator": "equals",
            "value": 1,
        },
        {"field": "event", "event_name": "E", "then": {"event_name": "B"}, "operator": "exists"},
        {"field": "event", "event_name": "E", "where": {"conditions": []}, "operator": "exists"},
        {"field": "a", "where": {"conditions": []}, "operator": "exists"},
        {"field": "a", "operator": "exists", "value": 1},
        {"field": "a..b", "operator": "exists"},
        {"expression": 7},
    ],
)
def test_what_does_not_fit_an_event_is_refused(condition):
    """Each with its place."""
    with pytest.raises(RuleError) as caught:
        only(**condition)
    assert caught.value.place is not None
