"""What if: how people would change were the log processed again under today's configuration."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from onefold.model import NodeId, format_profile_id
from onefold.ports import ProfileStore


class Difference(msgspec.Struct, frozen=True):
    """How two stores differ in who is who.

    Attributes:
        people_before: People in the first store.
        people_after: People in the second.
        joined: People of the second who are several in the first.
        parted: People of the first who are several in the second.
        appeared: Identifiers only the second knows.
        vanished: Identifiers only the first knows.
        examples: Up to ten profile ids that are joined or parted.
    """

    people_before: int
    people_after: int
    joined: int
    parted: int
    appeared: int
    vanished: int
    examples: tuple[str, ...]


def compare(before: ProfileStore, after: ProfileStore) -> Difference:
    """Compare who is who; holds one entry per node in memory."""
    old, new = _people(before), _people(after)
    origins: dict[NodeId, set[NodeId]] = defaultdict(set)
    ends: dict[NodeId, set[NodeId]] = defaultdict(set)
    for node, person in old.items():
        if node in new:
            origins[new[node]].add(person)
            ends[person].add(new[node])
    joined = sorted(p for p, sources in origins.items() if len(sources) > 1)
    parted = sorted(p for p, targets in ends.items() if len(targets) > 1)
    return Difference(
        people_before=len(set(old.values())),
        people_after=len(set(new.values())),
        joined=len(joined),
        parted=len(parted),
        appeared=len(new.keys() - old.keys()),
        vanished=len(old.keys() - new.keys()),
        examples=tuple(format_profile_id(p) for p in [*joined, *parted][:10]),
    )


def _people(store: ProfileStore) -> dict[NodeId, NodeId]:
    with store.snapshot() as snapshot:
        return {row.member.id: row.member.person for row in snapshot.scan()}
