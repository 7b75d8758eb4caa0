"""A fragment: an item cut out of a body that no parser reads as a whole, so that one bad item does not cost the rest.

Strict parsers refuse a batch in which one item is nested too deeply or holds `NaN`. Here brackets and strings alone
are read, without recursion and in linear time, so the good items of such a batch go on and the bad one is checked alone.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Possessive repeats and the lone quote as last resort keep this linear on an unterminated string.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\],:]', re.DOTALL)
_OPENS = frozenset((b"{", b"["))
_CLOSES = {b"}": b"{", b"]": b"["}
_BLANKS = b" \t\r\n"
TOKENS_MAX = 300_000
"""Brackets, commas and strings read at most: about 50 ms. A larger body that does not parse is not cut up."""


class _Mark(NamedTuple):
    """A token near the root: how many brackets are open around it, what it is, and where."""

    depth: int
    token: bytes
    start: int
    end: int


class Cut(NamedTuple):
    """The items of a batch, blanks trimmed, and the body with an empty array in their place."""

    items: list[bytes]
    rest: bytes


def cut(body: bytes) -> Cut | None:
    """Cut up an array, or an object with one key `batch` whose value is an array.

    None when the brackets do not match, there is no batch, there are several, or there are more than `TOKENS_MAX`.
    """
    outline = _outline(body)
    found = _arrays(outline) if outline else []
    if outline is None or len(found) != 1:
        return None
    opening = found[0]
    depth, _, start, first = outline[opening]
    closing = next(i for i in range(opening + 1, len(outline)) if outline[i].depth == depth)
    commas = [m for m in outline[opening + 1 : closing] if m.token == b"," and m.depth == depth + 1]
    starts = [first, *(m.end for m in commas)]
    ends = [*(m.start for m in commas), outline[closing].start]
    items = [body[a:b].strip(_BLANKS) for a, b in zip(starts, ends, strict=True)]
    return Cut([item for item in items if item], body[:start] + b"[]" + body[outline[closing].end :])


def _outline(body: bytes) -> list[_Mark] | None:
    """The tokens with at most two brackets open around them; None when the brackets do not match."""
    outline: list[_Mark] = []
    open_: list[bytes] = []
    for number, match in enumerate(_TOKEN.finditer(body)):
        token = match[0]
        if number >= TOKENS_MAX or token == b'"':
            return None
        if token in _CLOSES and (not open_ or open_.pop() != _CLOSES[token]):
            return None
        depth = len(open_)
        if depth <= 1 or (depth == 2 and token == b","):
            outline.append(_Mark(depth, token, match.start(), match.end()))
        if token in _OPENS:
            open_.append(token)
    return None if open_ else outline


def _arrays(outline: list[_Mark]) -> list[int]:
    """Where in the outline the arrays open that can be meant as the batch."""
    if outline[0].token == b"[":
        return [0]
    tokens = [m.token for m in outline]
    return [
        i
        for i in range(2, len(outline))
        if outline[i].depth == 1 and tokens[i] == b"[" and tokens[i - 2 : i] == [b'"batch"', b":"]
    ]
