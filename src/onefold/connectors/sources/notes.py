"""Notes: what was found out of a file's form and noticed while it was read, for the person who loads it. No values."""

from __future__ import annotations

from collections import Counter

import msgspec

from onefold.connectors.sources.dialect import Dialect

LINES_SHOWN = 5


class Tally(msgspec.Struct):
    """How often something was noticed, in which columns, and the lines where it first was."""

    count: int = 0
    lines: list[int] = []
    columns: dict[str, int] = {}

    def add(self, line: int, column: str = "") -> None:
        """Count one more; lines come in order, each once."""
        self.count += 1
        if len(self.lines) < LINES_SHOWN and line not in self.lines[-1:]:
            self.lines.append(line)
        if column and (column in self.columns or len(self.columns) < 50):
            self.columns[column] = self.columns.get(column, 0) + 1


class Notes(msgspec.Struct):
    """What is known of one file. It grows as the file is read.

    Attributes:
        file: Its name.
        system: What the mapping's preset says it is an export of; empty when unknown.
        dialect: How it is read; None until that is known.
        rows: Rows that became log entries, the rejected ones included.
        one_page: Whether the file says of itself that there are further pages.
        columns_repeated: Names that stand twice in the header; the second is called `Name (2)`.
        dates: By column, the forms in which it writes dates and times.
        rejected: Rows that could not be read, by reason.
        findings: What a row stated and was not understood, or had to be decided, by code.
        passed: Lines that are no rows: `blank_row`, `repeated_header`.
        skipped: Rows that the mapping leaves out, by the reason it gives.
    """

    file: str = ""
    system: str = ""
    dialect: Dialect | None = None
    rows: int = 0
    one_page: bool = False
    columns_repeated: list[str] = []
    dates: dict[str, list[str]] = {}
    rejected: dict[str, Tally] = {}
    findings: dict[str, Tally] = {}
    passed: dict[str, Tally] = {}
    skipped: Counter[str] = msgspec.field(default_factory=Counter)

    def reject(self, reason: str, line: int) -> None:
        """Count a row that cannot be read."""
        self.rejected.setdefault(reason, Tally()).add(line)

    def find(self, code: str, line: int, column: str = "") -> None:
        """Count a finding."""
        self.findings.setdefault(code, Tally()).add(line, column)

    def leave(self, what: str, line: int) -> None:
        """Count a line that is no row."""
        self.passed.setdefault(what, Tally()).add(line)

    def date(self, column: str, form: str) -> None:
        """Note a form of dates."""
        forms = self.dates.setdefault(column, [])
        if form not in forms:
            forms.append(form)
