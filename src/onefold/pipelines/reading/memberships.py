"""Memberships of a person, as a profile tells them: since when, why, and until when at least."""

from __future__ import annotations

from onefold.audiences import reason as reasons
from onefold.model import NodeId, results
from onefold.ports import ProfileSnapshot
from onefold.profiles.profile import iso


def memberships_of(snapshot: ProfileSnapshot, person: NodeId) -> dict[str, results.ProfileSegment]:
    """The segments and lifecycle stages that a person is in, by name."""
    found = sorted(snapshot.memberships([person]), key=lambda one: one.audience)
    if not found:
        return {}
    standing = snapshot.standings([person]).get(person)
    until = iso(None if standing is None else standing.due_us)
    return {
        one.audience: results.ProfileSegment(
            since=iso(one.since_us), because=reasons.decode(one.reason).because, until=until
        )
        for one in found
    }
