"""The history of memberships, as the warehouse keeps it: who entered and left when and why, and how segments grew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

from onefold.bootstrap.asking import asking
from onefold.bootstrap.workspace import reader
from onefold.model import Identifier, parse_profile_id
from onefold.warehouse.relations import MEMBERSHIP_CHANGE

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa


def membership_history(
    directory: Path, workspace: str | None, audience: str | None, who: Identifier | None, *, limit: int
) -> pa.Table:
    """Who entered and left, the latest first: of one segment or stage, of one person, or of all.

    Raises:
        ConfigurationError: The extra `warehouse` is not installed.
        NotFoundError: Nobody has that identifier.
    """
    names = ("person", "audience", "entered", "changed_at", "version", "because", "reason")
    query = exp.select(*(exp.column(name) for name in names)).from_(exp.to_table(MEMBERSHIP_CHANGE.full_name))
    if audience is not None:
        query = query.where(exp.column("audience").eq(exp.Literal.string(audience)))
    if who is not None:
        with reader(directory, workspace) as service:
            person = service.profile(who).id
        assert parse_profile_id(person) is not None  # noqa: S101  what we wrote
        query = query.where(exp.column("person").eq(exp.cast(exp.Literal.string(person), exp.DataType.Type.UUID)))
    with asking(directory, workspace) as asker:
        return asker.run(query.order_by("sequence DESC"), limit=limit)


def membership_growth(directory: Path, workspace: str | None, audience: str) -> pa.Table:
    """By day (UTC), how many entered and left a segment or stage, and how many were in it at its end.

    Raises:
        ConfigurationError: The extra `warehouse` is not installed.
    """
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
    with asking(directory, workspace) as asker:
        return asker.run(query.order_by("day"))
