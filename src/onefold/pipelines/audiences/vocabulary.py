"""The vocabulary of rules: what a rule of a workspace can read, for whoever builds one, with values to compare it with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlglot import exp

from onefold.audiences.ruleset import IN_SEGMENT, STAGE_FIELD
from onefold.errors import UsageError
from onefold.model import PersonalClass, results
from onefold.model.results.rule import Kind
from onefold.profiles.computed.trait import FIELD as TRAIT
from onefold.profiles.computed.trait import Trait
from onefold.profiles.lifecycle import FIELDS
from onefold.rfm import Definition as RfmDefinition
from onefold.rfm.fields import FIELD as RFM
from onefold.rfm.fields import score_fields
from onefold.rules import Derived, aggregate, explain
from onefold.rules.document import COMPARISONS
from onefold.warehouse.personal import Source, class_of
from onefold.warehouse.query import parse
from onefold.warehouse.traits import relation as traits_relation
from onefold.warehouse.traits import sayable
from onefold.warehouse.views import ENGAGEMENT_EVENT, PROFILE

ATTRIBUTE, CONSENT = "attr.", "consent."
PURPOSES = ("all", "email", "sms", "analytics", "ads")
AGGREGATES = aggregate.FUNCTIONS
_TEXTS = ("contains", "not_contains", "starts_with", "ends_with", "matches")
_ORDER = (*COMPARISONS, "between", "in", "not_in")
_ANY = (*_ORDER, *_TEXTS, "contains_any", "within_last", "before", "after", "exists", "not_exists")
OPERATORS: Mapping[Kind, tuple[str, ...]] = {
    "boolean": ("equals", "not_equals", "exists", "not_exists"),
    "number": (*_ORDER, "exists", "not_exists"),
    "text": (*_ORDER, *_TEXTS, "exists", "not_exists"),
    "time": (*_ORDER, "within_last", "before", "after", "exists", "not_exists"),
    "any": _ANY,
}
"""Of the JSON form, by the kind of a field."""
_DESCRIPTIONS = {
    "events": "Events, without those that only state something.",
    "sessions": "Sessions.",
    "purchases": "Purchases, or gifts.",
    "revenue": "What they come to, in the project's currency.",
    "first_seen": "When the person was first seen.",
    "last_seen": "When the person was last seen.",
    "last_active": "When the person last did something.",
    "has_user_id": "Whether a user id is known.",
    "has_email": "Whether an email address is known.",
    "has_phone": "Whether a phone number is known.",
}
_COLUMNS = {
    "events": "events",
    "sessions": "sessions",
    "purchases": "purchases",
    "revenue": "revenue",
    STAGE_FIELD: "stage",
}

_ATTRIBUTES = (
    "SELECT name, count(*) AS people FROM (SELECT unnest(json_keys(attributes)) AS name FROM golden.profile) AS named "
    "GROUP BY name ORDER BY people DESC, name LIMIT 500"
)
_EVENTS = (
    "SELECT name, count(*) AS events FROM staging.event WHERE name <> '' GROUP BY name "
    "ORDER BY events DESC, name LIMIT 200"
)
_PROPERTIES = (
    "SELECT name, property, count(*) AS events FROM (SELECT name, unnest(json_keys(properties)) AS property FROM ("
    "SELECT name, properties FROM staging.event WHERE name <> '' ORDER BY sequence DESC LIMIT 20000) AS latest"
    ") AS stated GROUP BY name, property ORDER BY events DESC, property"
)
QUESTIONS = (_ATTRIBUTES, _EVENTS, _PROPERTIES)
"""What is asked of the warehouse for `fields`: names of attributes, events and properties, no values."""

_VALUES = """
SELECT value, count(*) AS many FROM (
    SELECT CAST(unnest(CASE WHEN json_type(whole) = 'ARRAY' THEN json_extract(whole, '$[*]') ELSE [whole] END) AS TEXT)
        AS value
    FROM ({source}) AS stated WHERE whole IS NOT NULL
) AS said
WHERE value <> 'null' AND (:q = '' OR contains(lower(value), lower(:q)))
GROUP BY value ORDER BY many DESC, value
"""


class Valued(msgspec.Struct, frozen=True):
    """What values of a field are asked by: the query, and the class of personal data that they have."""

    query: str
    personal: PersonalClass


def fields(
    traits: Sequence[Trait],
    rfm: Sequence[RfmDefinition],
    segments: Mapping[str, str],
    classes: Mapping[Source, PersonalClass],
    attributes: Iterable[tuple[str, int]],
) -> list[results.RuleField]:
    """All that rules can read of a person.

    Args:
        traits: The computed traits.
        rfm: The RFM definitions.
        segments: Descriptions of the active segments, by slug.
        classes: Classes of personal data that the project states.
        attributes: Names of attributes, with how many people have them.
    """
    found = [
        _field(name, "profile", kind, _DESCRIPTIONS[name])
        for name, kind in FIELDS.items()
        if name in _DESCRIPTIONS and isinstance(kind, str)
    ]
    found.append(_field(STAGE_FIELD, "stage", "text", "The lifecycle stage."))
    found += [_field(f"{CONSENT}{purpose}", "consent", "boolean", "Whether they agreed.") for purpose in PURPOSES]
    computed = traits_relation(sayable({trait.name: trait.aggregate for trait in traits}), classes)
    for trait in traits:
        personal = "none" if computed is None else class_of(computed, trait.name, classes)
        described = trait.description or explain(trait.aggregate)
        found.append(_field(f"{TRAIT}{trait.name}", "trait", trait.kind, described, personal))
    for name, score in score_fields(rfm).items():
        found.append(_score(name, score))
    for slug, description in segments.items():
        found.append(_field(f"{IN_SEGMENT}{slug}", "segment", "boolean", description or "Whether they are in it."))
    for name, people in attributes:
        personal = class_of(PROFILE, f"attributes.{name}", classes)
        found.append(_field(f"{ATTRIBUTE}{name}", "attribute", "any", "", personal, people))
    return found


def _field(
    name: str, group: str, kind: Kind, description: str, personal: str = "none", people: int | None = None
) -> results.RuleField:
    return results.RuleField(
        name=name, group=group, kind=kind, description=description, personal=personal, people=people, because=""
    )


def _score(name: str, score: Derived) -> results.RuleField:
    of = "The segment that the scores mean." if name.endswith(".segment") else "A score, 1 to 5."
    return msgspec.structs.replace(_field(name, "rfm", score.kind, of), because=score.refusal)


def events(
    named: Iterable[tuple[str, int]],
    properties: Iterable[tuple[str, str, int]],
    classes: Mapping[Source, PersonalClass],
) -> list[results.RuleEvent]:
    """The events that rules can ask for; `properties` are of (event, property), with how many state it."""
    by_event: dict[str, list[results.RuleProperty]] = {}
    for event, name, many in properties:
        personal = class_of(ENGAGEMENT_EVENT, f"properties.{name}", classes)
        by_event.setdefault(event, []).append(results.RuleProperty(name=name, personal=personal, events=many))
    return [
        results.RuleEvent(name=event, events=many, properties=tuple(by_event.get(event, ()))) for event, many in named
    ]


def field_values(
    name: str, q: str, traits: Sequence[Trait], rfm: Sequence[RfmDefinition], classes: Mapping[Source, PersonalClass]
) -> Valued:
    """The values of a field that contain `q`.

    Raises:
        UsageError: It has none that could be told: it is true or false, a time, or not there.
    """
    if name.startswith(ATTRIBUTE) and (inside := name.removeprefix(ATTRIBUTE)):
        source = "SELECT json_extract(attributes, :path) AS whole FROM golden.profile"
        return Valued(_values(source, q, path=_pointer(inside)), class_of(PROFILE, f"attributes.{inside}", classes))
    if name in _COLUMNS:
        return Valued(_values(f"SELECT to_json({_COLUMNS[name]}) AS whole FROM golden.profile", q), "none")  # noqa: S608  our names
    if name.startswith(TRAIT):
        said = sayable(
            {one.name: one.aggregate for one in traits if f"{TRAIT}{one.name}" == name and one.kind != "time"}
        )
        computed = traits_relation(said, classes)
        if computed is not None:
            (trait,) = said
            source = f'SELECT to_json("{trait}") AS whole FROM golden.trait'  # noqa: S608  a trait's name, of letters
            return Valued(_values(source, q), class_of(computed, trait, classes))
    if name in score_fields(rfm):
        definition, _, part = name.removeprefix(RFM).rpartition(".")
        source = f'SELECT to_json("{part}") AS whole FROM golden.rfm WHERE rfm = :rfm'  # noqa: S608  one of four names
        return Valued(_values(source, q, rfm=definition), "none")
    raise UsageError(f"Values of `{name[:80]}` are not listed: it is true or false, a time, or not a field.")


def property_values(event: str, name: str, q: str, classes: Mapping[Source, PersonalClass]) -> Valued:
    """The values of a property of an event that contain `q`."""
    source = "SELECT json_extract(properties, :path) AS whole FROM golden.engagement_event WHERE name = :event"
    query = _values(source, q, path=_pointer(name), event=event)
    return Valued(query, class_of(ENGAGEMENT_EVENT, f"properties.{name}", classes))


def _values(source: str, q: str, **stated: str) -> str:
    # What a user says becomes a literal of the tree, whatever it holds.
    literals = {name: exp.Literal.string(text) for name, text in {"q": q, **stated}.items()}
    return exp.replace_placeholders(parse(_VALUES.format(source=source)), **literals).sql("duckdb")


def _pointer(name: str) -> str:
    """The place of a member as JSON pointers have it; of a dotted name the member inside."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in name.split("."))


def values(rows: Iterable[tuple[str, int]], limit: int) -> tuple[tuple[results.RuleValue, ...], bool]:
    """What a query of values found, `limit` at most, and whether there was more."""
    found = [results.RuleValue(value=_decoded(text), count=many) for text, many in rows]
    return tuple(found[:limit]), len(found) > limit


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
