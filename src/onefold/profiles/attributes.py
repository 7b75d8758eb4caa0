"""Attributes: the values of each field that events state, use and clear, as a node's state keeps them."""

from __future__ import annotations

from onefold.model import Event
from onefold.profiles.bounds import Attributes, bounded_attributes, bounded_once
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.survivorship import (
    LARGE,
    Candidate,
    Moment,
    Once,
    bounded,
    identity,
    size_class,
    storable,
    united,
    united_clears,
    united_once,
)

_ADDRESSES = frozenset({"email", "phone"})
"""Types of identifiers that are fields of a profile, too."""


def described(attributes: Attributes, event: Event, settings: ProfileSettings) -> Attributes:
    """The attributes with what an event states; the same mapping, changed in place where nothing falls out."""
    source, at_us, event_id = event.source, event.ranked_us, event.id
    grown, large = False, False
    for field, stated in event.traits.items():
        value = storable(stated)
        if value is None:
            continue
        rule = settings.rule_for(field)
        new = Candidate(value, source, at_us, event_id, 1 if rule.strategy == "most_frequent" else 0)
        held = attributes.get(field)
        if held is None:
            attributes[field] = [new]
        elif (
            len(held) == 1
            and (only := held[0]).source == source
            and (not only.count or new.count)
            and identity(only.value) == identity(value)
        ):
            # The usual case: the same source says the same again.
            if (at_us, event_id) < (only.at_us, only.event):
                at_us_kept, event_kept = only.at_us, only.event
            else:
                at_us_kept, event_kept = at_us, event_id
            # A new list: this one may be shared with the state it was merged from.
            attributes[field] = [Candidate(value, source, at_us_kept, event_kept, only.count + new.count)]
            continue
        else:
            attributes[field] = united(held, (new,), rule, settings.candidates_kept, field)
        grown, large = True, large or size_class(field, value) > 0
    # Small values are counted only where there are many; the usual event pays for neither.
    if large or (grown and sum(map(len, attributes.values())) > settings.limits.candidates[0]):
        return bounded_attributes(attributes, settings)
    return attributes


def used(attributes: Attributes, event: Event, settings: ProfileSettings) -> Attributes:
    """The attributes with what an event of engagement uses: its traits, and the addresses that it names."""
    addresses = [(one.type, one.value) for one in event.identifiers if one.type in _ADDRESSES]
    # An address that identity refused, or read otherwise than it stands there, is nobody's as it stands there.
    doubtful = {finding.where for finding in event.findings}
    for field, stated in (*event.traits.items(), *addresses):
        rule, value = settings.rule_for(field), storable(stated)
        if rule.strategy == "latest_engagement" and value is not None and field not in doubtful:
            use = Candidate(value, event.source, event.ranked_us, event.id, 1)
            attributes[field] = united(attributes.get(field, []), (use,), rule, settings.candidates_kept, field)
    return bounded_attributes(attributes, settings)


def described_once(once: dict[str, Once], event: Event, settings: ProfileSettings) -> dict[str, Once]:
    """The values stated once, with those of an event."""
    stated = {}
    for field, raw in event.traits_once.items():
        value = storable(raw)
        if value is not None and size_class(field, value) < LARGE:
            only = (Candidate(value, event.source, event.timestamp_us, event.id),)
            stated[field] = Once(only, only)
    return all_once(once, stated, settings)


def all_once(a: dict[str, Once], b: dict[str, Once], settings: ProfileSettings) -> dict[str, Once]:
    """The values stated once of both, by field."""
    if not b:
        return dict(a)
    found = dict(a)
    for field, once in b.items():
        before = found.get(field)
        found[field] = united_once(before or Once(), once, settings.candidates_kept, field)
    return bounded_once(found, settings)


def all_clears(
    a: dict[str, dict[str, Moment]], b: dict[str, dict[str, Moment]], settings: ProfileSettings
) -> dict[str, dict[str, Moment]]:
    """The latest clears of both, by field and source."""
    found = dict(a)
    for field, clears in b.items():
        before = found.get(field)
        found[field] = clears if before is None else united_clears(before, clears)
    return bounded(found, settings.limits.cleared, settings.declared_fields)
