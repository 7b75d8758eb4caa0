"""A cast: how the text of a column becomes a typed value, or None when it cannot be read as that type."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, Protocol

from onefold.ingest import times

CastName = Literal["text", "integer", "decimal", "date", "datetime", "boolean"]
CAST_NAMES: tuple[CastName, ...] = ("text", "integer", "decimal", "date", "datetime", "boolean")

Cast = Callable[[str], Any]
"""Takes text that is not blank; answers None when it cannot be read, never raises."""


class DateColumn(Protocol):
    """What a cast to a date asks and tells of the column it reads."""

    def order(self) -> times.Order | None:
        """Whether day or month comes first; None when nothing tells."""

    def note(self, form: str) -> None:
        """Take note of a form that was read."""


class NoColumn(DateColumn):
    """A value that stands alone."""

    def order(self) -> times.Order | None:
        """Nothing tells."""
        return None

    def note(self, form: str) -> None:
        """Nobody asks."""


NO_COLUMN = NoColumn()

_INTEGER = re.compile(r"([+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+))(?:\.0+)?")
_YEAR_LEAST = 1000
"""Earlier years are marks for "none" (`0001-01-01`)."""
_YEAR = re.compile(r"[0-9]{4}")
_EPOCH = re.compile(r"-?[0-9]{9,13}|-?[0-9]{15,}|-?[0-9]{9,}\.[0-9]*")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)?(?:,[0-9]*)?")
_CURRENCY = str.maketrans("", "", "$€£ \u00a0\u202f")
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})

# A JSON number is read as a double, which keeps 15 significant digits of any decimal; longer ones travel as text.
_DIGITS_SAFE = 15


def integer(text: str) -> int | None:
    """Whole number, with or without thousands commas; `42.0`, as data frames write it, is 42."""
    found = _INTEGER.fullmatch(text)
    return int(found[1].replace(",", "")) if found else None


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


def _moment(text: str, form: str, zone: tzinfo, column: DateColumn) -> datetime | None:
    try:
        if form == "auto":
            found = _found(text, column)
            if found is None:
                return None
            moment = found
        elif form == "iso":
            moment = datetime.fromisoformat(text)
        elif form in ("epoch", "epoch_ms"):
            return datetime.fromtimestamp(float(text) / (1000 if form == "epoch_ms" else 1), UTC)
        else:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows in the next line
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _found(text: str, column: DateColumn) -> datetime | None:
    """A time in any common form; where day and month could change places, the whole column decides."""
    moment = times.read(text)
    if isinstance(moment, datetime) and text[4:5] == "-":
        column.note("ISO 8601")
        return moment
    possible = times.orders(text)
    if possible is not None:
        # The column is asked at its first date in numbers, so that one that does not tell stops the load early.
        order = column.order()
        if order is not None:
            moment = times.read(text, order)
        elif len(possible) == 2 or times.short_year(text):
            return None
    if isinstance(moment, str):
        return None
    if possible is None:
        column.note(times.form_of(text))
    return moment


def date_of(formats: Sequence[str], zone: tzinfo, column: DateColumn = NO_COLUMN) -> Cast:
    """A cast to `YYYY-MM-DD`, trying `formats` in order; a date has no zone, so none is applied.

    With `auto`, a year of two digits is not read: birthdays lie in two centuries.
    """

    @lru_cache(maxsize=8192)  # files repeat their dates
    def cast(text: str) -> str | None:
        for form in formats:
            if form == "auto":
                found = _found(text, column)
                if found is None or found.year < _YEAR_LEAST or not _YEAR.search(text):
                    continue
                of_epoch = _EPOCH.fullmatch(text) is not None
                return (found.astimezone(zone) if of_epoch else found).date().isoformat()
            moment = _moment(text, form, UTC, column)
            if moment is not None:
                return (moment if not form.startswith("epoch") else moment.astimezone(zone)).date().isoformat()
        return None

    return cast


def datetime_of(formats: Sequence[str], zone: tzinfo, column: DateColumn = NO_COLUMN) -> Cast:
    """A cast to ISO 8601 in UTC, trying `formats` in order; text without an offset is read in `zone`.

    Args:
        formats: strptime formats, or the words `auto` (any common form), `iso`, `epoch` (seconds) and `epoch_ms`.
        zone: Where the file's clock stands.
        column: Knows the order of day and month in the column.
    """

    @lru_cache(maxsize=8192)  # files repeat their dates
    def cast(text: str) -> str | None:
        for form in formats:
            moment = _moment(text, form, zone, column)
            if moment is not None:
                return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
        return None

    return cast


def cast_of(
    name: CastName, *, formats: Sequence[str], zone: tzinfo, comma: bool, column: DateColumn = NO_COLUMN
) -> Cast | None:
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
            return date_of(formats, zone, column)
        case "datetime":
            return datetime_of(formats, zone, column)
