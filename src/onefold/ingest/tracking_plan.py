"""A tracking plan: what the events of one source must look like, and what becomes of those that do not.

Each event name has a JSON Schema (2020-12) for its properties, `Identify` for its traits. A schema may refer to itself
only (`#/…`): a reference to an address would be fetched by our server from wherever the file's author says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, cast

import jsonschema
import msgspec
import referencing

from onefold.errors import ConfigurationError
from onefold.ingest.reasons import rejected
from onefold.model import Rejected
from onefold.rules import patterns
from onefold.rules.patterns import PatternError

UnknownEvents = Literal["allow", "block"]
Violations = Literal["allow", "block", "omit"]
VIOLATIONS_MAX = 20
"""More breaches of one event are not listed."""
_REFERENCES = ("$ref", "$dynamicRef", "$id", "$schema")
_DIALECTS = (
    "https://json-schema.org/draft/2020-12/schema",
    "http://json-schema.org/draft-07/schema#",
    "http://json-schema.org/draft-07/schema",
)


class TrackingPlan(msgspec.Struct, frozen=True):
    """The plan of one source.

    Attributes:
        unknown_events: What becomes of track events and named records that `events` does not name.
        violations: What becomes of events that break their schema: `allow` notes it, `block` rejects the event, `omit`
            drops the properties that break it and notes the rest.
        events: JSON Schema by event name, as sent or canonical.
    """

    unknown_events: UnknownEvents = "allow"
    violations: Violations = "allow"
    events: Mapping[str, Mapping[str, Any]] = {}


def plan(source: str, stated: Mapping[str, Any]) -> TrackingPlan:
    """Read a plan from plain data, as it stands in a source's file.

    Raises:
        ConfigurationError: A key or word is unknown, or `fault` finds one in a schema.
    """
    try:
        events = {name: schema or {} for name, schema in (stated.get("events") or {}).items()}
        read = msgspec.convert({**stated, "events": events}, TrackingPlan)
        unknown = set(stated) - set(TrackingPlan.__struct_fields__)
    except (msgspec.ValidationError, AttributeError) as error:
        raise ConfigurationError(f"tracking plan of source `{source}`: {error}") from None
    if unknown:
        raise ConfigurationError(f"tracking plan of source `{source}`: unknown key `{min(unknown)}`")
    for name, schema in read.events.items():
        found = fault(schema)
        if found is not None:
            raise ConfigurationError(f"tracking plan of source `{source}`, event `{name}`: {found.message}")
    return read


class Fault(msgspec.Struct, frozen=True):
    """Why a schema cannot be used, and the keys and list positions that lead there."""

    path: tuple[str | int, ...]
    message: str


def fault(schema: Mapping[str, Any]) -> Fault | None:
    """What is wrong with a schema: no JSON Schema, a reference elsewhere, a pattern that takes more than linear time."""
    try:
        # Without the library's own look at patterns, which knows another language of them.
        jsonschema.Draft202012Validator.check_schema(dict(schema), jsonschema.FormatChecker(formats=()))
    except jsonschema.SchemaError as error:
        at = "/".join(map(str, error.absolute_path)) or "/"
        return Fault(tuple(error.absolute_path), f"not a JSON Schema at `{at}`: {error.message[:160]}")
    except RecursionError:
        return Fault((), "nested too deeply")
    keys = set()
    for path, value in _entries(schema):
        keys.add(path[-1])
        message = _refused(path, value)
        if message is not None:
            return Fault(path, message)
    if {"unevaluatedProperties", "patternProperties"} <= keys:
        # The library looks by itself which properties are left over, with patterns that backtrack.
        return Fault(
            (), "`unevaluatedProperties` beside `patternProperties` is not supported: say `additionalProperties`"
        )
    return None


def _refused(path: tuple[str | int, ...], value: Any) -> str | None:
    """Why a keyword's value cannot be used."""
    key = path[-1]
    if key in _REFERENCES and type(value) is str and not value.startswith("#") and value not in _DIALECTS:
        return f"`{key}` may only refer to the schema itself (`#/…`)"
    if key == "$schema" and type(value) is str and len(path) > 1:
        return "`$schema` may only stand at the top"
    stated = [value] if key == "pattern" else list(value) if key == "patternProperties" else []
    for pattern in stated:
        try:
            if type(pattern) is str:
                patterns.search(pattern)
        except PatternError as error:
            return f"the pattern `{pattern}` cannot be matched in linear time, or not read (RE2): {error}"
    return None


