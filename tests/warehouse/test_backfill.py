"""Backfilling: a trait that comes later holds every event once, as if it had been there from the start."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from tests import workbench
from tests.warehouse.yard import Yard

from onefold.adapters.memory.store import MemoryProfileStore
from onefold.errors import ConfigurationError, ConflictError
from onefold.model import Identifier
from onefold.pipelines.maintenance import backfill, rebuild
from onefold.pipelines.reading import profiles
from onefold.pipelines.reading.kept import KeptPeople
from onefold.pipelines.stream import process
from onefold.profiles.computed import begun
from onefold.profiles.computed.trait import Trait
from onefold.profiles.lifecycle import Stage
from onefold.profiles.settings import ProfileSettings
from onefold.rules import Aggregate, parse

DAY_S = 86_400
TRAITS = tuple(
    Trait(f"t{number}", parse(text))
    for number, text in enumerate(
        [
            "count('Gift')",
            "sum('Gift'.amount where amount > 2 within 9 days)",
            "first('Gift'.fund)",
            "unique_count('Visit'.page)",
            "streak('Visit' per day)",
            "most_frequent('Visit'.page)",
            "exists('Visit' then 'Gift' within 2 days)",
            "average('Gift'.amount where event.source = 'shop' or amount > 1)",
        ]
    )
) + tuple(
    Trait(f"o{number}", Aggregate(function, "Gift", name))
    for number, (function, name) in enumerate(
        [
            ("sum", "a/b~1c"),
            ("max", "inner.deep"),
            ("unique_count", "it's"),
            ("last", 'a "quote"'),
            ("most_frequent", "a.b"),
        ]
    )
)


def body(number, *, repeat=False):
    """A visit or a gift of one of four people, with two identifiers that every so often are named together."""
    person = number % 4
    who = {"userId": f"u{person}"} if number % 3 else {"anonymousId": f"a{person}"}
    if number % 7 == 0:
        who = {"userId": f"u{person}", "anonymousId": f"a{person}"}
    name = "Gift" if number % 2 else "Visit"
    said = {"amount": (number * 37) % 11 / 10 * 5, "fund": f"f{number % 3}", "page": f"/p{number % 5}"}
    said |= {
        "a/b~1c": (number % 3) / 10**7,
        "inner": {"deep": number % 4 * 2.50},
        "it's": ["1.50", 1.5, True, None][number % 4],
    }
    said |= {'a "quote"': "é\u2028\n", "a.b": 2**70 + number % 2} if number % 5 else {"a": {"b": number % 3 == 0}}
    at = workbench.iso((number * 7_919) % (20 * DAY_S))
    return {"type": "track", "event": name, "messageId": f"m{number}", "timestamp": at, "properties": said, **who}


def told(context, traits=TRAITS):
    """The same workspace with traits, as it is opened."""
    settings = ProfileSettings(traits=tuple(traits))
    with context.store.snapshot() as seen:
        settings = msgspec.structs.replace(settings, epochs=begun.epochs(seen.kept()))
    return replace(context, profiles=settings)


def configure(yard, traits):
    """From here on the yard has these traits."""
    yard.context = told(yard.context, traits)


def as_if_always(yard):
    """The hash of a store that processed the whole log with today's traits."""
    other = rebuild.onto(yard.context, MemoryProfileStore())
    other = replace(other, profiles=msgspec.structs.replace(yard.context.profiles, epochs={}))
    process.drain(other)
    return rebuild.state_hash(other)


@pytest.fixture
def yard(queries, tmp_path):
    """A workspace that has seen forty events, without traits."""
    made = Yard(replace(workbench.context(store=MemoryProfileStore()), profiles=ProfileSettings()), tmp_path, queries)
    made.receive(*map(body, range(40)), batch=7)
    return made


def received(yard, begin, end):
    yard.receive(*map(body, range(begin, end)), batch=9)


def test_a_trait_that_comes_later_holds_all_events_once(yard, monkeypatch):
    """What was there before is filled in, what came since is the stream's; also when it is ended half-way."""
    configure(yard, TRAITS)
    received(yard, 35, 60)  # five of them are repeats
    assert len(backfill.waiting(yard.context)) == len(TRAITS)
    yard.load()
    monkeypatch.setattr(backfill, "_NODES_AT_ONCE", 2)
    monkeypatch.setattr(backfill, "_EVENTS_AT_ONCE", 9)
    add, calls = backfill._add, iter(range(99))

    def failing(*given):
        if next(calls) == 3:
            raise KeyboardInterrupt
        return add(*given)

    monkeypatch.setattr(backfill, "_add", failing)
    with pytest.raises(KeyboardInterrupt):
        backfill.backfill(yard.context, yard.warehouse)
    received(yard, 60, 70)
    done = backfill.backfill(yard.context, yard.warehouse)
    assert done.aggregates == len(TRAITS)
    assert not backfill.waiting(yard.context)
    assert rebuild.state_hash(yard.context) == as_if_always(yard)
    received(yard, 70, 90)
    assert rebuild.state_hash(yard.context) == as_if_always(yard)
    assert backfill.backfill(yard.context, yard.warehouse).aggregates == 0


