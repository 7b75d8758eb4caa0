"""Thousands of events that break our code cost their batch a few tries, not each of them some; the rest is as before."""

from __future__ import annotations

import itertools
import random
from contextlib import contextmanager

import pytest
from tests import workbench
from tests.pipelines.breaking import (
    breaking_fold,
    breaking_hasher,
    breaking_judge,
    breaking_resolve,
    breaking_sighting,
    breaking_state,
)
from tests.plain import balances, dead_letters

from onefold.pipelines.maintenance.rebuild import state_hash
from onefold.pipelines.stream import batches, folding, process, quarantine
from onefold.pipelines.stream.internal_errors import BrokenEntriesError, culprits
from onefold.profiles import state as folds

ONE_BY_ONE = [breaking_judge, breaking_hasher, breaking_sighting, breaking_fold, breaking_state]


def crowd(names, *, message=None, people=7, context=None):
    """A workspace whose log holds events of these names, some people each."""
    context = context or workbench.context()
    context.log.append(
        [
            workbench.entry(
                {"type": "track", "event": name, "userId": f"u{n % people}", "messageId": message or f"m{n}",
                 "timestamp": workbench.iso(n)},
                index=n,
            )
            for n, name in enumerate(names)
        ]
    )  # fmt: skip
    return context


@pytest.fixture
def tries(monkeypatch):
    """Transactions begun from here on, as a list that grows."""
    begun, advance = [], process.advance
    set_aside = quarantine.set_aside

    def counted(*arguments, **named):
        begun.append(1)
        return advance(*arguments, **named)

    def counted_too(*arguments):
        begun.append(1)
        return set_aside(*arguments)

    monkeypatch.setattr(process, "advance", counted)
    monkeypatch.setattr(quarantine, "set_aside", counted_too)
    return begun


def outcome(context):
    (account,) = balances.sources(context)
    assert account["balanced"]
    assert account["pending"] == 0
    return account["stored"], account["duplicate"], account["rejected"]


@pytest.mark.parametrize("plant", ONE_BY_ONE)
@pytest.mark.parametrize("of_ten", [1, 10])
def test_thousands_of_broken_events_cost_their_batch_three_tries(plant, of_ten, monkeypatch, tries):
    """In a row or among others: 6,000 events pass in one batch, in three transactions and the one that finds the end."""
    context = crowd("Break" if n % 10 < of_ten else "Read" for n in range(6_000))
    plant(monkeypatch)
    quarantine.drain(context)
    assert outcome(context) == (600 * (10 - of_ten), 0, 600 * of_ten)
    assert len(tries) <= 4
    with context.store.snapshot() as snapshot:
        letters = snapshot.dead_letters(status="open", source=None, after=(0, 0), limit=10_000)
    assert [d.offset - 1 for d in letters] == [n for n in range(6_000) if n % 10 < of_ten]
    assert {d.reason for d in letters} == {"internal_error"}


@pytest.mark.parametrize("plant", [breaking_sighting, breaking_fold, breaking_state])
def test_found_by_halving_alone_they_cost_three_tries_each(plant, monkeypatch, tries):
    """Negative control: the same events, when nobody looks at which of them broke."""
    context = crowd(["Break"] * 200)
    plant(monkeypatch)
    monkeypatch.setattr(quarantine, "_advance", lambda context, batch, until, leased: process.advance(
        context, batch=batch, until=until, leased=leased))  # fmt: skip
    quarantine.drain(context)
    assert outcome(context) == (0, 0, 200)
    assert len(tries) >= 600


def test_what_breaks_the_whole_batch_is_found_by_halving_at_three_tries_each(monkeypatch, tries):
    """A crowd of them is passed one at a time, without trying them in twos again after each."""
    context = crowd(["Break"] * 64)
    breaking_resolve(monkeypatch)
    quarantine.drain(context)
    assert outcome(context) == (0, 0, 64)
    assert len(tries) <= 3 * 64 + 10


def test_bugs_of_both_kinds_at_once_leave_nothing_undone(monkeypatch):
    """Some events break the fold, others the resolver: all of them are set aside, and only they."""
    context = crowd(["Read", "Break", "Fold", "Read", "Fold", "Fold", "Break", "Read"] * 5)
    breaking_resolve(monkeypatch)
    fold = folds.fold

    def broken(state, event, settings, others=()):
        fold(state, event, settings, others)
        if event.name == "Fold":
            raise ZeroDivisionError

    monkeypatch.setattr(folds, "fold", broken)
    quarantine.drain(context)
    assert outcome(context) == (15, 0, 25)


def breaks_at_first(times, monkeypatch):
    """Each event breaks the fold this often, and then no more."""
    fold, seen = folds.fold, {}

    def broken(state, event, settings, others=()):
        fold(state, event, settings, others)
        seen[event.id] = seen.get(event.id, 0) + 1
        if seen[event.id] <= times:
            raise ZeroDivisionError

    monkeypatch.setattr(folds, "fold", broken)


