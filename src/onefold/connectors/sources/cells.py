"""Cells of a row: finding the columns that a mapping names, and looking at what stands in them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from onefold.connectors.sources.casts import decimal
from onefold.connectors.sources.language import ANY, Condition, Field
from onefold.errors import ConfigurationError

Values = Sequence[Any]
"""A row's values in the order of the header; text, or what JSON or Parquet had."""

Fetch = Callable[[Values], Any]
"""A field's value in a row, before its cast; None when the row has none."""

Holds = Callable[[Values], bool]


_VALUE = re.compile(
    r"[^@\s]+@[^@\s]+\.[^@\s]+|[-+(]?[$€£]?[0-9][0-9.,:/\-+() ]*|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}[T 0-9:.Z+-]*"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|https?://.*"
)
_COLUMNS_SHOWN = 30
_WHOLE = re.compile(r"[0-9]+\.0+")


def key(name: str) -> str:
    """A column's name without what exports disagree on: case, blanks, hyphens, underscores, dots."""
    return "".join(character for character in name.casefold() if character.isalnum())


def columns(header: Sequence[str]) -> tuple[str, ...]:
    """Names for the columns, each once: the second `Email` becomes `Email (2)`, a nameless third `Column 3`."""
    found: list[str] = []
    taken: set[str] = set()
    for position, raw in enumerate(header, start=1):
        base = raw.strip() or f"Column {position}"
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base} ({count})"
        taken.add(name)
        found.append(name)
    return tuple(found)


def like_values(header: Sequence[str]) -> bool:
    """Whether a first line seems to hold values and not names: an address, a number or a date is no column's name."""
    return any(_VALUE.fullmatch(cell.strip()) for cell in header)


def text_of(value: Any) -> str:
    """A cell as text."""
    if value.__class__ is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def bare(text: str) -> str:
    """A cell without the apostrophe that keeps digits text in a spreadsheet: `'04101`."""
    return text[1:] if text[:1] == "'" and (text[1:2].isdigit() or text[1:2] in ("+", "-", "=")) else text


def id_of(value: Any) -> str:
    """A cell as an id: `42.0`, as a data frame writes it when a neighbour is blank, is 42."""
    text = (value if value.__class__ is str else text_of(value)).strip()
    if text[:1] == "'":
        text = bare(text)
    if text[-1:] == "0" and "." in text and _WHOLE.fullmatch(text):
        return text.partition(".")[0]
    if value.__class__ is Decimal and "E" in text and value.adjusted() < 18 and value == int(value):
        return str(int(value))  # JSON's 1E+2
    return text


def change_of(value: Any, read: str) -> str:
    """The code of a finding where an id is not what its cell says, blanks aside; empty where it is."""
    text = text_of(value).strip()
    if text == read:
        return ""
    return "identifier_unwrapped" if text[:1] == "'" else "decimal_id"


class AmbiguousColumnError(ConfigurationError):
    """A mapping names a column that several of a file's columns are like, and none is exactly."""


