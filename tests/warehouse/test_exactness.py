"""The warehouse is exact: what it says of events and people is what the store says, loaded or not, merged or split."""

from __future__ import annotations

import contextlib
import json
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests import database, workbench
from tests.warehouse import planted
from tests.warehouse.yard import Yard

from onefold.adapters.memory.store import MemoryProfileStore
from onefold.errors import UsageError
from onefold.identity.known import KnownEdges
from onefold.model import Identifier, NodeId, format_profile_id
from onefold.pipelines import judgements
from onefold.pipelines.maintenance.content import content
from onefold.pipelines.reading import neighbours, people, profiles
from onefold.pipelines.stream import process
from onefold.profiles.profile import Profile, iso

SEEDS = range(int(os.environ.get("ONEFOLD_HISTORIES", "6")))
"""More in `make laws`. Every fiftieth is kept in PostgreSQL."""


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
            whole = people.find(snapshot, person)
            assert whole is not None
            beside = neighbours.spoken_beside(yard.context, snapshot, whole.members)
            aliases = people.only_in_aliases(snapshot, whole.members)
            rows = list(snapshot.nodes(whole.nodes).values())
            found[format_profile_id(person)] = profiles.profile_of(yard.context, person, rows, aliases, beside)
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


def live(yard: Yard, chance: random.Random, *, steps: int = 8) -> None:
    """A random history: events, some of them twice, judgements, loads between."""
    sent: list[dict[str, Any]] = []
    for _ in range(steps):
        some = [body(chance, len(sent) + n) for n in range(chance.randrange(1, 8))]
        sent += some
        yard.receive(*some, *chance.sample(sent, chance.randrange(min(3, len(sent)))), batch=chance.randrange(1, 9))
        if chance.random() < 0.4:
            judge(yard, chance)
        if chance.random() < 0.5:
            yard.loader.load(profiles=chance.random() < 0.7)
        if chance.random() < 0.5:
            agrees(yard)


def agrees(yard: Yard) -> None:
    """People and events of the warehouse are those of the store."""
    people = stored_profiles(yard)
    assert golden(yard) == {person: told(profile) for person, profile in people.items()}
    counted = yard.rows("SELECT person, count(*) AS n FROM golden.engagement_event GROUP BY person")
    assert {row["person"]: row["n"] for row in counted} == {
        person: p.events for person, p in people.items() if p.events
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_profiles_of_the_warehouse_are_those_of_the_store(tmp_path, queries, seed):
    """After any history, in the midst of it and at its end, each person is in the warehouse what they are in the store.

    Some are kept in PostgreSQL.
    """
    chance = random.Random(seed)
    store = MemoryProfileStore(preferred_entries_per_write=chance.choice([None, 3])) if seed % 50 else database.store()
    yard = Yard(workbench.context(store=store), tmp_path, queries, rows=chance.choice([5, 30, 60_000]))
    live(yard, chance)
    agrees(yard)
    yard.load()
    agrees(yard)
    yard.context.store.close()


def rebuilt(yard: Yard, directory: Path, queries, chance: random.Random) -> Yard:
    """The workspace made anew from its log, in batches and files of other sizes."""
    store = MemoryProfileStore(preferred_entries_per_write=chance.choice([None, 2, 7]))
    again = Yard(
        replace(yard.context, store=store, known=KnownEdges()), directory, queries, rows=chance.choice([3, 40])
    )
    process.drain(again.context, batch=chance.randrange(1, 9))
    again.load()
    return again


@pytest.mark.parametrize("seed", range(2))
def test_a_rebuild_gives_the_same_content(tmp_path, queries, seed):
    """Whatever the sizes of batches and files, and it is exact, too; a word more or less is another content."""
    chance = random.Random(seed)
    yard = Yard(workbench.context(), tmp_path / "first", queries, rows=chance.choice([5, 60_000]))
    live(yard, chance)
    before = content(yard.warehouse)
    assert before.rows["staging.event"] > 5
    again = rebuilt(yard, tmp_path / "second", queries, chance)
    assert content(again.warehouse) == before
    agrees(again)
    yard.load()
    assert content(yard.warehouse) == before
    again.receive(body(chance, 1_000))
    assert content(again.warehouse) != before


@pytest.mark.parametrize("bug", planted.BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_noticed(tmp_path, queries, monkeypatch, bug):
    """The negative controls: with any of these bugs some history shows people or events that the store does not know."""
    bug(monkeypatch)
    with pytest.raises(AssertionError):
        for seed in range(12):
            yard = Yard(workbench.context(), tmp_path / str(seed), queries, rows=random.Random(seed).choice([5, 30]))
            live(yard, random.Random(seed))
            yard.load()
            agrees(yard)


def say_no_at_an_address_that_two_people_share(yard: Yard) -> None:
    """The address is one person's by now, and was seen with another's: its no concerns both."""
    at = {"timestamp": workbench.iso(0), "type": "identify"}
    for number, who in enumerate(("u1", "u2")):
        yard.receive(at | {"userId": who, "traits": {"email": "p@mail.example"}, "messageId": f"m{number}"})
    yard.load()
    agrees(yard)
    no = {"consent": {"categoryPreferences": {"email": False}}}
    yard.receive(at | {"traits": {"email": "p@mail.example"}, "context": no, "messageId": "no", "anonymousId": None})


def test_a_word_of_consent_reaches_the_people_beside_it(yard):
    """A no that is said at somebody's address is in the profile of whoever it applies to, without a load between."""
    say_no_at_an_address_that_two_people_share(yard)
    assert len(stored_profiles(yard)) == 2
    assert [list(json.loads(row["consents"])) for row in yard.rows(PROFILES)] == [["email"], ["email"]]
    agrees(yard)


@pytest.mark.parametrize("bug", planted.ABOUT_NEIGHBOURS, ids=lambda bug: bug.__name__)
def test_a_neighbour_that_is_forgotten_is_noticed(yard, monkeypatch, bug):
    """The negative control of the test above."""
    bug(monkeypatch)
    say_no_at_an_address_that_two_people_share(yard)
    with pytest.raises(AssertionError):
        agrees(yard)
