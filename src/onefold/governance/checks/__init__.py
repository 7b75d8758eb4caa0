"""Checks: rules about the data of a relation, compiled to one aggregate query and one for the rows that fail."""

from onefold.governance.checks.column import ArrowTable, Columns, Query, columns
from onefold.governance.checks.definition import KINDS, Check, Kind, Tolerance, kind_name
from onefold.governance.checks.result import CheckResult, FailingRow, History, Report, history
from onefold.governance.checks.running import run
from onefold.governance.checks.sentence import sentence

__all__ = [
    "KINDS",
    "ArrowTable",
    "Check",
    "CheckResult",
    "Columns",
    "FailingRow",
    "History",
    "Kind",
    "Query",
    "Report",
    "Tolerance",
    "columns",
    "history",
    "kind_name",
    "run",
    "sentence",
]
