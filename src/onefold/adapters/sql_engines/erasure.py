"""Erasure from a copy: rows of the logs that concern some nodes. See `adapters.duckdb.erasure`, which removes the same ones.

The ids of the nodes are put into a table for as long as it takes. A statement that spelled them out would be kept where an
engine keeps its statements: Delta writes the condition of a DELETE into the log of the table.

Relations that were computed from the rows are emptied as a whole, because what they made of a person cannot be told from
the rest; the next load brings them as they are then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyarrow as pa

from onefold.adapters.sql_engines.session import Kind, OfIds
from onefold.adapters.sql_engines.tables import ID, Entry, Tables
from onefold.model import Relation
from onefold.warehouse import relations, upkeep

_CLEARED = tuple(column.name for column in relations.EVENT.columns if column.personal != "none" and not column.required)


def erase(tables: Tables, ids: Sequence[str]) -> int:
    """Remove the rows that concern some nodes, and their names from others' events; how many were removed."""
    kind, event, filled = tables.kind, tables.log(relations.EVENT), tables.filled()
    with _listed(tables, ids) as listed:
        conditions = concerned(kind)
        asked = [(tables.log(log), condition) for log, condition in conditions.items()] + _by_person(tables, filled)
        only_named, *found = _counted(tables, listed, [(event, _only_named(kind)), *asked])
        if only_named:
            tables.session.execute(kind.update_some(event, _cleared(kind), _only_named(kind), listed))
        for (log, condition), many in zip(conditions.items(), found, strict=False):
            if many:
                tables.session.execute(kind.delete_some(tables.log(log), condition, listed))
    for name, entry in filled.items():
        if name not in upkeep.KEPT:
            with tables.replacing(entry.relation, None if entry.files is None else []):
                pass
    return sum(found)


def count(tables: Tables, ids: Sequence[str]) -> int:
    """How many rows concern some nodes, seen or not; and with them how many events name one of them."""
    kind, asked = tables.kind, _by_person(tables, tables.filled())
    asked += [(tables.log(log), condition) for log, condition in concerned(kind).items()]
    with _listed(tables, ids) as listed:
        return sum(_counted(tables, listed, [*asked, (tables.log(relations.EVENT), _naming(kind))]))


def _counted(tables: Tables, listed: str, asked: Sequence[tuple[str, OfIds]]) -> list[int]:
    ids = tables.kind.ids(listed)
    return tables.many([(table, condition(ids)) for table, condition in asked])


def _by_person(tables: Tables, filled: Mapping[str, Entry]) -> list[tuple[str, OfIds]]:
    """Relations that have people in a column, and which of their rows are about some."""
    kind = tables.kind
    names = sorted(upkeep.BY_PERSON & filled.keys())
    return [(tables.place(filled[name]), lambda ids: kind.among(ids, kind.name("person"))) for name in names]


@contextmanager
def _listed(tables: Tables, ids: Sequence[str]) -> Iterator[str]:
    with tables.aside(ID, pa.table({"id": pa.array(ids, pa.string())})) as listed:
        yield listed


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
