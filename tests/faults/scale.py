"""How much of each fault is tried: a slice in the suite, the whole in `make faults` (ONEFOLD_FAULTS=release)."""

from __future__ import annotations

import os

RELEASE = os.environ.get("ONEFOLD_FAULTS") == "release"


def scaled(suite: int, release: int) -> int:
    """The number for this run. ONEFOLD_FAULTS_PART (a share, 0 to 1) takes only part of a release run."""
    share = float(os.environ.get("ONEFOLD_FAULTS_PART", "1"))
    return max(suite, int(release * share)) if RELEASE else suite
