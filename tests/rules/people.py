"""People and what they did, at random; an oracle that works aggregates out of lists; the same people in two engines."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from decimal import Decimal
from random import Random
from types import SimpleNamespace

import msgspec

from onefold.profiles.computed import plan as computed
from onefold.profiles.computed import values
from onefold.rules import aggregate as meaning
from onefold.rules import bind, evaluate
from onefold.rules.aggregate import fingerprint
from onefold.rules.binding import bind_condition, condition_row
from onefold.rules.time import DAY_US, HOUR_US
from onefold.rules.values import plain_number, tagged, untagged

AS_OF_US = 20_700 * DAY_US + 13 * HOUR_US + 123_456
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  a timestamp without a zone is what is compared
KINDS = {
    "events": "number", "sessions": "number", "purchases": "number", "revenue": "number", "first_seen": "time",
    "last_seen": "time", "last_active": "time", "has_user_id": "boolean", "has_email": "boolean", "has_phone": "boolean",
    "attr.*": "any", "consent.*": "boolean", "lifecycle_stage": "text",
}  # fmt: skip
EVENTS = ["Gift", "Visit"]
VALUES = [
    "a", "ab", "B", "", "12", " 7 ", "1.50", "1e3", "-0.5", "it's", "é", True, False, None, 0, 1, -1, 2, 12, 1.5, 0.1, -0.5,
    1e-7, 1e15, 999999999999999, 1e300, 0.30000000000000004, ["a", 1, True], [], ["it's", 1.5], [1.0], {"b": "a"}, {"b": 2},
    "x\ny",
]  # fmt: skip
TIMES = [
    "2026-09-04",
    "2026-09-03T23:30:00Z",
    "2026-09-04T00:30:00+02:00",
    "2026-09-01 12:00",
    "2026-08-31T22:00:00-0530",
    "2026-09-04T13:00:00.1234567Z",
    "2026-09-02T01:00+03",
    " 2026-08-30 ",
    "2024-02-29",
    "2023-02-29",
    "2026-09-02T25:00",
    "9999-12-31T23:30-12:00",
    "20260901",
    "soon",
    12,
]
MONEY = [5, 10, 0.1, 0.2, "19.99", 100, 25.5, None, "many", 1e15]


def at(us):
    return None if us is None else EPOCH + dt.timedelta(microseconds=us)


class People:
    """Some people with their profiles and events, some of which are up to so many tiles ahead of the moment asked about.

    The stream keeps only what counts at the latest event, so of what was before that it can be asked no more.
    """

    def __init__(self, seed, size, ahead=2):
        r = Random(seed)
        self.ahead = ahead
        self.profiles, self.happened, self.types = {}, {}, {}
        for number in range(size):
            person = uuid.UUID(int=r.getrandbits(128))
            self.profiles[person] = self._profile(r)
            self.types[person] = {t for t in ("user_id", "email", "phone", "anonymous_id") if r.random() < 0.4}
            self.happened[person] = [self._event(r) for _ in range(r.choice([0, 0, 1, 2, 4, 9]))] if number else []

    def _moment(self, r):
        """Mostly at the edges of tiles."""
        tile = AS_OF_US // DAY_US * DAY_US if r.random() < 0.6 else AS_OF_US // HOUR_US * HOUR_US
        step = DAY_US if r.random() < 0.7 else HOUR_US
        return tile - r.randint(-self.ahead, 9) * step + r.choice([0, 0, -1, 1, HOUR_US // 2])

    def _profile(self, r):
        attributes = {name: r.choice(VALUES) for name in ("a", "b", "email", "x.y") if r.random() < 0.7}
        attributes |= {"d": r.choice(TIMES)} if r.random() < 0.8 else {}
        if r.random() < 0.5:
            attributes["x"] = {"y": r.choice(VALUES), "z": r.choice(VALUES)}
        attributes = {name: value for name, value in attributes.items() if value is not None}
        return {
            "events": r.randint(0, 4), "sessions": r.randint(0, 3), "purchases": r.randint(0, 3),
            "revenue": Decimal(r.randint(-500, 500)).scaleb(-2), "first_seen": self._moment(r),
            "last_seen": self._moment(r) if r.random() < 0.8 else None,
            "last_active": self._moment(r) if r.random() < 0.8 else None, "lifecycle_stage": r.choice(["known", "customer"]),
            "attributes": attributes,
            "consents": {purpose: r.random() < 0.5 for purpose in ("email", "all", "ads") if r.random() < 0.4},
        }  # fmt: skip

    def _event(self, r):
        properties = {name: r.choice(VALUES) for name in ("a", "b", "x.y") if r.random() < 0.7}
        properties |= {"amount": r.choice(MONEY)} if r.random() < 0.8 else {}
        properties |= {"d": r.choice(TIMES)} if r.random() < 0.5 else {}
        if r.random() < 0.3:
            properties["x"] = {"y": r.choice(VALUES)}
        event_id = uuid.UUID(int=r.getrandbits(128))
        return event_id, self._moment(r), r.choice(EVENTS), r.choice(["web", "crm"]), properties

    def row(self, person, fields, aggregates):
        """What the evaluator reads of a person."""
        profile, attributes = self.profiles[person], self.profiles[person]["attributes"]
        row = {name: profile[name] for name in KINDS if name in profile}
        for type_ in ("user_id", "email", "phone"):
            row[f"has_{type_}"] = type_ in self.types[person] or (type_ != "user_id" and type_ in attributes)
        for name in fields:
            group, _, inside = name.partition(".")
            if group == "attr":
                row[name] = meaning.property_of(attributes, inside)
            elif group == "consent":
                said = profile["consents"]
                row[name] = said.get(inside, said.get("all", False))
        for one in aggregates:
            value = worked_out(one, self.happened[person], AS_OF_US)
            row[fingerprint(one)] = Now(value) if meaning.is_timed(one) else value
        return row

    def answers(self, rule):
        """What the evaluator says of each person."""
        bound = bind(rule, KINDS)
        return {p: evaluate(bound, self.row(p, bound.fields, bound.aggregates), AS_OF_US) for p in self.profiles}

    def streamed(self, rules):
        """What the evaluator says of each person by what the stream keeps: folded at several nodes, and combined."""
        bounds = {name: bind(rule, KINDS) for name, rule in rules.items()}
        wanted = {one for bound in bounds.values() for one in bound.aggregates}
        kept = computed.plan(wanted, values_max=10_000, tiles_max=10_000)
        reads = computed.reads(kept, wanted)
        found = {}
        for person, happened in self.happened.items():
            nodes = [{} for _ in range(3)]
            for event_id, at_us, name, source, properties in Random(str(person)).sample(happened, len(happened)):
                event = SimpleNamespace(
                    id=event_id.bytes, name=name, source=source, timestamp_us=at_us, properties=properties
                )
                computed.fold(nodes[event_id.int % 3], event, kept)
            summed = values.row(computed.combined(nodes, kept), reads)
            found[person] = {
                name: evaluate(bound, self.row(person, bound.fields, ()) | summed, AS_OF_US)
                for name, bound in bounds.items()
            }
        return found


class Now:
    """A value of this moment only."""

    def __init__(self, value):
        self._value = value

    def at(self, as_of_us):
        assert as_of_us == AS_OF_US
        return self._value

    def next_change(self, as_of_us):
        return as_of_us + 1


def worked_out(one, happened, as_of_us):
    """The aggregate by its definition."""

    def counting(name, where):
        bound = None if where is None else bind_condition(where)
        return [
            e for e in happened
            if e[2] == name and (bound is None or evaluate(bound, condition_row(bound, e[4], e[1], e[3]), as_of_us) is True)
        ]  # fmt: skip

    events = counting(one.event, one.where)
    if one.within is not None:
        start, stop = meaning.bounds(one.within, as_of_us)
        events = [e for e in events if start <= e[1] < stop]
    if one.then is not None:
        return followed(events, counting(one.then.event, one.then.where), one.then, as_of_us)
    if one.function == "count":
        return len(events)
    if one.function == "exists":
        return bool(events)
    if one.per is not None:
        return in_periods(one, [e[1] for e in events])
    events = sorted(events, key=lambda e: (e[1], e[0].bytes))
    if one.property is None:
        return events[0 if one.function == "first" else -1][1] if events else None
    stated = [meaning.property_of(e[4], one.property) for e in events]
    if one.function in {"sum", "average", "min", "max"}:
        return of_numbers(one.function, [n for value in stated if (n := plain_number(value)) is not None])
    texts = [t for value in stated if (t := tagged(value)) is not None]
    if one.function == "unique_count":
        return len(set(texts))
    if not texts:
        return None
    if one.function == "most_frequent":
        times = Counter(texts)
        return untagged(min(times, key=lambda text: (-times[text], text)))
    return untagged(texts[0 if one.function == "first" else -1])


def followed(events, others, then, as_of_us):
    tile_us, most = then.within.tile_us, then.within.tiles

    def closed(event):
        return any(o[1] > event[1] and o[1] // tile_us - event[1] // tile_us <= most for o in others)

    if then.absent:
        return any(not closed(e) and as_of_us // tile_us - e[1] // tile_us > most for e in events)
    return any(map(closed, events))


def in_periods(one, times):
    def place(us):
        day = at(us).date()
        return {
            "day": day.toordinal(),
            "week": (day.toordinal() - 1) // 7,
            "month": day.year * 12 + day.month,
            "year": day.year,
        }

    places = {place(us)[one.per] for us in times}
    if one.function == "unique_count":
        return len(places)
    streak = 0
    while places and max(places) - streak in places:
        streak += 1
    return streak


def of_numbers(function, numbers):
    if function == "sum":
        return sum(numbers, Decimal(0))
    if not numbers:
        return None
    if function != "average":
        return min(numbers) if function == "min" else max(numbers)
    digits = int(sum(numbers).scaleb(12))
    cut = abs(digits) // len(numbers)
    return Decimal(cut if digits >= 0 else -cut).scaleb(-12)


TABLES = {
    "golden.profile": ["person UUID", "attributes VARCHAR", "consents VARCHAR", "events BIGINT", "sessions BIGINT",
                       "purchases BIGINT", "revenue DECIMAL(38, 9)", "first_seen_at TIMESTAMP", "last_seen_at TIMESTAMP",
                       "last_active_at TIMESTAMP", "stage VARCHAR"],
    "golden.identity": ["person UUID", "type VARCHAR"],
    "golden.engagement_event": ["person UUID", "event_id UUID", "event_at TIMESTAMP", "name VARCHAR", "source VARCHAR",
                                "properties VARCHAR"],
}  # fmt: skip


def rows(people):
    """The rows of each table."""
    profiles, happened = people.profiles.items(), people.happened.items()
    return {
        "golden.profile": [
            (p, _json(x["attributes"]), _json({k: {"granted": v} for k, v in x["consents"].items()}), x["events"],
             x["sessions"], x["purchases"], x["revenue"], at(x["first_seen"]), at(x["last_seen"]), at(x["last_active"]),
             x["lifecycle_stage"])
            for p, x in profiles
        ],
        "golden.identity": [(p, t) for p, types in people.types.items() for t in sorted(types)],
        "golden.engagement_event": [
            (p, i, at(us), name, source, _json(properties) if properties else None)
            for p, events in happened for i, us, name, source, properties in events
        ],
    }  # fmt: skip


def _json(value):
    return msgspec.json.encode(value).decode()
