"""Profiles as rows of `golden.profile_change`: of whom the feed concerns, as one snapshot of the store has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from decimal import Context as DecimalContext
from decimal import Decimal
from itertools import islice

import msgspec

from onefold.model import NodeId
from onefold.pipelines.context import Context
from onefold.pipelines.reading import neighbours
from onefold.pipelines.reading.basis import based
from onefold.pipelines.reading.people import only_in_aliases
from onefold.pipelines.reading.profiles import profile_of, shown_nodes
from onefold.ports import NodeRow, ProfileSnapshot
from onefold.profiles.profile import Profile, iso, row_of
from onefold.rules import Row
from onefold.warehouse.rows import ProfileRow, gone_row
from onefold.warehouse.touched import Touched

_PEOPLE_AT_ONCE = 2_000
_DECIMAL = Decimal("1e-9")
_DECIMAL_LIMIT = Decimal("1e29")
_DIGITS = DecimalContext(prec=60)
_json = msgspec.json.Encoder().encode


def profile_rows(context: Context, snapshot: ProfileSnapshot, touched: Touched) -> Iterator[ProfileRow]:
    """The rows of everybody whom something concerns, and of ids that nobody has any more; some people at a time.

    It uses up `touched`: of a large store that is some hundred megabytes, which are not held while profiles are worked out.
    """
    nodes, people_before, linked = touched.nodes, touched.people, touched.linked
    nodes |= people_before
    nodes |= neighbours.near(snapshot, linked)
    linked.clear()
    alive: set[NodeId] = set()
    for asked in _batches(nodes):
        alive.update(row.member.person for row in snapshot.nodes(asked).values())
    nodes.clear()
    people_before -= alive
    yield from map(gone_row, sorted(people_before))
    for some in _batches(alive):
        yield from map(profile_row, people(context, snapshot, some))


def _batches(ids: Collection[NodeId]) -> Iterator[list[NodeId]]:
    waiting = iter(sorted(ids))
    while some := list(islice(waiting, _PEOPLE_AT_ONCE)):
        yield some


def people(context: Context, snapshot: ProfileSnapshot, ids: Collection[NodeId]) -> Iterator[Profile]:
    """The profiles of these people, as look-ups find them."""
    return (profile for profile, _ in people_with_nodes(context, snapshot, ids))


def people_with_nodes(
    context: Context, snapshot: ProfileSnapshot, ids: Collection[NodeId]
) -> Iterator[tuple[Profile, list[NodeId]]]:
    """The same, each with the person's nodes."""
    found = list(_people(snapshot, ids))
    context = based(context, snapshot)
    apart = neighbours.alone(snapshot, [[row.member.id for row in rows] for _, rows in found])
    for (person, rows), alone in zip(found, apart, strict=True):
        members = [row.member for row in rows]
        beside = [] if alone else neighbours.spoken_beside(context, snapshot, members)
        profile = profile_of(context, person, rows, only_in_aliases(snapshot, members), beside)
        yield profile, [member.id for member in members]


def rows_with_nodes(
    context: Context, snapshot: ProfileSnapshot, ids: Collection[NodeId]
) -> Iterator[tuple[NodeId, Row, list[NodeId]]]:
    """What rules read of these people, the `row` of their profiles; with their nodes."""
    found = list(_people(snapshot, ids))
    now_us = context.clock_us()
    apart = neighbours.alone(snapshot, [[row.member.id for row in rows] for _, rows in found])
    for (person, rows), alone in zip(found, apart, strict=True):
        members = [row.member for row in rows]
        beside = [] if alone else neighbours.spoken_beside(context, snapshot, members)
        nodes = shown_nodes(context, rows, only_in_aliases(snapshot, members))
        yield person, row_of(nodes, context.profiles, now_us, beside), [member.id for member in members]


def _people(snapshot: ProfileSnapshot, ids: Collection[NodeId]) -> Iterator[tuple[NodeId, list[NodeRow]]]:
    """These people with the rows of their nodes."""
    named = snapshot.nodes(sorted(ids))
    members = snapshot.members(sorted({row.member.component for row in named.values()}))
    wanted = set(ids)
    rows = snapshot.nodes(sorted({m.id for m in members if m.person in wanted}))
    nodes: dict[NodeId, list[NodeRow]] = defaultdict(list)
    for row in rows.values():
        nodes[row.member.person].append(row)
    yield from nodes.items()


def profile_row(profile: Profile) -> ProfileRow:
    """A profile as a row of `golden.profile_change`."""
    primary = next((i for i in profile.identifiers if i.primary), None)
    return (
        profile.id,
        False,
        None if primary is None else primary.type,
        None if primary is None else primary.value,
        _json([{"type": i.type, "value": i.value, "node": i.node.hex()} for i in profile.identifiers]),
        _json({field: attribute.winner.value for field, attribute in profile.attributes.items()}),
        profile.events,
        profile.sessions,
        profile.purchases,
        profile.unpriced,
        _decimal(profile.revenue),
        _json({currency: f"{amount:f}" for currency, amount in profile.revenues.items()}),
        profile.first_seen_us,
        profile.last_seen_us,
        profile.last_active_us,
        profile.stage,
        profile.stage_changes_us,
        _json(
            {
                purpose: {"granted": said.granted, "at": iso(said.at_us), "source": said.source}
                for purpose, said in profile.consents.items()
            }
        ),
        _json(profile.sources),
        _json([{"type": g.type, "id": g.id, "traits": dict(g.traits)} for g in profile.groups])
        if profile.groups
        else None,
    )


def _decimal(amount: Decimal) -> Decimal | None:
    """The amount as a column of 38 digits holds it; None where it does not. The exact one stands in `revenues`."""
    return amount.quantize(_DECIMAL, context=_DIGITS) if abs(amount) < _DECIMAL_LIMIT else None
