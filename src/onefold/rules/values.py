"""Values at evaluation: what may be compared with what, and three-valued logic. None is *unknown* throughout."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from onefold.rules.tree import Comparison, Operation

Truth = bool | None

# Signals are not trapped: a result without a finite value is unknown, and no rule can make the evaluation fail.
_ARITHMETIC = Context(prec=34, traps=[])
_OPERATIONS: dict[Operation, Callable[[Decimal, Decimal], Decimal]] = {
    "+": _ARITHMETIC.add, "-": _ARITHMETIC.subtract, "*": _ARITHMETIC.multiply, "/": _ARITHMETIC.divide,
}  # fmt: skip
COMPARISONS: dict[Comparison, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
NUMBERS = (int, Decimal, float)
_FAMILIES: dict[type, int] = {bool: 1, int: 2, Decimal: 2, float: 2, str: 3}

_WHOLE_DIGITS, _FRACTION_DIGITS = 15, 12
FURTHEST = 19 * 10**18
"""Doubles from here on are no numbers to a rule: a decimal of an engine has room for 18 decimals and these, and no more."""
PLAIN_NUMBER = rf"^ *(\+|-)?[0-9]{{1,{_WHOLE_DIGITS}}}(\.[0-9]{{1,{_FRACTION_DIGITS}}})? *$"
"""How a text is written that is read as a number."""
_PLAIN_NUMBER = re.compile(PLAIN_NUMBER.replace("$", r"\Z"))
TEXT_MAX = 1_024
"""Characters of a text that an aggregate may hold; a longer one adds nothing to it."""


def compare(test: Callable[[Any, Any], bool], a: Any, b: Any) -> Truth:
    """Compare two values of one family (booleans, numbers, texts); any others are not comparable: unknown."""
    family = _FAMILIES.get(type(a))
    if family is None or family != _FAMILIES.get(type(b)):
        return None
    try:
        if float in {type(a), type(b)}:  # 0.1 is one tenth, as it is written, whatever it is in binary
            a, b = number(a), number(b)
            return None if a is None or b is None else test(a, b)
        return test(a, b)
    except InvalidOperation:  # a decimal that is no number has no place in any order
        return None


def number(value: Any) -> Decimal | None:
    """The value as an exact number; text too, if it is written as a plain decimal."""
    kind = type(value)
    if kind is Decimal:
        return value if value.is_finite() else None
    if kind is int:
        return Decimal(value)
    if kind is float:
        return _ARITHMETIC.create_decimal(repr(value)) if abs(value) < FURTHEST else None
    if kind is str and _PLAIN_NUMBER.match(value):
        return Decimal(value.strip(" "))
    return None


def plain_number(value: Any) -> Decimal | None:
    """The value as a number that sums can hold: below 10^15, of at most 12 decimals; None for any other."""
    found = number(value)
    if found is None:
        return None
    exponent = found.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_FRACTION_DIGITS or found.adjusted() >= _WHOLE_DIGITS:
        return None
    # Without an exponent and without a signed zero: 1E+2 and 100 are one amount and must leave one state.
    return abs(found) if not found else found.quantize(Decimal(1)) if exponent > 0 else found


def tagged(value: Any) -> str | None:
    """A text, number or boolean as one text that tells their kinds apart, equal for equal values; None for any other."""
    kind = type(value)
    if kind is str:
        return "s" + value if len(value) <= TEXT_MAX else None
    if kind is bool:
        return "btrue" if value else "bfalse"
    found = plain_number(value) if kind in NUMBERS else None
    return None if found is None else f"n{found:.{_FRACTION_DIGITS}f}"


def untagged(text: str) -> str | bool | Decimal:
    """The value that `tagged` wrote."""
    inside = text[1:]
    if text[0] == "s":
        return inside
    if text[0] == "b":
        return inside == "true"
    return Decimal(inside).normalize(_ARITHMETIC)


def calculate(operation: Operation, a: Any, b: Any) -> Decimal | None:
    """Exact decimal arithmetic to 34 digits."""
    if _FAMILIES.get(type(a)) != _FAMILIES[int] or _FAMILIES.get(type(b)) != _FAMILIES[int]:
        return None
    left, right = number(a), number(b)
    if left is None or right is None:
        return None
    found = _OPERATIONS[operation](left, right)
    return found if found.is_finite() else None


def all_of(truths: Iterable[Truth]) -> Truth:
    """Kleene's *and*."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """Kleene's *or*."""
    result: Truth = False
    for truth in truths:
        if truth is True:
            return True
        if truth is None:
            result = None
    return result


def like(text: str, pattern: str) -> bool:
    """Whether the whole text matches: `%` any run of characters, `_` any one. At worst time grows with the product."""
    at = within = 0
    star = retry = -1
    while at < len(text):
        if within < len(pattern) and pattern[within] == "%":
            star, retry = within, at
            within += 1
        elif within < len(pattern) and pattern[within] in {"_", text[at]}:
            at, within = at + 1, within + 1
        elif star >= 0:
            retry += 1
            at, within = retry, star + 1
        else:
            return False
    return all(character == "%" for character in pattern[within:])


def contains(whole: Any, part: Any) -> Truth:
    """Whether a text holds another, or a list holds a value."""
    if type(whole) is str and type(part) is str:
        return part in whole
    if type(whole) is list and part is not None:
        return any(compare(operator.eq, one, part) for one in whole)
    return None
