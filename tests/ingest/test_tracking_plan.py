"""Tracking plans: what is allowed, blocked and left out."""

import json
import subprocess
import sys

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cost import units
from tests.ingest.sdk import verdict

from onefold.errors import ConfigurationError
from onefold.ingest.settings import IngestSettings
from onefold.ingest.tracking_plan import Checker, plan
from onefold.model import Accepted, Finding, Rejected

SCHEMA = {
    "type": "object",
    "required": ["order_id"],
    "properties": {
        "order_id": {"type": "string"},
        "amount": {"$ref": "#/$defs/money"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
    },
    "additionalProperties": False,
    "$defs": {"money": {"type": ["number", "null"], "minimum": 0}},
}
BROKEN = {"amount": -1, "lines": [{"sku": "ok"}, {"sku": 7}], "ann@mail.example": "s3cret"}


def judged(properties, *, event="Order Completed", source="web", kind="track", **options):
    events = {"Order Completed": SCHEMA, "Identify": {"properties": {"age": {"type": "integer"}}}}
    settings = IngestSettings(tracking_plans={"web": plan("web", {"events": events, **options})})
    field = "traits" if kind == "identify" else "properties"
    body = {"type": kind, "event": event, "userId": "u", field: properties}
    return verdict(json.dumps(body).encode(), settings=settings, source=source)


def test_allowed_violations_are_noted_without_values():
    """The event is kept whole, and what breaks the plan is listed by place and rule."""
    said = judged(BROKEN)
    assert isinstance(said, Accepted)
    assert said.event.properties == BROKEN
    assert sorted(said.violations) == [
        "/ breaks `additionalProperties`",
        "/ lacks `order_id`",
        "/amount breaks `minimum`",
        "/lines/1/sku should be string",
    ]


def test_blocked_violations_reject():
    """The dead letter says what is wrong, and no more."""
    said = judged(BROKEN, violations="block")
    assert isinstance(said, Rejected)
    assert said.reason == "plan_violation"
    assert "/lines/1/sku should be string" in said.detail
    assert "s3cret" not in said.detail
    assert "ann" not in said.detail


def test_omitted_violations_leave_what_breaks_the_plan_out():
    """Properties that break the plan go; what is missing is noted."""
    said = judged({**BROKEN, "order_id": "o"}, violations="omit")
    assert said.event.properties == {"order_id": "o"}
    assert said.event.findings == (Finding("omitted_by_plan"),)
    assert judged({"order_id": "o"}, violations="omit").event.findings == ()


def test_a_denial_survives_omission():
    """A plan that does not know `consent` must not turn a refusal into silence."""
    said = judged({"order_id": "o", "consent": {"email": False}}, violations="omit")
    assert said.event.properties == {"order_id": "o"}
    assert [(c.purpose, c.granted) for c in said.event.consents] == [("email", False)]


@pytest.mark.parametrize(
    ("options", "event", "kind", "reason"),
    [
        ({}, "Other", "track", None),
        ({"unknown_events": "block"}, "Other", "track", "unplanned_event"),
        ({"unknown_events": "block"}, "Purchase", "track", None),
        ({"unknown_events": "block"}, None, "page", None),
        ({"unknown_events": "block"}, None, "identify", None),
    ],
)
def test_unknown_events(options, event, kind, reason):
    """Only events with names of their own can be unplanned; a planned one is known by its canonical name, too."""
    said = judged({"order_id": "o"}, event=event, kind=kind, **options)
    assert (said.reason if isinstance(said, Rejected) else None) == reason


def test_identify_is_held_by_its_traits():
    """The plan's `Identify` is about traits."""
    assert judged({"age": "old"}, kind="identify").violations == ("/age should be integer",)
    assert judged({"age": "old"}, kind="identify", violations="omit").event.traits == {}


def test_a_plan_holds_for_its_source_only():
    """The negative control: the same event from another source breaks nothing."""
    assert judged(BROKEN, violations="block", source="app").violations == ()


@pytest.mark.parametrize(
    ("stated", "word"),
    [
        ({"events": {"x": {"type": "objekt"}}}, "not a JSON Schema at `type`"),
        ({"events": {"x": {"$ref": "https://example.org/schema.json"}}}, "schema itself"),
        ({"events": {"x": {"properties": {"a": {"$ref": "file:///etc/passwd"}}}}}, "schema itself"),
        ({"events": {"x": {"properties": {"a": {"pattern": "(?=a)a"}}}}}, "linear time"),
        ({"events": {"x": {"patternProperties": {r"(a)\1": {}}}}}, "linear time"),
        (
            {"events": {"x": {"properties": {"a": {"$schema": "http://json-schema.org/draft-07/schema#"}}}}},
            "at the top",
        ),
        ({"events": {"x": {"patternProperties": {"a": {}}, "unevaluatedProperties": False}}}, "not supported"),
        ({"events": {"x": 5}}, "events"),
        ({"events": {}, "violations": "ignore"}, "violations"),
        ({"events": {}, "violation": "block"}, "unknown key `violation`"),
    ],
)
def test_plans_that_cannot_be(stated, word):
    """They are refused when read, not when the first event comes."""
    with pytest.raises(ConfigurationError, match=word.replace("(", r"\(")):
        plan("web", stated)


def test_an_empty_schema_allows_everything():
    """A name without a schema is known, and that is all."""
    assert plan("web", {"events": {"x": None}}).events == {"x": {}}


HANGING = "^(a|a)*$"
"""Backtracking takes 2⁴⁰ steps on forty letters and one that does not fit; the guard against such forms let it pass."""
ALMOST = "a" * 40 + "!"


@pytest.mark.parametrize(
    ("schema", "fields"),
    [
        ({"properties": {"x": {"pattern": HANGING}}}, {"x": ALMOST}),
        ({"patternProperties": {HANGING: False}}, {ALMOST: 1}),
        ({"patternProperties": {HANGING: True}, "additionalProperties": False}, {ALMOST: 1}),
        ({"patternProperties": {HANGING: True}, "additionalProperties": {"type": "null"}}, {ALMOST: 1}),
        ({"propertyNames": {"pattern": HANGING}}, {ALMOST: 1}),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "not": {"$ref": "#/$defs/x"},
          "$defs": {"x": {"propertyNames": {"pattern": HANGING}}}}, {ALMOST: 1}),
    ],
)  # fmt: skip
def test_no_pattern_takes_more_than_linear_time(schema, fields):
    """In every keyword that matches patterns. The control runs the library's own keywords, which do not come back."""
    expected = [] if "not" in schema or schema.get("patternProperties") == {HANGING: False} else ["x"]
    said = plan("web", {"events": {"x": schema}})
    assert bool(Checker(said).check("x", fields).violations) == bool(expected)
    assert units(lambda: Checker(said).check("x", fields)) < 20


