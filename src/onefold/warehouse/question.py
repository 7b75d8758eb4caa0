"""A question: the text of a query as somebody types it, made ready to run, and what is wrong with it in their words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlglot import exp

from onefold.errors import UsageError, nearest
from onefold.model import Relation
from onefold.warehouse.as_of import Moment
from onefold.warehouse.query import parse, read_by, tables

_NO_COLUMN = re.compile(r"Referenced column \"(?P<a>[^\"]+)\" not found|does not have a column named \"(?P<b>[^\"]+)\"")


def asked(text: str, relations: Iterable[Relation], *, limit: int | None = None) -> exp.Query:
    """The query that a text is, over these relations, giving `limit` rows at most.

    Raises:
        UsageError: It is not one query, or reads what there is not; the message tells the place and the nearest name.
    """
    query = parse(text)
    known = {relation.full_name for relation in relations}
    try:
        read_by(query, known)
    except UsageError as error:
        raise _placed(text, query, known, error) from None
    return query if limit is None else limited(query, limit)


def limited(query: exp.Query, limit: int) -> exp.Query:
    """The query with no more rows than `limit`, in its own order."""
    stated = query.args.get("limit")
    if stated is None:
        return query.limit(limit)
    most = stated.expression if isinstance(stated, exp.Limit) else None
    if isinstance(most, exp.Literal) and most.is_int and int(most.this) <= limit:
        return query
    return exp.select("*").from_(query.subquery("asked")).limit(limit)


def explained(error: UsageError, text: str, query: exp.Query, relations: Iterable[Relation]) -> UsageError:
    """What an engine says of a query, with the place in the text and the nearest name where it is about a column."""
    said = str(error)
    found = _NO_COLUMN.search(said)
    if found is None:
        return error
    name = found["a"] or found["b"]
    by_name = {relation.full_name: relation for relation in relations}
    read = [by_name[full] for full in read_by(query, by_name)]
    valid = {column.name for relation in read for column in relation.columns} | {
        each.alias for each in query.find_all(exp.Alias)
    }
    place = next((place_of(text, c.this) for c in query.find_all(exp.Column) if c.name.lower() == name.lower()), "")
    described = f"; `onefold describe {read[0].full_name}` lists its columns" if len(read) == 1 else ""
    return UsageError(f"There is no column `{name}`{place}{nearest(name, valid) or described or '.'}")


def place_of(text: str, node: exp.Expr) -> str:
    """` (line 2, column 7)`: where a name stands in the text, both counted from 1; empty where that is not known."""
    start = node.meta.get("start")
    if start is None:
        return ""
    return f" (line {text.count(chr(10), 0, start) + 1}, column {start - text.rfind(chr(10), 0, start)})"


def _placed(text: str, query: exp.Query, known: set[str], error: UsageError) -> UsageError:
    """The error with the place of the name that it is about."""
    for table in tables(query):
        try:
            read_by(exp.select("*").from_(table.copy()), known)
        except UsageError as found:
            before, tick, after = str(found).rpartition("`; ")
            place = place_of(text, table.args.get("db") or table.this)
            return UsageError(f"{before}`{place}; {after}") if tick else found
    return error


def moment(text: str, *, by_event: bool) -> Moment:
    """A moment as somebody states it, in ISO 8601; without a zone it is UTC, and a day alone is its beginning.

    Args:
        text: When.
        by_event: Whether what had happened by then is meant, and not what was known.

    Raises:
        UsageError: It is not one.
    """
    try:
        stated = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"`{text}` is not a time; write 2026-11-26 or 2026-11-26T18:30:00Z.") from None
    return moment_at(stated, by_event=by_event)


def moment_at(stated: datetime, *, by_event: bool) -> Moment:
    """The same of a time; without a zone it is UTC."""
    at = stated if stated.tzinfo is None else stated.astimezone(UTC).replace(tzinfo=None)
    return Moment(happened_by=at) if by_event else Moment(known_at=at)
