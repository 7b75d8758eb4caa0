"""A file's encoding, found by its content: what the bytes would say in each, and how much likelier the best is.

A byte-order mark decides. Without one, bytes that are UTF-8 are UTF-8; a pattern of zero bytes is UTF-16 or UTF-32. Of
the rest, the words that hold other bytes than ASCII are read in every encoding that exports are written in, and scored:
letters that one language uses, in the case and the neighbourhood they have in words. Where another encoding, reading
those words otherwise, comes near the best, the answer is not sure, and says so. The samples are taken from the whole
file, for its first accent may stand anywhere.

General detectors were measured on lists of names (one word to six, fifteen encodings) and left: charset-normalizer 3.5
got 8 of 30 right, and said nothing of its doubts.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import IO, NamedTuple

from onefold.connectors.sources.alphabets import RARE_KANJI_LEAD
from onefold.connectors.sources.likelihood import score

Opener = Callable[[], AbstractContextManager[IO[bytes]]]

_CHUNK_BYTES = 1 << 20
_LINES_MAX = 3_000
_LINE_BYTES = 4_096
_WORDS_MAX = 400
_SURE_NATS = 6.0
"""By how much the best reading has to be likelier than one that reads otherwise: e to the sixth is 400 to one."""
_FAIR_NATS = -5.0
"""How likely its letters have to be, each, for the best to be good: in no language we know, they would be at -8."""

# What a user's file is written in before we have read a word of it, in nats.
_PRIORS: dict[str, float] = {
    "cp1252": 0.0, "cp1250": -1.0, "cp1251": -1.0, "cp932": -1.5, "gb18030": -1.5, "cp949": -1.5, "big5": -2.0,
    "cp1253": -1.5, "cp1254": -1.5, "cp1255": -1.5, "cp1256": -1.5, "cp1257": -1.5, "cp874": -2.0, "mac_roman": -2.5,
    "koi8_r": -2.5, "euc_jp": -2.5, "iso8859_15": -2.0, "iso8859_2": -2.0, "iso8859_7": -2.5, "iso8859_9": -2.5,
    "cp850": -3.0, "cp437": -3.0, "cp852": -3.0, "cp866": -3.0, "koi8_u": -3.0, "mac_latin2": -3.5, "mac_cyrillic": -3.5,
    "cp1258": -3.5, "iso8859_5": -4.0, "mac_turkish": -4.0, "mac_greek": -4.0, "cp857": -4.0, "cp775": -4.0, "cp737": -4.0,
}  # fmt: skip
_SHIFT = re.compile(rb"\+([A-Za-z0-9+/]*)-?")
_SHIFTED_ASCII = frozenset('!"#$%&*;<=>@[\\]^_`{|}~')
"""Signs that some writers shift, too."""
_SHIFTED_SURE = 3
_WORD = re.compile(r"""[^ \t\r\n\f\v,;|"<>=()\[\]{}0-9@:/\\_]+""")


class Encoding(NamedTuple):
    """What a file is written in.

    Attributes:
        name: A Python codec.
        sure: Whether no other comes near.
        others: The codecs that do, likeliest first.
    """

    name: str
    sure: bool = True
    others: tuple[str, ...] = ()


def find(opened: Opener) -> Encoding:
    """Find the encoding of a file; `opened` opens it, as often as it has to be read."""
    with opened() as file:
        start = file.read(4096)
        marked = _by_mark(start) or _by_zeros(start)
        if marked:
            return Encoding(marked)
        decoder = codecs.getincrementaldecoder("utf-8")()
        escapes, chunk, plain = False, start, True
        try:
            while chunk:
                escapes = escapes or b"\x1b$" in chunk
                plain = plain and chunk.isascii()
                decoder.decode(chunk)
                chunk = file.read(_CHUNK_BYTES)
            decoder.decode(b"", final=True)
            if escapes and _is_iso2022(opened):
                return Encoding("iso2022_jp")
            shifted = _utf7_words(opened) if plain else 0
            if shifted:
                return Encoding(
                    "utf-7", sure=shifted >= _SHIFTED_SURE, others=() if shifted >= _SHIFTED_SURE else ("utf-8",)
                )
            return Encoding("utf-8")
        except UnicodeDecodeError:
            pass
    return _by_content(opened)


def _by_mark(start: bytes) -> str:
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # the first begins like UTF-16
        return "utf-32"
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ""