def test_a_trait_begins_without_a_new_event(yard):
    """Nothing has to happen for its past to be filled in."""
    configure(yard, TRAITS)
    assert not backfill.waiting(yard.context)
    process.drain(yard.context)
    assert backfill.backfill(yard.context, yard.warehouse).aggregates == len(TRAITS)
    assert rebuild.state_hash(yard.context) == as_if_always(yard)


def test_a_trait_that_was_gone_is_filled_in_anew(yard):
    """What stood in the states from before has a gap, and is not taken for what holds now."""
    for traits, end in ((TRAITS, 50), (TRAITS[:2], 60), (TRAITS, 70)):
        configure(yard, traits)
        received(yard, end - 10, end)
        backfill.backfill(yard.context, yard.warehouse)
        assert rebuild.state_hash(yard.context) == as_if_always(yard)
    assert set(yard.context.profiles.epochs.values()) == {1}


def test_an_edited_trait_is_another_one(yard):
    """Its value never mixes two meanings: the new one waits for its past, and the old one is not asked any more."""
    configure(yard, TRAITS[:1])
    received(yard, 40, 50)
    backfill.backfill(yard.context, yard.warehouse)
    configure(yard, [Trait("t0", parse("count('Gift' where amount > 2)"))])
    received(yard, 50, 60)
    assert len(backfill.waiting(yard.context)) == 1
    backfill.backfill(yard.context, yard.warehouse)
    assert rebuild.state_hash(yard.context) == as_if_always(yard)


def test_a_profile_says_that_a_trait_is_backfilling(yard):
    """Until its past is there; so do people of many nodes, whose sums are kept."""
    ann = Identifier("user_id", "u1")
    kept = KeptPeople()

    def status(name="t0"):
        found = [profiles.profile(yard.context, ann), kept.profile(yard.context, ann)]
        (one,) = {profile.traits[name].status for profile in found if profile}
        return one

    configure(yard, TRAITS[:1])
    assert status() == "backfilling"  # before the stream keeps it
    received(yard, 40, 50)
    assert status() == "backfilling"
    backfill.backfill(yard.context, yard.warehouse)
    assert status() == "live"
    configure(yard, TRAITS[:2])
    received(yard, 50, 60)
    assert (status("t0"), status("t1")) == ("live", "backfilling")


def test_a_rule_does_not_know_a_backfilling_trait(yard):
    """What came since it was stated is a part of it; with the past, the stage is that of a store that always had it."""
    traits = [Trait("gifts", parse("count('Gift')"))]
    stages = (
        Stage("new", "true"), Stage("few", "trait.gifts < 3"), Stage("giver", "trait.gifts >= 1"),
        Stage("regular", "trait.gifts >= 5"),
    )  # fmt: skip

    def stages_of(context):
        said = ProfileSettings(traits=tuple(traits), stages=stages, epochs=context.profiles.epochs)
        return [
            found.lifecycle.stage
            for number in range(4)
            if (found := profiles.profile(replace(context, profiles=said), Identifier("user_id", f"u{number}")))
        ]

    configure(yard, traits)
    received(yard, 40, 44)
    assert stages_of(yard.context) == ["new"] * 4
    backfill.backfill(yard.context, yard.warehouse)
    other = rebuild.onto(yard.context, MemoryProfileStore())
    process.drain(other)
    assert stages_of(yard.context) == stages_of(other) == ["few", "regular", "few", "regular"]


def test_of_two_that_fill_in_the_same_one_is_refused(yard, monkeypatch):
    """Nothing is added twice."""
    configure(yard, TRAITS)
    received(yard, 40, 50)
    folded = backfill._folded

    def meanwhile(*given):
        monkeypatch.setattr(backfill, "_folded", folded)
        backfill.backfill(yard.context, yard.warehouse)
        return folded(*given)

    monkeypatch.setattr(backfill, "_folded", meanwhile)
    with pytest.raises(ConflictError):
        backfill.backfill(yard.context, yard.warehouse)
    assert rebuild.state_hash(yard.context) == as_if_always(yard)


def test_a_warehouse_that_came_later_is_not_taken_for_whole(queries, tmp_path):
    """Then the past is in the log only."""
    context = workbench.context(store=MemoryProfileStore())
    context.log.append([workbench.entry(body(n), index=n) for n in range(5)])
    process.drain(context)
    yard = Yard(told(context), tmp_path, queries)
    received(yard, 5, 9)
    with pytest.raises(ConfigurationError, match="onefold rebuild"):
        backfill.backfill(yard.context, yard.warehouse)


@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        ("_of", lambda plan, offsets, right=backfill._of: right(plan, {p: o + 3 for p, o in offsets.items()})),
        ("_of", lambda plan, offsets, right=backfill._of: right(plan, {p: o - 1 for p, o in offsets.items()})),
        ("_add", lambda context, states, bases, after, until, right=backfill._add: right(
            context, dict(list(states.items())[1:]), bases, after, until
        )),
    ],
    ids=["overlap with the stream", "gap before the stream", "a node left out"],
)  # fmt: skip
def test_a_backfill_that_does_something_else_is_found(yard, monkeypatch, what, wrong):
    """Control: the comparison with a store that always had the traits is red for each of these."""
    configure(yard, TRAITS)
    received(yard, 40, 60)
    monkeypatch.setattr(backfill, what, wrong)
    backfill.backfill(yard.context, yard.warehouse)
    assert rebuild.state_hash(yard.context) != as_if_always(yard)
