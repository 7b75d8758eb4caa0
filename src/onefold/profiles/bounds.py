"""Bounds: how much of what was said at one node is kept, whatever is sent, and by which order.

Without them one write key could make a node of hundreds of megabytes out of small events, and each further one of them
would take seconds. What is dropped must not depend on the order of arrival. So each rule here keeps the first of a fixed
order of things that are only ever added (slots, slices of time, names): what was once behind the last that is kept stays
behind it, and nothing that was dropped is ever missed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from heapq import nsmallest

from onefold.profiles.settings import ProfileSettings
from onefold.profiles.survivorship import LATEST, Candidate, Once, best, counted, identity, size_class

Attributes = dict[str, list[Candidate]]
_Group = tuple[str, str, int]
"""Field, source and size class."""
_Slot = tuple[int, int, str, str]
"""A place for one candidate: its rank in its group, then whether its field is declared, the field, the source."""


def bounded_attributes(attributes: Attributes, settings: ProfileSettings) -> Attributes:
    """The attributes within the limits of their size classes.

    The best value of each field and source goes before all second-best ones, fields that the configuration names or that
    everybody has before others, then by name. A slot is occupied from the moment at which a field has so many values, for
    good, so a slot that is behind all that are kept stays there, whatever comes.
    """
    groups: dict[_Group, int] = defaultdict(int)
    for field, candidates in attributes.items():
        for c in candidates:
            groups[field, c.source, size_class(field, c.value)] += 1
    slots: tuple[list[_Slot], list[_Slot], list[_Slot]] = ([], [], [])
    for (field, source, size), count in groups.items():
        tier = 0 if field in settings.declared_fields else 1
        # Beside the best of a group the latest may be kept, too: these have no slots of their own.
        ranks = min(count, counted(settings.rule_for(field), settings.candidates_kept))
        slots[size].extend((rank, tier, field, source) for rank in range(ranks))
    most = settings.limits.candidates
    if all(len(found) <= limit for found, limit in zip(slots, most, strict=True)):
        return attributes
    depths: dict[_Group, int] = defaultdict(int)
    for size, (found, limit) in enumerate(zip(slots, most, strict=True)):
        for _, _, field, source in found if len(found) <= limit else nsmallest(limit, found):
            depths[field, source, size] += 1
    cut = {field for (field, source, size), count in groups.items() if count > depths[field, source, size]}
    kept = {
        field: _within(field, candidates, depths, settings) if field in cut else candidates
        for field, candidates in attributes.items()
    }
    return {field: candidates for field, candidates in kept.items() if candidates}


def _within(
    field: str, candidates: Sequence[Candidate], depths: Mapping[_Group, int], settings: ProfileSettings
) -> list[Candidate]:
    """Of each group the best, as many as it has slots left; in canonical order, as they came."""
    rule = settings.rule_for(field)
    groups: dict[_Group, list[Candidate]] = defaultdict(list)
    for c in candidates:
        groups[field, c.source, size_class(field, c.value)].append(c)
    kept = {id(c) for group, found in groups.items() for c in best(found, rule, depths[group])}
    return [c for c in candidates if id(c) in kept]


def bounded_once(once: dict[str, Once], settings: ProfileSettings) -> dict[str, Once]:
    """Values stated once within their limit, by slots as those of attributes; all of them are small or of medium size."""
    slots: list[_Slot] = []
    for field, held in once.items():
        tier = 0 if field in settings.declared_fields else 1
        # A value may have been dropped from one half and not from the other.
        counts = Counter(source for source, _ in {(c.source, identity(c.value)) for c in (*held.first, *held.last)})
        slots.extend(
            (rank, tier, field, source)
            for source, count in counts.items()
            for rank in range(min(count, settings.candidates_kept))
        )
    if len(slots) <= settings.limits.once:
        return once
    depths = Counter((field, source) for _, _, field, source in nsmallest(settings.limits.once, slots))
    found = {}
    for field, held in once.items():
        first: list[Candidate] = []
        last: list[Candidate] = []
        for source in {c.source for c in held.first}:
            depth = depths[field, source]
            # The earliest stand first.
            first += [c for c in held.first if c.source == source][:depth]
            last += best([c for c in held.last if c.source == source], LATEST, depth)
        if first:
            found[field] = Once(tuple(c for c in held.first if c in first), tuple(c for c in held.last if c in last))
    return found
