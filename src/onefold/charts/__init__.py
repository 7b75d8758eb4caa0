"""Charts: Vega-Lite specifications of figures, and the files that are made of them. `spec` is pure; `rendering` writes."""

from onefold.charts.identity import Point, Weight, threshold_curve, waterfall
from onefold.charts.rendering import SUFFIXES, write
from onefold.charts.spec import Bin, GridCell, SizeAt, binned, histogram, rfm_grid, segment_sizes

__all__ = [
    "SUFFIXES",
    "Bin",
    "GridCell",
    "Point",
    "SizeAt",
    "Weight",
    "binned",
    "histogram",
    "rfm_grid",
    "segment_sizes",
    "threshold_curve",
    "waterfall",
    "write",
]
