"""Reconciliation: what the stream's store says of each person beside what the warehouse says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol

import msgspec

from onefold.model import NodeId, format_profile_id
from onefold.pipelines.context import Context
from onefold.pipelines.reading.profile_rows import people, profile_row
from onefold.ports import ProfileSnapshot
from onefold.ports.warehouse import Warehouse
from onefold.warehouse.query import parse
from onefold.warehouse.relations import PROFILE_CHANGE
from onefold.warehouse.upkeep import RECONCILIATION, old

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  as the warehouse has times: UTC, without saying so
_PEOPLE_AT_ONCE = 2_000
_EXAMPLES = 10
_NOT_COMPARED = frozenset({"sequence", "person", "gone", "known_at", "stage", "stage_changes_at"})
"""What arrival implies; and the lifecycle stage, which changes with time alone."""
COLUMNS = tuple(column for column in PROFILE_CHANGE.columns if column.name not in _NOT_COMPARED)
_TRIES = 5

_PROFILES = """
SELECT p.*, coalesce(e.many, 0) AS counted FROM golden.profile AS p LEFT JOIN (
    SELECT person, count(*) AS many FROM golden.engagement_event GROUP BY person
) AS e ON e.person = p.person
"""


class Reconciled(msgspec.Struct, frozen=True):
    """What was found. People who are in one of the two only differ.

    Attributes:
        people: People in the store.
        differing: People of whom store and warehouse say something different.
        columns: For each column in which they differ, how many people do. `counted` is the number of event rows.
        examples: Profile ids of some of them.
        moving: Whether the stream went on meanwhile, so that differences may be due to that.
    """

    people: int
    differing: int
    columns: dict[str, int]
    examples: tuple[str, ...]
    moving: bool = False


class Compared(msgspec.Struct, frozen=True):
    """What a comparison found, in figures; `at_us` is when it ended."""

    at_us: int
    people: int
    differing: int


class _Arrow(Protocol):
    def to_pylist(self) -> list[dict[str, Any]]: ...


def reconcile(context: Context, warehouse: Warehouse) -> Reconciled:
    """Compare everybody; done again, some times, while the stream goes on between the two readings."""
    found = _once(context, warehouse)
    for _ in range(_TRIES - 1):
        if not (found.moving and found.differing):
            break
        found = _once(context, warehouse)
    return found


def record(warehouse: Warehouse, found: Reconciled, at_us: int, seconds: float) -> None:
    """Keep what was found in `quality.reconciliation`; what is older than `KEPT_DAYS` goes.

    What was found while the stream went on, and differed, tells nothing, and is not kept.
    """
    import pyarrow as pa  # noqa: PLC0415  only where there is a warehouse

    if found.moving and found.differing:
        return
    at = _EPOCH + timedelta(microseconds=at_us)
    row = {
        "ran_at": at, "people": found.people, "differing": found.differing, "seconds": seconds,
        "columns": msgspec.json.encode(found.columns).decode(),
    }  # fmt: skip
    gone = old(warehouse, RECONCILIATION, at)
    warehouse.merge(RECONCILIATION, pa.Table.from_pylist([row]), gone=gone)


def _once(context: Context, warehouse: Warehouse) -> Reconciled:
    with context.store.snapshot() as snapshot:
        fed = snapshot.fed()
        rows: _Arrow = warehouse.run(parse(_PROFILES))
        told = {row["person"]: row for row in rows.to_pylist()}
        count, differing = 0, 0
        columns: dict[str, int] = {}
        examples: list[str] = []
        for person, expected in _stored(context, snapshot):
            count += 1
            row = told.pop(person, None)
            wrong = ["person"] if row is None else [name for name, value in expected.items() if row[name] != value]
            if wrong:
                differing += 1
                examples.append(person)
                for name in wrong:
                    columns[name] = columns.get(name, 0) + 1
    if told:
        columns["person"] = columns.get("person", 0) + len(told)
    with context.store.snapshot() as snapshot:
        moving = snapshot.fed() != fed
    shown = tuple(islice((*examples, *sorted(told)), _EXAMPLES))
    return Reconciled(count, differing + len(told), dict(sorted(columns.items())), shown, moving)


def _stored(context: Context, snapshot: ProfileSnapshot) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each person of the store, as the columns of a row have them."""
    after = NodeId()
    names = [column.name for column in PROFILE_CHANGE.columns if column.name not in {"sequence", "known_at"}]
    while some := snapshot.people(after=after, limit=_PEOPLE_AT_ONCE):
        after = some[-1]
        for profile in people(context, snapshot, some):
            values = dict(zip(names, profile_row(profile), strict=True))
            expected = {column.name: _plain(column.type, values[column.name]) for column in COLUMNS}
            yield format_profile_id(profile.id), expected | {"counted": profile.events}


def _plain(kind: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if kind == "timestamp" and value is not None:
        return _EPOCH + timedelta(microseconds=value)
    return value
