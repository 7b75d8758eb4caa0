"""Survivorship: of several values stated for one attribute, which one the profile shows; the others are kept.

A candidate is one value as one source stated it, at its latest statement. Per source, field and size of the value the
best few are kept in the order of the field's strategy. A candidate's place in that order can only rise when it is stated
again, so whatever is dropped would be dropped in any order of arrival and any grouping: the states are a semilattice.
`most_frequent` is the exception. A count that was dropped would be missed, so it keeps the first values of a fixed order,
more of them: use it where values are few.

Two kinds of statement stand beside the plain ones. A *clear* says that an attribute has no value: it takes away what was
stated no later, by its own source and by sources of the same or a lower rank, and it stays, so that an older value which
arrives afterwards is taken away too. A value stated *once* counts while no plain value stands; of several the earliest does.
With `latest_engagement` a value is a candidate as stated, and another as used by an event of engagement (`count` is 1). As
many of each are kept, by time, beside each other: a statement may be later than the clear that takes the use away.
What is cleared is kept and not shown: only so does the order of arrival not matter. A later clear can therefore take away
more values than were kept in the order of the strategy, so the latest are kept besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

import msgspec

Strategy = Literal[
    "most_recent", "source_rank", "longest", "most_frequent", "most_complete", "mobile_first", "latest_engagement"
]


class Survivorship(msgspec.Struct, frozen=True):
    """How one field's winner is chosen. Ties go to the later event time, then to the greater event id.

    Attributes:
        strategy: `most_recent`: latest event time. `source_rank`: best source, then latest. `longest`: most
            characters. `most_frequent`: stated most often, over all sources. `most_complete`: most filled parts (of
            an object or list; a plain value is one part). `mobile_first`: phone numbers with their country code that are
            mobile, then those that do not tell (without the code, or of North America), then landlines.
            `latest_engagement`: used last by an event of engagement (opened, clicked, bought …) that carried it, as a trait
            or as an address; then those that were only stated, the latest first.
        sources: For `source_rank`, best first; a source that is not listed ranks behind all that are.
    """

    strategy: Strategy = "most_recent"
    sources: tuple[str, ...] = ()


class Candidate(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A value as one source stated it.

    Attributes:
        value: The value, `storable`.
        source: Who stated it.
        at_us: Event time of the latest statement, or use.
        event: Id of that event.
        count: How often it was stated, where the strategy is `most_frequent`; 1 for a use, where it is `latest_engagement`;
            else 0.
    """

    value: Any
    source: str
    at_us: int
    event: bytes
    count: int = 0

    def __repr__(self) -> str:
        """Show the origin only: values are personal data."""
        return f"<Candidate source={self.source} at_us={self.at_us}>"


