"""Specifications: figures as Vega-Lite 6 documents, data included. Pure, and nothing in them is fetched from anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""The name of the language; nobody asks for it."""
PALETTE = (
    "#1b6ca8", "#3fa7d6", "#59c3a5", "#8cc152", "#c9c23f", "#f2b134", "#ef7f45", "#d64550", "#a0527a", "#7a6fa3", "#8a8f98",
)  # fmt: skip
WIDTH, HEIGHT = 640, 360
_NARROWEST = 1e-6
"""Least width of a bin: what differs less is one value for a reader."""
_FONT = "system-ui, 'DejaVu Sans', 'Liberation Sans', sans-serif"
Spec = dict[str, Any]


class SizeAt(NamedTuple):
    """How many people were in a segment at a moment (ISO 8601)."""

    at: str
    segment: str
    people: int


class GridCell(NamedTuple):
    """People by recency and by frequency and money together, and the names of their segments, the largest first."""

    r: int
    fm: int
    people: int
    segments: tuple[str, ...]


class Bin(NamedTuple):
    """People whose value is from `low` up to, without, `high`; the last bin holds its end, too."""

    low: float
    high: float
    people: int


def segment_sizes(title: str, sizes: Sequence[SizeAt], order: Sequence[str] = (), *, dark: bool = False) -> Spec:
    """Segments over time, one above the other; as bars where there is one moment only.

    Args:
        title: Above the chart.
        sizes: Any order.
        order: Segments, the best first; those not named come after.
        dark: Whether the page is dark.
    """
    names = [*order, *sorted({size.segment for size in sizes} - set(order))]
    names = [name for name in names if any(size.segment == name for size in sizes)]
    colours = {"domain": names, "range": [PALETTE[n % len(PALETTE)] for n in range(len(names))]}
    values = [{"at": size.at, "segment": size.segment, "people": size.people, "place": names.index(size.segment)}
              for size in sizes]  # fmt: skip
    colour = {"field": "segment", "type": "nominal", "scale": colours, "sort": names, "title": "Segment"}
    told = [
        {"field": "segment", "type": "nominal", "title": "Segment"},
        {"field": "people", "type": "quantitative", "title": "People", "format": ","},
    ]
    if len({size.at for size in sizes}) < 2:
        bars = {
            "mark": {"type": "bar", "cornerRadiusEnd": 3},
            "encoding": {
                "y": {"field": "segment", "type": "nominal", "sort": names, "title": None},
                "x": {
                    "field": "people", "type": "quantitative", "title": "People",
                    "axis": {"format": ",d", "tickMinStep": 1},
                },
                "color": {**colour, "legend": None},
                "tooltip": told,
            },
        }  # fmt: skip
        text = {
            "mark": {"type": "text", "align": "left", "dx": 5},
            "encoding": {
                "y": {"field": "segment", "type": "nominal", "sort": names},
                "x": {"field": "people", "type": "quantitative"},
                "text": {"field": "people", "type": "quantitative", "format": ","},
            },
        }
        return whole(title, values, {"layer": [bars, text]}, dark=dark)
    area = {
        "mark": {"type": "area", "line": {"strokeWidth": 1}, "opacity": 0.9},
        "encoding": {
            "x": {
                "field": "at", "type": "temporal", "scale": {"type": "utc"}, "title": None,
                "axis": {"labelOverlap": True, "labelSeparation": 8},
            },
            "y": {"field": "people", "type": "quantitative", "stack": "zero", "title": "People", "axis": {"format": ",d"}},
            "color": colour,
            "order": {"field": "place", "type": "quantitative", "sort": "descending"},
            "tooltip": [{"field": "at", "type": "temporal", "title": "As of", "formatType": "utc"}, *told],
        },
    }  # fmt: skip
    return whole(title, values, area, dark=dark)


