"""What becomes of an entry on which our own code breaks: a dead letter that names the bug and nothing of the payload."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import TypeVar

from onefold.errors import OnefoldError
from onefold.model import Rejected

INTERNAL_ERROR = "internal_error"
"""The reason of such dead letters. The fault is ours, so the payload is to be sent again as it is, once mended."""

OUT_OF_MEMORY, TIMED_OUT, WORKER_DIED = "out_of_memory", "timed_out", "worker_died"
SENTENCES = {
    OUT_OF_MEMORY: "Processing it took more memory than the worker may have.",
    TIMED_OUT: "The worker made no progress on it, twice, and was ended.",
    WORKER_DIED: "The worker was killed while it processed this, twice: most likely for want of memory.",
}
"""The reasons for which an entry is set aside that our code did not break on, and what they mean."""

_PACKAGE = f"{PurePath(__file__).parents[2]}{os.sep}"

T = TypeVar("T")
Position = tuple[int, int]
"""Partition and offset of an entry."""


class BrokenEntriesError(Exception):
    """Our own code broke on entries of a batch, on each by itself, and nothing of the batch was written.

    Attributes:
        verdicts: What becomes of each entry that broke, should it be blamed.
        ends: The last offset of the batch per partition: so far the same batch goes, when it is tried again.
    """

    def __init__(self, verdicts: Mapping[Position, Rejected], ends: Mapping[int, int]) -> None:
        super().__init__(f"{len(verdicts)} entries broke our code")
        self.verdicts = verdicts
        self.ends = ends


def is_ours(error: BaseException) -> bool:
    """Whether an exception can be the fault of an entry: what nobody raised on purpose.

    A store that does not answer, a lost lease, damaged files and a want of memory befall whatever is processed at the
    time, so no entry is to blame for them.
    """
    return isinstance(error, Exception) and not isinstance(error, OnefoldError | MemoryError)


def may_be_an_entrys(error: BaseException) -> bool:
    """Whether an exception can be the fault of an entry that stands alone: as `is_ours`, and a want of memory."""
    return is_ours(error) or isinstance(error, MemoryError)


def rejection(error: BaseException) -> Rejected:
    """The rejection an exception becomes: its type and place. Its words stay out, for they may quote the payload."""
    if isinstance(error, MemoryError):
        return Rejected(OUT_OF_MEMORY, SENTENCES[OUT_OF_MEMORY])
    return Rejected(INTERNAL_ERROR, f"{type(error).__name__} in {_place(error)}. The fault is in Onefold, not in this.")


def culprits(step: Callable[[Sequence[T]], object], group: Sequence[T]) -> list[tuple[T, Rejected]]:
    """Those of a group on which `step` breaks although it is given each alone, found by halving.

    `step` may be called often, so it has to leave nothing behind. None is found if the step breaks on some together
    only, or broke by chance.
    """
    try:
        step(group)
    except Exception as error:
        if not is_ours(error):
            raise
        if len(group) <= 1:
            return [(one, rejection(error)) for one in group]
    else:
        return []
    half = len(group) // 2
    return culprits(step, group[:half]) + culprits(step, group[half:])


def _place(error: BaseException) -> str:
    """The innermost of our own frames: `ingest/gate.py:81 (check)`."""
    # Frames only: to look up their source lines, as `traceback.extract_tb` does, costs more than the whole entry.
    place = "a place unknown"
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if code.co_filename.startswith(_PACKAGE):
            path = PurePath(code.co_filename.removeprefix(_PACKAGE)).as_posix()
            place = f"{path}:{line} ({code.co_name})"
    return place
