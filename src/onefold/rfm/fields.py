"""Scores as fields of rules: `rfm.NAME.segment`, `.r`, `.f` and `.m` of one person, as of any moment.

A definition's measures are aggregates of events, which the stream keeps for each person; a run adds the cut points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from onefold.rfm.definition import Definition
from onefold.rfm.scoring import CutPoints, Score, score
from onefold.rules import Aggregate, Derived, Expr, Kind, Timed, Window, fingerprint
from onefold.rules.aggregate import UNKNOWN, is_timed, of_none
from onefold.rules.time import DAY_US
from onefold.rules.tree import And, Call, Compare, Field, IsNull, Literal, Or

FIELD = "rfm."
"""What stands before the name of a definition in rules."""
LOOKBACK_DAYS_MAX = 1_099
"""Days that the stream keeps apart from each other at most."""
_KINDS: Mapping[str, Kind] = {"segment": "text", "r": "number", "f": "number", "m": "number"}
_METHODS = ("quantiles", "bins")
_GREATEST = 10**15
"""Amounts from here on are not read."""


class Measures(msgspec.Struct, frozen=True):
    """What the measures of a definition are added up from, of each of its events.

    Attributes:
        last: When the last of them was.
        counts: How many there were within the lookback.
        sums: What they are worth; none where each is worth 1.
    """

    last: tuple[Aggregate, ...]
    counts: tuple[Aggregate, ...]
    sums: tuple[Aggregate, ...]

    @property
    def aggregates(self) -> frozenset[Aggregate]:
        """All of them."""
        return frozenset((*self.last, *self.counts, *self.sums))


@lru_cache(maxsize=64)
def measures(definition: Definition) -> Measures:
    """What the measures of a definition are added up from."""
    days = definition.lookback_days
    # The window of a rule is so many days and today; a lookback counts today among its days.
    within = None if days is None else Window(days - 1, DAY_US)
    ours = _in_currency(definition)
    last, counts, sums = list[Aggregate](), list[Aggregate](), list[Aggregate]()
    for event in dict.fromkeys(definition.events):
        last.append(Aggregate("last", event))
        counts.append(Aggregate("count", event, within=within))
        for place, name in enumerate(definition.amount):
            unreadable = [_unreadable(before) for before in definition.amount[:place]]
            sums.append(Aggregate("sum", event, name, where=And((ours, *unreadable)), within=within))
    return Measures(tuple(last), tuple(counts), tuple(sums))


def score_fields(definitions: Iterable[Definition]) -> dict[str, Derived]:
    """The scores of these definitions as fields of rules."""
    found = {}
    for definition in definitions:
        refusal = _refusal(definition)
        aggregates = frozenset[Aggregate]() if refusal else measures(definition).aggregates
        for name, kind in _KINDS.items():
            found[f"{FIELD}{definition.name}.{name}"] = Derived(kind, aggregates, refusal)
    return found


class Scorer(msgspec.Struct, frozen=True):
    """Scores one person by the cut points of a run, of which there are some."""

    definition: Definition
    cut_points: CutPoints

    def values(self, row: Mapping[str, Any]) -> dict[str, Timed]:
        """What rules read, by the names of fields; `row` holds a person's aggregates."""
        scored = _Scored(self, row)
        return {f"{FIELD}{self.definition.name}.{name}": _Part(scored, name) for name in _KINDS}


