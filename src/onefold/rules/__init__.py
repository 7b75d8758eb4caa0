"""The one rule language: parse, bind, evaluate, compile to SQL, explain."""

from onefold.rules.binding import Bound, Row, bind, occurrence
from onefold.rules.document import read as from_json
from onefold.rules.evaluation import evaluate, next_change
from onefold.rules.functions import FUNCTIONS, Kind
from onefold.rules.sentence import explain
from onefold.rules.sql import SqlField, literal, moment, to_sql
from onefold.rules.text import parse
from onefold.rules.tree import Expr, RuleError, event_names

__all__ = [
    "FUNCTIONS",
    "Bound",
    "Expr",
    "Kind",
    "Row",
    "RuleError",
    "SqlField",
    "bind",
    "evaluate",
    "event_names",
    "explain",
    "from_json",
    "literal",
    "moment",
    "next_change",
    "occurrence",
    "parse",
    "to_sql",
]
