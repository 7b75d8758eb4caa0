"""A group: a company, account or team that a person belongs to, with what was last said of it.

A group is known through its people: each node keeps the groups that its events named, and the profile shows what all of
a person's nodes know of them. Every trait of a group is its latest statement; None, the latest word being a clear, is
kept, so that an older value which arrives later does not come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from onefold.model import Event
from onefold.profiles.limits import Limits
from onefold.profiles.survivorship import LARGE, Candidate, size_class, storable


class GroupState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a node knows of one group: when its events first and last named it, and the latest value of each trait."""

    first_us: int
    last_us: int
    traits: dict[str, Candidate] = {}


Groups = dict[str, dict[str, GroupState]]
"""Type to id to state."""


def joined(groups: Groups, event: Event, limits: Limits) -> Groups:
    """`groups` with what one event says of them."""
    at_us = event.timestamp_us
    stated: Groups = {}
    for said in event.groups:
        traits = {
            field: Candidate(value, event.source, at_us, event.id)
            for field, raw in said.traits.items()
            # Null clears a trait; what else says nothing (a blank text, an empty list) changes nothing.
            if ((value := storable(raw)) is not None or raw is None) and size_class(field, value) < LARGE
        }
        stated.setdefault(said.type, {})[said.id] = GroupState(at_us, at_us, traits)
    return united_groups(groups, stated, limits)


def united_groups(a: Groups, b: Groups, limits: Limits) -> Groups:
    """The groups of both, each of which may have been folded from other events."""
    if not b:
        return dict(a)
    found = dict(a)
    for type_, groups in b.items():
        of_type = dict(found.get(type_, {}))
        for id_, state in groups.items():
            before = of_type.get(id_)
            of_type[id_] = state if before is None else _both(before, state)
        found[type_] = of_type
    return _bounded(found, limits)


def _bounded(groups: Groups, limits: Limits) -> Groups:
    """The first groups by type and id, with the first traits of them all, because these would be kept in any order."""
    named = sorted((type_, id_) for type_, of_type in groups.items() for id_ in of_type)
    left = limits.group_traits
    if len(named) <= limits.groups and sum(len(groups[t][i].traits) for t, i in named) <= left:
        return groups
    found: Groups = {}
    for type_, id_ in named[: limits.groups]:
        group = groups[type_][id_]
        traits = {field: group.traits[field] for field in sorted(group.traits)[:left]}
        left -= len(traits)
        found.setdefault(type_, {})[id_] = GroupState(group.first_us, group.last_us, traits)
    return found


def values(group: GroupState) -> Mapping[str, Any]:
    """The traits that have a value now."""
    return {field: c.value for field, c in sorted(group.traits.items()) if c.value is not None}


def _both(a: GroupState, b: GroupState) -> GroupState:
    traits = dict(a.traits)
    for field, c in b.traits.items():
        before = traits.get(field)
        if before is None or _order(c) > _order(before):
            traits[field] = c
    return GroupState(min(a.first_us, b.first_us), max(a.last_us, b.last_us), traits)


def _order(c: Candidate) -> tuple[int, bytes, str]:
    return c.at_us, c.event, c.source
