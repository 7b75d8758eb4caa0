"""Tracking plans: what is allowed, blocked and left out."""

import json

import pytest
from tests.ingest.sdk import verdict

from onefold.errors import ConfigurationError
from onefold.ingest.settings import IngestSettings
from onefold.ingest.tracking_plan import plan
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
        ({"events": {"x": {"properties": {"a": {"pattern": "(a+)+$"}}}}}, "exponential"),
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
