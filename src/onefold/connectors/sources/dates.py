"""Columns of dates: whether the day or the month comes first is decided by all values of a column, never by one.

A file is looked through once, when the first date comes that could be either. Where its column has dates that are
possible in one order only, and none in the other only, that order holds for all; where both kinds are there, those that
could be either stay unread; where there is neither kind, the mapping has to say, by `formats:`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from onefold.connectors.sources import table
from onefold.connectors.sources.casts import DateColumn
from onefold.connectors.sources.cells import text_of
from onefold.connectors.sources.delimited import Broken
from onefold.connectors.sources.dialect import Dialect
from onefold.connectors.sources.notes import Notes
from onefold.errors import ConfigurationError
from onefold.ingest import times

_FORMS = {"dmy": "day first (DD/MM/YYYY)", "mdy": "month first (MM/DD/YYYY)"}


class Evidence:
    """What a column's values say of the order of day and month."""

    def __init__(self) -> None:
        self.seen = 0
        self.ambiguous = 0
        self.dotted = 0
        self.of_order: dict[times.Order, int] = {"dmy": 0, "mdy": 0}
        self._short_firsts: set[str] = set()
        self._short_lasts: set[str] = set()

    def add(self, text: str) -> None:
        """Look at one value; those that are no dates in numbers say nothing."""
        possible = times.orders(text)
        if possible is None:
            return
        self.seen += 1
        if len(possible) == 2:
            self.ambiguous += 1
            self.dotted += "." in text[:3]
        for order in possible if len(possible) == 1 else ():
            self.of_order[order] += 1
        if (parts := times.short_year(text)) is not None:
            self._short_firsts.add(parts[0])
            self._short_lasts.add(parts[1])

    @property
    def mixed(self) -> bool:
        """Whether some dates are possible with the day first only, and others with the month first only."""
        return all(self.of_order.values())

    def order(self) -> times.Order | None:
        """The order that holds for all values; None when there is none, or nothing decides."""
        if self.mixed:
            return None
        if len(self._short_lasts) > max(len(self._short_firsts), 3):
            return None  # years of two digits hardly differ, days do: `26/11/12` may well begin with the year
        if any(self.of_order.values()):
            return "dmy" if self.of_order["dmy"] else "mdy"
        # Nobody writes months first with dots between.
        return "dmy" if self.dotted and self.dotted == self.ambiguous else None


def order_of(values: Iterable[str]) -> times.Order | None:
    """Which order of day and month all of these values allow; None when they allow both, or neither."""
    evidence = Evidence()
    for value in values:
        evidence.add(value)
    return evidence.order()


class DateColumns:
    """The columns of dates of one file that is being read."""

    def __init__(self, path: Path, dialect: Dialect, mapping_file: str, notes: Notes) -> None:
        self._path = path
        self._dialect = dialect
        self._mapping_file = mapping_file
        self._notes = notes
        self._lines: dict[str, int] = {}
        self._known: dict[str, times.Order | None] | None = None

    def column(self, name: str, line: int) -> Column:
        """A column whose dates may be in any form; `line` is where the mapping names it."""
        if name not in self._lines:
            self._lines[name] = line
            self._known = None
        return Column(self, name)

    def order(self, column: str) -> times.Order | None:
        """The order of day and month in a column; None when some of its dates contradict each other.

        Raises:
            ConfigurationError: Nothing in the file tells.
        """
        if self._known is None:
            self._known = self._look()
        return self._known.get(column)

    def note(self, column: str, form: str) -> None:
        """Note a form that a column has."""
        self._notes.date(column, form)

    def _look(self) -> dict[str, times.Order | None]:
        found = {column: Evidence() for column in self._lines}
        for row in table.read(self._path, self._dialect, Notes()):
            if isinstance(row.values, Broken):
                continue
            for name, value in zip(row.names, row.values, strict=True):
                evidence = found.get(name)
                if evidence is not None and value:
                    evidence.add(text_of(value).strip())
        known: dict[str, times.Order | None] = {}
        for column, evidence in found.items():
            known[column] = order = evidence.order()
            if order:
                self._notes.date(column, _FORMS[order])
            elif evidence.mixed:
                self._notes.date(column, "mixed: some with the day first, some with the month first")
            elif evidence.seen:
                raise ConfigurationError(
                    f"the dates of column {column!r} could be day first or month first, and none of "
                    f"{evidence.seen:,} tells; say `{{column: {column}, formats: ['%d/%m/%Y']}}` for the day "
                    "first or `'%m/%d/%Y'` for the month first, as they are written",
                    file=self._mapping_file,
                    line=self._lines[column] or None,
                )
        return known


class Column(DateColumn):
    """One of them, as the cast that reads it knows it."""

    def __init__(self, columns: DateColumns, name: str) -> None:
        self._columns = columns
        self._name = name

    def order(self) -> times.Order | None:
        """The order of day and month; None when dates contradict each other."""
        return self._columns.order(self._name)

    def note(self, form: str) -> None:
        """Note a form."""
        self._columns.note(self._name, form)
