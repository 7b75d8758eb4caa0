"""A change of what a column of a file is."""

from __future__ import annotations

from typing import Literal

import msgspec

ColumnKind = Literal["identifier", "trait", "property", "consent", "time", "id", "none"]
"""What a column can be; `id`: of what the row states, `time`: when it happened or was stated, `none`: left out."""


class ColumnChange(msgspec.Struct, frozen=True):
    """A column of a file is this and nothing else; `name` is the identifier's type, the trait's name and so on."""

    column: str
    kind: ColumnKind
    name: str = ""
