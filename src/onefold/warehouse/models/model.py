"""A model: a SELECT statement of the project and what its YAML says of it; and what can be wrong with one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from onefold.errors import ConfigurationError
from onefold.model import PersonalClass

Materialisation = Literal["view", "table", "incremental"]


class Documented(msgspec.Struct, frozen=True):
    """What a model's YAML says of one column.

    Attributes:
        personal: The class of its values; None to inherit it from the columns it is computed from.
        tests: What must hold of its values: `not_null`, `unique`.
    """

    description: str = ""
    personal: PersonalClass | None = None
    tests: tuple[str, ...] = ()


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A SELECT statement with a name.

    Attributes:
        name: The relation it makes, such as `marts.membership`.
        sql: The statement's text.
        file: Where it is, relative to the project.
        materialized: `view`: computed whenever it is asked. `table`: computed by a run and kept.
            `incremental`: as `table`, and a run computes only the keys that changed since the last.
        key: Columns that tell its rows apart; an incremental model needs them.
        described_in: The file that describes it; empty where none does.
        lines: Lines of `described_in` on which keys of its description stand.
    """

    name: str
    sql: str
    file: str
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    materialized: Materialisation = "view"
    key: tuple[str, ...] = ()
    columns: Mapping[str, Documented] = {}
    described_in: str = ""
    lines: Mapping[tuple[str, ...], int] = {}

    def fault(self, line: int, message: str) -> Fault:
        """Something that is wrong in the statement."""
        return Fault(self.file, line, message)

    def description_fault(self, at: tuple[str, ...], message: str) -> Fault:
        """Something that is wrong in the description."""
        return Fault(self.described_in or self.file, self.lines.get(at, self.lines.get((), 1)), message)


class Fault(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong with a model, and where."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Write it the way editors jump to."""
        return f"{self.file}:{self.line}: {self.message}"


class ModelError(ConfigurationError):
    """Models cannot be used; the message holds all that is wrong, one a line.

    Attributes:
        faults: The same, in order of file and line.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(map(str, self.faults)))
        self.file, self.line = self.faults[0].file, self.faults[0].line
