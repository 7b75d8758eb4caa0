"""A run's outcome: rows with segments, the cut points that made the scores, and a count for each combination of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from onefold.rfm.definition import Definition
from onefold.rfm.query import MEASURES
from onefold.rfm.relations import RFM_RUN
from onefold.rfm.scoring import PARTS, CutPoint, CutPoints, mapped
from onefold.rfm.segments import Cell, names

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUMS = {"events": "frequency", "without_amount": "without_amount", "other_currency": "other_currency"}
_EXACT = Context(prec=60)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a definition: a row of `golden.rfm_run`.

    Attributes:
        definition: Fingerprint of the definition.
        content: Fingerprint of everybody's scores.
        people: Who were scored; people without an event within the lookback are not among them.
        events: Their events, of which `without_amount` have no readable amount and `other_currency` one that is not added.
        cut_points: By which `score` gives anybody the same scores.
        cells: The segment and the number of people of each combination of scores that somebody has.
    """

    rfm: str
    as_of_us: int
    ran_at_us: int
    definition: str
    content: str
    method: str
    currency: str | None
    lookback_days: int | None
    people: int
    events: int
    without_amount: int
    other_currency: int
    cut_points: CutPoints
    cells: Mapping[Cell, tuple[str, int]]


def outcome(definition: Definition, rows: pa.Table, as_of_us: int, ran_at_us: int) -> tuple[Run, pa.Table]:
    """The run that these rows of `query.whole`, in order of people, are of, and its rows of `golden.rfm`."""
    import pyarrow as pa  # noqa: PLC0415  only for who has the extra installed
    import pyarrow.compute as pc  # noqa: PLC0415  as above

    rows = rows.combine_chunks()
    counted = rows.group_by(["r", "f", "m"]).aggregate([([], "count_all")]).to_pylist()
    segments = mapped(definition.segments)
    cells = {(cell := (row["r"], row["f"], row["m"])): (segments[cell], row["count_all"]) for row in counted}
    currency = definition.currency if definition.amount else None
    run = Run(
        rfm=definition.name,
        as_of_us=as_of_us,
        ran_at_us=ran_at_us,
        definition=definition.fingerprint,
        content=_fingerprint(rows.select(["person", *MEASURES, *MEASURES.values()])),
        method=definition.method,
        currency=currency,
        lookback_days=definition.lookback_days,
        people=rows.num_rows,
        **{name: int(pc.sum(rows[column]).as_py() or 0) for name, column in _SUMS.items()},
        cut_points=definition.bins or _cut_points(definition, rows),
        cells=dict(sorted(cells.items())),
    )
    known = names(definition.segments)
    places = [known.index(segments[cell]) for cell in sorted(segments)]
    # Combinations in order are numbers in base five, so a lookup in the list of segments is all there is to do.
    cell = pc.add(pc.multiply(pc.add(pc.multiply(rows["r"], PARTS), rows["f"]), PARTS), rows["m"])
    index = pc.subtract(cell, PARTS * PARTS + PARTS + 1)
    named = pc.take(pa.array(known), pc.take(pa.array(places, pa.int8()), index)) if rows.num_rows else []
    many = rows.num_rows
    made = {
        "rfm": pa.repeat(definition.name, many),
        "person": rows["person"],
        "as_of": pa.repeat(pa.scalar(plain(as_of_us), pa.timestamp("us")), many),
        **{name: rows[name] for name in MEASURES},
        "currency": pa.nulls(many, pa.string()) if currency is None else pa.repeat(currency, many),
        **{name: rows[name] for name in MEASURES.values()},
        "segment": named if many else pa.array([], pa.string()),
    }
    return run, pa.table(made)


def segment_sizes(run: Run) -> dict[str, int]:
    """People by segment, the largest first; only those that somebody is in."""
    found: dict[str, int] = {}
    for name, people in run.cells.values():
        found[name] = found.get(name, 0) + people
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def row(run: Run) -> dict[str, Any]:
    """A run as a row of `golden.rfm_run`."""
    values = {column.name: getattr(run, column.name, None) for column in RFM_RUN.columns}
    return values | {
        "as_of": plain(run.as_of_us),
        "ran_at": plain(run.ran_at_us),
        "cut_points": written(run.cut_points).decode(),
        "cells": msgspec.json.encode({"".join(map(str, cell)): of for cell, of in run.cells.items()}).decode(),
    }


def read(stored: Mapping[str, Any]) -> Run:
    """The run of a row of `golden.rfm_run`."""
    values = {name: stored[name] for name in Run.__struct_fields__ if name in stored}
    cells = msgspec.json.decode(stored["cells"])
    return Run(
        **values
        | {
            "as_of_us": micros(stored["as_of"]),
            "ran_at_us": micros(stored["ran_at"]),
            "cut_points": read_cut_points(stored["cut_points"]),
            "cells": {(int(cell[0]), int(cell[1]), int(cell[2])): tuple(of) for cell, of in cells.items()},
        }
    )


def written(cut_points: CutPoints) -> bytes:
    """Cut points as JSON."""
    return msgspec.json.encode(cut_points)


def read_cut_points(text: str | bytes) -> CutPoints:
    """Read what `written` wrote."""
    said = msgspec.json.decode(text)
    return CutPoints(**{name: tuple(map(_cut_point, points)) for name, points in said.items()})


def plain(at_us: int) -> datetime:
    """A moment as the warehouse has it: UTC, without a zone."""
    return (_EPOCH + timedelta(microseconds=at_us)).replace(tzinfo=None)


def micros(moment: datetime) -> int:
    """A moment of the warehouse in microseconds."""
    return (moment.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def _cut_point(said: Mapping[str, Any]) -> CutPoint:
    value = said["value"]
    return CutPoint(Decimal(value) if isinstance(value, str) else value, said["person"])


def _cut_points(definition: Definition, rows: pa.Table) -> CutPoints:
    """The cut points that made the scores: each is the greatest value that a score goes up to."""
    if not rows.num_rows:
        return CutPoints()
    found = {}
    for measure, score in MEASURES.items():
        # The score of recency counts down: in the order of its values, 5 comes first.
        order = range(PARTS, 1, -1) if measure == "recency_days" else range(1, PARTS)
        points = list[CutPoint]()
        for last in order:
            point = _greatest(definition, rows, measure, score, last)
            # Nobody has this score, because too many share one value: the cut point is the one before.
            points.append(point if point is not None else points[-1])
        found[measure.removesuffix("_days")] = tuple(points)
    return CutPoints(**found)


def _greatest(definition: Definition, rows: pa.Table, measure: str, score: str, last: int) -> CutPoint | None:
    import pyarrow.compute as pc  # noqa: PLC0415  only for who has the extra installed

    of = rows.filter(pc.equal(rows[score], last))
    if not of.num_rows:
        return None
    value = pc.max(of[measure]).as_py()
    if definition.method != "ntile":
        return CutPoint(_bare(value))
    ties = of.filter(pc.equal(of[measure], value))["person"].to_pylist()
    return CutPoint(_bare(value), max(str(person).replace("-", "") for person in ties))


def _bare(value: int | Decimal) -> int | Decimal:
    """Without zeros at the end, so that equal amounts are written alike."""
    return _EXACT.add(_EXACT.normalize(value), Decimal(0)) if isinstance(value, Decimal) else value


def _fingerprint(rows: pa.Table) -> str:
    digest = hashlib.sha256()
    for batch in rows.combine_chunks().to_batches():
        digest.update(batch.serialize())
    return digest.hexdigest()