class Once(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Values stated to hold only if no other is: those with the earliest first, and those with the latest last statement.

    Both are needed: the earliest counts, and a clear may leave only values that were stated after it.
    """

    first: tuple[Candidate, ...] = ()
    last: tuple[Candidate, ...] = ()


Moment = tuple[int, bytes]
"""Event time and event id of a statement."""
Clears = Mapping[str, Moment]
"""The latest clear of an attribute by each source that cleared it."""
Identity = str | bytes
_T = TypeVar("_T")


class _Stated(Protocol):
    """What a source said at a moment."""

    @property
    def source(self) -> str: ...
    @property
    def at_us(self) -> int: ...
    @property
    def event(self) -> bytes: ...


_S = TypeVar("_S", bound=_Stated)
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_SMALL, _MEDIUM = 80, 448
LARGE = 2
"""The size class that only plain traits are kept of: of what is stated once, and of groups, there is one limit."""
_COUNTED_FACTOR = 16
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


def size_class(field: str, value: Any) -> int:
    """How large a value is with its field's name: 0 up to 80 bytes, 1 up to 448, else 2.

    Sizes are bounded apart: which of many large values are dropped must not depend on small ones, and the reverse.
    """
    size = len(field) + len(value) if type(value) is str else 0
    if size * 4 > _SMALL or type(value) in (str, list, dict):
        # A character has up to four bytes.
        size = len(field.encode()) + len(value.encode() if type(value) is str else _encode(value))
    return 0 if size <= _SMALL else 1 if size <= _MEDIUM else LARGE


def counted(rule: Survivorship, limit: int) -> int:
    """How many values of a source and size are kept by a rule, where `limit` are of most."""
    return limit * _COUNTED_FACTOR if rule.strategy == "most_frequent" else limit


def best(candidates: Sequence[Candidate], rule: Survivorship, limit: int) -> list[Candidate]:
    """Those of one source and size that are kept, at most `limit` for each reason there is to keep them."""
    if rule.strategy == "most_frequent":
        return sorted(candidates, key=lambda c: _encode(c.value))[:limit]
    if rule.strategy == "latest_engagement":
        kinds = ([c for c in candidates if c.count], [c for c in candidates if not c.count])
        return [c for kind in kinds for c in ranked(kind, LATEST)[:limit]]
    found = ranked(candidates, rule)[:limit]
    if rule.strategy in _BY_VALUE:
        found += [c for c in ranked(candidates, LATEST)[:limit] if c not in found]
    return found


def united(
    a: Sequence[Candidate], b: Iterable[Candidate], rule: Survivorship, limit: int, field: str
) -> list[Candidate]:
    """The candidates of both, in canonical order (source, then time and event of the latest statement)."""
    held = {_key(c, rule): c for c in a}
    for c in b:
        key = _key(c, rule)
        before = held.get(key)
        if before is not None:
            last = c if (c.at_us, c.event) >= (before.at_us, before.event) else before
            count = before.count + c.count if rule.strategy == "most_frequent" else c.count
            c = Candidate(c.value, c.source, last.at_us, last.event, count)  # noqa: PLW2901 - it replaces what it joins
        held[key] = c
    found = sorted(held.values(), key=_canonical)
    limit = counted(rule, limit)
    return found if len(found) <= limit else _retained(found, rule, limit, field)


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


def united_once(a: Once, b: Once, limit: int, field: str) -> Once:
    """The statements of both: per source the `limit` earliest values, and the `limit` latest."""
    first: dict[tuple[str, Identity], Candidate] = {}
    for c in (*a.first, *b.first):
        key = (c.source, identity(c.value))
        before = first.get(key)
        if before is None or (c.at_us, c.event) < (before.at_us, before.event):
            first[key] = c
    earliest: list[Candidate] = []
    room: dict[str, int] = {}
    for c in sorted(first.values(), key=lambda c: (c.at_us, c.event, _encode(c.value))):
        room[c.source] = room.get(c.source, limit) - 1
        if room[c.source] >= 0:
            earliest.append(c)
    # By source alone, as the earliest: all values are small, or of medium size.
    last: list[Candidate] = []
    for source in {c.source for c in (*a.last, *b.last)}:
        mine = [[c for c in half if c.source == source] for half in (a.last, b.last)]
        last += best(united(mine[0], mine[1], LATEST, len(mine[0]) + len(mine[1]), field), LATEST, limit)
    return Once(tuple(earliest), tuple(sorted(last, key=_canonical)))


def united_clears(a: Clears, b: Clears) -> dict[str, Moment]:
    """The latest clear by each source."""
    found = dict(a)
    for source, moment in b.items():
        found[source] = max(moment, found.get(source, moment))
    return found


def standing(candidates: Iterable[_S], clears: Clears, rule: Survivorship) -> list[_S]:
    """Those that no clear took away. A clear counts for its own source and for those that rank no higher."""
    if not clears:
        return list(candidates)
    last = [(moment, _rank_of(source, rule)) for source, moment in clears.items()]
    return [
        c
        for c in candidates
        if not any((c.at_us, c.event) <= moment and _rank_of(c.source, rule) <= rank for moment, rank in last)
    ]


def shown(candidates: Sequence[Candidate], once: Once | None, clears: Clears, rule: Survivorship) -> list[Candidate]:
    """All values that stand, the winner first: plain ones by the rule, then those stated once, the earliest first."""
    if len(candidates) == 1 and once is None and not clears:
        return list(candidates)  # most fields of most records
    found = ranked(standing(candidates, clears, rule), rule)
    if rule.strategy == "latest_engagement":
        # A value that a source stated and used is told once, as used.
        used = {(c.source, identity(c.value)) for c in found if c.count}
        found = [c for c in found if c.count or (c.source, identity(c.value)) not in used]
    if once is None:
        return found
    plain = {(c.source, identity(c.value)) for c in found}
    for c in sorted(standing((*once.first, *once.last), clears, rule), key=lambda c: (c.at_us, c.event, c.source)):
        key = (c.source, identity(c.value))
        if key not in plain:
            plain.add(key)
            found.append(c)
    return found


def bounded(fields: dict[str, _T], limit: int, declared: frozenset[str] = frozenset()) -> dict[str, _T]:
    """At most `limit` fields: the declared first, then by name, because what falls out would fall out in any order."""
    if len(fields) <= limit:
        return fields
    return {field: fields[field] for field in sorted(fields, key=lambda f: (f not in declared, f))[:limit]}


def filled(value: Any) -> int:
    """How many parts of a value say something."""
    if isinstance(value, dict):
        return sum(filled(v) for v in value.values())
    if isinstance(value, list):
        return sum(filled(v) for v in value)
    return 1


def _retained(found: Iterable[Candidate], rule: Survivorship, limit: int, field: str) -> list[Candidate]:
    groups: dict[tuple[str, int], list[Candidate]] = {}
    for c in found:
        groups.setdefault((c.source, size_class(field, c.value)), []).append(c)
    kept = [c for group in groups.values() for c in (best(group, rule, limit) if len(group) > limit else group)]
    return sorted(kept, key=_canonical)


def _key(c: Candidate, rule: Survivorship) -> tuple[str, Identity, int]:
    """What makes two candidates one; a use and a statement are two."""
    return c.source, identity(c.value), c.count if rule.strategy == "latest_engagement" else 0


def _canonical(c: Candidate) -> tuple[str, int, bytes, bytes, int]:
    # One event states a field once, so (source, time, event) tells statements apart; the form settles planted doubles.
    return c.source, c.at_us, c.event, _encode(c.value), c.count


def _length(c: Candidate, _rule: Survivorship) -> int:
    return len(c.value) if type(c.value) is str else len(msgspec.json.encode(c.value).decode())


def _mobility(value: Any) -> int:
    """2 for a mobile number, 0 for a landline, 1 where numbers do not tell, as in North America."""
    import phonenumbers  # noqa: PLC0415  slow to load, and few projects ask for it

    try:
        kind = phonenumbers.number_type(phonenumbers.parse(str(value)))
    except phonenumbers.NumberParseException:
        return 1
    known = {phonenumbers.PhoneNumberType.MOBILE: 2, phonenumbers.PhoneNumberType.FIXED_LINE: 0}
    return known.get(kind, 1)


def _rank(c: Candidate, rule: Survivorship) -> int:
    return _rank_of(c.source, rule)


def _rank_of(source: str, rule: Survivorship) -> int:
    """How far a source is trusted; all the same where the rule does not ask for it."""
    if rule.strategy != "source_rank":
        return 0
    return -rule.sources.index(source) if source in rule.sources else -len(rule.sources)


_MERITS: dict[Strategy, Callable[[Candidate, Survivorship], int]] = {
    "most_recent": lambda _c, _rule: 0,
    "source_rank": _rank,
    "longest": _length,
    "most_complete": lambda c, _rule: filled(c.value),
    "mobile_first": lambda c, _rule: _mobility(c.value),
    "latest_engagement": lambda c, _rule: c.count,
}
LATEST = Survivorship()
_BY_VALUE = frozenset({"longest", "most_complete", "mobile_first"})
"""Strategies whose best values may all be older than a clear."""
