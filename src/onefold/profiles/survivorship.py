"""Survivorship: of several values stated for one attribute, which one the profile shows; the others are kept.

A candidate is one value as one source stated it, at its latest statement. Per source and field the best few are kept
in the order of the field's strategy. A candidate's place in that order can only rise when it is stated again, so
whatever is dropped would be dropped in any order of arrival and any grouping: the states are a semilattice.
`most_frequent` is the exception. Counts cannot be bounded exactly, so it keeps every value: use it where values are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import msgspec

Strategy = Literal["most_recent", "source_rank", "longest", "most_frequent", "most_complete"]


class Survivorship(msgspec.Struct, frozen=True):
    """How one field's winner is chosen. Ties go to the later event time, then to the greater event id.

    Attributes:
        strategy: `most_recent`: latest event time. `source_rank`: best source, then latest. `longest`: most
            characters. `most_frequent`: stated most often, over all sources. `most_complete`: most filled parts (of
            an object or list; a plain value is one part).
        sources: For `source_rank`, best first; a source that is not listed ranks behind all that are.
    """

    strategy: Strategy = "most_recent"
    sources: tuple[str, ...] = ()


class Candidate(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A value as one source stated it.

    Attributes:
        value: The value, `storable`.
        source: Who stated it.
        at_us: Event time of the latest statement.
        event: Id of that event.
        count: How often it was stated; only counted where the strategy is `most_frequent`, else 0.
    """

    value: Any
    source: str
    at_us: int
    event: bytes
    count: int = 0

    def __repr__(self) -> str:
        """Show the origin only: values are personal data."""
        return f"<Candidate source={self.source} at_us={self.at_us}>"


Identity = str | bytes
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_MIN_INT, _MAX_INT = -(2**63), 2**64 - 1


def storable(value: Any) -> Any:
    """The value as the state keeps it; None when it states nothing (null, blank, an empty list or object).

    Whole numbers beyond 64 bits become text, since no store or warehouse of ours has such a number.
    """
    kind = type(value)
    if kind is str:
        return value if value and not value.isspace() else None
    if kind is int:
        return value if _MIN_INT <= value <= _MAX_INT else str(value)
    if kind is dict:
        return {k: kept for k, v in value.items() if (kept := storable(v)) is not None} or None
    if kind is list:
        return [kept for v in value if (kept := storable(v)) is not None] or None
    return value


def identity(value: Any) -> Identity:
    """What makes two values the same value: their exact form. 1, 1.0, true and "1" are four values."""
    return value if type(value) is str else _encode(value)


def united(a: Sequence[Candidate], b: Iterable[Candidate], rule: Survivorship, limit: int) -> list[Candidate]:
    """The candidates of both, in canonical order (source, then time and event of the latest statement)."""
    held = {(c.source, identity(c.value)): c for c in a}
    for c in b:
        key = (c.source, identity(c.value))
        before = held.get(key)
        if before is not None:
            last = c if (c.at_us, c.event) >= (before.at_us, before.event) else before
            c = Candidate(c.value, c.source, last.at_us, last.event, before.count + c.count)  # noqa: PLW2901 - it replaces what it joins
        held[key] = c
    found = sorted(held.values(), key=_canonical)
    if len(found) <= limit or rule.strategy == "most_frequent":
        return found
    return _retained(found, rule, limit)


def ranked(candidates: Sequence[Candidate], rule: Survivorship) -> list[Candidate]:
    """All candidates, the winner first, then as they would follow if those before them were gone."""
    if rule.strategy == "most_frequent":
        totals: dict[Identity, int] = {}
        for c in candidates:
            value = identity(c.value)
            totals[value] = totals.get(value, 0) + c.count
        return sorted(candidates, key=lambda c: (totals[identity(c.value)], c.at_us, c.event, c.source), reverse=True)
    merit = _MERITS[rule.strategy]
    return sorted(candidates, key=lambda c: (merit(c, rule), c.at_us, c.event, c.source), reverse=True)


def filled(value: Any) -> int:
    """How many parts of a value say something."""
    if isinstance(value, dict):
        return sum(filled(v) for v in value.values())
    if isinstance(value, list):
        return sum(filled(v) for v in value)
    return 1


def _retained(found: Iterable[Candidate], rule: Survivorship, limit: int) -> list[Candidate]:
    by_source: dict[str, list[Candidate]] = {}
    for c in found:
        by_source.setdefault(c.source, []).append(c)
    kept: list[Candidate] = []
    for candidates in by_source.values():
        if len(candidates) > limit:
            kept += sorted(ranked(candidates, rule)[:limit], key=_canonical)
        else:
            kept += candidates
    return kept


def _canonical(c: Candidate) -> tuple[str, int, bytes, bytes]:
    # One event states a field once, so (source, time, event) tells candidates apart; the form settles planted doubles.
    return c.source, c.at_us, c.event, _encode(c.value)


def _length(c: Candidate, _rule: Survivorship) -> int:
    return len(c.value) if type(c.value) is str else len(msgspec.json.encode(c.value).decode())


def _rank(c: Candidate, rule: Survivorship) -> int:
    return -rule.sources.index(c.source) if c.source in rule.sources else -len(rule.sources)


_MERITS: dict[Strategy, Callable[[Candidate, Survivorship], int]] = {
    "most_recent": lambda _c, _rule: 0,
    "source_rank": _rank,
    "longest": _length,
    "most_complete": lambda c, _rule: filled(c.value),
}
