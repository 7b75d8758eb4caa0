"""Reconciling: memberships as the stream keeps them against an evaluation of everybody, each difference explained."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec

from onefold.audiences import progress as states
from onefold.audiences.progress import Compared
from onefold.audiences.ruleset import STAGE
from onefold.model import NodeId, format_profile_id, results
from onefold.pipelines.audiences.rules import Held, held
from onefold.pipelines.audiences.survey import everybody
from onefold.pipelines.context import Context
from onefold.pipelines.reading import neighbours
from onefold.pipelines.stream.marking import Concerned
from onefold.ports import ProfileSnapshot
from onefold.ports.audiences import Settlement
from onefold.profiles.profile import iso

SHOWN = 20
"""People who differ that are told of each segment."""
_ALL = 2**62

WAITING = {
    "marked": "An event, a judgement or a list touched this person; the evaluator has not looked at them yet.",
    "due": "The moment has passed at which time changes this; the evaluator has not looked at them yet.",
    "scan": "Definitions changed; the evaluator has not come to this person yet.",
}
UNEXPLAINED = "Nothing says why; `onefold apply --again` evaluates everybody anew. Please report it."


def reconcile(context: Context) -> results.ReconciledSegments:
    """Compare all segments and stages, as of one snapshot and one moment.

    Scheduled segments are compared as of their last run: whoever is in one by the store, is.
    """
    now_us = context.clock_us()
    sizes: Counter[str] = Counter()
    differing: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    told: dict[str, list[results.Differing]] = defaultdict(list)
    evaluated: Counter[str] = Counter()
    people = whoever = late = 0
    alive: set[NodeId] = set()
    with context.store.snapshot() as snapshot:
        rules = held(context, snapshot, states.decode(snapshot.evaluation().body))
        reasons = _Waiting(snapshot, rules, now_us)
        stored = snapshot.audience_sizes()
        for one in everybody(context, snapshot, rules, now_us, refresh=False):
            people += 1
            person, found = one.profile.id, one.found.members
            alive.add(person)
            evaluated.update(found)
            sizes.update(one.stored)
            if found == one.stored:
                continue
            because = reasons.of(person)
            late += because is not None
            whoever += because is None
            for name in sorted(found ^ one.stored):
                (differing if because is None else waiting)[name] += 1
                if len(told[name]) < SHOWN:
                    told[name].append(_differing(person, because, stored=name in one.stored))
        for name, many in stored.items():
            # Memberships of ids that nobody has any more.
            if many != sizes[name]:
                for person in _strangers(snapshot, name, alive):
                    because = reasons.of(person)
                    late += because is not None
                    whoever += because is None
                    (differing if because is None else waiting)[name] += 1
                    if len(told[name]) < SHOWN:
                        told[name].append(_differing(person, because, stored=True))
    names = {*stored, *evaluated, *rules.rules.slugs, *(f"{STAGE}{name}" for name, _ in rules.progress.stages)}
    return results.ReconciledSegments(
        at=iso(now_us),
        people=people,
        differing=whoever,
        waiting=late,
        segments=tuple(
            results.ReconciledSegment(
                audience=name,
                members=stored.get(name, 0),
                evaluated=evaluated[name],
                differing=differing[name],
                waiting=waiting[name],
                people=tuple(told[name]),
            )
            for name in sorted(names)
        ),
    )


def note(context: Context, at_us: int, found: results.ReconciledSegments) -> None:
    """Keep what a reconciliation found, for the metrics.

    Raises:
        ConflictError: Somebody settled meanwhile. Nothing was changed.
    """
    with context.store.snapshot() as snapshot:
        state = snapshot.evaluation()
    if state.body:
        compared = Compared(at_us, found.differing, found.waiting)
        progress = msgspec.structs.replace(states.decode(state.body), compared=compared)
        with context.store.transaction() as transaction:
            transaction.settle(Settlement(before=state.sequence, body=states.encode(progress)))


def latest(context: Context) -> Compared | None:
    """What the latest reconciliation found; None where there was none."""
    with context.store.snapshot() as snapshot:
        return states.decode(snapshot.evaluation().body).compared


def _differing(person: NodeId, because: str | None, *, stored: bool) -> results.Differing:
    return results.Differing(
        profile_id=format_profile_id(person),
        member=stored,
        evaluated=not stored,
        because=UNEXPLAINED if because is None else WAITING[because],
    )


def _strangers(snapshot: ProfileSnapshot, name: str, alive: set[NodeId]) -> list[NodeId]:
    found: list[NodeId] = []
    after: NodeId = b""
    while page := snapshot.audience(name, after=after, limit=10_000):
        found += [membership.person for membership in page if membership.person not in alive]
        after = page[-1].person
    return found


class _Waiting:
    """Who is still to be looked at, and why."""

    def __init__(self, snapshot: ProfileSnapshot, rules: Held, now_us: int) -> None:
        concerned = Concerned()
        for mark in snapshot.marks(limit=_ALL):
            concerned.take(mark.body)
        near = neighbours.near(snapshot, concerned.linked) if rules.rules.consent else set[NodeId]()
        rows = snapshot.nodes(sorted(concerned.last.keys() | concerned.people | near))
        self._marked = {row.member.person for row in rows.values()} | concerned.people
        self._due = {person for person, _ in snapshot.due(until_us=now_us, limit=_ALL)}
        self._scan = rules.progress.scan

    def of(self, person: NodeId) -> str | None:
        """Why a person is to be looked at; None where they are not."""
        if person in self._marked:
            return "marked"
        if person in self._due:
            return "due"
        return "scan" if self._scan is not None and person > self._scan.after else None
