"""Needs: which rows of each relation a query can use at all, as far as its WHERE clauses tell.

Each mention of a relation is looked at alone, and the relation needs what any of its mentions does. Only comparisons of a
column with a constant count, none of which is true of null; what is not understood narrows nothing. So a row that no
need admits cannot change the answer, and a file of such rows need not be opened.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from sqlglot import exp

from onefold.model import ColumnType, Relation
from onefold.warehouse.query import relation_named

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_UNITS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400, "WEEK": 604_800}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  times of the warehouse are UTC without a zone
_MICROSECOND = timedelta(microseconds=1)
_MIXING = ("group", "having", "qualify", "limit", "offset", "sample", "distinct", "with_", "connect", "match")
"""Clauses with which a row of the result is not one row of what is selected from."""
_MAKING = (exp.AggFunc, exp.Window, exp.UDTF, exp.Explode, exp.Anonymous, exp.Query)
"""What a select list may not hold for the same reason, or may not be known to be free of it."""

_Side = Literal["low", "high", "among"]
Value = int | str | bytes


class Bound(msgspec.Struct, frozen=True):
    """What a value must be: between two, both included, where None is no end; or one of some."""

    low: int | None = None
    high: int | None = None
    among: frozenset[Value] | None = None


Need = Mapping[str, Sequence[Bound]]
"""By column all bounds that a row must keep. Times are microseconds, uuids 16 bytes. Empty: any row may be needed."""


class _Test(msgspec.Struct, frozen=True):
    """A comparison of a column with constants."""

    column: exp.Column
    side: _Side
    constants: Sequence[exp.Expr]
    strict: bool = False


_Tests = Mapping[str, Sequence[_Test]]
"""Tests by the name of the column, in lower case."""
_COMPARED: Mapping[type[exp.Expr], tuple[_Side, _Side]] = {
    exp.EQ: ("among", "among"), exp.LT: ("high", "low"), exp.LTE: ("high", "low"), exp.GT: ("low", "high"),
    exp.GTE: ("low", "high"),
}  # fmt: skip
"""On which side a constant bounds a column that stands left of it, and right of it."""


def needs(query: exp.Query, trees: Mapping[str, exp.Query], known: Mapping[str, Relation]) -> dict[str, list[Need]]:
    """What each relation that is no view must give, by full name; one that is not there need give nothing.

    Args:
        query: A query over known relations.
        trees: The views' queries.
        known: All relations.

    Raises:
        UsageError: It names a relation that there is not.
    """
    found: dict[str, list[Need]] = {}
    _Reading(query, trees, known, found).read({})
    return found


class _Reading:
    """Goes through one query, and through the views that it reads."""

    def __init__(
        self,
        query: exp.Query,
        trees: Mapping[str, exp.Query],
        known: Mapping[str, Relation],
        found: dict[str, list[Need]],
    ) -> None:
        self._root = query
        self._trees = trees
        self._known = known
        self._found = found
        self._own = {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}

    def read(self, outer: _Tests) -> None:
        """Take it in, its result narrowed by tests on its columns."""
        self._query(self._root, outer)

    def _query(self, query: exp.Expr, outer: _Tests) -> None:
        if isinstance(query, exp.Select):
            self._select(query, outer)
            return
        inner = query.this if isinstance(query, exp.Subquery) and not query.args.get("with_") else None
        if inner is not None:
            self._query(inner, outer)
        self._rest(query, {id(inner)})

    def _select(self, select: exp.Select, outer: _Tests) -> None:
        sources = list(sources_of(select))
        tests: dict[int, dict[str, list[_Test]]] = {}
        where = select.args.get("where")
        stated = [test for part in _conjuncts(where.this) for test in _tests(part)] if where is not None else []
        for test in stated:
            if _renamed(select, test.column) or (source := self._source_of(test.column, sources)) is None:
                continue
            tests.setdefault(id(source), {}).setdefault(test.column.name.lower(), []).append(test)
        for source, column, test in self._through(select, sources, outer):
            tests.setdefault(id(source), {}).setdefault(column, []).append(test)
        for source in sources:
            of = tests.get(id(source), {})
            if isinstance(source, exp.Table):
                self._mention(source, of)
                self._rest(source, set())
            elif isinstance(source, exp.Subquery):
                self._query(source, of)
        self._rest(select, {id(source) for source in sources})

    def _rest(self, node: exp.Expr, done: set[int]) -> None:
        """Take in all that is below a node, but for what is done; nothing narrows it from outside."""
        for child in node.iter_expressions():
            if id(child) in done:
                continue
            if isinstance(child, exp.Query):
                self._query(child, {})
                continue
            if isinstance(child, exp.Table):
                self._mention(child, {})
            self._rest(child, done)

    def _mention(self, table: exp.Table, tests: _Tests) -> None:
        if not isinstance(table.this, exp.Identifier) or self._is_own(table):
            return
        name = relation_named(table, self._known)
        if name in self._trees:
            _Reading(self._trees[name], self._trees, self._known, self._found).read(tests)
            return
        need = {
            column.name: bounds
            for column in self._known[name].columns
            if (bounds := [b for test in tests.get(column.name, ()) if (b := _bound(test, column.type)) is not None])
        }
        self._found.setdefault(name, []).append(need)

    def _is_own(self, table: exp.Table) -> bool:
        return not table.db and table.name.lower() in self._own

    def _has(self, source: exp.Expr, column: str) -> bool | None:
        """Whether a source has a column; None where that is not known."""
        if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier) or self._is_own(source):
            return None
        return self._known[relation_named(source, self._known)].column(column) is not None

    def _source_of(self, column: exp.Column, sources: Sequence[exp.Expr]) -> exp.Expr | None:
        """The source that a column is of; None where that is not certain."""
        if column.args.get("db"):
            return None
        if column.table:
            named = [source for source in sources if source.alias_or_name.lower() == column.table.lower()]
            return named[0] if len(named) == 1 else None
        having = {self._has(source, column.name.lower()) for source in sources}
        if None in having:
            return sources[0] if len(sources) == 1 and isinstance(sources[0], exp.Subquery) else None
        of = [source for source in sources if self._has(source, column.name.lower())]
        return of[0] if len(of) == 1 else None

    def _through(
        self, select: exp.Select, sources: Sequence[exp.Expr], outer: _Tests
    ) -> Iterator[tuple[exp.Expr, str, _Test]]:
        """Tests on the columns of the result, as tests on the columns of the sources that they are, unchanged."""
        if not outer or any(select.args.get(clause) for clause in _MIXING):
            return
        if any(item.find(*_MAKING) is not None for item in select.expressions):
            return
        for name, tests in outer.items():
            found = self._origin(name, select, sources)
            if found is not None:
                yield from ((*found, test) for test in tests)

    def _origin(self, name: str, select: exp.Select, sources: Sequence[exp.Expr]) -> tuple[exp.Expr, str] | None:
        """The source and column that a column of the result is; None where it is not one, or that is not certain."""
        for item in select.expressions:
            star = item.this if isinstance(item, exp.Column) else item
            if isinstance(star, exp.Star):
                if any(star.args.values()):  # EXCLUDE, REPLACE, RENAME
                    return None
                table = item.table if isinstance(item, exp.Column) else ""
                of = [s for s in sources if s.alias_or_name.lower() == table.lower()] if table else list(sources)
                if len(of) != 1:
                    return None
                has = self._has(of[0], name)
                if has or (has is None and isinstance(of[0], exp.Subquery) and len(select.expressions) == 1):
                    return of[0], name
                if has is None:
                    return None
            elif item.alias_or_name.lower() == name:
                column = item.unalias()
                source = self._source_of(column, sources) if isinstance(column, exp.Column) else None
                return None if source is None else (source, column.name.lower())
        return None


def sources_of(select: exp.Select) -> Iterator[exp.Expr]:
    """What a SELECT selects from, joined or not."""
    stated = select.args.get("from_")
    waiting = [] if stated is None else [stated.this]
    waiting += [join.this for join in select.args.get("joins") or ()]
    waiting += select.args.get("laterals") or ()
    while waiting:
        source = waiting.pop(0)
        yield source
        if isinstance(source, exp.Table | exp.Subquery):
            waiting += [join.this for join in source.args.get("joins") or ()]
            waiting += source.args.get("laterals") or ()


def _renamed(select: exp.Select, column: exp.Column) -> bool:
    """Whether the result has another column of this name, which an engine may take it for."""
    name = column.name.lower()
    return not column.table and any(
        isinstance(item, exp.Alias) and item.alias.lower() == name and item.this != column
        for item in select.expressions
    )


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    else:
        yield condition


def _tests(condition: exp.Expr) -> Iterator[_Test]:
    sides = _COMPARED.get(type(condition))
    if sides is not None:
        left, right = condition.this.unnest(), condition.expression.unnest()
        strict = isinstance(condition, exp.LT | exp.GT)
        if isinstance(left, exp.Column):
            yield _Test(left, sides[0], (right,), strict)
        elif isinstance(right, exp.Column):
            yield _Test(right, sides[1], (left,), strict)
    elif isinstance(condition, exp.Between) and isinstance(condition.this, exp.Column):
        if not condition.args.get("symmetric"):
            yield _Test(condition.this, "low", (condition.args["low"],))
            yield _Test(condition.this, "high", (condition.args["high"],))
    elif isinstance(condition, exp.In) and isinstance(condition.this, exp.Column):
        others = any(condition.args.get(part) for part in ("query", "unnest", "field", "is_global"))
        if condition.expressions and not others:
            yield _Test(condition.this, "among", condition.expressions)


def _bound(test: _Test, kind: ColumnType) -> Bound | None:
    """The bound that a test of a column of this type is; None where its constants are not understood."""
    values = [_constant(constant, kind) for constant in test.constants]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    if test.side == "among":
        return Bound(among=frozenset(known))
    numbers = [value for value in known if isinstance(value, int)]
    if not numbers:
        return None
    end, step = numbers[0], int(test.strict)
    return Bound(low=end + step) if test.side == "low" else Bound(high=end - step)


def _constant(constant: exp.Expr, kind: ColumnType) -> Value | None:
    constant = constant.unnest()
    if kind == "timestamp":
        at = _moment(constant)
        return None if at is None else (at - _EPOCH) // _MICROSECOND
    if isinstance(constant, exp.Cast) and kind == "uuid" and constant.is_type(exp.DataType.Type.UUID):
        constant = constant.this
    if not isinstance(constant, exp.Literal):
        return None
    text = str(constant.this)
    if kind in {"bigint", "integer"}:
        return int(text) if constant.is_int else None
    if not constant.is_string:
        return None
    if kind == "uuid":
        return uuid.UUID(text).bytes if _UUID.fullmatch(text) else None
    return text if kind == "text" else None


_TIMES = (
    exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ, exp.DataType.Type.DATETIME, exp.DataType.Type.DATE,
)  # fmt: skip


def _moment(constant: exp.Expr) -> datetime | None:
    """A time stated as ISO 8601 without a zone, with or without an interval added or taken off."""
    constant = constant.unnest()
    if isinstance(constant, exp.Add | exp.Sub):
        at, by = _moment(constant.this), constant.expression
        if at is None or not isinstance(by, exp.Interval) or not isinstance(by.this, exp.Literal):
            return None
        seconds = _UNITS.get(str(by.args.get("unit") or "").upper().removesuffix("S"))
        if seconds is None or not re.fullmatch(r"[0-9]{1,6}", str(by.this.this)):
            return None
        step = timedelta(seconds=seconds * int(str(by.this.this)))
        try:
            return at + step if isinstance(constant, exp.Add) else at - step
        except OverflowError:
            return None
    if isinstance(constant, exp.Cast):
        if not constant.is_type(*_TIMES):
            return None
        inner = _moment(constant.this)
        if inner is not None and constant.is_type(exp.DataType.Type.DATE):
            inner = inner.replace(hour=0, minute=0, second=0, microsecond=0)
        return inner
    if (
        not isinstance(constant, exp.Literal)
        or not constant.is_string
        or not _TIME.fullmatch(text := str(constant.this))
    ):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
