"""A figure: one measured number beside its peer of the same run, and how figures are printed."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from rich.console import Console
from rich.table import Table


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement.

    Attributes:
        bench: Name of the bench.
        metric: Name of the figure, its unit last where it is not a plain rate (`visible_ms_p99`).
        value: The number.
        unit: Its unit, in words (`events/s`, `ms`, `MB`).
        beside: What it is held against, in words; empty when there is nothing.
        beside_value: That number, in the same unit and from the same run.
    """

    bench: str
    metric: str
    value: float
    unit: str
    beside: str = ""
    beside_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """Value by peer; None without a peer, or with one of zero."""
        return self.value / self.beside_value if self.beside_value else None


def line(figure: Figure) -> str:
    """The figure as one line of JSON."""
    fields = {
        "bench": figure.bench,
        "metric": figure.metric,
        "value": figure.value,
        "unit": figure.unit,
        "beside": figure.beside,
        "beside_value": figure.beside_value,
        "ratio": figure.ratio,
    }
    return msgspec.json.encode(fields).decode()


def parse(text: str) -> Figure:
    """Read what `line` wrote; the ratio follows from the rest."""
    return msgspec.json.decode(text, type=Figure)


def print_table(figures: Iterable[Figure], console: Console) -> None:
    """Print figures for people."""
    table = Table(title="Onefold, measured on this machine")
    for name in ("bench", "metric"):
        table.add_column(name)
    for name in ("value", "unit", "ratio"):
        table.add_column(name, justify="left" if name == "unit" else "right")
    table.add_column("beside")
    for figure in figures:
        beside = figure.beside if figure.beside_value is None else f"{figure.beside} ({_number(figure.beside_value)})"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        table.add_row(figure.bench, figure.metric, _number(figure.value), figure.unit, ratio, beside)
    console.print(table)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
