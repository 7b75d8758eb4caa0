"""The exceptions of Onefold: the type says what the caller can do.

    OnefoldError
    ├── ConfigurationError      fix the project's files (exit code 2)
    ├── UsageError              fix the call (exit code 2, HTTP 4xx)
    │   ├── UnsureMappingError  read the guessed mapping, correct it or say that it is right
    │   ├── NotFoundError       nothing was found under that name (HTTP 404)
    │   ├── UnauthorizedError   the key is unknown, revoked or lacks the scope (HTTP 401/403)
    │   └── TooLargeError       send less (HTTP 413)
    ├── ExpensiveError          read it where nobody waits: in a process of its own
    ├── OverloadedError         wait and send again (HTTP 429)
    ├── UnavailableError        a part is down: wait, or look at `onefold doctor` (HTTP 503)
    │   ├── ConflictError       another worker was at the same people: nothing was written, do it again
    │   └── LeaseLostError      another worker has taken the partition over: drop the batch and take leases anew
    └── IntegrityError          stored data cannot be what we wrote: stop and restore

Bad *data* is never an exception: a stage returns a result with a reason. Messages carry no personal data.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OnefoldError(Exception):
    """Every error this package raises on purpose."""


class ConfigurationError(OnefoldError):
    """A project file is wrong; the message names file, line and, where one is near, the valid word.

    Attributes:
        file: The file at fault, relative to the project, or None.
        line: The 1-based line, or None.
    """

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        self.file = file
        self.line = line
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(where + message)


class UsageError(OnefoldError):
    """The call cannot be carried out as stated."""


class UnsureMappingError(UsageError):
    """A guessed mapping does not fit the file well enough to be used unread.

    Attributes:
        doubts: What would go wrong, a sentence each, without values.
    """

    def __init__(self, message: str, *, doubts: tuple[str, ...]) -> None:
        self.doubts = doubts
        super().__init__(message)


class NotFoundError(UsageError):
    """Nothing was found under that name."""


class StaleError(UsageError):
    """What was to be changed is not as whoever asks has read it; read it again."""


class ReadOnlyError(UsageError):
    """What was to be changed cannot be changed from here."""


class UnauthorizedError(UsageError):
    """The key is unknown, revoked, or does not allow this."""


class TooLargeError(UsageError):
    """The body is larger than the limit, before or after decompression."""


class ExpensiveError(OnefoldError):
    """Somebody has so many identifiers that reading them here would hold up everybody else."""


class OverloadedError(OnefoldError):
    """Too much at once; try again after `retry_after_seconds`."""

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class UnavailableError(OnefoldError):
    """A store or service we need does not answer now."""


class ConflictError(UnavailableError):
    """Another worker changed the same people at the same time; nothing of the batch was written."""


class LeaseLostError(UnavailableError):
    """The partition is another worker's by now; nothing of the batch was written."""


class IntegrityError(OnefoldError):
    """Stored bytes are not what was written (wrong key, torn or tampered data)."""


def nearest(word: str, valid: Iterable[str], *, cutoff: float = 0.6) -> str:
    """`; did you mean …?` with the valid word closest to `word`, for a message; empty when none is close."""
    close = difflib.get_close_matches(word, list(valid), n=1, cutoff=cutoff)
    return f"; did you mean `{close[0]}`?" if close else ""
