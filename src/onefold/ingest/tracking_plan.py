"""The tracking plan: what the events of a source must look like, and what happens to those that do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import jsonschema
import msgspec
import referencing

Action = Literal["allow", "block", "omit"]

_CLOSED: referencing.Registry[Any] = referencing.Registry()
"""Holds no schema and fetches none."""


class TrackingPlan(msgspec.Struct, frozen=True):
    """The plan of one source.

    Attributes:
        events: JSON Schema (2020-12) of the properties of each named event; None accepts any. `identify` and `record`
            name the schema of traits.
        unknown_events: What happens to events the plan does not name.
        violations: What happens to events that break their schema: kept and noted, made a dead letter, or kept without
            the properties at fault.
    """

    events: Mapping[str, dict[str, Any] | None]
    unknown_events: Literal["allow", "block"] = "allow"
    violations: Action = "allow"


class Finding(msgspec.Struct, frozen=True):
    """What the plan says of one event: sentences without values, the properties to leave out, whether to block it."""

    violations: tuple[str, ...] = ()
    omit: tuple[str, ...] = ()
    block: bool = False


_NOTHING = Finding()


class Checker:
    """One source's plan, its schemas read once. Schemas may refer to themselves only: nothing is ever fetched."""

    def __init__(self, plan: TrackingPlan) -> None:
        self._plan = plan
        self._validators = {
            name: None if schema is None else jsonschema.Draft202012Validator(schema, registry=_CLOSED)
            for name, schema in plan.events.items()
        }

    def check(self, name: str, stated: Mapping[str, Any]) -> Finding:
        """Judge an event's properties (or traits)."""
        if name not in self._validators:
            if self._plan.unknown_events == "block":
                return Finding(("The tracking plan does not name this event.",), block=True)
            return _NOTHING
        validator = self._validators[name]
        if validator is None:
            return _NOTHING
        errors = sorted(validator.iter_errors(stated), key=lambda e: [str(p) for p in e.absolute_path])
        if not errors:
            return _NOTHING
        violations = tuple(f"/{'/'.join(map(str, e.absolute_path))} breaks `{e.validator}`" for e in errors)
        omit: tuple[str, ...] = ()
        if self._plan.violations == "omit":
            named = {str(e.absolute_path[0]) for e in errors if e.absolute_path}
            extra = {key for e in errors if e.validator == "additionalProperties" for key in _extra(e)}
            omit = tuple(sorted(named | extra))
        return Finding(violations, omit, block=self._plan.violations == "block")


def _extra(error: jsonschema.ValidationError) -> set[str]:
    schema = error.schema if isinstance(error.schema, dict) else {}
    return set(error.instance) - set(schema.get("properties", {})) if isinstance(error.instance, dict) else set()
