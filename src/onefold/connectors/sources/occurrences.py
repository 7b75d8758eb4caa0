"""An occurrence: which of several equal rows of a file a row is, so that all count and a re-read file adds nothing."""

from __future__ import annotations

from array import array


class Occurrences:
    """Counts how often a hash was seen, in 11 to 22 bytes a hash: an open-addressing table of 64-bit words."""

    def __init__(self) -> None:
        self._size = 1 << 12
        self._table = array("Q", bytes(8 * self._size))
        self._count = 0
        self._repeats: dict[int, int] = {}

    def number(self, digest: bytes) -> int:
        """How often this digest (8 bytes or more, evenly spread) came before: 0 for the first time."""
        word = int.from_bytes(digest[:8], "little") or 1  # 0 marks a free place
        table, mask = self._table, self._size - 1
        place = word & mask
        while found := table[place]:
            if found == word:
                self._repeats[word] = number = self._repeats.get(word, 0) + 1
                return number
            place = (place + 1) & mask
        table[place] = word
        self._count += 1
        if self._count * 4 > self._size * 3:
            self._grow()
        return 0

    def _grow(self) -> None:
        old = self._table
        self._size *= 2
        table, mask = array("Q", bytes(8 * self._size)), self._size - 1
        for word in old:
            if word:
                place = word & mask
                while table[place]:
                    place = (place + 1) & mask
                table[place] = word
        self._table = table
