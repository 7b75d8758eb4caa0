"""Constraints: how many identifiers of a type one person may have.

All are upper bounds, so a part never breaks one that the whole keeps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from onefold.identity.settings import IdentitySettings
from onefold.model import Member

Load = dict[str, list[int]]
"""For each limited type, when its identifiers were first seen."""


def load_of(members: Iterable[Member], settings: IdentitySettings) -> Load:
    """The limited identifiers of a group."""
    load: Load = defaultdict(list)
    for member in members:
        if settings.type(member.type).limit is not None:
            load[member.type].append(member.first_seen_us)
    return load


def violation(members: Iterable[Member], settings: IdentitySettings) -> str | None:
    """The type whose limit the group breaks, first in the alphabet; None when it breaks none."""
    load = load_of(members, settings)
    for kind in sorted(load):
        declared = settings.type(kind)
        if declared.limit is not None and crowd(load[kind], declared.window_us) > declared.limit:
            return kind
    return None


def crowding(a: Load, b: Load, settings: IdentitySettings) -> str | None:
    """The type whose limit keeps two groups apart: together they break it, and worse than either does alone.

    A group may be over a limit already, where a person said so; that must not keep everybody else out.
    """
    for kind in sorted(a.keys() & b.keys()):
        declared = settings.type(kind)
        together = crowd([*a[kind], *b[kind]], declared.window_us)
        if declared.limit is not None and together > declared.limit:
            alone = max(crowd(a[kind], declared.window_us), crowd(b[kind], declared.window_us))
            if together > alone:
                return kind
    return None


def crowd(times_us: Sequence[int], window_us: int | None) -> int:
    """Most of `times_us` within any stretch shorter than `window_us`; all of them without a window."""
    if window_us is None:
        return len(times_us)
    ordered = sorted(times_us)
    most = start = 0
    for end, at in enumerate(ordered):
        while at - ordered[start] >= window_us:
            start += 1
        most = max(most, end - start + 1)
    return most
