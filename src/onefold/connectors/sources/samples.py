"""Samples: what stands in a column, looked at in the first rows of a file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import product

import msgspec

from onefold.connectors.sources.casts import decimal
from onefold.connectors.sources.vocabulary import SALUTATIONS
from onefold.ingest import times

ROWS = 2_000
"""Rows that are looked at; a cell after them is read by what was found in them."""

_DISTINCT = 400
_EMAIL = re.compile(r"(?:.*<)?'?(?:mailto:)?[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;.]{2,}>?")
_PHONE = re.compile(r"'?(?:tel:|whatsapp:|ph?:)?\+?[\d\s().\-/\u00a0]{7,24}(?:\s*(?:x|ext\.?)\s*\d+)?", re.IGNORECASE)
_PLAIN_NUMBER = re.compile(r"-?\d{1,6}(?:[.,]\d+)?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}")
_DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%m-%d-%Y", "%d-%m-%Y",
    "%d.%m.%Y", "%d.%m.%y", "%m-%d-%y", "%d-%m-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y",
    "%d-%b-%y", "%b %d %Y", "%B %d %Y", "%a, %d %b %Y", "%a %b %d %Y", "%A, %B %d, %Y", "%d %b, %Y", "%d. %B %Y",
)  # fmt: skip
_TIMES = (
    "", "T%H:%M:%S", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", " %I:%M%p", ", %I:%M %p", ", %I:%M:%S %p",
    ", %H:%M", ", %H:%M:%S", " at %I:%M %p", " %H:%M:%S %z", " %H:%M:%S.%f", " %H:%M %z", " %H:%M:%S UTC", " %H:%M UTC",
    " %H:%M:%S.%f %z",
)  # fmt: skip
_ISO = "iso"
_CURRENCIES = (
    ("US$", "USD"), ("CA$", "CAD"), ("C$", "CAD"), ("A$", "AUD"), ("NZ$", "NZD"), ("HK$", "HKD"), ("R$", "BRL"),
    ("€", "EUR"), ("£", "GBP"), ("¥", "JPY"), ("₹", "INR"), ("zł", "PLN"), ("CHF", "CHF"), ("Fr.", "CHF"), ("₽", "RUB"),
)  # fmt: skip
_CODE = re.compile(r"\b([A-Z]{3})\b")


class Dates(msgspec.Struct, frozen=True):
    """The forms of a column's dates.

    Attributes:
        formats: For a mapping; empty when most cells are no dates.
        share: Of the cells that are read by them.
        ambiguous: Whether no cell says which of day and month comes first.
        timed: Whether the cells have a time of day.
    """

    formats: tuple[str, ...] = ()
    share: float = 0.0
    ambiguous: bool = False
    timed: bool = False


class Numbers(msgspec.Struct, frozen=True):
    """The form of a column's numbers.

    Attributes:
        share: Of the cells that are numbers.
        comma: Whether the comma is the decimal mark.
        currency: The code of the one currency that all cells with a sign have; empty when none.
        negative: Share of the numbers that are below zero.
    """

    share: float = 0.0
    comma: bool = False
    currency: str = ""
    negative: float = 0.0


class Sample(msgspec.Struct, frozen=True):
    """The cells of one column.

    Attributes:
        name: The column's.
        values: The cells that are not blank, trimmed.
        rows: How many rows were looked at.
    """

    name: str
    values: tuple[str, ...]
    rows: int

    @property
    def empty(self) -> bool:
        """Whether no row has a value."""
        return not self.values

    @property
    def filled(self) -> float:
        """Share of rows that have a value."""
        return len(self.values) / self.rows if self.rows else 0.0

    @property
    def distinct(self) -> tuple[str, ...]:
        """The different values, in order, up to some hundreds."""
        return tuple(dict.fromkeys(self.values))[:_DISTINCT]

    @property
    def unique(self) -> bool:
        """Whether no value stands twice."""
        return len(set(self.values)) == len(self.values)

    def share(self, holds: Callable[[str], object]) -> float:
        """Share of the values for which `holds`; 0 when there are none."""
        if not self.values:
            return 0.0
        counts = Counter(self.values)
        return sum(n for value, n in counts.items() if holds(value)) / len(self.values)

    def emails(self) -> float:
        """Share of e-mail addresses; of a cell with several each must be one."""
        return self.share(is_email)

    def phones(self) -> float:
        """Share of values that have the form of a telephone number."""
        return self.share(is_phone)

    def several(self) -> str:
        """The separator between e-mail addresses of one cell; empty when no cell has several."""
        for mark in (";", ",", "|", " "):
            if any(
                mark in v.strip() and all(_EMAIL.fullmatch(p.strip()) for p in v.split(mark) if p.strip())
                for v in self.distinct
            ):
                return mark
        return ""


def is_email(text: str) -> bool:
    """Whether a cell is one e-mail address or several."""
    if _EMAIL.fullmatch(text):
        return True
    parts = [part for part in re.split(r"[;,|\s]+", text) if part]
    return len(parts) > 1 and all(_EMAIL.fullmatch(part) for part in parts)


def is_phone(text: str) -> bool:
    """Whether a cell has the form of a telephone number, and not of a date or an amount."""
    digits = sum(character.isdigit() for character in text)
    return 7 <= digits <= 15 and _PHONE.fullmatch(text) is not None and _PLAIN_NUMBER.fullmatch(text) is None


def is_name(text: str) -> bool:
    """Whether a cell could be a person's name: letters, and neither digits nor an address."""
    return any(c.isalpha() for c in text) and not any(c.isdigit() or c in "@#" for c in text)


