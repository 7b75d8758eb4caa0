"""Source records: what the profile store knows at each node that tells people apart, as a table for the matcher.

A record is a node with the traits that were stated at it: a CRM's contact, a ticket, an account of a website. They are
read from the profile store, not from the warehouse: so the matcher needs no warehouse, sees what tickets and forms state
besides records, reads one record in the time of a look-up, and finds nothing of whom an erasure took.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import standing
from onefold.matching.fields import Kind
from onefold.model import Edge, Member, NodeId
from onefold.pipelines.context import Context
from onefold.pipelines.reading import nodes
from onefold.ports import ProfileSnapshot
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.state import NodeState
from onefold.profiles.survivorship import shown

COLUMNS: tuple[Kind, ...] = (
    "given_name", "middle_name", "family_name", "name_suffix", "birth_date", "email", "phone", "house_number", "street",
    "city", "region", "postcode",
)  # fmt: skip
"""What a record may have, in the order of the table."""
NAMES = frozenset({"given_name", "family_name", "birth_date", "street"})
"""A record without any of these is no more than its identifiers, which exact evidence links."""

_STATED = frozenset({*COLUMNS, "full_name", "address_line"})
_GENERATIONS = frozenset({"jr", "junior", "sr", "senior", "ii", "iii", "iv"})
_PLACE = re.compile(r"(?P<city>[^,\d]+?),?\s+(?P<region>[A-Z]{2})\s+(?P<postcode>\d{5})(?:-\d{4})?")

Cells = dict[Kind, str]
KindOf = Callable[[str], Kind]
"""What the trait of a name holds."""


class Sources(msgspec.Struct, frozen=True):
    """Records, and the nodes whose identifier several of them may have in common.

    Attributes:
        records: By node.
        holders: Of each e-mail address, phone and other identifier that may be several people's, the records with it.
        same: Pairs of records of which somebody said that they are one person, and stands by it.
        different: The same of two people.
    """

    records: dict[NodeId, Cells]
    holders: dict[NodeId, list[NodeId]]
    same: tuple[tuple[NodeId, NodeId], ...] = ()
    different: tuple[tuple[NodeId, NodeId], ...] = ()


def texts(state: NodeState, settings: ProfileSettings) -> dict[str, str]:
    """The traits of a state as texts: of each the value that the profile would show, objects and lists left out."""
    found = {}
    for field, candidates in state.attributes.items():
        standing = shown(candidates, None, state.cleared.get(field, {}), settings.rule_for(field))
        value = standing[0].value if standing else None
        if isinstance(value, str | int) and not isinstance(value, bool):
            found[field] = str(value)
    return found


def cells(traits: Mapping[str, str], kind_of: KindOf) -> Cells:
    """What traits say of a person, by kind; of several of a kind the first by name."""
    found: Cells = {}
    for name in sorted(traits):
        kind = kind_of(name)
        if kind in _STATED:
            found.setdefault(kind, traits[name].strip())
    _split_address(found)
    _split_name(found)
    return {kind: found[kind] for kind in COLUMNS if found.get(kind)}


def with_identifiers(
    found: dict[NodeId, Cells], edges: Iterable[Edge], addresses: Mapping[NodeId, tuple[Kind, str]]
) -> None:
    """Give each record the address and phone that it was seen with, where it states none; the first by node."""
    beside: dict[NodeId, dict[Kind, list[tuple[NodeId, str]]]] = defaultdict(lambda: defaultdict(list))
    for edge in edges:
        if edge.kind != "scored":
            for node, other in ((edge.a, edge.b), (edge.b, edge.a)):
                if node in found and other in addresses:
                    kind, value = addresses[other]
                    beside[node][kind].append((other, value))
    for node, kinds in beside.items():
        for kind, values in kinds.items():
            if not found[node].get(kind):
                found[node][kind] = min(values)[1]


def read(context: Context, snapshot: ProfileSnapshot, kind_of: KindOf) -> Sources:
    """All records of a workspace."""
    traits: dict[NodeId, dict[str, str]] = {}
    members: dict[NodeId, Member] = {}
    addresses: dict[NodeId, tuple[Kind, str]] = {}
    for row in snapshot.scan():
        identifier, state = nodes.opened(context, row)
        member = row.member
        members[member.id] = member
        if not member.shared and state.attributes:
            traits[member.id] = texts(state, context.profiles)
        if (kind := address_of(member, context.identity)) is not None:
            addresses[member.id] = (kind, identifier.value)
    found = {node: cells(stated_there, kind_of) for node, stated_there in traits.items()}
    edges = [edge for edge in snapshot.scan_edges() if edge.kind != "scored"]
    own = {node: addresses[node] for node in found if node in addresses}
    for node, (kind, value) in own.items():
        found[node][kind] = value
    with_identifiers(found, edges, addresses)
    records = {node: found[node] for node in sorted(found) if not NAMES.isdisjoint(found[node])}
    said = standing(snapshot.scan_judgements(), records)
    return Sources(
        records,
        holders(edges, records, members, context.identity),
        same=tuple((a, b) for a, b, _ in said.same),
        different=tuple((a, b) for a, b, _ in said.different),
    )


def holders(
    edges: Iterable[Edge], records: Mapping[NodeId, Cells], members: Mapping[NodeId, Member], settings: IdentitySettings
) -> dict[NodeId, list[NodeId]]:
    """The records around each identifier that may be several people's."""
    around: dict[NodeId, set[NodeId]] = defaultdict(set)
    for edge in edges:
        for node, other in ((edge.a, edge.b), (edge.b, edge.a)):
            member = members.get(node)
            if other in records and member is not None and settings.type(member.type).shared_after is not None:
                around[node].add(other)
    for node in around.keys() & records.keys():
        around[node].add(node)
    return {node: sorted(found) for node, found in around.items() if len(found) > 1}


