"""What becomes of an entry on which our own code breaks: a dead letter that names the bug and nothing of the payload."""

from __future__ import annotations

import traceback
from pathlib import PurePath

from onefold.errors import OnefoldError
from onefold.model import Rejected

INTERNAL_ERROR = "internal_error"
"""The reason of such dead letters. The fault is ours, so the payload is to be sent again as it is, once mended."""

_PACKAGE = PurePath(__file__).parents[1]


def is_ours(error: BaseException) -> bool:
    """Whether an exception can be the fault of an entry: what nobody raised on purpose.

    A store that does not answer, a lost lease, damaged files and a want of memory befall whatever is processed at the
    time, so no entry is to blame for them.
    """
    return isinstance(error, Exception) and not isinstance(error, OnefoldError | MemoryError)


def verdict(error: BaseException) -> Rejected:
    """The rejection an exception becomes: its type and place. Its words stay out, for they may quote the payload."""
    return Rejected(INTERNAL_ERROR, f"{type(error).__name__} in {_place(error)}. The fault is in Onefold, not in this.")


def _place(error: BaseException) -> str:
    """The innermost of our own frames: `ingest/judge.py:81 (judge)`."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = PurePath(frame.filename)
        if path.is_relative_to(_PACKAGE):
            return f"{path.relative_to(_PACKAGE).as_posix()}:{frame.lineno} ({frame.name})"
    return "a place unknown"