def test_events_that_break_once_by_chance_are_not_blamed(monkeypatch):
    """Whatever broke in one transaction and not in the next is stored, however many they are."""
    context = crowd(["Read"] * 50, people=50)
    sound = crowd(["Read"] * 50, people=50)
    breaks_at_first(2, monkeypatch)  # once in its turn, and once when it is looked at alone
    quarantine.drain(context)
    monkeypatch.undo()
    process.drain(sound)
    assert outcome(context) == (50, 0, 0)
    assert state_hash(context) == state_hash(sound)


def test_events_that_break_in_two_tries_are_blamed(monkeypatch):
    """Control: the same events, when they break in the next transaction too."""
    context = crowd(["Read"] * 50, people=50)
    breaks_at_first(4, monkeypatch)
    quarantine.drain(context)
    assert outcome(context) == (0, 0, 50)


def left_behind(monkeypatch):
    """The state hash of a workspace where healthy and broken events took turns on the same nodes, and of a sound one."""
    names = ["Read", "Break", "Read", "Read"] * 30
    context, sound = crowd(names), workbench.context()
    sound.log.append([e.entry for e in context.log.read(0, 0, 200) if b'"Break"' not in e.entry.body])
    with monkeypatch.context() as while_broken:
        breaking_fold(while_broken)
        quarantine.drain(context)
    process.drain(sound)
    assert outcome(context) == (90, 0, 30)
    return state_hash(context), state_hash(sound)


def test_nothing_is_left_of_what_was_half_folded(monkeypatch):
    """The planted fold breaks after it changed the state: the retry knows nothing of it."""
    broken, sound = left_behind(monkeypatch)
    assert broken == sound


def test_a_retry_from_the_half_folded_state_would_count_twice(monkeypatch):
    """Negative control: states kept in memory between tries leave another hash."""
    opened, open_node = {}, folds.open_node

    def kept(before):
        return opened.setdefault(before, open_node(before))

    monkeypatch.setattr(folding.folds, "open_node", kept)
    with pytest.MonkeyPatch.context() as patch:
        broken, sound = left_behind(patch)
        assert broken != sound


def test_repeats_of_a_broken_event_are_set_aside_with_it(monkeypatch, tries):
    """A sender repeats one event a thousand times: three tries, a dead letter each; mended and replayed, it counts once."""
    context = crowd(["Break"] * 1_000, message="same")
    with monkeypatch.context() as while_broken:
        breaking_fold(while_broken)
        quarantine.drain(context)
    assert outcome(context) == (0, 0, 1_000)
    assert len(tries) <= 4
    assert dead_letters.replay_all(context, reason="internal_error") == 1_000
    quarantine.drain(context)
    (account,) = balances.sources(context)
    assert (account["stored"], account["duplicate"]) == (1, 999)
    assert dead_letters.listed(context) == []


def test_without_a_look_at_repeats_each_would_cost_two_tries(monkeypatch, tries):
    """Negative control: one repeat is found at a time."""
    context = crowd(["Break"] * 40, message="same")
    breaking_fold(monkeypatch)
    monkeypatch.setattr(folding, "broken_repeats", lambda *_: [])
    quarantine.drain(context)
    assert outcome(context) == (0, 0, 40)
    assert len(tries) > 40


def test_a_repeat_that_does_not_break_takes_the_place_of_the_broken_event(monkeypatch):
    """Of two events with one id the first breaks: the second is the first of its id, and is stored."""
    context = crowd(["Break", "Read", "Read"], message="same")
    breaking_fold(monkeypatch)
    quarantine.drain(context)
    assert outcome(context) == (1, 1, 1)


def test_a_log_that_grows_meanwhile_does_not_keep_the_batch_from_its_end(monkeypatch, tries):
    """With each try ten more broken events come in: the batch stays the one that broke."""
    context = crowd(["Break"] * 10)
    breaking_fold(monkeypatch)
    transaction, more = type(context.store).transaction, itertools.count(1)

    @contextmanager
    def growing(store):
        number = next(more)
        if number <= 20:
            context.log.append(
                [
                    workbench.entry({"type": "track", "event": "Break", "userId": "u", "messageId": f"{number}-{n}"})
                    for n in range(10)
                ]
            )
        with transaction(store) as begun:
            yield begun

    monkeypatch.setattr(type(context.store), "transaction", growing)
    assert quarantine.advance(context).rejected == 20
    assert len(tries) == 3
    quarantine.drain(context)
    assert outcome(context) == (0, 0, 210)


