"""Limits: how many identifiers of a type one person may have, for ever or in a sliding window.

All limits are upper bounds. So what breaks one breaks it in any larger group too, and a group that keeps them all has
no part that breaks one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from onefold.identity.settings import IdentitySettings, IdentityType
from onefold.model import Member

Sightings = dict[str, list[int]]
"""First sightings of a group's identifiers, by type, in rising order, microseconds; only types that have a limit."""


def violation(members: Iterable[Member], settings: IdentitySettings) -> str | None:
    """The strongest type whose limit these nodes together break, were they one person; None if they may be one."""
    sightings: Sightings = {}
    twice = False
    for member in members:
        times = sightings.setdefault(member.type, [])
        times.append(member.first_seen_us)
        twice = twice or len(times) > 1
    if not twice:  # every limit allows one
        return None
    broken = [name for name, times in sightings.items() if exceeds(sorted(times), settings.type(name))]
    return min(broken, key=lambda name: (-settings.priority(name), name), default=None)


def exceeds(times: list[int], kind: IdentityType) -> bool:
    """Whether one person's first sightings of a type, in rising order, break its limit."""
    limit = kind.limit
    if limit is None or len(times) <= limit:
        return False
    window = kind.window_us
    if window is None:
        return True
    return any(times[i + limit] - times[i] < window for i in range(len(times) - limit))


def sighting(member: Member, settings: IdentitySettings) -> Sightings:
    """The sightings of a group of one."""
    return {} if settings.type(member.type).limit is None else {member.type: [member.first_seen_us]}


def absorb(into: Sightings, other: Sightings) -> None:
    """Add a group's sightings to another's, in place."""
    for name, times in other.items():
        mine = into.get(name)
        if mine is None:
            into[name] = list(times)
        elif len(times) > 1:
            mine.extend(times)
            mine.sort()
        else:
            insort(mine, times[0])


def obstacle(a: Sightings, b: Sightings, settings: IdentitySettings) -> str | None:
    """The strongest type whose limit joining two groups breaks; None if the join may stand.

    A limit is broken where a window holds more identifiers than it allows, from both sides. What one side broke on its
    own, because somebody judged it so, does not stand in the way.
    """
    broken = [name for name in a if name in b and _join_exceeds(a[name], b[name], name, settings)]
    if not broken:
        return None
    return min(broken, key=lambda name: (-settings.priority(name), name))


def unique_obstacle(a: Sightings, b: Sightings, settings: IdentitySettings) -> str | None:
    """The strongest unique type that both groups have: the one kind of limit that a judgement cannot lift."""
    both = [name for name in a if name in b and settings.type(name).unique]
    if not both:
        return None
    return min(both, key=lambda name: (-settings.priority(name), name))


def _join_exceeds(a: list[int], b: list[int], name: str, settings: IdentitySettings) -> bool:
    kind = settings.type(name)
    limit = kind.limit
    if limit is None or len(a) + len(b) <= limit:
        return False
    window = kind.window_us
    if window is None:
        return True
    if len(a) < len(b):
        a, b = b, a
    # Only what lies within a window of the smaller side can share a window with it.
    near = a[bisect_right(a, b[0] - window) : bisect_left(a, b[-1] + window)]
    run = sorted([(t, 0) for t in near] + [(t, 1) for t in b])
    from_b = sum(side for _, side in run[:limit])
    for i in range(len(run) - limit):
        from_b += run[i + limit][1]
        if 0 < from_b <= limit and run[i + limit][0] - run[i][0] < window:
            return True
        from_b -= run[i][1]
    return False
