"""The functions of the rule language: their names, what they take, what they give."""

from __future__ import annotations

from typing import Literal as OneOf

import msgspec

Kind = OneOf["boolean", "number", "text", "time", "any"]
"""What a value is. `any` is known only when it is there: attributes are what the outside world sent."""


class Function(msgspec.Struct, frozen=True):
    """What a function takes and gives.

    Attributes:
        takes: Kind of each argument.
        gives: Kind of the result.
        open_ended: Whether the last argument may be repeated.
        phrase: How it reads in a sentence, `{}` for each argument.
    """

    takes: tuple[Kind, ...]
    gives: Kind
    phrase: str
    open_ended: bool = False


FUNCTIONS: dict[str, Function] = {
    "coalesce": Function(("any", "any"), "any", "the first known of {}", open_ended=True),
    "contains": Function(("any", "any"), "boolean", "{} contains {}"),
    "contains_any": Function(("any", "any"), "boolean", "{} contains any of {}", open_ended=True),
    "days_since": Function(("time",), "number", "days since {}"),
    "ends_with": Function(("text", "text"), "boolean", "{} ends with {}"),
    "hours_since": Function(("time",), "number", "hours since {}"),
    "length": Function(("text",), "number", "length of {}"),
    "lower": Function(("text",), "text", "{} in lower case"),
    "matches": Function(("text", "text"), "boolean", "{} matches the pattern {}"),
    "starts_with": Function(("text", "text"), "boolean", "{} starts with {}"),
    "to_number": Function(("any",), "number", "{} as a number"),
    "to_time": Function(("time",), "time", "{} as a time"),
    "upper": Function(("text",), "text", "{} in upper case"),
}