@pytest.mark.parametrize("plant", [breaking_sighting, breaking_fold, breaking_state, breaking_resolve])
def test_order_and_batches_change_neither_the_dead_letters_nor_the_state(plant, monkeypatch):
    """The same events shuffled and cut differently: the same are set aside, and the same state is left."""
    names = ["Break" if n % 9 == 0 else "Read" for n in range(90)]
    plant(monkeypatch)
    found = set()
    for seed, batch in enumerate((1, 7, 40, 1_000)):
        entries = [stored.entry for stored in crowd(names).log.read(0, 0, 100)]
        random.Random(seed).shuffle(entries)
        context = workbench.context()
        context.log.append(entries)
        quarantine.drain(context, batch=batch)
        with context.store.snapshot() as snapshot:
            letters = snapshot.dead_letters(status="open", source=None, after=(0, 0), limit=100)
        aside = sorted(entries[d.offset - 1].index for d in letters)
        found.add((state_hash(context), tuple(aside)))
    assert len(found) == 1


def test_a_store_that_breaks_when_dead_letters_are_recorded_blames_nobody(monkeypatch):
    """Everything breaks, the store too: nothing is passed; once all is mended, all of it is stored."""
    context = crowd(["Break"] * 20)
    with monkeypatch.context() as while_broken:
        breaking_fold(while_broken)
        with context.store.transaction() as transaction:
            kind = type(transaction)

        def refuse(*_):
            raise ZeroDivisionError

        while_broken.setattr(kind, "write", refuse)
        with pytest.raises(ZeroDivisionError):
            quarantine.advance(context)
    quarantine.drain(context)
    assert outcome(context) == (20, 0, 0)


def test_events_that_break_one_after_another_are_passed_in_the_end(monkeypatch):
    """Each breaks only once the one before it is set aside, more of them than one batch is tried: all pass all the same."""
    context = crowd(["Read"] * 24, people=1)
    claim, aside = process.claim, set()

    def watched(transaction, batch):
        aside.update(stored.offset for stored, _ in batch.rejected)
        return claim(transaction, batch)

    def chained(candidates, *_):
        first = min((c for c in candidates), key=lambda c: c.stored.offset)
        if first.stored.offset == 1 or first.stored.offset - 1 in aside:
            raise ZeroDivisionError

    real = folding._folded

    def folded(before, candidates, settings, *named_in):
        chained(candidates)
        return real(before, candidates, settings, *named_in)

    monkeypatch.setattr(process, "claim", watched)
    monkeypatch.setattr(folding, "_folded", folded)
    quarantine.drain(context)
    assert outcome(context) == (0, 0, 24)


def test_a_gate_that_breaks_once_by_chance_blames_nobody(monkeypatch):
    """Before the batch is one, an entry is tried twice as well."""
    context = crowd(["Read"] * 20)
    check, seen = type(context.gate).check, set()

    def unlucky(self, entry):
        if entry.index not in seen:
            seen.add(entry.index)
            raise ZeroDivisionError
        return check(self, entry)

    monkeypatch.setattr(type(context.gate), "check", unlucky)
    quarantine.drain(context)
    assert outcome(context) == (20, 0, 0)


def test_a_bug_is_told_once_a_batch(monkeypatch, caplog):
    """Thousands of log lines would hold others up: one names the bug, its first entry and how many there are."""
    breaking_fold(monkeypatch)
    quarantine.drain(crowd(["Read", "Break", "Break"] * 50))
    (told,) = [r for r in caplog.records if r.message == "entries set aside"]
    assert (told.partition, told.offset, told.entries) == (0, 2, 100)
    assert told.error.startswith("ZeroDivisionError in profiles/state.py") or "folding.py" in told.error
    monkeypatch.undo()
    caplog.clear()
    breaking_judge(monkeypatch)
    quarantine.drain(crowd(["Read", "Break", "Break"] * 50))
    assert len([r for r in caplog.records if r.message == "entries set aside"]) == 1


def test_a_step_that_breaks_on_pairs_only_has_no_culprit():
    """Halving in memory blames what breaks alone, each of it, and nothing else."""

    def step(group):
        if {3, 7} <= set(group) or 5 in group or 6 in group:
            raise ZeroDivisionError

    assert [n for n, _ in culprits(step, range(10))] == [5, 6]
    assert culprits(step, [3, 7]) == []
    assert culprits(step, []) == []


def test_a_batch_that_breaks_says_which_entries_and_how_far_it_went(monkeypatch):
    """What `isolation` needs to try the same again."""
    context = crowd(["Read", "Break", "Read", "Break", "Read"])
    breaking_fold(monkeypatch)
    with pytest.raises(BrokenEntriesError, match="2 entries") as told:
        process.advance(context, batch=4)
    assert set(told.value.verdicts) == {(0, 2), (0, 4)}
    assert told.value.ends == {0: 4}


def test_who_is_blamed_is_turned_away_once():
    """An event stays an event until it is blamed; what was rejected before stays as it was."""
    context = crowd(["Read", "Read"])
    batch = batches.prepare(context, batches.BatchBounds({}, 10, None, None))
    batch.reject({})
    assert len(batch.candidates) == 2
    why = dict.fromkeys([(0, 2), (0, 9)], batches.Rejected("internal_error", ""))
    batch.reject(why)
    batch.reject(why)
    assert [c.stored.offset for c in batch.candidates] == [1]
    assert [stored.offset for stored, _ in batch.rejected] == [2]
