"""A likelihood: how likely words are that an encoding makes of bytes, by the letters and marks of known languages.

What tells a right reading from a wrong one: the letters that are not ASCII's belong to one language, which uses some of
them more than others; a capital does not follow a small letter; scripts are not mixed within a word; accented letters
seldom stand together; quotation marks and signs stand around words, not in them.
"""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache

from onefold.connectors.sources.alphabets import LATIN, OTHERS, RARE_KANJI_LEAD

_BETWEEN = frozenset("\N{RIGHT SINGLE QUOTATION MARK}\N{MIDDLE DOT}'-")
_OPENING = frozenset("\N{LEFT SINGLE QUOTATION MARK}\N{LEFT DOUBLE QUOTATION MARK}")
_BEFORE = _OPENING | frozenset("\N{DOUBLE LOW-9 QUOTATION MARK}\N{SINGLE LOW-9 QUOTATION MARK}\xab\xbf\xa1(")
_AFTER = _OPENING | frozenset(
    "\N{RIGHT SINGLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{HORIZONTAL ELLIPSIS}\u2122\xbb\xba\xaa\xae!?."
)
_ALONE = frozenset("\N{EN DASH}\N{EM DASH}\N{BULLET}\N{EURO SIGN}\xa3\xb0\xa7\xa9\xa0\xb2\xb3\xbd\xbc\xbe\xb1\xd7")
_MARKS = _BETWEEN | _BEFORE | _AFTER | _ALONE


def score(words: tuple[str, ...], name: str) -> float:
    """The logarithm of the likelihood of words, as a mixture of the languages that the encoding can write."""
    if name in RARE_KANJI_LEAD:
        return sum(_wide(word, name) for word in words)
    languages = _languages(name)
    table = [[_likelihood(word, letters, latin) for letters, latin in languages] for word in words]
    weights = [1 / len(languages)] * len(languages)
    total = 0.0
    for _ in range(4):  # files are written in few languages: what explains the other words explains this one
        sums = [1e-3] * len(languages)
        total = 0.0
        for row in table:
            top = max(row)
            shares = [weight * math.exp(value - top) for weight, value in zip(weights, row, strict=True)]
            whole = sum(shares)
            total += top + math.log(whole)
            for index, share in enumerate(shares):
                sums[index] += share / whole
        scale = sum(sums)
        weights = [value / scale for value in sums]
    return total


@lru_cache(maxsize=64)
def _languages(name: str) -> list[tuple[dict[str, float], bool]]:
    """The letters of each language that an encoding can write, with the logarithm of their share."""
    found = []
    for table, latin in ((LATIN, True), (OTHERS, False)):
        for letters in table.values():
            known = [letter for letter in letters if _encodable(letter, name)]
            if len(known) * 4 >= len(letters) * 3 or (latin and len(known) >= len(letters) - 2):
                found.append((_shares(letters, latin), latin))
    return found


def _encodable(letter: str, name: str) -> bool:
    try:
        letter.encode(name)
    except UnicodeEncodeError:
        return False
    return True


def _shares(letters: str, latin: bool) -> dict[str, float]:
    weights = {letter: 1 / (rank + (1 if latin else 4)) for rank, letter in enumerate(letters)}
    whole = sum(weights.values())
    shares = {letter: math.log(weight / whole * 0.9) for letter, weight in weights.items()}
    return {
        c: share for letter, share in shares.items() for c in {letter, letter.upper(), letter.lower()} if len(c) == 1
    }


_MARK, _STRANGE, _SYMBOL = math.log(0.02), math.log(0.0005), math.log(0.00001)


def _likelihood(word: str, letters: dict[str, float], latin: bool) -> float:
    """The logarithm of how likely a language writes a word, its ASCII letters aside."""
    total, before, accents = 0.0, "", 0
    last = len(word) - 1
    for index, c in enumerate(word):
        after = word[index + 1] if index < last else ""
        if c.isascii():
            if c.isalpha() and before and not before.isascii() and before.isalpha():
                total += _joined(before, c, latin)
            before = c
            continue
        share = letters.get(c)
        if share is not None:
            total += share
            accents += 1
        elif c in _MARKS:
            total += _MARK + _placed(c, before, after)
        else:
            total += _STRANGE if c.isalpha() else _SYMBOL
        if c.isalpha():
            if before and before.isalpha():
                total += _joined(before, c, latin)
                if c.isupper() and after.islower():
                    total -= 2.5  # a capital within a word
            elif not before and c.islower() and last > 0:
                total -= 0.7  # names and sentences begin with a capital
        before = c
    if accents == len(word) and (accents == 1 or (latin and accents > 2)):
        total -= 3.0  # letters that stand alone, and words of nothing but accents
    return total


def _joined(before: str, c: str, latin: bool) -> float:
    """What two letters that stand together cost."""
    cost = 0.0
    if before.islower() and c.isupper():
        cost -= 4.0
    if before.isascii() != c.isascii():
        if not latin:
            cost -= 6.0
    elif not c.isascii() and latin and before.lower() != c.lower():
        cost -= 2.5
    return cost


def _placed(c: str, before: str, after: str) -> float:
    """What a mark costs where it stands."""
    left, right = before.isalpha(), after.isalpha()
    if left and right:
        return 0.0 if c in _BETWEEN else -8.0
    if left:
        return 0.0 if c in _AFTER and c not in _OPENING else -3.0
    if right:
        return 0.0 if c in _BEFORE else -4.0
    return -1.0


def _wide(word: str, name: str) -> float:
    """The same for Chinese, Japanese and Korean."""
    total, before = 0.0, ""
    rare = RARE_KANJI_LEAD[name]
    for c in word:
        if c.isascii():
            if c.isalpha() and before and not before.isascii():
                total -= 5.0
        elif "\u3040" <= c <= "\u30ff":
            total += math.log(1 / 120)
        elif "\uff61" <= c <= "\uff9f":  # half-width: any byte of Western text is one
            total += math.log(1 / 2000)
        elif unicodedata.category(c) == "Lo":
            raw = c.encode(name)
            total += math.log(1 / 1500) if raw[0] < rare and len(raw) == 2 else math.log(1 / 60000)
        else:
            total += math.log(1 / 3000) if len(c.encode(name)) == 2 else -14.0
        if not c.isascii() and c.encode(name)[-1] < 0x80:
            total += 3.0  # its second byte would be a letter of ASCII elsewhere, which costs nothing there
        if before and not c.isascii() and before.isascii() and before.isalpha():
            total -= 5.0
        before = c
    return total
