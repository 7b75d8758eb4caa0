"""Increments: which keys of a model changed since its last run, and its statement for these keys only.

A model can be built by increments when its rows of one key are made of rows of that key alone. That is decided from its
tree: the key is a column of a relation whose changes can be seen, every other such relation is joined by equality with
it, groups and windows do not reach across keys, and nothing is cut off by a LIMIT. Then the rows of the keys that changed,
computed from their rows only, are what a complete run would give for them, and all other rows stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import msgspec
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from onefold.warehouse.calendar import SEEDS
from onefold.warehouse.models import graph, statement
from onefold.warehouse.models.binding import BoundModels
from onefold.warehouse.models.expansion import expand
from onefold.warehouse.models.model import ModelError

KEY = "changed_key"
PRESENT = "is_row"


class Changes(msgspec.Struct, frozen=True):
    """A relation with a row for each change, in order of a sequence, and the column that says what changed."""

    relation: str
    sequence: str
    key: str


Tracked = Mapping[tuple[str, str], Changes]
"""For columns of relations, where it can be seen that the rows with some value of the column changed."""


_PERSON = Changes("golden.profile_change", "sequence", "person")
_EVENT = Changes("staging.event", "sequence", "event_id")
TRACKED: Tracked = {
    # Whatever happens to a person, be it an event, a merge or a word of consent, gives them a row there.
    ("golden.profile", "person"): _PERSON,
    ("golden.engagement_event", "person"): _PERSON,
    ("golden.identity", "person"): _PERSON,
    ("golden.source_link", "person"): _PERSON,
    ("staging.event", "event_id"): _EVENT,
    ("golden.consent_change", "event_id"): _EVENT,
}
"""What can be tracked of the relations that the stream makes."""


class Increment(msgspec.Struct, frozen=True):
    """How a model is built by increments.

    Attributes:
        column: The column of the model that the changed keys are values of.
        changes: Where they are seen.
        tables: Of the tree, how often each relation that is restricted to the keys is met before it, and its column.
    """

    column: str
    changes: Changes
    tables: tuple[tuple[int, str], ...]


class NotIncrementalError(Exception):
    """Why a statement cannot be built by increments, a sentence without its subject."""


def plans(models: BoundModels, tracked: Tracked) -> dict[str, Increment]:
    """How each incremental model is built, by name.

    Raises:
        ModelError: One of them cannot be built by increments.
    """
    found, known, faults = dict[str, Increment](), dict(tracked), []
    for name, bound in models.models.items():
        if bound.model.materialized != "incremental":
            continue
        try:
            found[name] = _planned(models, name, known)
        except NotIncrementalError as error:
            message = f"`{name}` {error}; or say `materialized: table`"
            faults.append(bound.model.description_fault(("materialized",), message))
        else:
            # Who reads it can follow its changes: they are those that it follows itself.
            known[name, found[name].column] = found[name].changes
    if faults:
        raise ModelError(faults)
    return found


def _planned(models: BoundModels, name: str, tracked: Tracked) -> Increment:
    bound = models.models[name]
    tree = expand(bound.tree, models.views())
    if statement.uses_clock(tree):
        raise NotIncrementalError("uses `as_of()`, so all its rows change with time")
    if unseen := graph.reads(tree) - models.models.keys() - {relation for relation, _ in tracked} - SEEDS:
        raise NotIncrementalError(f"reads `{min(unseen)}`, whose changes cannot be followed")
    return plan(tree, bound.model.key, tracked)


def plan(tree: exp.Query, key: tuple[str, ...], tracked: Tracked) -> Increment:
    """How to build a bound statement by increments.

    Args:
        tree: The qualified tree, with views expanded.
        key: The columns that tell rows apart, one of which must be tracked.
        tracked: What can be tracked.

    Raises:
        NotIncrementalError: It cannot be.
    """
    problem = "has a `key` none of whose columns is a column of a relation whose changes can be seen"
    for column in key:
        try:
            found = _Locality(tree, tracked)
            found.check(cast("Scope", build_scope(tree)), column)
        except NotIncrementalError as error:
            problem = str(error)
            continue
        followed = {tracked[relation, name] for relation, name in found.relations}
        if len(followed) == 1:
            return Increment(column, followed.pop(), tuple(found.tables.items()))
    raise NotIncrementalError(problem)


def restricted(tree: exp.Query, increment: Increment, watermark: int) -> exp.Query:
    """The changed keys, each with its rows: `changed_key`, `is_row`, then the model's columns.

    A key that has no rows any more comes once, with `is_row` null. Keys and rows are read at one moment.
    """
    whole = tree.copy()
    tables = list(graph.tables(whole))
    changed = exp.to_identifier("changed keys", quoted=True)
    for position, column in increment.tables:
        table = tables[position]
        alias = table.alias or table.name
        bare = table.copy()
        bare.set("alias", None)
        keys = exp.select(KEY).from_(exp.Table(this=changed.copy()))
        rows = exp.select("*").from_(bare).where(exp.In(this=exp.column(column), query=exp.Subquery(this=keys)))
        table.replace(exp.Subquery(this=rows, alias=exp.TableAlias(this=exp.to_identifier(alias))))
    where = increment.changes
    folder, _, name = where.relation.partition(".")
    keys = (
        exp.select(exp.alias_(exp.column(where.key), KEY)).distinct().from_(exp.table_(name, db=folder))
        .where(exp.GT(this=exp.column(where.sequence), expression=exp.Literal.number(watermark)))
    )  # fmt: skip
    own = whole.args.get("with_")
    stated = list(own.expressions) if own is not None else []
    whole.set("with_", None)
    columns = [exp.column(item.alias_or_name, table="made", quoted=True) for item in tree.selects]
    marked = exp.select("*", exp.alias_(exp.true(), PRESENT)).from_(whole.subquery("rows"))
    query = (
        exp.select(exp.column(KEY, table="keys"), exp.column(PRESENT, table="made"), *columns)
        .from_(exp.Table(this=changed.copy(), alias=exp.TableAlias(this=exp.to_identifier("keys"))))
        .join(
            marked.subquery("made"),
            on=exp.EQ(
                this=exp.column(increment.column, table="made", quoted=True), expression=exp.column(KEY, table="keys")
            ),
            join_type="left",
        )
    )
    query.set("with_", exp.With(expressions=[exp.CTE(this=keys, alias=exp.TableAlias(this=changed)), *stated]))
    return query


class _Locality:
    """Looks through a tree for a reason why rows of one key might depend on rows of another."""

    def __init__(self, tree: exp.Query, tracked: Tracked) -> None:
        self._tracked = tracked
        self._known = {relation for relation, _ in tracked}
        self._order = {id(table): number for number, table in enumerate(graph.tables(tree))}
        self.tables: dict[int, str] = {}
        self.relations: set[tuple[str, str]] = set()

    def check(self, scope: Scope, column: str) -> None:
        tree = cast("exp.Query", scope.expression)
        if tree.args.get("limit") or tree.args.get("offset"):
            raise NotIncrementalError("has a LIMIT, so one key's rows depend on the others'")
        distinct = tree.args.get("distinct")
        if isinstance(distinct, exp.Distinct) and distinct.args.get("on"):
            raise NotIncrementalError("has DISTINCT ON, which may choose between rows of different keys")
        if isinstance(tree, exp.SetOperation):
            left, right = scope.set_operation_scopes
            place = [item.alias_or_name for item in cast("exp.Query", left.expression).selects].index(column)
            self.check(left, column)
            self.check(right, cast("exp.Query", right.expression).selects[place].alias_or_name)
            return
        source = next(item for item in tree.selects if item.alias_or_name == column).unalias()
        if not isinstance(source, exp.Column):
            raise NotIncrementalError(f"computes its key `{column}`; take it as it is from a relation")
        same = self._same(tree, source)
        self._aggregates(tree, same, column)
        for subquery in scope.subquery_scopes:
            if any(graph.reads(cast("exp.Query", subquery.expression)) & self._known):
                raise NotIncrementalError("has a subquery over a relation that changes; join it by the key instead")
        for alias, (_, read) in scope.selected_sources.items():
            names = sorted(name for table, name in same if table == alias)
            if isinstance(read, Scope):
                self._derived(read, names, alias)
            else:
                self._table(read, names)

    def _derived(self, scope: Scope, names: list[str], alias: str) -> None:
        if names:
            self.check(scope, names[0])
        elif graph.reads(cast("exp.Query", scope.expression)) & self._known:
            raise NotIncrementalError(f"joins `{alias}` by something other than the key")

    def _table(self, table: exp.Expr, names: list[str]) -> None:
        relation = graph.relation_name(cast("exp.Table", table))
        name = next((name for name in names if (relation, name) in self._tracked), None)
        if name is not None:
            self.relations.add((relation, name))
            if self.tables.setdefault(self._order[id(table)], name) != name:
                raise NotIncrementalError(f"reads `{relation}` by the key in two columns at once")
        elif relation in self._known:
            raise NotIncrementalError(f"reads `{relation}` by something other than the key")

    @staticmethod
    def _aggregates(tree: exp.Query, same: set[tuple[str, str]], column: str) -> None:
        inner = [part for part in (tree.args.get("qualify"), *tree.selects) if part is not None]
        windows = [window for part in inner for window in part.find_all(exp.Window)]
        for window in windows:
            parts = window.args.get("partition_by") or ()
            if not any(isinstance(part, exp.Column) and (part.table, part.name) in same for part in parts):
                raise NotIncrementalError(f"has a window over all keys; partition it by `{column}`")
        in_windows = {id(call) for window in windows for call in window.find_all(exp.AggFunc)}
        calls = [call for part in inner for call in part.find_all(exp.AggFunc) if id(call) not in in_windows]
        group = tree.args.get("group")
        if group is None:
            if calls:
                raise NotIncrementalError("aggregates over all keys")
        elif not group.args.get("all"):
            grouped = [part for part in group.expressions if isinstance(part, exp.Column)]
            if group.args.get("rollup") or group.args.get("cube") or group.args.get("grouping_sets"):
                raise NotIncrementalError("aggregates over all keys (ROLLUP, CUBE or GROUPING SETS)")
            if not any((part.table, part.name) in same for part in grouped):
                raise NotIncrementalError(f"does not group by its key `{column}`")

    def _same(self, tree: exp.Query, source: exp.Column) -> set[tuple[str, str]]:
        """Columns that have the key's value in every row that they have a value in."""
        joins = tree.args.get("joins") or []
        for join in joins:
            if join.side in {"RIGHT", "FULL"}:
                raise NotIncrementalError(f"has a {join.side} JOIN, which makes rows without a key")
            if join.side == "LEFT" and join.alias_or_name == source.table:
                raise NotIncrementalError("takes its key from the right side of a LEFT JOIN, where it may be missing")
        equal = [pair for join in joins if join.args.get("on") is not None for pair in _equalities(join.args["on"])]
        if (where := tree.args.get("where")) is not None:
            equal += _equalities(where.this)
        same, grown = {(source.table, source.name)}, True
        while grown:
            grown = False
            for one, other in equal:
                if (one in same) != (other in same):
                    same |= {one, other}
                    grown = True
        return same


def _equalities(condition: exp.Expr) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Pairs of columns that the condition says are equal, whatever else it says."""
    parts = condition.flatten() if isinstance(condition, exp.And) else [condition]
    for part in parts:
        bare = part.unnest() if isinstance(part, exp.Paren) else part
        if isinstance(bare, exp.EQ) and isinstance(bare.this, exp.Column) and isinstance(bare.expression, exp.Column):
            yield (bare.this.table, bare.this.name), (bare.expression.table, bare.expression.name)
