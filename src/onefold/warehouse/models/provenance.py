"""Provenance: lineage before models begin, from fields of sources to the relations that the stream makes.

How the stream makes relations is code and not SQL, so what comes from what is stated here; how views of relations are made
is read off their trees, as with models.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Literal

import msgspec
from sqlglot import MappingSchema
from sqlglot.optimizer.qualify import qualify

from onefold.warehouse import views
from onefold.warehouse.models import graph, statement, types
from onefold.warehouse.models.lineage import Link
from onefold.warehouse.models.origins import derive
from onefold.warehouse.personal import Source

Part = Literal["traits", "properties", "identifiers", "consents", "timestamp"]


class FieldUse(msgspec.Struct, frozen=True, order=True):
    """That a field of a source becomes part of events.

    Attributes:
        source: The source's name.
        field: A column of its files, or where an SDK puts it, such as `traits.email`.
        part: Which part of the event.
        name: Its name there: an attribute, a property, an identifier type, a purpose; empty for the time.
    """

    source: str
    field: str
    part: Part
    name: str = ""


_EVENT, _CHANGE, _IDENTITY = "staging.event", "golden.profile_change", "golden.identity_change"
_STATED: tuple[tuple[str, str, str, str], ...] = (
    # the stream: how identifiers become nodes, and events and nodes become profiles
    (_EVENT, "nodes", _IDENTITY, "node"),
    (_EVENT, "nodes", _IDENTITY, "person"),
    (_EVENT, "nodes", _EVENT, "node"),
    (_IDENTITY, "value", _CHANGE, "primary_value"),
    (_IDENTITY, "value", _CHANGE, "identifiers"),
    (_IDENTITY, "type", _CHANGE, "primary_type"),
    (_IDENTITY, "type", _CHANGE, "identifiers"),
    (_IDENTITY, "person", _CHANGE, "person"),
    (_EVENT, "event_id", _CHANGE, "events"),
    (_EVENT, "event_at", _CHANGE, "sessions"),
    (_EVENT, "name", _CHANGE, "purchases"),
    (_EVENT, "name", _CHANGE, "purchases_without_amount"),
    (_EVENT, "properties", _CHANGE, "revenue"),
    (_EVENT, "properties", _CHANGE, "revenues"),
    (_EVENT, "event_at", _CHANGE, "first_seen_at"),
    (_EVENT, "event_at", _CHANGE, "last_seen_at"),
    (_EVENT, "event_at", _CHANGE, "last_active_at"),
    (_EVENT, "consents", _CHANGE, "consents"),
    (_EVENT, "source", _CHANGE, "sources"),
    (_EVENT, "groups", _CHANGE, "groups"),
)
_COPIED = ((_EVENT, "traits", _CHANGE, "attributes"), (_EVENT, "traits_once", _CHANGE, "attributes"))
_PARTS: Mapping[Part, str] = {
    "traits": "traits", "properties": "properties", "identifiers": "nodes", "consents": "consents", "timestamp": "event_at",
}  # fmt: skip


def links(fields: Iterable[FieldUse]) -> Iterator[Link]:
    """All links from fields of sources to the views of what the stream makes."""
    for use in fields:
        origin = (f"source {use.source}", use.field)
        column = _PARTS[use.part]
        named = f"{column}.{use.name}" if use.part in {"traits", "properties"} else column
        yield Link(origin, (_EVENT, named), "value")
        if use.part == "identifiers":
            yield Link(origin, (_IDENTITY, "value"), "value")
    for relation, column, target, name in _STATED:
        yield Link((relation, column), (target, name), "value")
    for relation, column, target, name in _COPIED:
        yield Link((relation, column), (target, name), "value", copied=True)
    yield from _of_views()


@cache
def _of_views() -> tuple[Link, ...]:
    found: list[Link] = []
    for name, tree in views.queries().items():
        read = {one: views.RELATIONS[one] for one in graph.reads(tree)}
        folders: dict[str, dict[str, dict[str, str]]] = {}
        for relation in read.values():
            columns = {column.name: types.SQL[column.type] for column in relation.columns}
            folders.setdefault(relation.schema, {})[relation.name] = columns
        schema = MappingSchema(dict(folders), dialect=statement.DIALECT)
        qualified = qualify(
            tree.copy(), schema=schema, dialect=statement.DIALECT, validate_qualify_columns=False,
            quote_identifiers=False,
        )  # fmt: skip
        derived = derive(qualified)
        for column, origins in derived.columns.items():
            found += [Link(one, (name, column), "value", copied=origins.copied) for one in origins.value]
            found += [Link(one, (name, column), "presence") for one in origins.presence - origins.value]
        found += [Link(one, (name, "*"), "rows") for one in derived.rows | {(one, "*") for one in read}]
    return tuple(found)


def stated_members(known: Iterable[Link]) -> set[Source]:
    """Members of JSON columns that links name."""
    return {end for link in known for end in (link.origin, link.target) if "." in end[1]}
