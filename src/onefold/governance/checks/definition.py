"""A check: one rule about the data of one relation, who answers for it, and how much may break it.

Checks about rows (`RowRule`) name the rows that fail; a null fails only what asks for presence. Checks about a relation
as a whole (`Measure`) hold one number against bounds.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from onefold.rules import Expr

Severity = Literal["error", "warn", "off"]
ValueType = Literal["integer", "decimal", "boolean", "date", "time", "uuid"]
VALUE_TYPES: tuple[ValueType, ...] = ("integer", "decimal", "boolean", "date", "time", "uuid")
Statistic = Literal["mean", "quantile", "share", "psi"]
STATISTICS: tuple[Statistic, ...] = ("mean", "quantile", "share", "psi")

Value = str | Decimal | bool


class NotNull(msgspec.Struct, frozen=True, tag="not_null"):
    """Every one of these columns holds a value."""

    columns: tuple[str, ...]


class Unique(msgspec.Struct, frozen=True, tag="unique"):
    """No two rows agree in all these columns; all of those that do fail. A row with a null among them passes."""

    columns: tuple[str, ...]


class TypeIs(msgspec.Struct, frozen=True, tag="type"):
    """The value is of this type: the column's own type, or a text that is written as one."""

    column: str
    value_type: ValueType


class Range(msgspec.Struct, frozen=True, tag="range"):
    """The value lies between bounds, both included; either may be missing. Bounds are of the column's kind."""

    column: str
    low: Value | None
    high: Value | None


class OneOf(msgspec.Struct, frozen=True, tag="set"):
    """The value is one of these."""

    column: str
    values: tuple[Value, ...]


class Pattern(msgspec.Struct, frozen=True, tag="pattern"):
    """The text contains a match of a regular expression (RE2)."""

    column: str
    pattern: str


class Reference(msgspec.Struct, frozen=True, tag="reference"):
    """The values of these columns are found together in another relation; a row with a null among them passes."""

    columns: tuple[str, ...]
    relation: str
    found_in: tuple[str, ...]


class Completeness(msgspec.Struct, frozen=True, tag="completeness"):
    """Of these columns a row fills at least this share."""

    columns: tuple[str, ...]
    share_min: Decimal


class Rule(msgspec.Struct, frozen=True, tag="rule"):
    """A rule of the rule language is not false."""

    text: str
    expr: Expr


class RowCount(msgspec.Struct, frozen=True, tag="row_count"):
    """How many rows there are; `change_max` holds against the previous run, as a share of it."""

    rows_min: int | None
    rows_max: int | None
    change_max: Decimal | None


class Freshness(msgspec.Struct, frozen=True, tag="freshness"):
    """The latest time in a column is no older than this."""

    column: str
    within_us: int


class Distribution(msgspec.Struct, frozen=True, tag="distribution"):
    """A statistic of a column, nulls apart.

    Attributes:
        column: The column.
        statistic: `mean`; `quantile`, the value at rank ceil(q * n); `share` of rows with one of `values`; `psi`, the
            population stability index against `baseline`.
        low: Least it may be.
        high: Most it may be.
        change_max: Most it may differ from the previous run, as a share of that.
        quantile: Of `quantile`: q, above 0 and at most 1.
        values: Of `share`: the values counted.
        baseline: Of `psi`: the share expected of each value; empty for the shares of the previous run.
        edges: Of `psi`, for a column of numbers: rising upper ends of the bins; one more bin lies above the last.
    """

    column: str
    statistic: Statistic
    low: Decimal | None = None
    high: Decimal | None = None
    change_max: Decimal | None = None
    quantile: Decimal | None = None
    values: tuple[Value, ...] = ()
    baseline: tuple[tuple[str, Decimal], ...] = ()
    edges: tuple[Decimal, ...] = ()


class Volume(msgspec.Struct, frozen=True, tag="volume"):
    """The rows of the last complete UTC day are as many as such days have (see `trend.anomaly`)."""

    column: str
    threshold: Decimal
    days: int


RowRule = NotNull | Unique | TypeIs | Range | OneOf | Pattern | Reference | Completeness | Rule
Measure = RowCount | Freshness | Distribution | Volume
Kind = RowRule | Measure
KINDS = ("not_null", "unique", "type", "range", "set", "pattern", "reference", "completeness", "rule",
         "row_count", "freshness", "distribution", "volume")  # fmt: skip


class Tolerance(msgspec.Struct, frozen=True):
    """How many rows may fail: a count, or a share of the rows looked at."""

    rows: int = 0
    share: Decimal | None = None

    def allows(self, failing: int, rows: int) -> bool:
        """Whether so many failing rows of `rows` pass."""
        return failing <= (self.rows if self.share is None else self.share * rows)


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A check as a project or Onefold itself defines it.

    Attributes:
        relation: What it is about, such as `staging.event`.
        name: Its name, unique within the relation.
        kind: What is asked.
        severity: `error` fails a run, `warn` is shown, `off` is left out.
        owner: Who answers for it.
        gate: The gate it belongs to, 2 or 3; None for one that stands alone.
        description: In a sentence for people.
        tolerance: How many rows may fail.
        where: Only rows of which this is true are looked at.
        key: Columns that identify a row of the relation; they may hold no personal data.
        file: Where it is written, relative to the project.
        line: The line there.
    """

    relation: str
    name: str
    kind: Kind
    severity: Severity = "error"
    owner: str = ""
    gate: int | None = None
    description: str = ""
    tolerance: Tolerance = Tolerance()
    where: Expr | None = None
    key: tuple[str, ...] = ()
    file: str = ""
    line: int = 0


def kind_name(kind: Kind) -> str:
    """The word a project file uses for it."""
    return str(kind.__struct_config__.tag)
