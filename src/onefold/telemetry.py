"""What the product tells its operators: JSON log lines without personal data, and the id that ties them together."""

from __future__ import annotations

import contextvars
import logging
import math
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

import msgspec

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
"""The request under way; it stands on its log lines, its log entries and the profile changes it causes."""

ALLOWED_FIELDS = frozenset(
    {
        "attempt", "bytes", "changes", "check", "closed", "component", "connections", "entries", "error", "host", "key",
        "kind", "lag_entries", "method", "milliseconds", "offset", "outcome", "partition", "people", "port", "reason",
        "repeated", "request", "route", "source", "status", "version", "workers", "workspace",
    }
)  # fmt: skip
"""What a log line may carry besides its message. Anything else is left out, so a new field must be argued for here."""

REPEAT_SECONDS = 60.0
REPEATS_MAX = 256
"""Different lines that are remembered; the one told longest ago gives way."""
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_encode = msgspec.json.Encoder(enc_hook=lambda value: type(value).__name__).encode


class JsonFormatter(logging.Formatter):
    """One JSON object a line; fields outside `ALLOWED_FIELDS` do not appear, nor do the words of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as JSON."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            # Arguments are not interpolated: a message is a constant, what varies is a field.
            "message": str(record.msg),
        }
        current = request_id.get()
        if current:
            line["request"] = current
        line |= {name: value for name, value in record.__dict__.items() if name in ALLOWED_FIELDS}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["where"] = _where(record.exc_info[2])
        return _encode(line).decode()


class Repeats(logging.Filter):
    """Lets a warning or an error through once a minute; the next line then says how often it was `repeated` meanwhile.

    Whatever works in the background tries again every second while a disk or a server is away. What belongs to a request
    always passes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told: dict[tuple[object, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write the record."""
        if record.levelno < logging.WARNING or request_id.get():
            return True
        fields = sorted((name, str(value)) for name, value in record.__dict__.items() if name in ALLOWED_FIELDS)
        raised = _where(record.exc_info[2])[-1:] if record.exc_info and record.exc_info[0] is not None else []
        this, now = (record.name, record.levelno, record.msg, *fields, *raised), self._clock()
        told_at, repeated = self._told.get(this, (-math.inf, 0))
        if now - told_at < REPEAT_SECONDS:
            self._told[this] = (told_at, repeated + 1)
            return False
        self._told.pop(this, None)
        self._told[this] = (now, 0)
        if len(self._told) > REPEATS_MAX:
            del self._told[next(iter(self._told))]
        if repeated:
            record.__dict__["repeated"] = repeated
        return True


def configure(*, stream: TextIO = sys.stderr, level: int = logging.INFO) -> None:
    """Send every log line of the process to `stream` as JSON."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def request_ids(prefix: str) -> Callable[[str | None], str]:
    """Make the function that names requests: the id a caller gave, if it is one, else `prefix` and a running number.

    Args:
        prefix: Tells this process and start from all others, so that ids are unique.
    """
    number = 0

    def name(given: str | None) -> str:
        nonlocal number
        if given is not None and _GIVEN_ID.fullmatch(given) is not None:
            return given
        number += 1
        return f"{prefix}-{number:x}"

    return name


def _where(traceback: object) -> list[str]:
    """File and line of each frame, innermost last; no source text, for it can hold values."""
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code  # type: ignore[attr-defined] # typed as object: only logging hands it over
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno} {code.co_name}")  # type: ignore[attr-defined] # as above
        traceback = traceback.tb_next  # type: ignore[attr-defined] # as above
    return frames[-12:]
