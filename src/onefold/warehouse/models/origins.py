"""Origins: the columns of relations that a column of a statement is computed from, read off its qualified tree.

Three uses are told apart. `value`: the origin's values reach the column, as they are or computed with. `presence`: only
whether or how often there is a value counts (`count(email)`, `email is null`), or in which order rows come. `rows`: the
origin decides which rows there are (joins, filters, grouping), and so has to do with every column.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast

import msgspec
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from onefold.warehouse.models.graph import relation_name
from onefold.warehouse.personal import Source

Use = Literal["value", "presence", "rows"]


class Origins(msgspec.Struct, frozen=True):
    """What one column comes from.

    Attributes:
        copied: Whether it is one column of one relation, unchanged.
    """

    value: frozenset[Source] = frozenset()
    presence: frozenset[Source] = frozenset()
    copied: bool = False

    def __or__(self, other: Origins) -> Origins:
        """What both come from together."""
        return Origins(self.value | other.value, self.presence | other.presence)

    def as_presence(self) -> Origins:
        """The same, where only presence counts."""
        return Origins(frozenset(), self.value | self.presence)


class Derivation(msgspec.Struct, frozen=True):
    """What a statement's columns come from, in order, and what decides which rows it has."""

    columns: dict[str, Origins]
    rows: frozenset[Source]


_PRESENCE = (exp.Count, exp.ApproxDistinct, exp.CountIf, exp.RowNumber, exp.Rank, exp.DenseRank)
_NOTHING = Origins()


def derive(tree: exp.Query) -> Derivation:
    """The origins of each column of a statement whose columns are qualified."""
    scope = build_scope(tree)
    if scope is None:
        raise TypeError(type(tree).__name__)
    return _Reader().scope(scope)


class _Reader:
    """Reads one statement; what a WITH clause or derived table comes from is found once."""

    def __init__(self) -> None:
        self._known: dict[int, Derivation] = {}

    def scope(self, scope: Scope) -> Derivation:
        known = self._known.get(id(scope))
        if known is None:
            known = self._known[id(scope)] = self._read(scope)
        return known

    def _read(self, scope: Scope) -> Derivation:
        tree = cast("exp.Query", scope.expression)
        if isinstance(tree, exp.SetOperation):
            return self._set_operation(scope, tree)
        columns = {item.alias_or_name: self.expression(scope, item) for item in tree.selects}
        rows = self._rows(scope, tree)
        if tree.args.get("distinct"):
            rows |= _everything(columns.values())
        return Derivation(columns, rows)

    def _set_operation(self, scope: Scope, tree: exp.SetOperation) -> Derivation:
        left, right = (self.scope(child) for child in scope.set_operation_scopes)
        pairs = zip(left.columns.items(), right.columns.values(), strict=True)
        columns = {name: one | other for (name, one), other in pairs}
        rows = left.rows | right.rows
        if tree.args.get("distinct") or not isinstance(tree, exp.Union):
            # Whether a row is there depends on every value in it.
            rows |= _everything(columns.values())
        if isinstance(tree, exp.Except):
            columns = {name: left.columns[name] | other.as_presence() for name, other in columns.items()}
        return Derivation(columns, rows | self._ordering(scope, tree, columns))

    def _rows(self, scope: Scope, tree: exp.Expr) -> frozenset[Source]:
        stated = (tree.args.get(part) for part in ("where", "having", "qualify", "group"))
        parts: list[exp.Expr] = [part for part in stated if part is not None]
        for join in tree.args.get("joins") or ():
            parts += [part for part in (join.args.get("on"), *(join.args.get("using") or ())) if part is not None]
        if (group := tree.args.get("group")) is not None and group.args.get("all"):
            parts += [item for item in tree.expressions if not item.find(exp.AggFunc)]
        rows = _everything(self.expression(scope, part) for part in parts)
        for source in scope.selected_sources.values():
            child = source[1]
            if isinstance(child, Scope):
                rows |= self.scope(child).rows
        return rows | self._ordering(scope, tree, {})

    def _ordering(self, scope: Scope, tree: exp.Expr, columns: dict[str, Origins]) -> frozenset[Source]:
        order = tree.args.get("order")
        if order is None or not (tree.args.get("limit") or tree.args.get("offset")):
            return frozenset()
        found = _everything([self.expression(scope, order)])
        # An ORDER BY of a union names its output columns.
        named = [columns[c.name] for c in order.find_all(exp.Column) if not c.table and c.name in columns]
        return found | _everything(named)

    def expression(self, scope: Scope, node: exp.Expr) -> Origins:
        """The origins of an expression within a scope."""
        if isinstance(node, exp.Alias):
            return self.expression(scope, node.this)
        if isinstance(node, exp.Column):
            return self._column(scope, node)
        if isinstance(node, exp.JSONExtract | exp.JSONExtractScalar) and (path := _json_path(node)):
            return _member(self.expression(scope, node.this), path)
        if isinstance(node, exp.Query):
            return self._subquery(scope, node)
        found = _NOTHING
        for child in node.iter_expressions():
            found |= self.expression(scope, child)
        if isinstance(node, _PRESENCE) or (isinstance(node, exp.Is) and isinstance(node.expression, exp.Null)):
            return found.as_presence()
        if isinstance(node, exp.Exists):
            return found.as_presence()
        if isinstance(node, exp.Window):
            return self._window(scope, node)
        return found

    def _window(self, scope: Scope, node: exp.Window) -> Origins:
        computed, around = self.expression(scope, node.this), _NOTHING
        for child in node.iter_expressions():
            if child is not node.this:
                around |= self.expression(scope, child)
        return computed | around.as_presence()

    def _subquery(self, scope: Scope, node: exp.Query) -> Origins:
        inner = node.unnest() if isinstance(node, exp.Subquery) else node
        child = next((s for s in scope.subquery_scopes if s.expression in (inner, node)), None)
        if child is None:
            raise TypeError(f"a {type(node).__name__} that belongs to no scope")
        derived = self.scope(child)
        found = _NOTHING
        for origins in derived.columns.values():
            found |= origins
        return found | Origins(presence=derived.rows)

    def _column(self, scope: Scope, column: exp.Column) -> Origins:
        around: Scope | None = scope
        while around is not None:
            source = around.sources.get(column.table)
            if isinstance(source, exp.Table):
                return Origins(frozenset({(relation_name(source), column.name)}), copied=True)
            if isinstance(source, Scope):
                return self.scope(source).columns.get(column.name, _NOTHING)
            around = around.parent
        return _NOTHING


def _everything(origins: Iterable[Origins]) -> frozenset[Source]:
    found: frozenset[Source] = frozenset()
    for one in origins:
        found |= one.value | one.presence
    return found


def _member(whole: Origins, path: str) -> Origins:
    """A member of a JSON column, where the column is one as it is stored; else all that the JSON was made of."""
    if not whole.copied:
        return whole
    ((relation, column),) = whole.value
    return Origins(frozenset({(relation, f"{column}.{path}")}))


def _json_path(node: exp.Expr) -> str:
    """The member that a path names, such as `address.city`; empty for one that names no single member."""
    path = node.expression
    if isinstance(path, exp.Literal) and path.is_string:
        return str(path.this)
    if not isinstance(path, exp.JSONPath):
        return ""
    keys = [part for part in path.expressions if not isinstance(part, exp.JSONPathRoot)]
    if not keys or not all(isinstance(part, exp.JSONPathKey) and isinstance(part.this, str) for part in keys):
        return ""
    return ".".join(str(part.this) for part in keys)
