"""The warehouse is exact: what it says of events and people is what the store says, loaded or not, merged or split."""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import pytest
from tests import workbench
from tests.warehouse.yard import Yard

from onefold.adapters.memory.store import MemoryProfileStore
from onefold.errors import UsageError
from onefold.model import Identifier, NodeId, format_profile_id
from onefold.pipelines import judgements
from onefold.pipelines.reading import neighbours, profiles
from onefold.pipelines.stream import process
from onefold.profiles.profile import Profile, iso

SEEDS = range(12)


def body(chance: random.Random, number: int) -> dict[str, Any]:
    """An event about one of a handful of people, some of whom share identifiers."""
    who: dict[str, Any] = {}
    if chance.random() < 0.5:
        who["userId"] = f"u{chance.randrange(4)}"
    if chance.random() < 0.7 or not who:
        who["anonymousId"] = f"cookie-{chance.randrange(7)}"
    traits: dict[str, Any] = {}
    if chance.random() < 0.4:
        traits["email"] = f"p{chance.randrange(4)}@mail.example"
    if chance.random() < 0.4:
        traits["city"] = chance.choice(["Chicago", "Berlin", None])
    context: dict[str, Any] = {}
    if chance.random() < 0.3:
        purposes = {chance.choice(["email", "ads"]): chance.random() < 0.5}
        context["consent"] = {"categoryPreferences": purposes}
    return who | {
        "type": chance.choice(["identify", "track"]),
        "event": chance.choice(["Order Completed", "Story Read", "Unsubscribed"]),
        "messageId": f"m{number}",
        "timestamp": workbench.iso(chance.randrange(40) * 36_000),
        "traits": traits,
        "context": context,
        "properties": {"revenue": chance.choice([1.1, 2.25, 0.3]), "currency": chance.choice(["USD", "EUR"])},
    }


def judge(yard: Yard, chance: random.Random) -> None:
    """Somebody says something of two identifiers."""
    kinds = [("user_id", "u{}"), ("anonymous_id", "cookie-{}"), ("email", "p{}@mail.example")]
    a, b = (Identifier(kind, text.format(chance.randrange(4))) for kind, text in chance.choices(kinds, k=2))
    verdict = chance.choice(["same", "different", "shared", "withdrawn"])
    with contextlib.suppress(UsageError):
        judgements.say(yard.context, verdict, a, None if verdict == "shared" else b, by="test")
    process.drain(yard.context)


def stored_profiles(yard: Yard) -> dict[str, Profile]:
    """Everybody, as look-ups find them in the store."""
    found = {}
    with yard.context.store.snapshot() as snapshot:
        for person in snapshot.people(after=NodeId(), limit=1_000):
            whole = profiles.find(snapshot, person)
            assert whole is not None
            beside = neighbours.spoken_beside(yard.context, snapshot, whole.rows)
            found[format_profile_id(person)] = profiles.profile_of(yard.context, whole, beside)
    return found


def told(profile: Profile) -> dict[str, Any]:
    """What the warehouse has to say of a person, worked out without its code."""
    return {
        "identifiers": sorted((i.type, i.value) for i in profile.identifiers),
        "attributes": {name: a.winner.value for name, a in profile.attributes.items()},
        "events": profile.events,
        "sessions": profile.sessions,
        "purchases": profile.purchases,
        "revenue": profile.revenue,
        "revenues": {currency: f"{amount:f}" for currency, amount in profile.revenues.items()},
        "first_seen_at": profile.first_seen_us,
        "last_seen_at": profile.last_seen_us,
        "last_active_at": profile.last_active_us,
        "consents": {p: (said.granted, iso(said.at_us), said.source) for p, said in profile.consents.items()},
        "sources": profile.sources,
    }


def found(row: dict[str, Any]) -> dict[str, Any]:
    """The same of a row of `golden.profile`."""
    said = json.loads(row["consents"])
    return {
        "identifiers": sorted((i["type"], i["value"]) for i in json.loads(row["identifiers"])),
        "attributes": json.loads(row["attributes"]),
        "events": row["events"],
        "sessions": row["sessions"],
        "purchases": row["purchases"],
        "revenue": row["revenue"],
        "revenues": json.loads(row["revenues"]),
        "first_seen_at": row["first_us"],
        "last_seen_at": row["last_us"],
        "last_active_at": row["active_us"],
        "consents": {p: (word["granted"], word["at"], word["source"]) for p, word in said.items()},
        "sources": json.loads(row["sources"]),
    }


PROFILES = """
SELECT *, epoch_us(first_seen_at) AS first_us, epoch_us(last_seen_at) AS last_us, epoch_us(last_active_at) AS active_us
FROM golden.profile
"""


def golden(yard: Yard) -> dict[str, dict[str, Any]]:
    rows = yard.rows(PROFILES)
    people = {row["person"]: found(row) for row in rows}
    assert len(people) == len(rows)
    return people


def expected(yard: Yard) -> dict[str, dict[str, Any]]:
    return {person: told(profile) for person, profile in stored_profiles(yard).items()}


def live(yard: Yard, chance: random.Random, *, steps: int = 8, check: bool = True) -> None:
    """A random history: events, some of them twice, judgements, loads between."""
    sent: list[dict[str, Any]] = []
    for _ in range(steps):
        some = [body(chance, len(sent) + n) for n in range(chance.randrange(1, 8))]
        sent += some
        yard.receive(*some, *chance.sample(sent, chance.randrange(min(3, len(sent)))), batch=chance.randrange(1, 9))
        if chance.random() < 0.4:
            judge(yard, chance)
        if chance.random() < 0.5:
            yard.loader.load()
        if check and chance.random() < 0.5:
            assert golden(yard) == expected(yard)


@pytest.mark.parametrize("seed", SEEDS)
def test_profiles_of_the_warehouse_are_those_of_the_store(tmp_path, queries, seed):
    """After any history, in the midst of it and at its end, each person is in the warehouse what they are in the store."""
    chance = random.Random(seed)
    store = MemoryProfileStore(preferred_entries_per_write=chance.choice([None, 3]))
    yard = Yard(workbench.context(store=store), tmp_path, queries, rows=chance.choice([5, 30, 60_000]))
    live(yard, chance)
    assert golden(yard) == expected(yard)
    yard.load()
    assert golden(yard) == expected(yard)


def test_each_event_is_in_the_warehouse_once_with_its_person(yard):
    """Events are neither lost nor doubled, and belong to whoever their node belongs to now."""
    chance = random.Random(99)
    live(yard, chance, steps=10, check=False)
    for _ in range(2):
        rows = yard.rows(
            "SELECT person, count(*) AS n, count(DISTINCT event_id) AS ids FROM golden.engagement_event GROUP BY 1"
        )
        assert {row["person"]: row["n"] for row in rows} == {
            person: profile.events for person, profile in stored_profiles(yard).items() if profile.events
        }
        assert all(row["n"] == row["ids"] for row in rows)
        yard.load()
