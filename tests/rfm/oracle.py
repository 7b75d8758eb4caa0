"""RFM in plain Python, from events as they were sent: what runs over a warehouse are held against."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from onefold.profiles import money
from onefold.rfm import Definition
from onefold.rfm.segments import segment_map

DAY_US = 86_400_000_000


def measures(definition: Definition, events, as_of_us: int):
    """Person → (days, how often, how much), of (person, name, time, properties)."""
    found = defaultdict(list)
    for person, name, at_us, properties in events:
        days = as_of_us // DAY_US - at_us // DAY_US
        recent = definition.lookback_days is None or days < definition.lookback_days
        if name in definition.events and at_us <= as_of_us and recent:
            amount, worth = money.amount(properties, definition.amount), Decimal(0)
            if not definition.amount:
                worth = Decimal(1)
            elif amount is not None:
                code = money.currency(properties.get("currency"), definition.default_currency)
                worth = amount if code == definition.currency else worth
            found[person].append((days, worth))
    return {
        person: (min(days for days, _ in acts), len(acts), sum((worth for _, worth in acts), Decimal(0)))
        for person, acts in found.items()
    }


def scores(definition: Definition, values):
    """Person → (r, f, m, segment)."""
    names = segment_map(definition.segments)
    ranked = [
        {person: _rank(definition, place, values, person) for person in values} for place in range(3)
    ]  # fmt: skip
    found = {}
    for person in values:
        r, f, m = 6 - ranked[0][person], ranked[1][person], ranked[2][person]
        found[person] = (r, f, m, names[r, f, m])
    return found


def by_values(definition: Definition, values):
    """Person → (r, f, m, segment), of fifths by value; of many people, for each value is ranked once."""
    names = segment_map(definition.segments)
    score = []
    for place in range(3):
        ordered = sorted(value[place] for value in values.values())
        cuts = [ordered[(len(ordered) * part + 4) // 5 - 1] for part in range(1, 5)]
        score.append({value: 1 + sum(value > cut for cut in cuts) for value in set(ordered)})
    found = {}
    for person, (days, often, much) in values.items():
        cell = (6 - score[0][days], score[1][often], score[2][much])
        found[person] = (*cell, names[cell])
    return found


def _rank(definition: Definition, place: int, values, person) -> int:
    mine = values[person][place]
    if definition.method == "bins":
        stated = (definition.bins.recency, definition.bins.frequency, definition.bins.monetary)[place]
        return 1 + sum(mine > cut.value for cut in stated)
    if definition.method == "ntile":
        order = sorted(values, key=lambda one: (values[one][place], one))
        size, larger = divmod(len(order), 5)
        tiles = [tile for tile in range(1, 6) for _ in range(size + (tile <= larger))]
        return tiles[order.index(person)]
    ordered = sorted(value[place] for value in values.values())
    cuts = [ordered[(len(ordered) * part + 4) // 5 - 1] for part in range(1, 5)]
    return 1 + sum(mine > cut for cut in cuts)
