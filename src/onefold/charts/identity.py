"""Figures about who is who: the way of a pair to its score, and what a threshold does to accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from onefold.charts.spec import PALETTE, Spec, whole

_FOR, _AGAINST, _BEGIN = PALETTE[2], PALETTE[7], PALETTE[10]


class Weight(NamedTuple):
    """What a field adds to a score: its name (empty for what comes from no field), how values agree, and the sum so far."""

    field: str
    level: str
    weight: float
    sum: float


class Point(NamedTuple):
    """A measure at a threshold, both 0 to 1."""

    threshold: float
    measure: str
    value: float


def waterfall(title: str, weights: Sequence[Weight], *, dark: bool = False) -> Spec:
    """The way from the share of such pairs to the score, a bar a step, in natural-log odds."""
    values: list[dict[str, Any]] = []
    for number, one in enumerate(weights):
        what = f"{one.field}: {one.level}" if one.field else one.level
        sort = "begins" if number == 0 else "for" if one.weight >= 0 else "against"
        values.append(
            {"step": f"{number + 1}. {what}", "from": round(one.sum - one.weight, 3), "to": one.sum, "weight": one.weight,
             "speaks": sort, "place": number}
        )  # fmt: skip
    if weights:
        values.append(
            {"step": "score", "from": 0, "to": weights[-1].sum, "weight": weights[-1].sum, "speaks": "begins",
             "place": len(weights)}
        )  # fmt: skip
    order = [value["step"] for value in values]
    place = {"y": {"field": "step", "type": "nominal", "sort": order, "title": None, "axis": {"labelLimit": 360}}}
    bars = {
        "mark": {"type": "bar", "cornerRadius": 2},
        "encoding": {
            **place,
            "x": {"field": "from", "type": "quantitative", "title": "Log odds that they are one person"},
            "x2": {"field": "to"},
            "color": {
                "field": "speaks", "type": "nominal", "title": None,
                "scale": {"domain": ["begins", "for", "against"], "range": [_BEGIN, _FOR, _AGAINST]},
            },
            "tooltip": [
                {"field": "step", "type": "nominal", "title": "Step"},
                {"field": "weight", "type": "quantitative", "title": "Adds", "format": "+.2f"},
                {"field": "to", "type": "quantitative", "title": "Makes", "format": "+.2f"},
            ],
        },
    }  # fmt: skip
    numbers = {
        "mark": {"type": "text", "align": "left", "dx": 5},
        "encoding": {
            **place,
            "x": {"field": "to", "type": "quantitative"},
            "text": {"field": "weight", "type": "quantitative", "format": "+.1f"},
        },
    }
    return whole(title, values, {"layer": [bars, numbers]}, dark=dark, size=(520, 28 * max(len(values), 2)))


def threshold_curve(title: str, points: Sequence[Point], now: float, *, dark: bool = False) -> Spec:
    """Measures by the threshold from which pairs join; a line marks the one that holds."""
    values = [{"threshold": p.threshold, "measure": p.measure, "value": round(p.value, 5)} for p in points]
    lines = {
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {
                "field": "threshold", "type": "quantitative", "title": "join_from", "scale": {"zero": False},
            },
            "y": {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False}, "axis": {"format": "%"}},
            "color": {"field": "measure", "type": "nominal", "title": None, "scale": {"range": list(PALETTE)}},
            "tooltip": [
                {"field": "measure", "type": "nominal", "title": "Measure"},
                {"field": "threshold", "type": "quantitative", "title": "join_from"},
                {"field": "value", "type": "quantitative", "title": "Value", "format": ".2%"},
            ],
        },
    }  # fmt: skip
    mark = {
        "data": {"values": [{"threshold": now}]},
        "mark": {"type": "rule", "strokeDash": [4, 4], "color": _BEGIN},
        "encoding": {"x": {"field": "threshold", "type": "quantitative"}},
    }
    return whole(title, values, {"layer": [lines, mark]}, dark=dark)