def is_salutation(text: str) -> bool:
    """Whether a cell is what stands before a name: `Mr`, `Frau Dr.`, `Mme`."""
    return any(word.strip(".,").casefold() in SALUTATIONS for word in re.split(r"[\s&/]+", text))


def numbers(values: Sequence[str]) -> Numbers:
    """Find the form of a column's numbers: the comma is the decimal mark where the cells say so."""
    if not values:
        return Numbers()
    stripped = [bare_number(value) for value in values]
    as_point = [decimal(value) for value in stripped]
    as_comma = [decimal(value, comma=True) for value in stripped]
    says_comma = sum(
        bool(re.search(r",\d{1,2}$", value)) or as_point[i] is None
        for i, value in enumerate(stripped)
        if as_comma[i] is not None
    )
    says_point = sum(
        bool(re.search(r"\.\d{1,2}$", value)) or as_comma[i] is None
        for i, value in enumerate(stripped)
        if as_point[i] is not None
    )
    comma = says_comma > says_point
    read = [n for n in (as_comma if comma else as_point) if n is not None]
    signs = {code for value in values for sign, code in _CURRENCIES[:12] if sign in value} | {
        code for value in values for code in _CODE.findall(value)
    }
    return Numbers(
        len(read) / len(values),
        comma,
        signs.pop() if len(signs) == 1 else "",
        sum(str(n).startswith("-") for n in read) / len(read) if read else 0.0,
    )


def bare_number(text: str) -> str:
    """A cell without the sign or code of its currency, which the cast of amounts knows only in part."""
    for sign, _ in _CURRENCIES:
        text = text.replace(sign, "")
    return _CODE.sub("", text).strip()


def dates(values: Sequence[str]) -> Dates:
    """Find the forms of a column's dates, day and month in the order that most cells have."""
    distinct = tuple(dict.fromkeys(values))[:_DISTINCT]
    if not distinct:
        return Dates()
    iso = [value for value in distinct if _read(value, _ISO)]
    if len(iso) == len(distinct):
        return Dates((_ISO,), 1.0, timed=any(":" in value for value in iso))
    for form, digits in (("epoch", 10), ("epoch_ms", 13)):
        if all(value.isdigit() and len(value) == digits for value in distinct):
            return Dates((form,), 1.0, timed=True)
    probes = distinct[:: max(1, len(distinct) // 8)][:12]
    forms = [d + t for d, t in product(_DATES, _TIMES)]
    read = {form: {v for v in distinct if _read(v, form)} for form in forms if any(_read(v, form) for v in probes)}
    chosen: list[str] = [_ISO] if iso else []
    left, ambiguous = set(distinct) - set(iso), False
    while left:
        # Day and month are in one order in one column: the order that reads the more cells, month first if both do.
        form = max(read, key=lambda f: (len(read[f] & left), _month_first(f)), default="")
        if not form or not read[form] & left:
            break
        chosen.append(form)
        other = _swapped(form)
        ambiguous = ambiguous or (other in read and len(read[other] & left) == len(read[form] & left) and other != form
                                  and any(_read(v, form) != _read(v, other) for v in read[form] & left))  # fmt: skip
        left -= read.pop(form)
        read = {f: r for f, r in read.items() if not _order(form) or _order(f) in ("", _order(form))}
    good = set(distinct) - left
    share = sum(value in good for value in values[: 4 * _DISTINCT]) / len(values[: 4 * _DISTINCT])
    timed = any("%H" in form or "%I" in form for form in chosen) or any(":" in value for value in iso)
    return Dates(tuple(chosen), share, ambiguous, timed) if chosen else Dates()


def formats(found: Dates, values: Sequence[str], *, of_day: bool) -> tuple[str, ...]:
    """The forms to state in a mapping: none but `auto` where every cell says by itself which day it is.

    Args:
        found: The forms of the cells.
        values: The cells.
        of_day: Whether they are birthdays and the like, whose years of two digits lie in two centuries.
    """
    distinct = tuple(dict.fromkeys(values))[:_DISTINCT]
    stated = tuple(form for form in found.formats if not (of_day and "%y" in form))
    if not any(_order(form) for form in stated) or not stated:
        known = [v for v in distinct if any(_read(v, form) for form in stated)]
        if not stated or all(isinstance(times.read(value), datetime) for value in known):
            return ("auto",)
    return stated


def _read(text: str, form: str) -> datetime | None:
    try:
        if form == _ISO:
            return datetime.fromisoformat(text) if len(text) >= 8 and not text.isdigit() else None
        moment = datetime.strptime(text, form)  # noqa: DTZ007  only its form is looked at
    except ValueError:
        return None
    return moment if 1900 <= moment.year <= 2100 else None


def _order(form: str) -> str:
    """`md` or `dm` for forms that write both as numbers; empty for others."""
    if "%m" not in form or form.startswith("%Y"):
        return ""
    return "md" if form.index("%m") < form.index("%d") else "dm"


def _month_first(form: str) -> bool:
    return _order(form) == "md"


def _swapped(form: str) -> str:
    return form.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m") if _order(form) else form
