"""The survey: everybody assessed from scratch, as of one snapshot and one moment. What memberships are compared with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import msgspec

from onefold.audiences.assessment import Assessment, assess
from onefold.model import Identifier, NodeId, format_profile_id, results
from onefold.pipelines.audiences import schedule
from onefold.pipelines.audiences.rules import Held
from onefold.pipelines.context import Context
from onefold.pipelines.reading.profile_rows import people_with_nodes
from onefold.ports import ProfileSnapshot
from onefold.profiles.profile import Profile, name_of

_PEOPLE_AT_ONCE = 1_000
SAMPLES = 5
"""People shown as examples."""


class Assessed(msgspec.Struct, frozen=True):
    """Somebody with what was found of them, and the audiences that they are in by the store."""

    profile: Profile
    found: Assessment
    stored: frozenset[str]


def sample(profile: Profile) -> results.Sample:
    """Somebody as an example to show."""
    return results.Sample(
        profile_id=format_profile_id(profile.id), identifier=strongest(profile), name=name_of(profile)
    )


def strongest(profile: Profile) -> Identifier | None:
    """The identifier by which a person is shown."""
    return next((Identifier(i.type, i.value) for i in profile.identifiers if i.primary), None)


def everybody(
    context: Context, snapshot: ProfileSnapshot, held: Held, now_us: int, *, refresh: bool
) -> Iterator[Assessed]:
    """Everybody in order of their ids, assessed under these rules as of now.

    With `refresh` scheduled segments are worked out, too; else whoever is in one by the store, is.
    """
    cuts: dict[str, Decimal | None] = dict(held.cuts)
    if refresh:
        tops = [rule for rule in held.rules.rules if rule.definition.top is not None]
        points = schedule.cut_points(context, snapshot, held, tops, now_us)
        cuts.update((rule.definition.slug, None) for rule in tops)
        cuts.update((slug, Decimal(cut)) for slug, cut in points.items())
    kept = frozenset[str]() if refresh else held.scheduled
    after: NodeId = b""
    while some := snapshot.people(after=after, limit=_PEOPLE_AT_ONCE):
        after = some[-1]
        yield from assessed(context, snapshot, held, some, now_us, kept=kept, cuts=cuts)


def assessed(
    context: Context,
    snapshot: ProfileSnapshot,
    held: Held,
    people: list[NodeId],
    now_us: int,
    *,
    kept: frozenset[str] | None = None,
    cuts: dict[str, Decimal | None] | None = None,
) -> Iterator[Assessed]:
    """These people, assessed under these rules as of now; in order of their ids."""
    asking = replace(context, profiles=held.settings, clock_us=lambda: now_us)
    kept = held.scheduled if kept is None else kept
    stored: dict[NodeId, set[str]] = defaultdict(set)
    for membership in snapshot.memberships(people):
        stored[membership.person].add(membership.audience)
    found = sorted(people_with_nodes(asking, snapshot, people), key=lambda one: one[0].id)
    lists: dict[NodeId, set[str]] = defaultdict(set)
    if held.rules.lists:
        for entry in snapshot.listed([node for _, nodes in found for node in nodes]):
            lists[entry.node].add(entry.audience)
    for profile, nodes in found:
        standing = set().union(*(lists[node] for node in nodes if node in lists)) if lists else set[str]()
        standing |= stored[profile.id] & kept
        row = profile.row
        stage = held.stage(row, now_us)
        assessment = assess(
            held.rules, row, now_us, stage=stage, kept=kept, standing=standing,
            cuts=held.cuts if cuts is None else cuts,
        )  # fmt: skip
        yield Assessed(profile, assessment, frozenset(stored[profile.id]))
