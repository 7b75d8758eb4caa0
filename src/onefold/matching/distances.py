"""Distances between two texts: what DuckDB's functions of these names give, for one pair at a time.

DuckDB compares bytes, so these do, too: an accent counts as a sign of its own. The last bit of a similarity may differ, for
some machines round once where others round twice; where a level begins, a test holds both to the same side.
"""

from __future__ import annotations

from rapidfuzz.distance import DamerauLevenshtein, Jaro, JaroWinkler


def jaro_similarity(one: str, other: str) -> float:
    """From 0, nothing in common, to 1."""
    if one.isascii() and other.isascii():
        return Jaro.similarity(one, other)
    return Jaro.similarity(_bytes(one), _bytes(other))


def jaro_winkler_similarity(one: str, other: str) -> float:
    """Jaro's, and more for texts that begin alike."""
    if one.isascii() and other.isascii():
        return JaroWinkler.similarity(one, other)
    return JaroWinkler.similarity(_bytes(one), _bytes(other))


def damerau_levenshtein(one: str, other: str) -> int:
    """How many signs are added, left out, replaced or exchanged with their neighbour to make one text of the other."""
    if one.isascii() and other.isascii():
        return DamerauLevenshtein.distance(one, other)
    return DamerauLevenshtein.distance(_bytes(one), _bytes(other))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