class Columns:
    """Finds columns by name, whatever their spelling."""

    def __init__(self, header: Sequence[str], *, file: str, strict: bool) -> None:
        """Take a header as `columns` gave it.

        Args:
            header: The names.
            file: The mapping's file, for messages.
            strict: Whether a column that is missing and not optional is an error.
        """
        self.header = header
        self._file = file
        self._strict = strict
        self._proven = False
        """Whether a column was found: then the header is one, and may be shown."""
        self._exact = {name: place for place, name in enumerate(header)}
        self._loose: dict[str, list[int]] = {}
        for place, name in enumerate(header):
            self._loose.setdefault(key(name), []).append(place)

    def find(self, names: Sequence[str], line: int = 0) -> int | None:
        """The place of the first of these that is there; one that is written the same before one that is like it.

        Raises:
            AmbiguousColumnError: Several are like it.
        """
        for name in names:
            place = self._exact.get(name)
            if place is not None:
                self._proven = True
                return place
        for name in names:
            alike = self._loose.get(key(name), ())
            if len(alike) > 1:
                listed = " and ".join(repr(self.header[place]) for place in alike)
                raise AmbiguousColumnError(
                    f"column {name!r} could be {listed}; write the one that is meant as it stands in the file",
                    file=self._file, line=line or None,
                )  # fmt: skip
            if alike:
                self._proven = True
                return alike[0]
        return None

    def place(self, names: Sequence[str], line: int, *, optional: bool = False) -> int | None:
        """The same; None only where the column may be missing.

        Raises:
            ConfigurationError: It may not; names the mapping's line and the nearest column.
        """
        found = self.find(names, line)
        if found is None and self._strict and not optional:
            raise ConfigurationError(self._missing(names[0]), file=self._file, line=line or None)
        return found

    def _missing(self, name: str) -> str:
        """What to say of a column that is not there; a first line that may hold values is not shown."""
        if like_values(self.header):
            return (
                f"the file has no column {name!r}: its first line seems to hold values, not names. If it has no header, "
                "write `header: none` and name the columns 'Column 1', 'Column 2' and so on"
            )
        near = difflib.get_close_matches(name, self.header, n=1, cutoff=0.7)
        if near:
            return f"the file has no column {name!r}; did you mean {near[0]!r}?"
        if self._proven:
            more = ", …" if len(self.header) > _COLUMNS_SHOWN else ""
            return f"the file has no column {name!r} (there are: {', '.join(self.header[:_COLUMNS_SHOWN])}{more})"
        return (
            f"the file has no column {name!r} among its {len(self.header)} (`onefold load` with `--show-mapping` lists "
            "them). If its first line is no header, write `header: none` and name the columns 'Column 1' and so on"
        )

    def conditions(self, when: Sequence[Condition]) -> Holds | None:
        """Whether all conditions hold of a row; None when there are none."""
        tests = [self._condition(condition) for condition in when]
        if not tests:
            return None
        if len(tests) == 1:
            return tests[0]
        return lambda values: all(test(values) for test in tests)

    def _condition(self, condition: Condition) -> Holds:
        place = self.place(condition.columns, condition.line)
        look = _looks(condition)
        if place is None:
            return _always if look("") else _never
        return lambda values: look(text_of(values[place]).strip())

    def fetch(self, field: Field) -> tuple[int, Fetch | None] | None:
        """The place of a field's column, and how to fetch its value where that takes more than looking there.

        None when the file lacks the column and may.
        """
        names = field.join or (field.columns,)
        found = [(self.place(n, field.line, optional=field.optional or index > 0)) for index, n in enumerate(names)]
        places = [place for place in found if place is not None]
        if found[0] is None or not places:
            return None
        holds = self.conditions(field.when)
        unknown = frozenset(field.unknown)
        if holds is None and not unknown and len(places) == 1:
            return places[0], None
        return places[0], _fetch(places, holds, unknown)


def _always(_: Values) -> bool:
    return True


def _never(_: Values) -> bool:
    return False


def _fetch(places: list[int], holds: Holds | None, unknown: frozenset[str]) -> Fetch:
    def fetch(values: Values) -> Any:
        if holds is not None and not holds(values):
            return None
        if len(places) == 1:
            value = values[places[0]]
            return None if text_of(value).strip().casefold() in unknown else value
        texts = [text for place in places if (text := text_of(values[place]).strip())]
        return " ".join(text for text in texts if text.casefold() not in unknown)

    return fetch


def _looks(condition: Condition) -> Callable[[str], bool]:
    words, number = condition.words, condition.number
    match condition.test:
        case "is":
            if ANY in words:
                return bool
            return lambda text: text.casefold() in words
        case "is_not":
            return lambda text: text.casefold() not in words
        case "starts":
            return lambda text: text.casefold().startswith(words)
        case "contains":
            return lambda text: any(word in text.casefold() for word in words)
        case "lacks":
            return lambda text: not any(word in text.casefold() for word in words)
        case "blank":
            wanted = words == ("true",)
            return lambda text: (not text) == wanted
        case "above":
            return lambda text: (found := _number(text)) is not None and found > number
        case "below":
            return lambda text: (found := _number(text)) is not None and found < number


def _number(text: str) -> Decimal | None:
    """A number with either decimal mark; to compare with, not to keep."""
    found = decimal(text)
    if found is None:
        found = decimal(text, comma=True)
    return None if found is None else Decimal(found)