def _by_zeros(start: bytes) -> str:
    """UTF-16 and UTF-32 without a mark: ASCII characters leave zeros in every other place."""
    if start.count(0) < 3:
        return ""
    for name, size, place in (("utf-32-le", 4, 0), ("utf-32-be", 4, 3), ("utf-16-le", 2, 0), ("utf-16-be", 2, 1)):
        whole = start[: len(start) // size * size]
        zeros = [whole[offset::size].count(0) for offset in range(size)]
        units = len(whole) // size
        # In the place of the low byte hardly a character has a zero; in the others of UTF-32 most have.
        others = min(zeros[:place] + zeros[place + 1 :])
        plain = zeros[place] * 4 <= others and (size == 2 or others > 0.5 * units)
        if plain and units:
            try:
                text = codecs.getincrementaldecoder(name)().decode(whole)
            except UnicodeDecodeError:
                continue
            if any(c in text for c in "\n\r") and all(c.isprintable() or c.isspace() for c in text):
                return name
    return ""


def _is_iso2022(opened: Opener) -> bool:
    with opened() as file:
        decoder = codecs.getincrementaldecoder("iso2022_jp")()
        try:
            while chunk := file.read(_CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _utf7_words(opened: Opener) -> int:
    """How many different characters beyond ASCII a file holds in the form of UTF-7 (`+AOk-`); 0 where a plus is not one.

    A plus of its own is `+-` in UTF-7, so a phone number (`+49 …`) or an address with a tag shows that a file is none.
    """
    found: set[str] = set()
    with opened() as file:
        for line in iter(lambda: file.readline(_CHUNK_BYTES), b""):
            for shift in _SHIFT.finditer(line):
                if shift[0] == b"+-":
                    continue
                try:
                    text = shift[0].decode("utf-7")
                except UnicodeDecodeError:
                    return 0
                if not text or not all("\u00a0" <= c < "\u0600" or c in _SHIFTED_ASCII for c in text):
                    return 0
                found.update(c for c in text if c >= "\u00a0")
    return len(found)


def _by_content(opened: Opener) -> Encoding:
    good = bad = 0
    lines: dict[bytes, None] = {}
    with opened() as file:
        # In pieces: what has no line ends, or those of old Macs, is one line to Python.
        for piece in iter(lambda: file.readline(_CHUNK_BYTES), b""):
            for line in piece.splitlines():
                if line.isascii():
                    continue
                try:
                    line.decode("utf-8")
                    good += 1
                except UnicodeDecodeError:
                    bad += 1
                    if len(lines) < _LINES_MAX:
                        lines.setdefault(line[:_LINE_BYTES])
    if good > bad:
        return Encoding("utf-8")  # damaged in a few lines, which alone are lost
    found = likeliest(lines)
    return found if not good else found._replace(sure=False, others=("utf-8", *found.others))


def likeliest(lines: Iterable[bytes]) -> Encoding:
    """The encoding in which these lines, none of them UTF-8, read best."""
    lines = list(lines)
    readings: list[tuple[float, str, tuple[str, ...]]] = []
    for name, prior in _PRIORS.items():
        words = _words(lines, name)
        if words is not None:
            readings.append((prior + score(words, name), name, words))
    if not readings:
        return Encoding("cp1252", sure=False)
    readings.sort(key=lambda reading: -reading[0])
    best, name, words = readings[0]
    near = [other for value, other, read in readings[1:] if read != words and value > best - _SURE_NATS]
    letters = sum(not c.isascii() for word in words for c in word)
    fair = (
        _FAIR_NATS * letters * (2 if name in RARE_KANJI_LEAD else 1)
    )  # a thousand characters to choose from, not thirty
    return Encoding(name, sure=not near and best > fair, others=tuple(near[:3]))


def _words(lines: list[bytes], name: str) -> tuple[str, ...] | None:
    """The words that hold other letters than ASCII's, each once; None when too much cannot be read in that encoding."""
    damaged = 0
    found: dict[str, None] = {}
    for line in lines:
        try:
            # The last character of a line that was cut may be cut too.
            text = codecs.getincrementaldecoder(name)().decode(line) if len(line) == _LINE_BYTES else line.decode(name)
        except UnicodeDecodeError:
            damaged += 1
            if damaged * 50 > len(lines):
                return None
            continue
        for word in _WORD.findall(text):
            if not word.isascii() and len(found) < _WORDS_MAX:
                found.setdefault(word[:40])
    return tuple(found)