def read_some(
    context: Context, snapshot: ProfileSnapshot, wanted: Collection[NodeId], kind_of: KindOf
) -> dict[NodeId, Cells]:
    """Those of these nodes that are records, as `read` reads them."""
    edges = [edge for edge in snapshot.edges(sorted(wanted)) if edge.kind != "scored"]
    rows = snapshot.nodes(sorted({*wanted, *(end for edge in edges for end in (edge.a, edge.b))}))
    found: dict[NodeId, Cells] = {}
    addresses: dict[NodeId, tuple[Kind, str]] = {}
    for node, row in rows.items():
        identifier, state = nodes.opened(context, row)
        if node in wanted and not row.member.shared and state.attributes:
            found[node] = cells(texts(state, context.profiles), kind_of)
        if (kind := address_of(row.member, context.identity)) is not None:
            addresses[node] = (kind, identifier.value)
    for node in found.keys() & addresses.keys():
        kind, value = addresses[node]
        found[node][kind] = value
    with_identifiers(found, edges, addresses)
    return {node: found[node] for node in sorted(found) if not NAMES.isdisjoint(found[node])}


def address_of(member: Member, settings: IdentitySettings) -> Kind | None:
    """Whether an identifier is an address or a phone by which records are compared, and which; None for all others."""
    if member.shared:
        return None
    normaliser = settings.type(member.type).normaliser
    return normaliser if normaliser in ("email", "phone") else None


def _split_address(found: Cells) -> None:
    """Part a postal address of several lines: its first line is the street."""
    whole = found.pop("address_line", "")
    street = found.get("street") or whole
    first, line_end, rest = street.partition("\n")
    if not line_end:
        if street:
            found["street"] = street
        return
    found["street"] = first.strip()
    place = _PLACE.fullmatch(rest.strip().replace("\n", " "))
    if place is not None:
        for kind in ("city", "region", "postcode"):
            found.setdefault(kind, place[kind].strip())


def _split_name(found: Cells) -> None:
    """Part a whole name, where its parts are not stated; and what follows a family name from it."""
    whole = found.pop("full_name", "")
    if whole and "family_name" not in found:
        before, comma, after = whole.partition(",")
        if comma and after.strip() and _suffix(after) is None:
            given, family = after.strip(), before.strip()
        else:
            words = whole.replace(",", " ").split()
            # A suffix belongs to the family name here, from which it is taken below.
            last = 2 if len(words) > 2 and _suffix(words[-1]) else 1
            given, family = " ".join(words[:-last]), " ".join(words[-last:])
        if family:
            found["family_name"] = family
        if given:
            found.setdefault("given_name", given)
    words = found.get("family_name", "").replace(",", " ").split()
    if len(words) > 1 and (suffix := _suffix(words[-1])) is not None:
        found["family_name"] = " ".join(words[:-1])
        found.setdefault("name_suffix", suffix)


def _suffix(word: str) -> str | None:
    """What a word after a name is, such as `Jr.`; None for any other."""
    plain = word.strip().strip(".").casefold()
    return plain if plain in _GENERATIONS else None
