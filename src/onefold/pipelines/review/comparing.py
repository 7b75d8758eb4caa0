"""Comparing: the two sides of a pair with what is known of each, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from onefold.identity.differences import difference
from onefold.identity.review import Pair
from onefold.model import NodeId, format_profile_id, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading.people import labels
from onefold.pipelines.reading.profile_rows import people_with_nodes
from onefold.pipelines.reading.profiles import profile_of
from onefold.ports import NodeRow, ProfileSnapshot
from onefold.profiles.profile import Profile, iso

_ORDER = {"different": 0, "close": 1, "equal": 2, "missing": 3}
_VALUES_MAX = 10
"""Identifiers of a type that are shown of one side."""


class Side(msgspec.Struct, frozen=True):
    """One side of a pair: the node, its label, and the profile that is compared."""

    node: NodeId
    person: NodeId
    label: str
    profile: Profile
    identifiers: int

    def as_result(self) -> results.ReviewSide:
        """As the service answers it."""
        return results.ReviewSide(
            node=format_profile_id(self.node),
            label=self.label,
            profile_id=format_profile_id(self.person),
            identifiers=self.identifiers,
            events=self.profile.events,
            revenue=f"{self.profile.revenue:f}",
            first_seen=iso(self.profile.first_seen_us),
            last_seen=iso(self.profile.last_seen_us),
        )


def sides(context: Context, snapshot: ProfileSnapshot, pairs: Sequence[Pair]) -> dict[Pair, tuple[Side, Side]]:
    """Both sides of each of these pairs whose nodes exist.

    Two people are compared by their profiles. Of one person, what is known under each of the two identifiers is compared.
    """
    rows = snapshot.nodes(sorted({node for pair in pairs for node in pair}))
    there = [pair for pair in pairs if pair[0] in rows and pair[1] in rows]
    apart = {pair for pair in there if rows[pair[0]].member.person != rows[pair[1]].member.person}
    wanted = {rows[node].member.person for pair in apart for node in pair}
    known = {profile.id: (profile, len(nodes)) for profile, nodes in people_with_nodes(context, snapshot, wanted)}
    label = labels(context, rows)

    def side(row: NodeRow, *, whole: bool) -> Side:
        node, person = row.member.id, row.member.person
        found = known.get(person) if whole else None
        profile, many = found or (profile_of(context, node, [row], frozenset()), 1)
        return Side(node, person, label(node), profile, many)

    return {
        pair: (side(rows[pair[0]], whole=pair in apart), side(rows[pair[1]], whole=pair in apart)) for pair in there
    }


def fields(a: Side, b: Side) -> tuple[results.ReviewField, ...]:
    """What both sides say, field by field: what differs first, what only one side says last."""
    mine, theirs = _values(a.profile), _values(b.profile)
    compared = [_field(name, mine.get(name), theirs.get(name)) for name in sorted(mine.keys() | theirs.keys())]
    return tuple(sorted(compared, key=lambda field: _ORDER[field.agreement]))


def _field(name: str, a: str | None, b: str | None) -> results.ReviewField:
    found = difference(a, b)
    return results.ReviewField(field=name, a=a, b=b, agreement=found.agreement, marks_a=found.a, marks_b=found.b)


def _values(profile: Profile) -> Mapping[str, str]:
    values: dict[str, str] = {}
    by_type: dict[str, list[str]] = {}
    for one in profile.identifiers:
        by_type.setdefault(one.type, []).append(one.value)
    for name, attribute in profile.attributes.items():
        values[name] = _text(attribute.winner.value)
    # An identifier says more than an attribute of that name, of which a person has one.
    for name, some in by_type.items():
        values[name] = "; ".join(_first(sorted(some)))
    return values


def _first(values: Sequence[str]) -> Iterable[str]:
    if len(values) <= _VALUES_MAX:
        return values
    return [*values[:_VALUES_MAX], f"and {len(values) - _VALUES_MAX:,} more"]


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()
