"""Reconciling: memberships as the stream keeps them against an evaluation of everybody and the warehouse's answer.

Each difference is explained.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

import msgspec

from onefold.audiences import progress as states
from onefold.audiences.progress import Compared, Scan
from onefold.audiences.ruleset import STAGE
from onefold.model import NodeId, format_profile_id, results
from onefold.pipelines.audiences.inquiry import Open
from onefold.pipelines.audiences.rules import Held, held, uncounted
from onefold.pipelines.audiences.survey import Assessed, everybody
from onefold.pipelines.audiences.verdicts import Verdicts, verdicts
from onefold.pipelines.context import Context
from onefold.pipelines.reading import neighbours
from onefold.pipelines.stream.marking import Concerned
from onefold.ports import ProfileSnapshot
from onefold.ports.audiences import Settlement
from onefold.profiles.profile import iso

SHOWN = 20
"""People who differ that are told of each segment."""
_ALL = 2**62
_TRIES = 3

WAITING = {
    "marked": "An event, a judgement or a list touched this person; the evaluator has not looked at them yet.",
    "due": "The moment has passed at which time changes this; the evaluator has not looked at them yet.",
    "scan": "Definitions changed; the evaluator has not come to this person yet.",
    "uncounted": "The rule asks for events that are counted only once the server or worker was started again.",
    "loading": "The warehouse does not have this person; it began later, or its rows are on their way.",
    "moving": "The stream went on while the warehouse was asked.",
    "kept": "More was said of this person than the stream keeps; the warehouse has all of it.",
}
"""Why somebody may differ though nothing is wrong."""
UNEXPLAINED = "Nothing says why; `onefold apply --again` evaluates everybody anew. Please report it."


def reconcile(context: Context, warehouse: Open | None = None) -> results.ReconciledSegments:
    """Compare all segments and stages with an evaluation, as of one snapshot and one moment, and with the warehouse.

    Scheduled segments are compared as of their last run: whoever is in one by the store, is. The warehouse is asked about
    what can be said in SQL; the others tell why it was not.
    """
    found = _once(context, warehouse)
    for _ in range(_TRIES - 1):
        if not (found.moving and found.told_otherwise):
            break
        found = _once(context, warehouse)
    return found.result()


def _once(context: Context, warehouse: Open | None) -> _Comparison:
    now_us = context.clock_us()
    with context.store.snapshot() as snapshot:
        rules = held(context, snapshot, states.decode(snapshot.evaluation().body))
        fed, stored = snapshot.fed(), snapshot.audience_sizes()
        said = verdicts(rules, snapshot, warehouse, now_us)
        with context.store.snapshot() as later:
            moving = later.fed() != fed
        comparison = _Comparison(rules, said, _Waiting(snapshot, rules, now_us), stored, now_us, moving=moving)
        comparison.uncounted = bool(uncounted(rules, context.profiles))
        for one in everybody(context, snapshot, rules, now_us, refresh=False):
            comparison.take(one)
        for name, many in stored.items():
            # Memberships of ids that nobody has any more.
            if many != comparison.sizes[name]:
                for person in _strangers(snapshot, name, comparison.alive):
                    comparison.stranger(person, {name}, stored=True)
        for person in said.letters.keys() - comparison.alive:
            comparison.stranger(person, said.of(person), stored=False)
    return comparison


class _Comparison:
    """What is found, person by person."""

    def __init__(
        self, rules: Held, said: Verdicts, waiting: _Waiting, stored: Mapping[str, int], now_us: int, *, moving: bool
    ) -> None:
        self.moving = moving
        self.uncounted = False
        self.told_otherwise = 0
        self.sizes: Counter[str] = Counter()
        self.alive: set[NodeId] = set()
        self._rules, self._said, self._reasons, self._stored, self._now_us = rules, said, waiting, stored, now_us
        self._names = frozenset(said.names)
        self._evaluated: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._differing: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._told: dict[str, list[results.Differing]] = defaultdict(list)
        self._people = self._whoever = self._late = 0

    def take(self, one: Assessed) -> None:
        """Compare a person."""
        person, found = one.profile.id, one.found.members
        answered = self._said.of(person)
        self._people += 1
        self.alive.add(person)
        self._evaluated.update(found)
        self._answered.update(answered)
        self.sizes.update(one.stored)
        apart = (found ^ answered) & self._names
        if found == one.stored and not apart:
            return
        because = self._reasons.of(person)
        if because is None and found == one.stored:
            because = self._why_apart(one)
            self.told_otherwise += 1
        self._tell(person, sorted(found ^ one.stored | apart), because, one.stored, found, answered)

    def stranger(self, person: NodeId, names: Collection[str], *, stored: bool) -> None:
        """Take in somebody whom the store does not know: by memberships, or by the warehouse."""
        because = self._reasons.of(person)
        if because is None and not stored and self.moving:
            because = "moving"
        if names:
            self._tell(person, sorted(names), because, names if stored else (), (), () if stored else names)

    def _why_apart(self, one: Assessed) -> str | None:
        """Why the warehouse says otherwise of somebody whose memberships are as they are evaluated."""
        if one.profile.id not in self._said.letters:
            return "moving" if self.moving else "loading"
        if self.uncounted:
            return "uncounted"
        if one.profile.full:
            return "kept"
        return "moving" if self.moving else None

    def _tell(
        self,
        person: NodeId,
        names: Sequence[str],
        because: str | None,
        stored: Collection[str],
        found: Collection[str],
        answered: Collection[str],
    ) -> None:
        self._late += because is not None
        self._whoever += because is None
        for name in names:
            (self._differing if because is None else self._waiting)[name] += 1
            if len(self._told[name]) < SHOWN:
                told = results.Differing(
                    profile_id=format_profile_id(person),
                    member=name in stored,
                    evaluated=name in found,
                    warehouse=name in answered if name in self._names else None,
                    because=UNEXPLAINED if because is None else WAITING[because],
                )
                self._told[name].append(told)

    def result(self) -> results.ReconciledSegments:
        """As the service answers it."""
        stages = (f"{STAGE}{name}" for name, _ in self._rules.progress.stages)
        names = {*self._stored, *self._evaluated, *self._rules.rules.slugs, *stages}
        return results.ReconciledSegments(
            at=iso(self._now_us),
            people=self._people,
            differing=self._whoever,
            waiting=self._late,
            segments=tuple(
                results.ReconciledSegment(
                    audience=name,
                    members=self._stored.get(name, 0),
                    evaluated=self._evaluated[name],
                    warehouse=self._answered[name] if name in self._names else None,
                    unsaid=self._said.unsaid.get(name, ""),
                    differing=self._differing[name],
                    waiting=self._waiting[name],
                    people=tuple(self._told[name]),
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
        if rules.filling_keys != rules.progress.filling:
            self._scan = Scan()

    def of(self, person: NodeId) -> str | None:
        """Why a person is to be looked at; None where they are not."""
        if person in self._marked:
            return "marked"
        if person in self._due:
            return "due"
        return "scan" if self._scan is not None and person > self._scan.after else None
