"""RFM definitions as configured: what the project's `rfm/*.yaml` say, one definition a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from onefold.config.kinds import Duration, Field, ListOf, Record, Scalar, Text
from onefold.config.reading import At, Document, Problem, read
from onefold.errors import UsageError
from onefold.rfm import CutPoint, CutPoints, Definition, SegmentMapError, SegmentRule, segment_map
from onefold.rfm.segments import ANY, Span
from onefold.rules.time import DAY_US
from onefold.rules.time import read as read_time

FOLDER = "rfm"
LOOKBACK_DAYS = 365
_CUTS = 4
_KEYS = ("r", "f", "m", "fm")
_NAME = Text(pattern=r"^[a-z][a-z0-9_]{0,62}$", shape="a name of lower-case letters, digits and `_`")
_SPAN = Scalar()
_SPANS = re.compile(r"([1-5])(?:-([1-5]))?")
_BOUNDS = ListOf(Scalar(), _CUTS)

RFM = Record(
    {
        "name": Field(_NAME, "Its name; the file's name when left out."),
        "description": Field(Text(), "What it tells, and for whom."),
        "owner": Field(Text(), "Who answers for it."),
        "events": Field(ListOf(Text(), 1), "Names of the events that count.", required=True),
        "amount": Field(
            ListOf(Text(), 1),
            "Properties that hold what an event is worth, the first readable counts. When left out, each event is worth 1, "
            "so that `m` is `f`.",
        ),
        "currency": Field(
            Text(pattern="^[A-Z]{3}$", shape="a currency's code, such as `USD`"),
            "Whose amounts are added; others are counted and left out. `purchases.currency` of profile.yaml when left out.",
        ),
        "lookback": Field(
            Text(pattern=r"^([1-9][0-9]{0,4}d|lifetime)$", shape="days such as `365d`, or `lifetime`"),
            "How many days are looked at, the last of them that of the run; `365d` when left out.",
        ),
        "as_of": Field(
            Scalar(), "The moment of every run, such as `2026-06-30`, for data that ended; when it runs when left out."
        ),
        "every": Field(
            Duration(),
            "How often a server or worker runs it; `1d` when left out. One with an `as_of` is run once.",
        ),
        "method": Field(
            Text(("quantiles", "ntile", "bins")),
            "`quantiles`: fifths by value, equal values have equal scores. `ntile`: fifths of people, ties by profile id. "
            "`bins`: your own cut points. `quantiles` when left out.",
        ),
        "bins": Field(
            Record(
                {
                    "recency": Field(_BOUNDS, "Four numbers of days; up to the first is score 5.", required=True),
                    "frequency": Field(_BOUNDS, "Four counts; up to the first is score 1.", required=True),
                    "monetary": Field(_BOUNDS, "Four amounts; up to the first is score 1.", required=True),
                }
            ),
            "Cut points of `method: bins`, in rising order: a score is 1 and one more for each cut point below the value.",
        ),
        "segments": Field(
            ListOf(
                Record(
                    {
                        "name": Field(Text(), "Name of the segment.", required=True),
                        "r": Field(_SPAN, "Score of recency, or a span such as `2-3`; any when left out."),
                        "f": Field(_SPAN, "Score of frequency; any when left out."),
                        "m": Field(_SPAN, "Score of monetary value; any when left out."),
                        "fm": Field(_SPAN, "Mean of `f` and `m`, halves rounded up; any when left out."),
                    }
                ),
                1,
            ),
            "Your own segments instead of the eleven of Onefold; the first that fits counts, and all 125 combinations of "
            "scores must have one.",
        ),
    }
)


def read_rfm(directory: Path, currency: str, problems: list[Problem]) -> tuple[Definition, ...]:
    """The definitions of a project, by file name; whatever is wrong is added to `problems`.

    Args:
        directory: The project.
        currency: The project's default.
        problems: Receives everything that is wrong.
    """
    found: dict[str, tuple[Document, Definition]] = {}
    for path in sorted((directory / FOLDER).glob("*.yaml")):
        many = len(problems)
        document = read(path, f"{FOLDER}/{path.name}", RFM, problems)
        problems += _problems(document)
        name = str(document.value.get("name") or path.stem)
        if "name" not in document.value and not _is_name(name):
            problems.append(document.problem((), f"`{name}` is not a name: it needs {_NAME.shape}; state a `name`"))
        if name in found:
            problems.append(document.problem(("name",), f"`{name}` is already in {found[name][0].file}"))
        elif len(problems) == many:
            found[name] = (document, _definition(name, document.value, currency))
    return tuple(definition for _, definition in found.values())


def _is_name(text: str) -> bool:
    return text.replace("_", "").isalnum() and text.isascii() and text.islower() and text[0].isalpha()


def _problems(document: Document) -> Iterator[Problem]:
    value = document.value
    if (value.get("method") == "bins") != ("bins" in value):
        yield document.problem(("bins",), "`method: bins` and `bins` go together")
    if value.get("as_of") and read_time(str(value["as_of"])) is None:
        yield document.problem(("as_of",), "`as_of` must be a date or a time such as `2026-06-30`")
    if value.get("currency") and not value.get("amount"):
        yield document.problem(("currency",), "`currency` is for definitions with an `amount`")
    for measure, bounds in (value.get("bins") or {}).items():
        at: At = ("bins", measure)
        try:
            cuts = _cuts(measure, bounds or ())
        except UsageError as error:
            yield document.problem(at, f"`bins.{measure}`: {error}")
        else:
            if len(cuts) != _CUTS or [cut.value for cut in cuts] != sorted({cut.value for cut in cuts}):
                yield document.problem(at, f"`bins.{measure}` must be four rising numbers")
    yield from _segment_problems(document)


def _segment_problems(document: Document) -> Iterator[Problem]:
    stated = document.value.get("segments") or ()
    wrong = [
        document.problem(
            ("segments", number, key), f"`segments[{number}].{key}` must be a score or a span such as `2-3`"
        )
        for number, said in enumerate(stated)
        for key in _KEYS
        if said and key in said and _span(said[key]) is None
    ]
    yield from wrong
    if stated and not wrong and all(said and said.get("name") for said in stated):
        try:
            segment_map([_rule(said) for said in stated])
        except SegmentMapError as error:
            yield document.problem(("segments",), str(error))


def _definition(name: str, value: Mapping[str, Any], currency: str) -> Definition:
    lookback, as_of = value.get("lookback", f"{LOOKBACK_DAYS}d"), value.get("as_of")
    more: dict[str, Any] = {}
    if "segments" in value:
        more["segments"] = tuple(map(_rule, value["segments"]))
    if "bins" in value:
        more["bins"] = CutPoints(**{measure: _cuts(measure, bounds) for measure, bounds in value["bins"].items()})
    return Definition(
        name=name,
        description=value.get("description", ""),
        owner=value.get("owner", ""),
        events=tuple(value["events"]),
        amount=tuple(value.get("amount", ())),
        currency=value.get("currency", currency),
        default_currency=currency,
        lookback_days=None if lookback == "lifetime" else int(lookback.removesuffix("d")),
        as_of_us=None if as_of is None else read_time(as_of),
        every_us=value.get("every", DAY_US),
        method=value.get("method", "quantiles"),
        **more,
    )


def _cuts(measure: str, bounds: Any) -> tuple[CutPoint, ...]:
    kind: Callable[[str], int | Decimal] = Decimal if measure == "monetary" else int
    try:
        return tuple(CutPoint(kind(str(bound))) for bound in bounds)
    except (ValueError, ArithmeticError):
        whole = "" if measure == "monetary" else "whole "
        raise UsageError(f"must be {whole}numbers") from None


def _rule(said: Mapping[str, Any]) -> SegmentRule:
    return SegmentRule(name=said["name"], **{key: _span(said[key]) or ANY for key in _KEYS if key in said})


def _span(text: Any) -> Span | None:
    """A score, or two with a hyphen between; None for what is neither."""
    found = _SPANS.fullmatch(str(text))
    if found is None or int(found[1]) > int(found[2] or found[1]):
        return None
    return int(found[1]), int(found[2] or found[1])
