"""Operations: changes to an attribute that build on what it was: numbers added, elements put into a list or taken out.

They are not carried out when they arrive, because an earlier one may arrive later. They are kept with their times and
carried out when the profile is read, in order of time, on the value that stands. Per attribute the latest `KEPT` are kept;
of those before them the sum of what was added, and from when to when. What falls out would fall out in any order of
arrival, and each event is folded once, so a sum counts nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from onefold.model import Event, Verb
from onefold.profiles import money
from onefold.profiles.survivorship import Candidate, Clears, Moment, Survivorship, bounded, identity, standing, storable

KEPT = 24
_INTEGER_MIN, _INTEGER_MAX = -(2**63), 2**63 - 1


class Operation(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One change.

    Attributes:
        at_us: Event time.
        event: Id of the event.
        number: Its place among the operations of its event.
        source: Who stated it.
        verb: What is done.
        value: An amount, or an element of the list.
    """

    at_us: int
    event: bytes
    number: int
    source: str
    verb: Verb
    value: Any


class Operations(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The operations on one attribute.

    Attributes:
        latest: The latest, in order of time.
        before: The sum of the amounts added before these.
        first: When the first of those was; None for none.
        last: When the last was.
    """

    latest: tuple[Operation, ...] = ()
    before: Decimal = Decimal(0)
    first: Moment | None = None
    last: Moment | None = None


Operated = dict[str, Operations]
"""By attribute."""


def operated(known: Operated, event: Event, limit: int, declared: frozenset[str]) -> Operated:
    """The operations with those of one event."""
    stated: Operated = {}
    for number, said in enumerate(event.operations):
        value = storable(said.value)
        if value is not None and (said.verb != "add" or money.exact(value) is not None):
            change = Operation(event.ranked_us, event.id, number, event.source, said.verb, value)
            stated[said.field] = _united(stated.get(said.field, Operations()), Operations((change,)))
    return united_operations(known, stated, limit, declared)


def united_operations(a: Operated, b: Operated, limit: int, declared: frozenset[str]) -> Operated:
    """The operations of both, over different events."""
    found = dict(a)
    for field, operations in b.items():
        found[field] = _united(found[field], operations) if field in found else operations
    return bounded(found, limit, declared)


def _united(a: Operations, b: Operations) -> Operations:
    every = sorted((*a.latest, *b.latest), key=_order)
    early, latest = every[:-KEPT], every[-KEPT:]
    before, moments = money.plus(a.before, b.before), [m for m in (a.first, a.last, b.first, b.last) if m is not None]
    for change in early:
        if change.verb == "add" and (amount := money.exact(change.value)) is not None:
            before = money.plus(before, amount)
            moments.append((change.at_us, change.event))
    return Operations(tuple(latest), before, min(moments, default=None), max(moments, default=None))


def _order(change: Operation) -> tuple[int, bytes, int]:
    return change.at_us, change.event, change.number


def result(found: Sequence[Candidate], operations: Operations, clears: Clears, rule: Survivorship) -> Candidate | None:
    """What an attribute is after its operations, its value None where it has none; None where these change nothing.

    An operation builds on the value that stands, if that was stated before it. What was cleared takes earlier operations
    with it, as it does values.

    Args:
        found: The values that stand, the winner first.
        operations: On the attribute.
        clears: By source.
        rule: The attribute's survivorship.
    """
    base = found[0] if found else None
    since: Moment = (base.at_us, base.event) if base is not None else (_INTEGER_MIN, b"")
    changes = [c for c in standing(operations.latest, clears, rule) if (c.at_us, c.event) >= since]
    value = None if base is None else base.value
    cleared: Moment = max(clears.values(), default=(_INTEGER_MIN, b""))
    # Of amounts beyond those kept only the sum is known: it counts as a whole, where nothing came in between.
    if operations.first is not None and max(since, cleared) < operations.first:
        value = _added(value, operations.before)
    for change in changes:
        value = _carried_out(value, change)
    at_us, event = (changes[-1].at_us, changes[-1].event) if changes else operations.last or since
    source = changes[-1].source if changes else "" if base is None else base.source
    value = storable(value)
    if identity(value) == identity(None if base is None else base.value):
        return None
    return Candidate(value, source, at_us, event)


def _carried_out(value: Any, change: Operation) -> Any:
    if change.verb == "add":
        return _added(value, money.exact(change.value) or Decimal(0))
    listed = list(value) if isinstance(value, list) else [] if value is None else [value]
    known = identity(change.value)
    if change.verb == "remove":
        # A list from which all is taken is no value, as an empty one that is stated is none.
        return [element for element in listed if identity(element) != known] or None
    if change.verb in ("union", "union_first") and any(identity(element) == known for element in listed):
        return listed
    return [*listed, change.value] if change.verb in ("append", "union") else [change.value, *listed]


def _added(value: Any, amount: Decimal) -> Any:
    """A number with an amount added; what is no number stays as it is."""
    number = Decimal(0) if value is None else money.exact(value)
    if number is None:
        return value
    total = money.plus(number, amount)
    whole = total == total.to_integral_value() and _INTEGER_MIN <= total <= _INTEGER_MAX
    return int(total) if whole else float(total)


def is_full(operations: Mapping[str, Operations]) -> bool:
    """Whether some attribute has had more operations than are kept one by one."""
    return any(len(held.latest) >= KEPT for held in operations.values())
