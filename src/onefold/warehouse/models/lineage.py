"""Lineage: which columns a column comes from, and which come from it, across all models of a project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from onefold.errors import UsageError, nearest
from onefold.model import Relation
from onefold.warehouse.models.binding import BoundModel
from onefold.warehouse.models.graph import DEFAULT_SCHEMA
from onefold.warehouse.models.origins import Use
from onefold.warehouse.personal import Source

Direction = Literal["upstream", "downstream"]
SHORT = {"profile": "golden.profile", "event": "staging.event", "record": "staging.record"}
"""Relations that are meant by one word; any other word is a model."""


class Link(msgspec.Struct, frozen=True, order=True):
    """That a column comes from another, and how.

    Attributes:
        origin: The relation and column it comes from.
        target: The relation and column that comes from it. A column `*` is which rows there are, and so touches all.
        use: What counts of the origin.
        copied: Whether the origin comes unchanged, so that members of JSON keep their names.
    """

    origin: Source
    target: Source
    use: Use
    copied: bool = False


class Tree(msgspec.Struct, frozen=True):
    """A column, and beneath it those it comes from (upstream) or that come from it (downstream).

    Attributes:
        use: How it is connected to the column above; `value` at the root.
        again: Whether what is beneath it was told before, elsewhere in the tree.
    """

    relation: str
    column: str
    use: Use = "value"
    beneath: tuple[Tree, ...] = ()
    again: bool = False


def links(models: Iterable[BoundModel]) -> Iterator[Link]:
    """All links of models to what they read."""
    for bound in models:
        for column, origins in bound.derivation.columns.items():
            target = (bound.name, column)
            for origin in sorted(origins.value):
                yield Link(origin, target, "value", copied=origins.copied)
            for origin in sorted(origins.presence - origins.value):
                yield Link(origin, target, "presence")
        # A model has to do with the rows of all it reads, whether or not it reads a column of theirs (`count(*)`).
        for origin in sorted(bound.derivation.rows | {(relation, "*") for relation in bound.reads}):
            yield Link(origin, (bound.name, "*"), "rows")


def find(name: str, relations: Mapping[str, Relation]) -> Source:
    """The column that `profile.email`, `membership.total` or `golden.profile.attributes.email` means.

    A name that is no column of a relation with a JSON column of attributes is taken for a member of that.

    Raises:
        UsageError: There is no such relation or column.
    """
    parts = name.split(".")
    for length in (2, 1):
        head, rest = ".".join(parts[:length]), ".".join(parts[length:])
        relation = relations.get(SHORT.get(head, head if length == 2 else f"{DEFAULT_SCHEMA}.{head}"))
        if relation is None:
            continue
        if not rest:
            raise UsageError(f"Name a column of {relation.full_name}, such as `{name}.{relation.columns[0].name}`.")
        return relation.full_name, _column(relation, rest)
    known = sorted({*SHORT, *relations})
    raise UsageError(f"There is no relation for `{name}`{nearest('.'.join(parts[:2]), known) or '.'}")


def _column(relation: Relation, name: str) -> str:
    first = name.partition(".")[0]
    column = relation.column(first)
    if column is not None and (first == name or column.type == "json"):
        return name
    holders = [one.name for one in relation.columns if one.type == "json"]
    if column is None and "attributes" in holders:
        return f"attributes.{name}"
    near = nearest(first, [one.name for one in relation.columns])
    raise UsageError(f"{relation.full_name} has no column `{name}`{near or '.'}")


def trace(column: Source, known: Iterable[Link], direction: Direction, *, rows_too: bool = True) -> Tree:
    """All that a column comes from, or all that comes from it, each told once in full.

    Args:
        column: Where to begin.
        known: All links.
        direction: Which way to follow them.
        rows_too: Whether to follow what decides on rows, besides what values are made of.
    """
    near: dict[Source, list[tuple[Source, Use, bool]]] = {}
    rows: dict[str, list[tuple[Source, Use, bool]]] = {}
    for link in known:
        if link.use == "rows" and not rows_too:
            continue
        here, there = (link.target, link.origin) if direction == "upstream" else (link.origin, link.target)
        where = rows.setdefault(here[0], []) if here[1] == "*" else near.setdefault(here, [])
        where.append((there, link.use, link.copied))
    members: dict[Source, list[Source]] = {}
    for relation, name in near:
        if "." in name:
            members.setdefault((relation, name.split(".")[0]), []).append((relation, name))
    told = set[Source]()

    def below(source: Source) -> list[tuple[Source, Use]]:
        relation, name = source
        column, dot, member = name.partition(".")
        found = list(near.get(source, ()))
        if direction == "upstream" or name == "*":
            found += rows.get(relation, ())
        if dot:
            # A whole JSON column carries its members, by their names where it is copied.
            whole = near.get((relation, column), ())
            found += [((to, f"{what}.{member}" if copied else what), use, copied) for (to, what), use, copied in whole]
        elif direction == "downstream":
            found += [one for inside in members.get(source, ()) for one in near[inside]]
        unique: dict[Source, Use] = {}
        for there, use, _ in found:
            unique[there] = min(unique.get(there, use), use, key=("value", "presence", "rows").index)
        return sorted(unique.items())

    def grow(source: Source, use: Use) -> Tree:
        found = below(source)
        if source in told and found:
            return Tree(*source, use, again=True)
        told.add(source)
        return Tree(*source, use, tuple(grow(there, how) for there, how in found))

    return grow(column, "value")


def flat(tree: Tree) -> Iterator[Tree]:
    """The tree's columns, its root first."""
    yield tree
    for child in tree.beneath:
        yield from flat(child)
