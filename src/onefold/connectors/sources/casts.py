"""A cast: how the text of a column becomes a typed value, or None when it cannot be read as that type."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

CastName = Literal["text", "integer", "decimal", "date", "datetime", "boolean"]
CAST_NAMES: tuple[CastName, ...] = ("text", "integer", "decimal", "date", "datetime", "boolean")

Cast = Callable[[str], Any]
"""Takes text that is not blank; answers None when it cannot be read, never raises."""

_INTEGER = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)?(?:,[0-9]*)?")
_CURRENCY = str.maketrans("", "", "$€£ \u00a0\u202f")
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})

# A JSON number is read as a double, which keeps 15 significant digits of any decimal; longer ones travel as text.
_DIGITS_SAFE = 15


def integer(text: str) -> int | None:
    """Whole number, with or without thousands commas."""
    return int(text.replace(",", "")) if _INTEGER.fullmatch(text) else None


def decimal(text: str, *, comma: bool = False) -> Decimal | str | None:
    """Exact amount: currency signs and thousands marks dropped, accounting brackets read as minus.

    Args:
        text: `1,234.50`, `$25`, `(25.00)`; with `comma` `1.234,50`.
        comma: Whether the comma is the decimal mark.

    Returns:
        A Decimal, or the plain text of one when a JSON number could not carry all its digits.
    """
    plain = text.translate(_CURRENCY)
    negative = plain.startswith("(") and plain.endswith(")")
    if negative:
        plain = plain[1:-1]
    if not (_DECIMAL_COMMA if comma else _DECIMAL).fullmatch(plain):
        return None
    plain = plain.replace(".", "").replace(",", ".") if comma else plain.replace(",", "")
    if not any(character.isdigit() for character in plain):
        return None
    value = Decimal(plain)
    if negative:
        value = -value
    return value if len(value.as_tuple().digits) <= _DIGITS_SAFE else str(value)


def boolean(text: str) -> bool | None:
    """Yes or no, in the words exports use."""
    word = text.casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def _moment(text: str, form: str, zone: tzinfo) -> datetime | None:
    try:
        if form == "iso":
            moment = datetime.fromisoformat(text)
        elif form in ("epoch", "epoch_ms"):
            return datetime.fromtimestamp(float(text) / (1000 if form == "epoch_ms" else 1), UTC)
        else:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows in the next line
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def date_of(formats: Sequence[str], zone: tzinfo) -> Cast:
    """A cast to `YYYY-MM-DD`, trying `formats` in order; a date has no zone, so none is applied."""

    @lru_cache(maxsize=8192)  # files repeat their dates
    def cast(text: str) -> str | None:
        for form in formats:
            moment = _moment(text, form, UTC)
            if moment is not None:
                return (moment if not form.startswith("epoch") else moment.astimezone(zone)).date().isoformat()
        return None

    return cast


def datetime_of(formats: Sequence[str], zone: tzinfo) -> Cast:
    """A cast to ISO 8601 in UTC, trying `formats` in order; text without an offset is read in `zone`.

    Args:
        formats: strptime formats, or the words `iso`, `epoch` (seconds) and `epoch_ms`.
        zone: Where the file's clock stands.
    """

    @lru_cache(maxsize=8192)  # files repeat their dates
    def cast(text: str) -> str | None:
        for form in formats:
            moment = _moment(text, form, zone)
            if moment is not None:
                return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
        return None

    return cast


def cast_of(name: CastName, *, formats: Sequence[str], zone: tzinfo, comma: bool) -> Cast | None:
    """The cast of that name; None for `text`, which stays as it is."""
    match name:
        case "text":
            return None
        case "integer":
            return integer
        case "decimal":
            return lambda text: decimal(text, comma=comma)
        case "boolean":
            return boolean
        case "date":
            return date_of(formats, zone)
        case "datetime":
            return datetime_of(formats, zone)
