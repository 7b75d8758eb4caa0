"""Figures of a fault run: one JSON line each, in build/faults.jsonl, and on the terminal at the end."""

from __future__ import annotations

import json
from pathlib import Path

FILE = Path(__file__).parents[2] / "build" / "faults.jsonl"


def note(what: str, **figures: object) -> None:
    """Keep figures."""
    FILE.parent.mkdir(exist_ok=True)
    with FILE.open("a") as file:
        file.write(json.dumps({"fault": what, **figures}) + "\n")


def quantile(values: list[float], q: float) -> float:
    """The q-quantile, rounded for reading; 0 of nothing."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(q * len(ordered)))], 3) if ordered else 0.0
