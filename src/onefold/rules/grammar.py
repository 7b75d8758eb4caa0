"""The grammar of the text form: sqlglot's SQL expressions, with clauses inside the parentheses of aggregates.

count('Order Completed' where total > 100 within 30 days) >= 2
exists('Product Added' within 30 days then not 'Order Completed' within 1 day)
streak('Donation Completed' per year) >= 3
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

from sqlglot import exp, parser
from sqlglot.dialects.dialect import Dialect
from sqlglot.tokenizer_core import TokenType

from onefold.rules.tree import Place, RuleError

# It warns of text it cannot make sense of, quoting it; we refuse such text ourselves, without quoting.
logging.getLogger("sqlglot").addFilter(lambda record: "unsupported syntax" not in record.getMessage())

AGGREGATES = {
    "average": "average",
    "avg": "average",
    "count": "count",
    "events": "count",
    "exists": "exists",
    "first": "first",
    "first_event": "first",
    "last": "last",
    "last_event": "last",
    "max": "max",
    "min": "min",
    "most_frequent": "most_frequent",
    "streak": "streak",
    "sum": "sum",
    "unique_count": "unique_count",
}
"""Names of aggregates in the text form, and what each is."""
_CLAUSES = "`where …`, `within 30 days`, `per year` or `then 'Event' within 7 days`"


class EventAggregate(exp.Expression):
    """An aggregate as it was written; `text` reads it."""

    arg_types: ClassVar[dict[str, bool]] = {
        "function": True, "event": True, "property": False, "where": False, "within": False, "per": False, "then": False
    }  # fmt: skip


class EventThen(exp.Expression):
    """What follows an event, as it was written."""

    arg_types: ClassVar[dict[str, bool]] = {"event": True, "absent": False, "where": False, "within": False}


class Grammar(Dialect):
    """What sqlglot calls a dialect: its own SQL, with our aggregates for the functions of those names."""

    class Parser(parser.Parser):
        """Reads the clauses of aggregates; all else is sqlglot's."""

        FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., Any]]] = {
            **parser.Parser.FUNCTION_PARSERS,
            **{name.upper(): (lambda self, name=name: self._parse_event_aggregate(name)) for name in AGGREGATES},
        }

        def _refuse(self, message: str) -> NoReturn:
            token = self._curr or self._prev
            raise RuleError(message + ".", place(self.sql, token.start if token else 0))

        def _parse_event_aggregate(self, name: str) -> EventAggregate:
            start = self._curr
            found: dict[str, Any] = {"function": AGGREGATES[name], "event": self._event_name(name)}
            if steps := self._steps():
                found["property"] = ".".join(steps)
            while self._curr is not None and self._curr.token_type is not TokenType.R_PAREN:
                clause, value = self._clause()
                if clause in found:
                    self._refuse(f"`{clause}` is stated twice")
                found[clause] = value
            return EventAggregate(**found).update_positions(start)

        def _event_name(self, name: str) -> str:
            if not self._match(TokenType.STRING):
                self._refuse(f"`{name}` takes the name of an event in quotes, such as {name}('Order Completed')")
            return str(self._prev.text)

        def _steps(self) -> list[str]:
            steps = []
            while self._match(TokenType.DOT):
                part = self._parse_id_var(any_token=True)
                if part is None:
                    self._refuse("The name of a property follows the dot")
                steps.append(str(part.name))
            return steps

        def _clause(self) -> tuple[str, Any]:
            if self._match(TokenType.WHERE):
                return "where", self._parse_disjunction()
            if self._match_text_seq("WITHIN"):
                return "within", self._length()
            if self._match_text_seq("PER"):
                return "per", self._word("a period, such as `per year`")
            if not self._match(TokenType.THEN):
                self._refuse(f"After the event there can be {_CLAUSES}")
            return "then", self._then()

        def _then(self) -> EventThen:
            found: dict[str, Any] = {"absent": bool(self._match(TokenType.NOT)), "event": self._event_name("then")}
            while self._curr is not None and self._curr.token_type is not TokenType.R_PAREN:
                clause, value = self._clause()
                if clause not in {"where", "within"} or clause in found:
                    self._refuse("After `then` and its event there can be one `where …` and one `within 7 days`")
                found[clause] = value
            return EventThen(**found)

        def _length(self) -> tuple[str, str]:
            if not self._match(TokenType.NUMBER):
                self._refuse("`within` takes a whole number and a unit, such as `within 30 days`")
            return str(self._prev.text), self._word("its unit, such as `within 30 days`")

        def _word(self, what: str) -> str:
            if self._curr is None or not self._curr.text.isalpha():
                self._refuse(f"There should be {what}")
            self._advance()
            return str(self._prev.text).lower()


def place(text: str, start: int) -> Place:
    """The place of the character at this offset, lines and columns counted from 1."""
    line_start = text.rfind("\n", 0, start) + 1
    return Place(start, f"line {text.count(chr(10), 0, start) + 1}, column {start - line_start + 1}")