class _Scored:
    """One person's scores as of any moment that is not before the one that the row was made for."""

    __slots__ = ("_at_us", "_found", "_row", "_scorer")

    def __init__(self, scorer: Scorer, row: Mapping[str, Any]) -> None:
        self._scorer = scorer
        self._row = row
        self._at_us: int | None = None
        self._found: Score | None = None

    def at(self, as_of_us: int) -> Score | None:
        """None for somebody who did not act within the lookback."""
        if self._at_us != as_of_us:
            self._at_us, self._found = as_of_us, self._score(as_of_us)
        return self._found

    def next_change(self, as_of_us: int) -> int | None:
        """The next midnight at which recency passes a cut point, or a day leaves the lookback."""
        of = measures(self._scorer.definition)
        moments = list[int]()
        for one in (*of.counts, *of.sums):
            held = self._row.get(fingerprint(one)) if is_timed(one) else None
            if held is not None and (at := held.next_change(as_of_us)) is not None:
                moments.append(at)
        last_us = self._last()
        if last_us is not None:
            days = last_us // DAY_US
            moments += [(days + int(cut.value) + 1) * DAY_US for cut in self._scorer.cut_points.recency]
        return min((at for at in moments if at > as_of_us), default=None)

    def _score(self, as_of_us: int) -> Score | None:
        definition = self._scorer.definition
        of = measures(definition)
        if any(self._row.get(fingerprint(one)) is UNKNOWN for one in of.aggregates):
            return None
        frequency = sum(self._value(one, as_of_us) for one in of.counts)
        last_us = self._last()
        if not frequency or last_us is None:
            return None
        worth = sum((Decimal(self._value(one, as_of_us)) for one in of.sums), Decimal(0))
        monetary = worth if definition.amount else Decimal(frequency)
        days = max(0, as_of_us // DAY_US - last_us // DAY_US)
        return score(definition, self._scorer.cut_points, days, frequency, monetary)

    def _last(self) -> int | None:
        found = (self._row.get(fingerprint(one)) for one in measures(self._scorer.definition).last)
        return max((at for at in found if at is not None and at is not UNKNOWN), default=None)

    def _value(self, aggregate: Aggregate, as_of_us: int) -> Any:
        found = self._row.get(fingerprint(aggregate))
        if found is not None and is_timed(aggregate):
            found = found.at(as_of_us)
        return of_none(aggregate) if found is None else found


class _Part:
    """One of the scores: `rules.Timed`."""

    __slots__ = ("_name", "_scored")

    def __init__(self, scored: _Scored, name: str) -> None:
        self._scored = scored
        self._name = name

    def at(self, as_of_us: int) -> Any:
        """The value as of a moment; None for somebody who is not scored."""
        found = self._scored.at(as_of_us)
        return None if found is None else getattr(found, self._name)

    def next_change(self, as_of_us: int) -> int | None:
        """A moment until which it certainly stays."""
        return self._scored.next_change(as_of_us)


def _refusal(definition: Definition) -> str:
    """Why nobody can be scored between runs; empty where people can."""
    name = definition.name
    if definition.method not in _METHODS:
        return f"only methods {' and '.join(_METHODS)} can be read by rules, and `{name}` has `{definition.method}`."
    if definition.as_of_us is not None:
        return f"`{name}` has an `as_of`, so its scores are of the past; leave it out."
    if definition.lookback_days is not None and definition.lookback_days > LOOKBACK_DAYS_MAX:
        return f"`{name}` looks back more than {LOOKBACK_DAYS_MAX:,} days; state fewer, or `lifetime`."
    dotted = next((one for one in definition.amount if "." in one), None)
    if dotted is not None:
        return f"`{name}` reads `{dotted}`, and rules take a name with a dot for a property inside another."
    return ""


def _in_currency(definition: Definition) -> Expr:
    """That an event's amount is in the definition's currency."""
    stated = Field("currency")
    code = Literal(f"^ *{definition.currency} *$")
    ours = Call("matches", (Call("upper", (stated,)), code))
    if definition.currency != definition.default_currency:
        return ours
    return Or((IsNull(stated), Compare("=", stated, Literal("")), ours))


def _unreadable(name: str) -> Expr:
    """That a property does not hold an amount, so that the next one counts."""
    found = Call("to_number", (Field(name),))
    beyond = Compare(">=", found, Literal(_GREATEST)), Compare("<=", found, Literal(-_GREATEST))
    return Or((IsNull(found), *beyond))
