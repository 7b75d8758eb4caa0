"""The one rule language: parse, bind, evaluate, compile to SQL, explain."""

from onefold.rules.aggregate import Derived, Timed, fingerprint
from onefold.rules.binding import Bound, bind, bind_condition, condition_row
from onefold.rules.cost import Cost, cost
from onefold.rules.document import decode as decode_json
from onefold.rules.document import read as from_json
from onefold.rules.document_rendering import to_json
from onefold.rules.evaluation import evaluate, next_change
from onefold.rules.functions import FUNCTIONS, Kind
from onefold.rules.reading import fit, require_agreement
from onefold.rules.rendering import to_text
from onefold.rules.runs import Row
from onefold.rules.sentence import explain
from onefold.rules.sql import SqlField, literal, moment, to_sql
from onefold.rules.text import parse
from onefold.rules.tree import Aggregate, Expr, RuleError, Then, Window, aggregates

__all__ = [
    "FUNCTIONS",
    "Aggregate",
    "Bound",
    "Cost",
    "Derived",
    "Expr",
    "Kind",
    "Row",
    "RuleError",
    "SqlField",
    "Then",
    "Timed",
    "Window",
    "aggregates",
    "bind",
    "bind_condition",
    "condition_row",
    "cost",
    "decode_json",
    "evaluate",
    "explain",
    "fingerprint",
    "fit",
    "from_json",
    "literal",
    "moment",
    "next_change",
    "parse",
    "require_agreement",
    "to_json",
    "to_sql",
    "to_text",
]
