"""Changes of memberships, as the warehouse keeps them: who entered and left when and why, and how audiences grew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Protocol

from sqlglot import exp

from onefold.errors import UnavailableError
from onefold.model import results
from onefold.pipelines.audiences.inquiry import LIMITS, Open
from onefold.pipelines.audiences.told import reason_told
from onefold.warehouse.relations import MEMBERSHIP_CHANGE

COLUMNS = ("person", "audience", "entered", "changed_at", "version", "because", "reason")


class _Arrow(Protocol):
    def to_pylist(self) -> list[dict[str, Any]]: ...


def history_query(audience: str | None, person: str | None, *, before: int | None = None) -> exp.Select:
    """Who entered and left, the latest first: `sequence` and `COLUMNS`; of one audience, of one person, or of all."""
    query = exp.select("sequence", *COLUMNS).from_(exp.to_table(MEMBERSHIP_CHANGE.full_name))
    if audience is not None:
        query = query.where(exp.column("audience").eq(exp.Literal.string(audience)))
    if person is not None:
        query = query.where(exp.column("person").eq(exp.cast(exp.Literal.string(person), exp.DataType.Type.UUID)))
    if before is not None:
        query = query.where(exp.LT(this=exp.column("sequence"), expression=exp.Literal.number(before)))
    return query.order_by("sequence DESC")


def growth_query(audience: str) -> exp.Select:
    """By day (UTC), how many entered and left an audience, and how many were in it at its end."""
    day = exp.cast(exp.column("changed_at"), exp.DataType.Type.DATE).as_("day")
    inside = exp.Case().when(exp.column("entered"), exp.Literal.number(1)).else_(exp.Literal.number(0))
    outside = exp.Case().when(exp.column("entered"), exp.Literal.number(0)).else_(exp.Literal.number(1))
    days = (
        exp.select(day, exp.Sum(this=inside).as_("came"), exp.Sum(this=outside).as_("went"))
        .from_(exp.to_table(MEMBERSHIP_CHANGE.full_name))
        .where(exp.column("audience").eq(exp.Literal.string(audience)))
        .group_by("day")
    )
    net = exp.Sum(this=exp.Sub(this=exp.column("came"), expression=exp.column("went")))
    running = exp.Window(this=net, order=exp.Order(expressions=[exp.Ordered(this=exp.column("day"))]))
    bigint = exp.DataType.Type.BIGINT
    query = exp.select(
        "day",
        exp.cast(exp.column("came"), bigint).as_("entered"),
        exp.cast(exp.column("went"), bigint).as_("exited"),
        exp.cast(running, bigint).as_("members"),
    ).from_(days.subquery("days"))
    return query.order_by("day")


def history(warehouse: Open | None, audience: str, *, before: int | None, limit: int) -> results.MembershipHistory:
    """A page of what happened in an audience, the latest first.

    Raises:
        UnavailableError: There is no warehouse.
    """
    rows = _rows(warehouse, history_query(audience, None, before=before).limit(limit + 1))
    page = rows[:limit]
    return results.MembershipHistory(
        segment=audience,
        changes=tuple(_change(row) for row in page),
        next=page[-1]["sequence"] if len(rows) > limit else None,
    )


def growth(warehouse: Open | None, audience: str) -> results.SegmentGrowth:
    """By day (UTC), how many entered and left an audience, and how many were in it at its end.

    Raises:
        UnavailableError: There is no warehouse.
    """
    days = [
        results.GrowthDay(day=_day(row["day"]), entered=row["entered"], exited=row["exited"], members=row["members"])
        for row in _rows(warehouse, growth_query(audience))
    ]
    return results.SegmentGrowth(segment=audience, days=tuple(days))


def _rows(warehouse: Open | None, query: exp.Select) -> list[dict[str, Any]]:
    if warehouse is None:
        raise UnavailableError("There is no warehouse here, which keeps the history: pip install 'onefold[warehouse]'.")
    with warehouse() as opened:
        found: _Arrow = opened.run(query, LIMITS)
    return found.to_pylist()


def _change(row: Mapping[str, Any]) -> results.MembershipChange:
    at: datetime = row["changed_at"]
    return results.MembershipChange(
        sequence=row["sequence"],
        profile_id=str(row["person"]),
        entered=row["entered"],
        at=at.isoformat(timespec="milliseconds") + "Z",
        version=row["version"],
        reason=reason_told(row["reason"].encode()),
    )


def _day(day: date) -> str:
    return day.isoformat()
