"""Erasure from a copy: rows of the logs that concern some nodes. See `adapters.duckdb.erasure`, which removes the same ones.

The ids of the nodes are put into a table for as long as it takes. A statement that spelled them out would be kept where an
engine keeps its statements: Delta writes the condition of a DELETE into the log of the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyarrow as pa

from onefold.adapters.sql_engines.session import Kind, OfIds
from onefold.adapters.sql_engines.tables import OWN, Tables
from onefold.model import Column, Relation
from onefold.warehouse import relations

_ID = Relation(OWN, "id", (Column("id", "text", required=True),))
_CLEARED = tuple(column.name for column in relations.EVENT.columns if column.personal != "none" and not column.required)


def erase(tables: Tables, ids: Sequence[str]) -> int:
    """Remove the rows that concern some nodes, and their names from others' events; how many were removed."""
    kind, event, many = tables.kind, tables.log(relations.EVENT), 0
    with _listed(tables, ids) as listed:
        if tables.many(event, _only_named(kind)(kind.ids(listed))):
            tables.session.execute(kind.update_some(event, _cleared(kind), _only_named(kind), listed))
        for log, condition in concerned(kind).items():
            found = tables.many(tables.log(log), condition(kind.ids(listed)))
            if found:
                tables.session.execute(kind.delete_some(tables.log(log), condition, listed))
            many += found
    return many


def count(tables: Tables, ids: Sequence[str]) -> int:
    """How many rows concern some nodes, seen or not; and with them how many events name one of them."""
    kind = tables.kind
    with _listed(tables, ids) as listed:
        conditions = [*concerned(kind).items(), (relations.EVENT, _naming(kind))]
        return sum(tables.many(tables.log(log), condition(kind.ids(listed))) for log, condition in conditions)


@contextmanager
def _listed(tables: Tables, ids: Sequence[str]) -> Iterator[str]:
    with tables.aside(_ID) as table:
        tables.session.insert(table, pa.table({"id": pa.array(ids, pa.string())}))
        yield table


def concerned(kind: Kind) -> Mapping[Relation, OfIds]:
    """By log, which rows concern some nodes."""

    def either(*columns: str) -> OfIds:
        return lambda ids: " OR ".join(kind.among(ids, kind.name(column)) for column in columns)

    def of_person(ids: str) -> str:
        return f"{kind.among(ids, kind.name('person'))} OR {kind.named(ids, kind.name('identifiers'))}"

    return {
        relations.EVENT: either("node"),
        relations.IDENTITY_CHANGE: either("node"),
        relations.EVIDENCE: either("node_a", "node_b"),
        relations.JUDGEMENT: either("node_a", "node_b"),
        relations.PROFILE_CHANGE: of_person,
        relations.MEMBERSHIP_CHANGE: either("person"),
    }


def _naming(kind: Kind) -> OfIds:
    """Which events name one of them."""
    return lambda ids: kind.overlaps(ids, kind.name("nodes"))


def _only_named(kind: Kind) -> OfIds:
    """Which events are of others, and name one of them."""
    return lambda ids: f"{_naming(kind)(ids)} AND NOT {kind.among(ids, kind.name('node'))}"


def _cleared(kind: Kind) -> OfIds:
    """What such an event becomes."""
    nodes, nothing = kind.name("nodes"), [f"{kind.name(name)} = NULL" for name in _CLEARED]
    return lambda ids: ", ".join([*nothing, f"{nodes} = {kind.without(ids, nodes)}"])
