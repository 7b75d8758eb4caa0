"""A trend: how steeply a figure rises over hours of samples, told robustly, and whether that is a leak."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import msgspec

WARM_UP = 0.5
"""Share of a run that is left out: caches fill up before anything can be said of growth. The page cache of the embedded
store alone, 96 MiB, took 80 minutes to fill at 200 events a second."""


class Trend(msgspec.Struct, frozen=True):
    """The slope of a figure an hour, by Theil and Sen: the median over all pairs of samples.

    Attributes:
        per_hour: How much it rises in an hour, in its own unit.
        low: The lower end of the 95 % interval of that (after Kendall; neighbours in time are taken for independent).
        level: The median of the figure.
    """

    per_hour: float
    low: float
    level: float

    @property
    def percent_per_hour(self) -> float:
        """The slope as a share of the level."""
        return 100.0 * self.per_hour / self.level if self.level else 0.0

    @property
    def rises(self) -> bool:
        """Whether it rises at all, chance aside."""
        return self.per_hour > 0 and self.low > 0


def trend(samples: Sequence[tuple[float, float]], *, warm_up: float = WARM_UP) -> Trend:
    """The trend of (seconds, figure) samples after the warm-up.

    Raises:
        ValueError: Fewer than ten samples are left: they say nothing.
    """
    if not samples:
        raise ValueError("no samples")
    begin = samples[0][0] + warm_up * (samples[-1][0] - samples[0][0])
    kept = [(at, figure) for at, figure in samples if at >= begin]
    size = len(kept)
    if size < 10:
        raise ValueError(f"{size} samples after the warm-up are too few")
    slopes = sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0]) * 3600
        for number, earlier in enumerate(kept)
        for later in kept[number + 1 :]
        if later[0] > earlier[0]
    )
    margin = 1.96 * math.sqrt(size * (size - 1) * (2 * size + 5) / 18)
    low = slopes[max(0, int((len(slopes) - margin) / 2))]
    return Trend(median(slopes), low, median(figure for _, figure in kept))


def leaks_memory(found: Trend, *, percent_per_hour_max: float = 1.0) -> bool:
    """Whether resident memory rises faster than allowed."""
    return found.rises and found.percent_per_hour > percent_per_hour_max


def leaks_files(found: Trend) -> bool:
    """Whether open files rise at all."""
    return found.rises
