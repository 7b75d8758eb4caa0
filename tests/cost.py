"""What a piece of work costs, told in a unit that the machine itself gives: no test depends on how fast or busy it is."""

import sys
import time
from collections.abc import Callable

UNIT_STEPS = 1_000_000


def units(work: Callable[[], object]) -> float:
    """Processor time of the work over that of a loop of a million steps, the least of three runs, without a tracer.

    The unit is taken beside each run, since a busy machine slows both alike. It is some 30 to 60 ms.
    """
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        return min(_seconds(work) / _seconds(_unit) for _ in range(3))
    finally:
        sys.settrace(tracer)


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _unit() -> int:
    total = 0
    for step in range(UNIT_STEPS):
        total += step & 3
    return total
