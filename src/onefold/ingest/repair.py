"""A repair: what JSON of real senders holds and no store of ours can, put into a form that says the same.

| found | becomes | finding |
| --- | --- | --- |
| a surrogate pair, each half written as UTF-8 (CESU-8, as old JavaScript base64 does) | the character it means | none |
| half of a pair, because somebody cut a text | the replacement character U+FFFD | `text_damaged` |
| a number beyond 64 bits | its digits, as text | `number_as_text` |
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from onefold.ingest.findings import finding
from onefold.model import Finding

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
"""What stores and analytics engines hold in an integer."""
FINDINGS_MAX = 10
"""Places told of one kind and event."""
_DIGITS_MAX = 19
_Path = tuple[str | int, ...]


class Repaired(msgspec.Struct, frozen=True, gc=False):
    """A decoded item that had to be repaired, and where."""

    item: dict[str, Any]
    findings: tuple[Finding, ...]


def utf8(body: bytes) -> bytes | None:
    """Bytes in which halves of characters were written one by one, as UTF-8; None when that is not what is wrong."""
    if b"\xed" not in body:
        return None
    try:
        text = body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    # Half a character that stands alone becomes an escape, so that its place in the item can be told.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return "".join(f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in whole).encode()


def lenient(body: bytes, odd: list[str]) -> Any:
    """What Python's parser reads; `odd` gets NaN and its kin. Numbers beyond 64 bits are text in `_Digits`.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    return json.loads(body, parse_constant=odd.append, parse_int=_whole, parse_float=_fraction)


class _Digits(str):
    """A number that fits no 64 bits."""

    __slots__ = ()


def _whole(digits: str) -> int | _Digits:
    # Reading long numbers costs quadratic time.
    if len(digits) > _DIGITS_MAX + 1:
        return _Digits(digits)
    number = int(digits)
    return number if INTEGER_MIN <= number <= INTEGER_MAX else _Digits(digits)


def _fraction(digits: str) -> float | _Digits:
    number = float(digits)
    return _Digits(digits) if number in (float("inf"), float("-inf")) else number


def repaired(item: dict[str, Any], pointer: Callable[..., str]) -> Repaired:
    """A copy of a decoded item, of bounded depth, without half characters and numbers beyond 64 bits."""
    findings: list[Finding] = []
    more: list[Finding] = []

    def told(code: str, path: _Path) -> None:
        # Of each kind: many long numbers must not hide a damaged text.
        known = sum(found.code == code for found in findings)
        if known < FINDINGS_MAX:
            findings.append(finding(code, pointer(*path)))
        elif not more:
            more.append(finding("more_findings"))

    def of(value: Any, path: _Path) -> Any:
        kind = type(value)
        if kind is dict:
            return {of(key, (*path, "*")): of(inner, (*path, key)) for key, inner in value.items()}
        if kind is list:
            return [of(inner, (*path, index)) for index, inner in enumerate(value)]
        if kind is _Digits or (kind is int and not INTEGER_MIN <= value <= INTEGER_MAX):
            told("number_as_text", path)
            return str(value)
        if kind is str and any("\ud800" <= character <= "\udfff" for character in value):
            told("text_damaged", path)
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return value

    return Repaired(of(item, ()), tuple(dict.fromkeys((*findings, *more))))
