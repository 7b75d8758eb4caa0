"""As of: a query about what was known at a past moment, or about what had happened by then.

Relations are change logs with views on top, so the past is a filter on the logs: the tree of a query is rewritten until it
reads nothing but logs, each cut off at the moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import msgspec
from sqlglot import exp

from onefold.errors import UsageError
from onefold.warehouse import raw
from onefold.warehouse.mention import in_place_of
from onefold.warehouse.query import read_by, relation_named
from onefold.warehouse.relations import EVENT, LOGS, PROFILE_CHANGE
from onefold.warehouse.views import RELATIONS, queries

_LOGS = frozenset(relation.full_name for relation in LOGS)


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A moment in the past. What is None does not matter.

    Attributes:
        sequence: What was committed up to this sequence: exact to the row.
        known_at: What was committed by then, UTC.
        happened_by: Events that happened by then, UTC, whenever they became known.
    """

    sequence: int | None = None
    known_at: datetime | None = None
    happened_by: datetime | None = None


def moment_us(moment: Moment | None, now_us: int) -> int:
    """The moment at which windows end, in microseconds: the one that is asked about, else now."""
    at = None if moment is None else moment.happened_by or moment.known_at
    return now_us if at is None else int(at.replace(tzinfo=UTC).timestamp()) * 1_000_000 + at.microsecond


def as_of(query: exp.Query, moment: Moment) -> exp.Query:
    """The query about a past moment. It reads relations of the stream only; those of models are of today.

    Raises:
        UsageError: It reads profiles by the time of events, which have no such steps: ask for `known_at`, or count events.
    """
    trees = queries()
    rewritten = _rewritten(query, moment, trees)
    if moment.happened_by is not None and PROFILE_CHANGE.full_name in read_by(rewritten, RELATIONS):
        raise UsageError("Profiles are known by when they became known: ask for known_at, or count events instead.")
    return rewritten


def _rewritten(query: exp.Query, moment: Moment, trees: Mapping[str, exp.Query]) -> exp.Query:
    own = {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}

    def replaced(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            return node
        if not node.db and node.name.lower() in own:
            return node
        if node.db.lower() == raw.SCHEMA:
            return in_place_of(node, _received(node, moment))
        name = relation_named(node, RELATIONS)
        if name in _LOGS:
            inner: exp.Query = _cut(name, moment)
        elif name in trees:
            inner = _rewritten(trees[name], moment, trees)
        else:
            raise UsageError(f"{name} is of today: only relations of the stream have a past.")
        return in_place_of(node, inner)

    return cast("exp.Query", query.copy().transform(replaced))  # the root is no table, so it stays


def _cut(name: str, moment: Moment) -> exp.Select:
    found = exp.select("*").from_(exp.to_table(name))
    if moment.sequence is not None:
        found = found.where(exp.column("sequence") <= exp.Literal.number(moment.sequence))
    if moment.known_at is not None:
        found = found.where(exp.column("known_at") <= _timestamp(moment.known_at))
    if moment.happened_by is not None and name == EVENT.full_name:
        found = found.where(exp.column("event_at") <= _timestamp(moment.happened_by))
    return found


def _received(source: exp.Table, moment: Moment) -> exp.Select:
    """Raw rows, which were known when they were received."""
    if moment.known_at is None:
        raise UsageError("Raw rows are known by when they were received: ask for known_at.")
    found = exp.select("*").from_(exp.table_(source.name, db=source.db, quoted=True))
    return found.where(exp.column("received_at") <= _timestamp(moment.known_at))


def _timestamp(at: datetime) -> exp.Cast:
    return exp.cast(exp.Literal.string(at.isoformat(sep=" ")), exp.DataType.Type.TIMESTAMP)
