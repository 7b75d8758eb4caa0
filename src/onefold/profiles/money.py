"""Money: amounts as events state them, read exactly and added exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any

from onefold.rules.values import plain_number

UNREADABLE_CURRENCY = "X" * 3
"""ISO 4217's code for *no currency*: a currency was stated, but not one we can read, so it is added to no other."""

# Sums of plain numbers fit 60 digits exactly, so addition never rounds and its order cannot matter. If
# that were ever untrue, Inexact would raise instead of giving a sum that depends on arrival.
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation, Overflow])

plus = _EXACT.add


def amount(properties: Mapping[str, Any], keys: Sequence[str]) -> Decimal | None:
    """The first readable amount under `keys`; None when there is none.

    A JSON float is read as the digits it is written with (0.1 is one tenth). Text is a plain decimal number; `1,234`
    is refused, since half of the world means something else by it. Amounts of 10^15 and more, or of more than
    twelve decimals, are taken for garbage.
    """
    for key in keys:
        stated = properties.get(key)
        if stated is not None:
            found = plain_number(stated)
            if found is not None:
                return found
    return None


def exact(stated: Any) -> Decimal | None:
    """A number as its digits say, within the same bounds; None for what is none, texts included."""
    return plain_number(stated) if type(stated) in (int, float) else None


def currency(stated: Any, default: str) -> str:
    """The three-letter code stated; `default` when nothing is."""
    if stated is None or stated == "":
        return default
    if isinstance(stated, str):
        code = stated.strip().upper()
        if len(code) == len(UNREADABLE_CURRENCY) and code.isascii() and code.isalpha():
            return code
    return UNREADABLE_CURRENCY


def bounded(sums: dict[str, Decimal], most: int, default: str) -> dict[str, Decimal]:
    """The sums of the first `most` currencies, the default before others, then by code; the rest as one, unreadable.

    A code that is once behind so many others stays there, so its amounts end in that sum in any order of arrival.
    """
    codes = [code for code in sums if code != UNREADABLE_CURRENCY]
    if len(codes) <= most:
        return sums
    kept = sorted(codes, key=lambda code: (code != default, code))[:most]
    found = {code: sums[code] for code in kept}
    rest = sums.get(UNREADABLE_CURRENCY, Decimal(0))
    for code in codes:
        if code not in found:
            rest = plus(rest, sums[code])
    return found | {UNREADABLE_CURRENCY: rest}
