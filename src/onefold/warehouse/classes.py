"""Classes: what a project says of some columns, carried to all that have the same values.

A view has the values of the log that it reads, so what is said of a column of one holds for the other. Whatever is made of
several values has the highest of their classes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from onefold.model import PersonalClass, Relation
from onefold.warehouse import raw
from onefold.warehouse.models import provenance
from onefold.warehouse.models.lineage import Link
from onefold.warehouse.personal import Source, class_of, highest
from onefold.warehouse.promoted import PREFIX

_HOLDS_ATTRIBUTES = frozenset({("staging.event", "operations"), ("golden.engagement_event", "operations")})
"""JSON that holds values of attributes, and not as members under their names."""


def completed(relations: Mapping[str, Relation], said: Mapping[Source, PersonalClass]) -> dict[Source, PersonalClass]:
    """The classes that a project states, and those that follow for other columns. What it states stays as it is.

    Args:
        relations: All that may be read, by full name.
        said: The class of columns, and of members of JSON columns.
    """
    beside = _neighbours(provenance.links(()), relations)
    found = dict(said)
    waiting = list(said.items())
    while waiting:
        (relation, path), personal = waiting.pop()
        column, _, member = path.partition(".")
        for other, name in beside.get((relation, column), ()):
            carried = _carried(relations[other], name, member, personal)
            if carried is None or carried[0] in said:
                continue
            place, to = carried
            to = highest([to, *([found[place]] if place in found else [])])
            if found.get(place) != to:
                found[place] = to
                waiting.append((place, to))
    for one in relations.values():
        for held in one.columns:
            # A property that has a column of its own is of the class that it has in the JSON.
            member = f"properties.{held.name.removeprefix(PREFIX)}"
            if held.name.startswith(PREFIX) and one.column("properties") is not None:
                found.setdefault((one.full_name, held.name), class_of(one, member, found))
    # Identifiers are in what sources send, whatever they are called there.
    worst = highest(["identifier", *(personal for (_, path), personal in said.items() if "." in path)])
    for place in _opaque(relations):
        if place not in said:
            found[place] = highest([worst, found.get(place, "none"), class_of(relations[place[0]], place[1], said)])
    return found


def _carried(
    relation: Relation, name: str, member: str, personal: PersonalClass
) -> tuple[Source, PersonalClass] | None:
    """What is said of a column, or a member of it, as said of a column that has its values."""
    column = relation.column(name)
    if column is None:
        return None
    if member and column.type == "json":
        return (relation.full_name, f"{name}.{member}"), personal
    # Nothing becomes less personal for what is said of another column.
    return (relation.full_name, name), highest([personal, column.personal])


def _neighbours(links: Iterable[Link], relations: Mapping[str, Relation]) -> Mapping[Source, set[Source]]:
    found: dict[Source, set[Source]] = defaultdict(set)
    for link in links:
        if link.use != "value" or not (link.copied or _both_personal(link, relations)):
            continue
        if link.origin[0] in relations and link.target[0] in relations:
            found[link.origin].add(link.target)
            found[link.target].add(link.origin)
    return found


def _both_personal(link: Link, relations: Mapping[str, Relation]) -> bool:
    ends = [relations[name].column(column) for name, column in (link.origin, link.target) if name in relations]
    return len(ends) == 2 and all(column is not None and column.personal != "none" for column in ends)


def _opaque(relations: Mapping[str, Relation]) -> Iterator[Source]:
    """Columns that may hold any attribute or property, in a form that nothing is said of."""
    for relation in relations.values():
        for column in relation.columns:
            place = (relation.full_name, column.name)
            if place in _HOLDS_ATTRIBUTES or (relation.schema == raw.SCHEMA and column.personal != "none"):
                yield place
