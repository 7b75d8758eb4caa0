"""Reading computed traits: what a person's nodes, added up, come to as of a moment."""

from __future__ import annotations

from typing import Any

import msgspec

from onefold.profiles.computed import values
from onefold.profiles.settings import TRACKED, ProfileSettings
from onefold.profiles.state import NodeState, Occurrences
from onefold.rules import Aggregate, Kind


class ComputedTrait(msgspec.Struct, frozen=True, gc=False):
    """A computed trait as of the profile's moment.

    Attributes:
        value: Times in microseconds; None where nothing was stated.
        kind: What the value is.
        changes_us: Until when it stays if nothing happens; None for ever.
        full: Whether more was said than is kept.
    """

    value: Any
    kind: Kind
    changes_us: int | None
    full: bool


def tracked(total: NodeState, settings: ProfileSettings) -> dict[str, Occurrences]:
    """How often the tracked events happened, first and last when, by name; those that did."""
    found = {}
    for name in sorted(settings.tracked_events):
        kept = [settings.computed.kept_of(Aggregate(function, name)) for function in TRACKED]
        held = [(one, series) for one in kept if (series := one.held(total.computed)) is not None]
        if len(held) == len(kept):
            found[name] = Occurrences(*(values.value(one, series) for one, series in held))
    return found


def traits(total: NodeState, settings: ProfileSettings, as_of_us: int) -> dict[str, ComputedTrait]:
    """The traits of a person whose nodes add up to this, by name."""
    found = {}
    for trait in settings.traits:
        kept = settings.computed.kept_of(trait.aggregate)
        series = kept.held(total.computed)
        value = None if series is None else values.value(kept, series)
        changes_us = value.next_change(as_of_us) if isinstance(value, values.Windowed) else None
        full_up = series is not None and values.is_full(kept, series)
        found[trait.name] = ComputedTrait(values.value_at(kept, series, as_of_us), trait.kind, changes_us, full_up)
    return found


def known(name: str, total: NodeState, settings: ProfileSettings, as_of_us: int) -> Any:
    """The value of the trait of this name as of a moment; None where there is no such trait, or it lacks its past yet."""
    for trait in settings.traits:
        if trait.name == name and trait.aggregate not in settings.basis.filling:
            kept = settings.computed.kept_of(trait.aggregate)
            return values.value_at(kept, kept.held(total.computed), as_of_us)
    return None
