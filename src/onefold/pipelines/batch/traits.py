"""Computed traits from the warehouse: their values for everybody as of any moment, whatever the stream keeps of them.

Events and who is who are read as of the moment. A query works the traits out; one that no query can state is folded by the
code of the stream, to the same values. So what a trait would be can be seen before the stream keeps it, and what it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Context, Decimal
from typing import Any, NamedTuple

import msgspec

from onefold.model import NodeId, format_profile_id, results
from onefold.ports.warehouse import QueryLimits, Warehouse
from onefold.profiles.answer import shown_value
from onefold.profiles.computed import plan as computing
from onefold.profiles.computed import values
from onefold.profiles.computed.happened import Happened
from onefold.profiles.computed.plan import Held, Plan
from onefold.profiles.computed.trait import Trait
from onefold.profiles.profile import iso
from onefold.profiles.settings import ProfileSettings
from onefold.rules import Kind, RuleError
from onefold.rules.aggregate import of_none
from onefold.rules.values import untagged
from onefold.warehouse import cells
from onefold.warehouse import people as stating
from onefold.warehouse.as_of import Moment, as_of
from onefold.warehouse.events import columns_of, names_in, plain
from onefold.warehouse.query import parse

_LIMITS = QueryLimits(seconds=600.0, memory_mb=2_048, result_mb=4_096)
_SAMPLE, _COMMONEST = 5, 8
_DIGITS = Context(prec=60)
_EXACT = frozenset({"sum", "average", "min", "max"})
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  as the warehouse has times: UTC, without saying so
profile_id = format_profile_id
Found = Mapping[NodeId, Mapping[str, Any]]
"""By person, the value of each trait by name."""
_decode = msgspec.json.Decoder().decode


class Worked(NamedTuple):
    """What traits come to.

    Attributes:
        values: By person who has any event that a trait is about, the value of each trait.
        folded: The traits that no query can state, with the reason: their events were folded one by one.
    """

    values: Found
    folded: Mapping[str, str]


def values_of(
    warehouse: Warehouse,
    traits: Sequence[Trait],
    settings: ProfileSettings,
    as_of_us: int,
    moment: Moment | None = None,
) -> Worked:
    """The value of each trait as of a moment, for everybody who has any event that they are about.

    Args:
        warehouse: What is read.
        traits: The traits; they need not be the project's.
        settings: How much is kept of a trait that has to be folded.
        as_of_us: The moment at which windows end.
        moment: As of when events and who is who are read; None for all that is known.
    """
    folded: dict[str, str] = {}
    if _unsayable(traits, as_of_us) is not None:
        folded = {trait.name: why for trait in traits if (why := _unsayable([trait], as_of_us)) is not None}
    asked = [trait for trait in traits if trait.name not in folded]
    people = _asked(warehouse, asked, as_of_us, moment) if asked else {}
    if folded:
        others = [trait for trait in traits if trait.name in folded]
        for person, of in _folded(warehouse, others, settings, as_of_us, moment).items():
            people.setdefault(person, {}).update(of)
    nothing = {trait.name: of_none(trait.aggregate) for trait in traits}
    return Worked({person: nothing | people[person] for person in sorted(people)}, folded)


def _unsayable(traits: Sequence[Trait], as_of_us: int) -> str | None:
    """Why no query can state these traits; None where one can."""
    try:
        stating.values({trait.name: trait.aggregate for trait in traits}, as_of_us)
    except RuleError as error:
        return str(error)
    return None


def _asked(
    warehouse: Warehouse, traits: Sequence[Trait], as_of_us: int, moment: Moment | None
) -> dict[NodeId, dict[str, Any]]:
    query = stating.values({trait.name: trait.aggregate for trait in traits}, as_of_us)
    table = warehouse.run(query if moment is None else as_of(query, moment), _LIMITS)
    people = [bytes.fromhex(person.replace("-", "")) for person in table["person"].to_pylist()]
    columns = [_values(table[trait.name].combine_chunks(), trait) for trait in traits]
    names = [trait.name for trait in traits]
    return {person: dict(zip(names, found, strict=True)) for person, *found in zip(people, *columns, strict=True)}


def _values(column: Any, trait: Trait) -> list[Any]:
    """The values of a query as a fold has them."""
    found = plain(column)
    match trait.kind:
        case "any":
            return [None if tagged is None else untagged(tagged) for tagged in found]
        case "number":
            read = _exact if trait.aggregate.function in _EXACT else int
            return [None if number is None else read(number) for number in found]
    return found


def _exact(number: Decimal) -> Decimal:
    """The number without zeros at its end: how an amount is written must not tell how it was worked out."""
    short = number.normalize(_DIGITS)
    return short.quantize(Decimal(1), context=_DIGITS) if short.as_tuple().exponent > 0 else short  # type: ignore[operator]  # it is finite


def _folded(
    warehouse: Warehouse, traits: Sequence[Trait], settings: ProfileSettings, as_of_us: int, moment: Moment | None
) -> dict[NodeId, dict[str, Any]]:
    limits = settings.limits
    plan = computing.plan([trait.aggregate for trait in traits], values_max=limits.values, tiles_max=limits.tiles)
    found: dict[NodeId, dict[str, Any]] = {}
    for person, held in _states(warehouse, plan, moment).items():
        of = found[person] = {}
        for trait in traits:
            kept = plan.kept_of(trait.aggregate)
            value = values.value_at(kept, kept.held(held), as_of_us)
            of[trait.name] = _exact(value) if isinstance(value, Decimal) else value
    return found


def _states(warehouse: Warehouse, plan: Plan, moment: Moment | None) -> dict[NodeId, Held]:
    columns = columns_of("i.person", "e.name", "e.event_at", "e.event_id", "e.source", "e.properties")
    query = parse(
        f"SELECT {columns} FROM staging.event AS e JOIN golden.identity AS i ON i.node = e.node "  # noqa: S608  names are quoted
        f"WHERE e.name IN ({names_in(plan.by_event)})"
    )
    table = warehouse.run(query if moment is None else as_of(query, moment), _LIMITS)
    people: dict[NodeId, Held] = {}
    for batch in table.to_batches(max_chunksize=10_000):
        for person, name, at_us, event_id, source, properties in zip(*map(plain, batch.columns), strict=True):
            said: Mapping[str, Any] = {} if properties is None else _decode(properties)
            computing.fold(people.setdefault(person, {}), Happened(name, at_us, event_id, source, said), plan)
    return people


def preview(trait: Trait, worked: Worked, as_of_us: int) -> results.TraitPreview:
    """How the values of a trait are distributed, and some people with theirs."""
    nothing = of_none(trait.aggregate)
    stated = {
        person: of[trait.name] for person, of in sorted(worked.values.items()) if of[trait.name] not in (None, nothing)
    }
    kind = trait.kind
    counts = Counter(_key(value, kind) for value in stated.values())
    ordered = sorted(stated.values()) if _ordered(stated.values()) else []
    return results.TraitPreview(
        name=trait.name,
        as_of=iso(as_of_us) or "",
        method="fold" if trait.name in worked.folded else "sql",
        because=worked.folded.get(trait.name),
        people=len(stated),
        least=_shown(ordered[0], kind) if ordered else None,
        median=_shown(ordered[len(ordered) // 2], kind) if ordered else None,
        greatest=_shown(ordered[-1], kind) if ordered else None,
        commonest=tuple(
            results.TraitShare(value=_shown(value, kind), people=people)
            for (_, value), people in sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:_COMMONEST]
        ),
        sample=tuple(
            results.TraitValue(id=format_profile_id(person), value=_shown(value, kind))
            for person, value in list(stated.items())[:_SAMPLE]
        ),
    )


def _key(value: Any, kind: Kind) -> tuple[str, Any]:
    return type(value).__name__ if kind == "any" else kind, value


def _ordered(found: Any) -> bool:
    return all(type(value) in (int, Decimal) for value in found)


def _shown(value: Any, kind: Kind) -> Any:
    return shown_value(value, kind)


def column(trait: Trait, found: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The values of a trait as a column: times as moments, exact decimals, and of mixed kinds texts."""
    stated = [of[trait.name] for of in found]
    match trait.kind:
        case "time":
            return [None if at is None else _EPOCH + timedelta(microseconds=at) for at in stated]
        case "any":
            return [None if value is None else cells.text(value) for value in stated]
        case "number" if trait.aggregate.function in _EXACT:
            return [None if value is None else Decimal(value) for value in stated]
    return stated