def rfm_grid(title: str, cells: Sequence[GridCell], *, dark: bool = False) -> Spec:
    """Five by five: how recently upwards, how often and how much to the right; the more people, the stronger the colour."""
    values = [
        {"r": cell.r, "fm": cell.fm, "people": cell.people, "segment": cell.segments[0] if cell.segments else "",
         "segments": ", ".join(cell.segments)}
        for cell in cells
    ]  # fmt: skip
    most = max((cell.people for cell in cells), default=0)
    place = {
        "x": {"field": "fm", "type": "ordinal", "title": "Frequency and money →", "axis": {"labelAngle": 0}},
        "y": {"field": "r", "type": "ordinal", "sort": "descending", "title": "Recency →"},
    }
    scheme = {"scheme": "blues", "type": "sqrt", "domain": [0, max(most, 1)], **({"reverse": True} if dark else {})}
    # On the strong half of the colours text is of the other shade.
    strong = f"sqrt(datum.people / {max(most, 1)}) > {0.4 if dark else 0.6}"
    shades = ("#10151c", "#f5f7fa") if dark else ("#ffffff", "#1c2733")
    ink = {"condition": {"test": strong, "value": shades[0]}, "value": shades[1]}
    squares = {
        "mark": {"type": "rect", "cornerRadius": 4, "stroke": _theme(dark=dark)["background"], "strokeWidth": 3},
        "encoding": {
            **place,
            "color": {
                "field": "people", "type": "quantitative", "scale": scheme, "legend": None,
            },
            "tooltip": [
                {"field": "segments", "type": "nominal", "title": "Segments"},
                {"field": "people", "type": "quantitative", "title": "People", "format": ","},
            ],
        },
    }  # fmt: skip
    names = {
        "mark": {"type": "text", "dy": -8, "fontSize": 11},
        "encoding": {**place, "text": {"field": "segment"}, "color": ink},
    }
    numbers = {
        "mark": {"type": "text", "dy": 10, "fontSize": 15, "fontWeight": "bold"},
        "encoding": {**place, "text": {"field": "people", "type": "quantitative", "format": ","}, "color": ink},
    }
    return whole(title, values, {"layer": [squares, names, numbers]}, dark=dark, size=(640, 440))


def histogram(title: str, measure: str, bins: Sequence[Bin], *, dark: bool = False) -> Spec:
    """How many people have values of each span; `measure` names them below."""
    values = [{"low": one.low, "high": one.high, "people": one.people} for one in bins]
    bars = {
        "mark": {"type": "bar", "color": PALETTE[0 if not dark else 1], "binSpacing": 1},
        "encoding": {
            "x": {"field": "low", "type": "quantitative", "bin": {"binned": True}, "title": measure},
            "x2": {"field": "high"},
            "y": {"field": "people", "type": "quantitative", "title": "People", "axis": {"format": ",d", "tickMinStep": 1}},
            "tooltip": [
                {"field": "low", "type": "quantitative", "title": "From"},
                {"field": "high", "type": "quantitative", "title": "To"},
                {"field": "people", "type": "quantitative", "title": "People", "format": ","},
            ],
        },
    }  # fmt: skip
    return whole(title, values, bars, dark=dark)


def binned(values: Iterable[float], most: int = 30) -> list[Bin]:
    """Values in at most so many bins of one round width: 1, 2 or 5 times a power of ten."""
    found = sorted(values)
    if not found:
        return []
    low, high = found[0], found[-1]
    width = _round_width(max((high - low) / most, _NARROWEST)) if high > low else 1.0
    first = math.floor(low / width)
    while math.floor(high / width) - first >= most:  # rounding an end down may take one more than there may be
        width = _round_width(width * 1.5)
        first = math.floor(low / width)
    counts = [0] * (math.floor(high / width) - first + 1)
    for value in found:
        counts[math.floor(value / width) - first] += 1
    edges = [round((first + n) * width, 12) for n in range(len(counts) + 1)]
    return [Bin(start, end, people) for (start, end), people in zip(pairwise(edges), counts, strict=True)]


def _round_width(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= least)


def _theme(*, dark: bool) -> dict[str, str]:
    if dark:
        return {"background": "#10151c", "ink": "#e6ebf1", "quiet": "#a9b4c0", "grid": "#2b3440"}
    return {"background": "#ffffff", "ink": "#1c2733", "quiet": "#566573", "grid": "#e3e8ee"}


def whole(
    title: str, values: Sequence[dict[str, Any]], body: Spec, *, dark: bool, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Spec:
    """A document around the marks of a figure."""
    theme = _theme(dark=dark)
    words = {"labelColor": theme["quiet"], "titleColor": theme["ink"], "labelFont": _FONT, "titleFont": _FONT}
    return {
        "$schema": SCHEMA,
        "title": {"text": title, "anchor": "start"},
        "width": size[0],
        "height": size[1],
        "padding": 16,
        "background": theme["background"],
        "data": {"values": list(values)},
        **body,
        "config": {
            "view": {"stroke": None},
            "title": {"color": theme["ink"], "font": _FONT, "fontSize": 16, "offset": 14},
            "text": {"color": theme["ink"], "font": _FONT},
            "axis": {**words, "gridColor": theme["grid"], "domain": False, "tickColor": theme["grid"], "labelPadding": 6,
                     "titlePadding": 10},
            "legend": words,
        },
    }  # fmt: skip
