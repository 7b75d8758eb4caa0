"""A JSON document taken apart: the elements of an array, or objects that follow each other, one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from onefold.errors import UsageError

ELEMENT_CHARACTERS_MAX = 16 << 20
"""A longer element is not one record, or a bracket or quotation mark before it is never closed."""

_OUTSIDE = re.compile(r'["{}\[\],]')
_INSIDE = re.compile(r'\\.|"', re.DOTALL)
_BETWEEN = " \t\r\n,\ufeff"

Element = tuple[int, str]
"""(number of the line it begins in, its text)."""


def elements(chunks: Iterator[str], name: str) -> Iterator[Element]:
    """Cut a document into its elements by brackets and strings alone, in one pass and bounded memory.

    What stands between elements and is neither blank nor a comma is an element too, which is no object. An element of
    which one cannot tell where it ends is given as it is, with all that follows.

    Args:
        chunks: The document's text, in pieces of any size.
        name: The file's name, for messages.

    Raises:
        UsageError: An element has more than `ELEMENT_CHARACTERS_MAX` characters.
    """
    cutter = _Cutter(name)
    for chunk in chunks:
        yield from cutter.take(chunk)
    yield from cutter.rest()


class _Cutter:
    """Where in the document we are: depth of brackets, inside a string or not, and the text not yet given."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._text = ""
        self._start = 0
        """Where the text that was not yet given begins."""
        self._scanned = 0
        self._depth = 0
        self._inside = False
        self._base: int | None = None
        self._line = 1

    def take(self, chunk: str) -> Iterator[Element]:
        self._text = self._text[self._start :] + chunk
        self._scanned -= self._start
        self._start = 0
        if self._base is None:
            bare = self._text.lstrip(_BETWEEN)
            if not bare:
                return
            self._base = 1 if bare[0] == "[" else 0
        while (cut := self._scan(self._base)) is not None:
            yield from self._give(cut)
        if len(self._text) - self._start > ELEMENT_CHARACTERS_MAX:
            begun = self._text[self._start :]
            line = self._line + begun[: len(begun) - len(begun.lstrip(_BETWEEN))].count("\n")
            raise UsageError(
                f"{self._name}: the JSON from line {line} on has no end within "
                f"{ELEMENT_CHARACTERS_MAX:,} characters; a bracket or quotation mark is not closed."
            )

    def rest(self) -> Iterator[Element]:
        yield from self._give(len(self._text))

    def _scan(self, base: int) -> int | None:
        """Go on to the end of the next element; None when it has not come yet."""
        text, at = self._text, self._scanned
        while True:
            found = (_INSIDE if self._inside else _OUTSIDE).search(text, at)
            if found is None:
                # A backslash at the end waits for the character it escapes.
                waits = self._inside and text.endswith("\\")
                self._scanned = max(len(text) - waits, at)
                return None
            at, mark = found.end(), found[0]
            if self._inside:
                self._inside = mark != '"'
                continue
            if mark == '"':
                self._inside = True
                continue
            between = self._depth == base
            if mark in "{[":
                self._depth += 1
                if base and self._depth == base:  # the array's own bracket
                    self._line += text.count("\n", self._start, at)
                    self._start = at
                continue
            if mark in "}]":
                self._depth = max(self._depth - 1, 0)
                between = self._depth <= base
            if between:
                self._scanned = at
                return at

    def _give(self, cut: int) -> Iterator[Element]:
        piece = self._text[self._start : cut]
        self._start = cut
        bare = piece.lstrip(_BETWEEN)
        above = piece[: len(piece) - len(bare)].count("\n")
        bare = bare.rstrip(_BETWEEN)
        if self._base == 1 and self._depth == 0 and bare.endswith("]"):
            bare = bare[:-1].rstrip(_BETWEEN)  # the array's own end
        if bare:
            yield self._line + above, bare
        self._line += piece.count("\n")