def _entries(schema: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Each value under a key of an object, with the way there."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), schema)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            found = [((*path, key), inner) for key, inner in value.items()]
            yield from found
            waiting += found
        elif isinstance(value, list):
            waiting += [((*path, number), inner) for number, inner in enumerate(value)]


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What a plan says of one event.

    Attributes:
        fields: The properties (or traits) to keep.
        violations: Breaches in English: JSON pointers and words of the schema, never values.
        omitted: Whether `fields` lacks something that was stated.
    """

    fields: dict[str, Any]
    violations: tuple[str, ...] = ()
    omitted: bool = False


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    if validator.is_type(instance, "string") and not patterns.search(pattern)(instance):
        yield jsonschema.ValidationError("")


def _pattern_properties(
    validator: Any, stated: Mapping[str, Any], instance: Any, _schema: Any
) -> Iterator[jsonschema.ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, inner in stated.items():
        matches = patterns.search(pattern)
        for key, value in instance.items():
            if matches(key):
                yield from validator.descend(value, inner, path=key, schema_path=pattern)


def _additional_properties(
    validator: Any, inner: Any, instance: Any, schema: Any
) -> Iterator[jsonschema.ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for key in _unnamed(instance, schema):
        if inner is False:
            yield jsonschema.ValidationError("")
            return
        yield from validator.descend(instance[key], inner, path=key)


def _unnamed(instance: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Keys that a schema neither names nor has a pattern for."""
    named = schema.get("properties", {})
    matching: list[Callable[[str], bool]] = [patterns.search(p) for p in schema.get("patternProperties", {})]
    return [key for key in instance if key not in named and not any(matches(key) for matches in matching)]


_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # types-jsonschema leaves it bare
    jsonschema.Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    },
)
"""JSON Schema with our patterns in the places of the library's."""


class Checker:
    """A plan with its schemas compiled. Holds no state of events."""

    def __init__(self, plan: TrackingPlan) -> None:
        self.plan = plan
        registry: referencing.Registry[Any] = referencing.Registry()
        self._schemas = {
            # Without `$schema`, which would have the library choose a validator of its own.
            name: _Validator({k: v for k, v in schema.items() if k != "$schema"}, registry=registry)
            for name, schema in plan.events.items()
        }

    def verdict(self, original: str, name: str, fields: dict[str, Any]) -> Verdict | Rejected:
        """Hold an event to the plan.

        Args:
            original: The name as sent, which the plan looks for first; empty for calls that have none, which no plan
                blocks for being unknown.
            name: The canonical name.
            fields: Its properties; the traits of an identify call.
        """
        named = original if original in self._schemas else name
        if original and named not in self._schemas and self.plan.unknown_events == "block":
            return rejected("unplanned_event")
        verdict = self.check(named, fields)
        if verdict.violations and self.plan.violations == "block":
            return rejected("plan_violation", "; ".join(verdict.violations) + ".")
        return verdict

    def check(self, name: str, fields: dict[str, Any]) -> Verdict:
        """Hold the fields of an event to its schema. An event the plan does not name breaks nothing."""
        schema = self._schemas.get(name)
        if schema is None:
            return Verdict(fields)
        breaches = list(schema.iter_errors(fields))
        if not breaches:
            return Verdict(fields)
        told = tuple(dict.fromkeys(_told(b) for b in breaches))
        if len(told) > VIOLATIONS_MAX:
            told = (*told[:VIOLATIONS_MAX], f"and {len(told) - VIOLATIONS_MAX} more")
        if self.plan.violations != "omit":
            return Verdict(fields, told)
        dropped = {str(key) for b in breaches for key in _offenders(b)}
        kept = {key: value for key, value in fields.items() if key not in dropped}
        return Verdict(kept, told, len(kept) < len(fields))


def _told(breach: jsonschema.ValidationError) -> str:
    """One breach in English. The library's own messages quote values, so none of them is used."""
    at = "".join(f"/{step}" for step in _safe(breach)) or "/"
    rule, wanted = str(breach.validator), cast("Any", breach.validator_value)
    if rule == "required":
        missing = [key for key in wanted if key not in cast("Any", breach.instance)]
        return f"{at} lacks {', '.join(f'`{key}`' for key in missing)}"
    if rule == "type":
        return f"{at} should be {wanted if type(wanted) is str else ' or '.join(wanted)}"
    return f"{at} breaks `{rule}`"


def _safe(breach: jsonschema.ValidationError) -> Iterator[str]:
    """The path of a breach; keys that the schema does not name could hold anything and are shown as `*`."""
    named = set(breach.absolute_schema_path)
    for step in breach.absolute_path:
        yield str(step) if type(step) is int or step in named else "*"


def _offenders(breach: jsonschema.ValidationError) -> list[Any]:
    """The top-level fields that break the schema; none when something is missing."""
    if breach.absolute_path:
        return [breach.absolute_path[0]]
    if breach.validator in ("additionalProperties", "unevaluatedProperties") and type(breach.schema) is dict:
        return _unnamed(cast("Any", breach.instance), breach.schema)
    return []
