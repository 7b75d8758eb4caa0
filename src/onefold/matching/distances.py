"""Distances between two texts, in plain Python: the same numbers as DuckDB's functions of these names give.

DuckDB compares bytes, so these do, too: an accent counts as a sign of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

_WINKLER_FROM = 0.7
_PREFIX_MAX, _PREFIX_WEIGHT = 4, 0.1


def _signs(one: str, other: str) -> tuple[Sequence[object], Sequence[object]]:
    if one.isascii() and other.isascii():
        return one, other
    return one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")


def jaro_similarity(one: str, other: str) -> float:
    """From 0, nothing in common, to 1."""
    return _jaro(*_signs(one, other))


def jaro_winkler_similarity(one: str, other: str) -> float:
    """Jaro's, and more for texts that begin alike."""
    a, b = _signs(one, other)
    similarity = _jaro(a, b)
    if similarity > _WINKLER_FROM:
        prefix = 0
        while prefix < min(len(a), len(b), _PREFIX_MAX) and a[prefix] == b[prefix]:
            prefix += 1
        similarity += prefix * _PREFIX_WEIGHT * (1.0 - similarity)
    return similarity


def _jaro(a: Sequence[object], b: Sequence[object]) -> float:
    if not a or not b:
        return float(not a and not b)
    bound = max(max(len(a), len(b)) // 2 - 1, 0)
    taken = [False] * len(a)
    matched = []
    for at, sign in enumerate(b):
        for place in range(max(at - bound, 0), min(at + bound + 1, len(a))):
            if not taken[place] and a[place] == sign:
                taken[place] = True
                matched.append(sign)
                break
    if not matched:
        return 0.0
    in_order = [a[place] for place, used in enumerate(taken) if used]
    exchanged = sum(x != y for x, y in zip(in_order, matched, strict=True)) // 2
    common = len(matched)
    return (common / len(a) + common / len(b) + (common - exchanged) / common) / 3.0


def damerau_levenshtein(one: str, other: str) -> int:
    """How many signs are added, left out, replaced or exchanged with their neighbour to make one text of the other."""
    a, b = _signs(one, other)
    most = len(a) + len(b)
    last: dict[object, int] = {}
    # Row and column -1 of the usual table are the first here.
    rows: list[list[int]] = [[most] * (len(b) + 2), [most, *range(len(b) + 1)]]
    for i, sign in enumerate(a, 1):
        row = [most, i]
        match = 0
        for j, against in enumerate(b, 1):
            before, same = last.get(against, 0), sign == against
            row.append(
                min(
                    rows[i][j] + (not same),
                    row[j] + 1,
                    rows[i][j + 1] + 1,
                    rows[before][match] + (i - before - 1) + 1 + (j - match - 1),
                )
            )
            if same:
                match = j
        last[sign] = i
        rows.append(row)
    return rows[-1][-1]
