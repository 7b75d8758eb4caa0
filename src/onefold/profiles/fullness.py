"""Fullness: what of a person stands at its limit, so that of more only a fixed choice is kept."""

from __future__ import annotations

from onefold.governance.consent import Spoken
from onefold.profiles import sessions
from onefold.profiles.consents import ABOUT_KEPT
from onefold.profiles.money import UNREADABLE_CURRENCY
from onefold.profiles.operations import is_full
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.state import NodeState
from onefold.profiles.survivorship import size_class


def full(total: NodeState, spoken: tuple[Spoken, ...], settings: ProfileSettings) -> tuple[str, ...]:
    """The kinds of things of which a person, or a node of theirs, has as many as are kept.

    `traits`, `consents`, `traits_once`, `cleared`, `operations`, `groups` (with their traits), `sessions`, `currencies`.
    """
    limits = settings.limits
    counts = [0, 0, 0]
    for field, candidates in total.attributes.items():
        for c in candidates:
            counts[size_class(field, c.value)] += 1
    groups = [group for of_type in total.groups.values() for group in of_type.values()]
    said = max((len(node.registers) for node in spoken), default=0)
    about = max((len(words) for node in spoken for words in node.about.values()), default=0)
    reached = {
        "traits": any(n >= most for n, most in zip(counts, limits.candidates, strict=True)),
        "consents": said >= limits.purposes or about >= ABOUT_KEPT,
        "traits_once": sum(len(once.first) for once in total.once.values()) >= limits.once,
        "cleared": len(total.cleared) >= limits.cleared,
        "operations": len(total.operations) >= limits.operations or is_full(total.operations),
        "groups": len(groups) >= limits.groups or sum(len(g.traits) for g in groups) >= limits.group_traits,
        "sessions": sessions.slices(total.sessions, settings.session_gap_us) >= limits.session_slices,
        "currencies": len(total.revenue.keys() - {UNREADABLE_CURRENCY}) >= limits.currencies,
    }
    return tuple(name for name, is_full in reached.items() if is_full)
