"""RFM: how recently, how often and for how much somebody acted, each as a score from 1 to 5, and the segment that follows.

Pure: what a run computes over the warehouse (`query`), one person is scored by alone (`scoring`), with the run's cut points.
"""

from onefold.rfm.definition import Definition, Method
from onefold.rfm.scoring import CutPoint, CutPoints, Score, score
from onefold.rfm.segments import DEFAULT, SegmentMap, SegmentMapError, SegmentRule, segment_map

__all__ = [
    "DEFAULT",
    "CutPoint",
    "CutPoints",
    "Definition",
    "Method",
    "Score",
    "SegmentMap",
    "SegmentMapError",
    "SegmentRule",
    "score",
    "segment_map",
]
