"""Counting: how many people are in audiences by their rules, and who would enter and leave; of the warehouse where it can."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Literal

import msgspec

from onefold.errors import ExpensiveError, UnavailableError, UsageError
from onefold.model import NodeId, results
from onefold.pipelines.audiences import inquiry
from onefold.pipelines.audiences.inquiry import Open
from onefold.pipelines.audiences.rules import Held
from onefold.pipelines.audiences.survey import SAMPLES, everybody, sample
from onefold.pipelines.context import Context
from onefold.pipelines.reading.profile_rows import people as profiles_of
from onefold.rules import RuleError

Progress = Callable[[int, int], None]
"""Told how many people are evaluated, and of how many."""
NO_WAREHOUSE = "There is no warehouse here."
_TOLD_EVERY = 1_000


class Audience(msgspec.Struct, frozen=True):
    """How many are in an audience by its rule, would enter and would leave it, and some of each."""

    members: int = 0
    entering: int = 0
    leaving: int = 0
    member_samples: tuple[results.Sample, ...] = ()
    entering_samples: tuple[results.Sample, ...] = ()
    leaving_samples: tuple[results.Sample, ...] = ()


class Counts(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        people: How many people there are.
        audiences: By name.
        way: `warehouse`: one statement. `evaluation`: person by person.
        because: Why it was not asked of the warehouse; empty where it was.
        sequence: All that was committed up to it is in the answer; of the warehouse's rows.
    """

    people: int
    audiences: Mapping[str, Audience]
    way: Literal["warehouse", "evaluation"]
    because: str
    sequence: int


def quiet(_done: int, _total: int) -> None:
    """Tell nobody."""


def count(
    context: Context,
    held: Held,
    audiences: Collection[str],
    *,
    warehouse: Open | None = None,
    progress: Progress = quiet,
) -> Counts:
    """How many people are in these audiences under these rules, scheduled ones worked out as of now, beside their members."""
    because = NO_WAREHOUSE
    if warehouse is not None:
        try:
            with warehouse() as opened:
                found = inquiry.ask(context, opened, held, audiences, context.clock_us())
        except (ExpensiveError, RuleError, UnavailableError, UsageError) as error:
            because = str(error)
        else:
            return _of_warehouse(context, found)
    return _evaluated(context, held, audiences, because, progress)


def _of_warehouse(context: Context, found: inquiry.Answer) -> Counts:
    ids = {
        person
        for one in found.audiences.values()
        for person in (*one.member_samples, *one.entering_samples, *one.leaving_samples)
    }
    with context.store.snapshot() as snapshot:
        shown = {profile.id: sample(profile) for profile in profiles_of(context, snapshot, ids)}

    def told(people: tuple[NodeId, ...]) -> tuple[results.Sample, ...]:
        return tuple(shown[person] for person in sorted(people) if person in shown)

    audiences = {
        name: Audience(
            one.members, one.entering, one.leaving,
            told(one.member_samples), told(one.entering_samples), told(one.leaving_samples),
        )
        for name, one in found.audiences.items()
    }  # fmt: skip
    return Counts(found.people, audiences, "warehouse", "", found.sequence)


def _evaluated(context: Context, held: Held, audiences: Collection[str], because: str, progress: Progress) -> Counts:
    counts: Counter[tuple[str, str]] = Counter()
    samples: dict[tuple[str, str], list[results.Sample]] = defaultdict(list)
    people = 0
    with context.store.snapshot() as snapshot:
        sequence, total = snapshot.fed(), snapshot.counts()["people"]
        for one in everybody(context, snapshot, held, context.clock_us(), refresh=True):
            people += 1
            if people % _TOLD_EVERY == 0:
                progress(people, total)
            found, stored = one.found.members, one.stored
            for kind, names in (("members", found), ("entering", found - stored), ("leaving", stored - found)):
                for name in names:
                    counts[name, kind] += 1
                    if len(some := samples[name, kind]) < SAMPLES:
                        some.append(sample(one.profile))
    by_name = {
        name: Audience(
            counts[name, "members"], counts[name, "entering"], counts[name, "leaving"],
            tuple(samples[name, "members"]), tuple(samples[name, "entering"]), tuple(samples[name, "leaving"]),
        )
        for name in audiences
    }  # fmt: skip
    return Counts(people, by_name, "evaluation", because, sequence)
