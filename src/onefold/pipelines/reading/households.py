"""Households: people of one family name at one address, as most of the records of each state them.

A household joins nobody, and is worked out when somebody asks, from who is who at that moment.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from onefold.errors import NotFoundError, UsageError
from onefold.model import Identifier, NodeId, format_profile_id, parse_profile_id, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading.people import find, node_of
from onefold.pipelines.reading.profile_rows import people_with_nodes
from onefold.ports import ProfileSnapshot
from onefold.profiles.profile import Profile, name_of

PEOPLE_MAX = 12
"""More people of one name at one address are a house of flats or an institution, where nobody's mail is another's."""
LOOKED_AT_MAX = 2_000
"""Addresses looked at for one page of households: at most of them one person lives."""
_RECORDS_MAX = 500
"""Records of one name at one address, from which it is no household whoever they are."""
_ID = 16
_ENTRY = 2 * _ID


class Places:
    """Which record states which household, both ways, in as little memory as sorted ids take."""

    def __init__(self, rows: Iterable[tuple[NodeId, NodeId]] = ()) -> None:
        """Of rows (household, node) in any order."""
        entries = [household + node for household, node in rows]
        self._by_household = b"".join(sorted(entries))
        self._by_node = b"".join(sorted(entry[_ID:] + entry[:_ID] for entry in entries))

    def of(self, node: NodeId) -> NodeId | None:
        """The household that a record states; None where it is nobody else's."""
        return next(_entries(self._by_node, node), None)

    def records(self, household: NodeId) -> list[NodeId]:
        """The records that state a household."""
        return list(_entries(self._by_household, household))

    def after(self, household: NodeId) -> Iterator[NodeId]:
        """Households in order, those after this one."""
        entries, number = self._by_household, _first(self._by_household, household, past=True)
        while number < len(entries) // _ENTRY:
            yield (found := entries[number * _ENTRY : number * _ENTRY + _ID])
            number = _first(entries, found, past=True)


NONE = Places()


class Lived(msgspec.Struct, frozen=True):
    """A household: its id, and of each person in it how many of their records state it, and how many state any."""

    id: NodeId
    people: dict[NodeId, tuple[int, int]]


def of_person(snapshot: ProfileSnapshot, places: Places, nodes: Iterable[NodeId]) -> Lived | None:
    """The household of the person with these nodes; None where nobody else is in it."""
    usual = _usual(places, nodes)
    return None if usual is None else _lived(snapshot, places, usual)


def household(context: Context, places: Places, household_id: str) -> results.Household:
    """One household.

    Raises:
        NotFoundError: Nobody is in it, or only one person.
        UsageError: Invalid id.
    """
    node = _parsed(household_id)
    with context.store.snapshot() as snapshot:
        found = _lived(snapshot, places, node)
        if found is None:
            raise NotFoundError("No household of that id; `onefold households` lists them.")
        return told(context, snapshot, found)


def page(
    context: Context, places: Places, *, q: str = "", cursor: str | None = None, limit: int = 50
) -> results.Households:
    """Households in order of their ids; with `q`, the one of whom it names.

    Raises:
        UsageError: `q` is neither `type:value` nor a profile's id; the cursor is invalid.
    """
    after = bytes(_ID) if cursor is None else _parsed(cursor)
    with context.store.snapshot() as snapshot:
        if q:
            found = _named(context, snapshot, places, q)
            return results.Households(households=() if found is None else (told(context, snapshot, found),), next=None)
        found_some: list[Lived] = []
        for number, one in enumerate(places.after(after), start=1):
            if (lived := _lived(snapshot, places, one)) is not None:
                found_some.append(lived)
            if len(found_some) == limit or number == LOOKED_AT_MAX:
                following = format_profile_id(one)
                break
        else:
            following = None
        listed = tuple(told(context, snapshot, lived) for lived in found_some)
    return results.Households(households=listed, next=following)


def told(context: Context, snapshot: ProfileSnapshot, found: Lived) -> results.Household:
    """A household as the service answers it, the person with the most records first."""
    profiles = {profile.id: profile for profile, _ in people_with_nodes(context, snapshot, found.people)}
    order = sorted(found.people.items(), key=lambda item: (-item[1][0], item[0]))
    return results.Household(
        id=format_profile_id(found.id),
        people=len(order),
        members=tuple(_member(profiles[person], here, every) for person, (here, every) in order if person in profiles),
    )


def _member(profile: Profile, here: int, every: int) -> results.HouseholdMember:
    primary = next((Identifier(i.type, i.value) for i in profile.identifiers if i.primary), None)
    return results.HouseholdMember(
        profile_id=format_profile_id(profile.id),
        identifier=primary,
        name=name_of(profile),
        records=every,
        records_here=here,
    )


def _named(context: Context, snapshot: ProfileSnapshot, places: Places, q: str) -> Lived | None:
    kind, colon, value = q.partition(":")
    if not colon and parse_profile_id(q) is None:
        raise UsageError("Say whose household: `type:value`, for example `email:ann@example.org`, or a profile's id.")
    node = node_of(context, Identifier(kind, value) if colon else Identifier("profile", q))
    person = None if node is None else find(snapshot, node)
    return None if person is None else of_person(snapshot, places, person.nodes)


def _lived(snapshot: ProfileSnapshot, places: Places, one: NodeId) -> Lived | None:
    records = places.records(one)
    if len(records) > _RECORDS_MAX:
        return None
    members = [row.member for row in snapshot.nodes(records).values() if not row.member.shared]
    by_person = {member.person: member for member in members}
    if not 1 < len(by_person) <= _RECORDS_MAX:
        return None
    people: dict[NodeId, tuple[int, int]] = {}
    for person, member in sorted(by_person.items()):
        stated = _stated(places, (other.id for other in snapshot.person(member)))
        if _most(stated) == one:
            people[person] = (stated[one], stated.total())
    return Lived(one, people) if 1 < len(people) <= PEOPLE_MAX else None


def _usual(places: Places, nodes: Iterable[NodeId]) -> NodeId | None:
    return _most(_stated(places, nodes))


def _stated(places: Places, nodes: Iterable[NodeId]) -> Counter[NodeId]:
    return Counter(found for node in nodes if (found := places.of(node)) is not None)


def _most(stated: Counter[NodeId]) -> NodeId | None:
    """The household that most records state, the smallest of several."""
    return min(stated, key=lambda one: (-stated[one], one), default=None)


def _parsed(text: str) -> NodeId:
    node = parse_profile_id(text)
    if node is None:
        raise UsageError("Invalid household id: it must be a UUID.")
    return node


def _first(entries: bytes, key: bytes, *, past: bool = False) -> int:
    """The number of the first entry that is not before a key, or of the first `past` it."""

    def at(number: int) -> bytes:
        return entries[number * _ENTRY : number * _ENTRY + _ID]

    return (bisect_right if past else bisect_left)(range(len(entries) // _ENTRY), key, key=at)


def _entries(entries: bytes, key: bytes) -> Iterator[NodeId]:
    number = _first(entries, key)
    while entries[number * _ENTRY : number * _ENTRY + _ID] == key:
        yield entries[number * _ENTRY + _ID : (number + 1) * _ENTRY]
        number += 1