def test_control_the_library_by_itself_hangs():
    """Which is why the keywords are ours: the same schema and text, in a process that is killed after a second."""
    program = f"import jsonschema; jsonschema.validate({ALMOST!r}, {{'pattern': {HANGING!r}}})"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", program], timeout=3, check=True)


@given(st.text(alphabet="ab.-", max_size=6), st.sampled_from(["^a*b$", "a.b", "(ab|ba)+", "[^a]{2,3}", r"\.", "-$"]))
def test_patterns_mean_what_they_mean_to_the_library(text, pattern):
    """On what both can match, for keys as for values."""
    for schema, instance in (
        ({"properties": {"x": {"pattern": pattern}}}, {"x": text}),
        ({"patternProperties": {pattern: {"type": "null"}}, "additionalProperties": False}, {text: 1}),
        ({"patternProperties": {pattern: {"type": "null"}}, "additionalProperties": {"type": "null"}}, {text: None}),
    ):
        ours = Checker(plan("web", {"events": {"x": schema}})).check("x", instance).violations
        assert bool(ours) == (not jsonschema.Draft202012Validator(schema).is_valid(instance))


def test_patterns_are_written_as_in_javascript():
    """A character by its number; a backslash before it, escaped, is a backslash."""
    schema = {"properties": {"x": {"pattern": r"^\u00e9\\u$"}}}
    checker = Checker(plan("web", {"events": {"x": schema}}))
    assert checker.check("x", {"x": "é\\u"}).violations == ()
    assert checker.check("x", {"x": "e\\u"}).violations == ("/x breaks `pattern`",)
