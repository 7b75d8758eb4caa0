"""Masking: what a role sees of columns, by the class of personal data of each, written into the query itself.

Every relation that a role's query names is replaced by one without what the role may not see, so nothing that the query
says of it can bring it back: not a filter, not a join, not an alias. What could reach the rows in another way is refused:
functions that read files, or relations by name; the catalog, which names files; and names that two things have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec
from sqlglot import exp

from onefold.errors import UsageError
from onefold.governance.roles import Mask
from onefold.model import Column, ColumnType, PersonalClass, Relation
from onefold.warehouse.mention import mentions, put, require_own_names
from onefold.warehouse.models import types
from onefold.warehouse.personal import CLASSES, Source, class_of, class_of_all
from onefold.warehouse.query import CATALOGS

_READING = re.compile(
    r"(read|parquet|duckdb|pragma|sniff|seq|arrow|pandas|python|sqlite|postgres|iceberg|delta)_.*|query|query_table|glob"
    r"|.*_scan|which_secret|summary|sql_auto_complete|checkpoint|force_checkpoint"
)
_PLAINEST_FIRST: tuple[Mask, ...] = ("show", "shorten", "hide")
ORDER = ("golden", "marts", "staging", "dimensions", "raw")
"""Of two relations with one name, the one whose schema comes first has the plain name as a view for analysts."""
ANALYST = "analyst"


class Role(msgspec.Struct, frozen=True):
    """What a kind of reader sees: for each class of personal data a mask. `none` is always shown.

    No class is shown more plainly than those below it: what is made of several values has the highest of their classes, and
    so may hold values of the lower ones.
    """

    masks: Mapping[PersonalClass, Mask]

    def mask(self, of: PersonalClass) -> Mask:
        """How values of a class are shown; a class that the role does not name is hidden."""
        below = (self.masks.get(one, "hide") for one in CLASSES[1 : CLASSES.index(of) + 1])
        return max(below, key=_PLAINEST_FIRST.index, default="show")


HIDING = Role({})
"""The role that sees nothing personal."""


def masked(
    query: exp.Query, relations: Mapping[str, Relation], classes: Mapping[Source, PersonalClass], role: Role
) -> exp.Query:
    """The query with every relation it reads replaced by what the role sees of it.

    Args:
        query: Any query; it is left as it is.
        relations: All that it may read, by full name.
        classes: Classes that the project states, and those that follow (`classes.completed`).
        role: Who asks.

    Raises:
        UsageError: It says something that could reach what the role may not see, or reads what there is not.
    """
    require_own_names(query, relations.values())
    tree = query.copy()
    for node in tree.walk():
        _require_harmless(node)
    for table, relation in mentions(tree, relations):
        put(table, shown(relation, classes, role))
    return tree


def shown(relation: Relation, classes: Mapping[Source, PersonalClass], role: Role) -> exp.Select:
    """All columns of a relation, in their order and types, as a role sees them."""
    columns = [
        exp.alias_(_shown(relation, column, classes, role), column.name, quoted=True) for column in relation.columns
    ]
    return exp.select(*columns).from_(exp.table_(relation.name, db=relation.schema, quoted=True))


def classified(relation: Relation, classes: Mapping[Source, PersonalClass]) -> Relation:
    """The relation with the class that each of its columns has as a whole, members of JSON included."""
    columns = [
        msgspec.structs.replace(column, personal=class_of_all(relation, column.name, classes))
        for column in relation.columns
    ]
    return msgspec.structs.replace(relation, columns=tuple(columns))


def analyst_views(
    relations: Iterable[Relation], classes: Mapping[Source, PersonalClass]
) -> dict[str, tuple[Relation, exp.Select]]:
    """Views without personal columns, by full name: `analyst.profile` is `golden.profile` without them."""
    views: dict[str, tuple[Relation, exp.Select]] = {}
    for relation in sorted(relations, key=lambda r: (ORDER.index(r.schema) if r.schema in ORDER else 9, r.full_name)):
        kept, trees = list[Column](), list[exp.Expr]()
        for column in relation.columns:
            tree = _shown(relation, column, classes, HIDING)
            if not isinstance(tree, exp.Cast) or not isinstance(tree.this, exp.Null):
                kept.append(msgspec.structs.replace(column, personal="none"))
                trees.append(exp.alias_(tree, column.name, quoted=True))
        if not kept:
            continue
        plain = f"{ANALYST}.{relation.name}"
        name = relation.name if plain not in views else f"{relation.schema}_{relation.name}"
        select = exp.select(*trees).from_(exp.table_(relation.name, db=relation.schema, quoted=True))
        said = f"`{relation.full_name}` without personal columns. {relation.description}".strip()
        key = relation.key if all(k in {c.name for c in kept} for k in relation.key) else ()
        views[f"{ANALYST}.{name}"] = (Relation(ANALYST, name, tuple(kept), "view", said, key), select)
    return views


def _shown(relation: Relation, column: Column, classes: Mapping[Source, PersonalClass], role: Role) -> exp.Expr:
    here = exp.column(column.name, quoted=True)
    own = class_of(relation, column.name, classes)
    if column.type != "json":
        return _value(here, column.type, role.mask(own))
    inside = {
        name.partition(".")[2]: said
        for (where, name), said in classes.items()
        if where == relation.full_name and name.startswith(f"{column.name}.")
    }
    if role.mask(own) == "show" and all(role.mask(said) == "show" for said in inside.values()):
        return here
    # What is declared member by member is put together again; of what nobody declared nothing is known, so it goes.
    parts = [
        part
        for name in sorted(inside)
        if "." not in name
        and all(role.mask(of) == "show" for path, of in inside.items() if path == name or path.startswith(f"{name}."))
        for part in (exp.Literal.string(name), exp.JSONExtract(this=here.copy(), expression=_path(name)))
    ]
    if not parts:
        return exp.cast(exp.Null(), "TEXT")
    built = exp.cast(exp.Anonymous(this="json_object", expressions=parts), "TEXT")
    return exp.Case(ifs=[exp.If(this=exp.Not(this=exp.Is(this=here, expression=exp.Null())), true=built)])


def _path(name: str) -> exp.JSONPath:
    return exp.JSONPath(expressions=[exp.JSONPathRoot(), exp.JSONPathKey(this=name)])


def _value(here: exp.Column, kind: ColumnType, mask: Mask) -> exp.Expr:
    if mask == "show":
        return here
    if mask == "shorten" and kind == "text":
        at = exp.StrPosition(this=here.copy(), substr=exp.Literal.string("@"))
        first = exp.Substring(this=here.copy(), start=exp.Literal.number(1), length=exp.Literal.number(1))
        domain = exp.Substring(this=here.copy(), start=at.copy())
        shortened = exp.Case(
            ifs=[exp.If(this=exp.GT(this=at, expression=exp.Literal.number(0)), true=_joined(first, domain))],
            default=_joined(first.copy()),
        )
        return exp.Case(ifs=[exp.If(this=exp.Not(this=exp.Is(this=here, expression=exp.Null())), true=shortened)])
    return exp.cast(exp.Null(), types.SQL[kind])


def _joined(*parts: exp.Expr) -> exp.Expr:
    first, *rest = parts
    whole: exp.Expr = exp.DPipe(this=first, expression=exp.Literal.string("***"))
    for part in rest:
        whole = exp.DPipe(this=whole, expression=part)
    return whole


def _require_harmless(node: exp.Expr) -> None:
    if isinstance(node, exp.Describe | exp.Summarize | exp.Command | exp.Pivot):
        raise UsageError(f"{type(node).__name__.upper()} cannot be asked by a role.")
    if isinstance(node, exp.Lateral) and not isinstance(node.this, exp.Subquery | exp.Unnest):
        raise UsageError("LATERAL takes a query under a role, not a function.")
    if isinstance(node, exp.Table) and node.db.lower() in CATALOGS:
        raise UsageError("The catalog cannot be read by a role; `onefold tables` lists the relations.")
    if isinstance(node, exp.Func):
        name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
        if _READING.fullmatch(name):
            raise UsageError(f"The function `{name}` cannot be used by a role.")
