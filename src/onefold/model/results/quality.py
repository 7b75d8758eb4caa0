"""Data quality as the service answers it: checks with what their runs found, and rows that are held back."""

from __future__ import annotations

from typing import Literal

from onefold.model.results.result import Result

CheckStatus = Literal["passed", "warned", "failed"]


class CheckRun(Result, frozen=True, kw_only=True):
    """What one run of a check found.

    Attributes:
        at: When the run began.
        rows: Rows looked at.
        failing: Rows that fail; null for a check of the relation as a whole.
        observed: The number held against bounds; null for a check about rows.
        detail: What was found, in words.
    """

    at: str
    status: CheckStatus
    rows: int
    failing: int | None
    observed: float | None
    detail: str


class QualityCheck(Result, frozen=True, kw_only=True):
    """A check as the project or Onefold defines it.

    Attributes:
        asks: What it asks, in words.
        gate: The gate it belongs to, 2 or 3; null for one that stands alone.
        owner: Who answers for it; empty for nobody.
        where: File and line where it is written; empty for one that Onefold ships.
        runs: What its runs found, the latest first; empty where it never ran.
        sample: Keys of some rows that failed in the latest run.
    """

    relation: str
    name: str
    kind: str
    gate: int | None
    severity: str
    owner: str
    description: str
    asks: str
    where: str
    runs: tuple[CheckRun, ...]
    sample: tuple[str, ...]


class QualityChecks(Result, frozen=True, kw_only=True):
    """The checks of a project, and those that Onefold ships."""

    checks: tuple[QualityCheck, ...]


class ChecksRun(Result, frozen=True, kw_only=True):
    """What a run of checks did.

    Attributes:
        missing: Relations that are not there yet, with how many checks of Onefold's own were left out.
        held: Log entries that became dead letters.
        released: Dead letters that were closed, because their rows fail nothing any more.
    """

    ran: int
    failed: int
    warned: int
    missing: dict[str, int]
    held: int
    released: int


class HeldRow(Result, frozen=True, kw_only=True):
    """A row in quarantine.

    Attributes:
        key: Its key, parts separated by slashes.
        checks: Names of the checks it fails.
        offset: Offset of the dead letter by which it is mended; null where its key names no log entry.
    """

    relation: str
    key: str
    checks: tuple[str, ...]
    offset: int | None


class HeldRows(Result, frozen=True, kw_only=True):
    """A page of the quarantine, by relation and key; `next` is what to skip for the page after it, null on the last."""

    rows: tuple[HeldRow, ...]
    total: int
    next: int | None
