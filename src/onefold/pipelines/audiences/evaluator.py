"""The evaluator: keeps memberships up with what the stream marks, with time, and with definitions that change.

A round reads one snapshot, works the people concerned out with the code that answers look-ups, and settles what changed in
one transaction: memberships, when to look again, messages for the outbox and the warehouse; and the marks are gone. Killed
before, it never happened; of two that began alike the second is refused. What the stream commits meanwhile is marked anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

import msgspec

from onefold.audiences import progress as states
from onefold.audiences import reason as reasons
from onefold.audiences.assessment import assess, changed
from onefold.audiences.progress import Progress, Scan
from onefold.audiences.reason import Because, Reason
from onefold.audiences.ruleset import STAGE, RuleSet
from onefold.errors import ConfigurationError
from onefold.model import NodeId, format_profile_id
from onefold.pipelines.audiences import schedule
from onefold.pipelines.audiences.rules import Held, held, uncounted
from onefold.pipelines.context import Context
from onefold.pipelines.reading import neighbours
from onefold.pipelines.reading.basis import basis_of
from onefold.pipelines.reading.profile_rows import rows_with_nodes
from onefold.pipelines.stream.marking import Concerned
from onefold.ports import Changes, OutboxMessage, ProfileSnapshot
from onefold.ports.audiences import Mark, Membership, Settlement, Standing
from onefold.profiles.profile import iso
from onefold.rules import Row
from onefold.warehouse.rows import MembershipRow

Why = Callable[[str], Reason]
"""Why somebody entered or left an audience."""

PEOPLE = 1_000
"""People of a round, about: some more where a mark names more."""
MARKS = 64
"""Marks of a round at most; most are of small batches."""


class Worked(msgspec.Struct, frozen=True):
    """What a round did: people looked at, memberships that changed, and whether there may be more to do at once."""

    people: int = 0
    changes: int = 0
    more: bool = False


class Work(msgspec.Struct):
    """Whom a round looks at.

    Attributes:
        people: With the reason to look, and the moment as of which.
        gone: Profile ids that nobody has any more, each with the one the person has now, where known.
        marks: That are dealt with by it.
        scan: How far the scan is afterwards.
        more: Whether there is more.
    """

    people: dict[NodeId, Concern]
    gone: dict[NodeId, NodeId | None]
    marks: list[Mark]
    scan: Scan | None
    more: bool


class Concern(msgspec.Struct, frozen=True):
    """Why somebody is looked at, as of which moment; and the entry that touched them last, where one did."""

    because: Because
    as_of_us: int
    entry: tuple[int, int] | None = None


class Evaluator:
    """Evaluates one workspace's audiences. Keeps nothing but bound rules from one round to the next."""

    def __init__(self, context: Context) -> None:
        """Of this workspace."""
        self._context = context
        self._held: Held | None = None

    def drain(self) -> Worked:
        """Rounds until nothing is left to do now."""
        total = Worked()
        while (worked := self.advance()).people or worked.more:
            total = Worked(total.people + worked.people, total.changes + worked.changes)
        return total

    def advance(self, people_max: int = PEOPLE) -> Worked:
        """One round.

        Raises:
            ConfigurationError: What was applied asks for what this process does not count. Nothing was changed.
            ConflictError: Somebody else settled meanwhile. Nothing was changed.
            UnavailableError: The store does not answer. Nothing was changed.
        """
        context = self._context
        now_us = context.clock_us()
        with context.store.snapshot() as snapshot:
            state = snapshot.evaluation()
            if not state.active and not state.body:
                return Worked()
            held = self._rules(snapshot, states.decode(state.body))
            started = schedule.start(context, snapshot, held, now_us)
            if started is not None:
                settlement = Settlement(before=state.sequence, body=states.encode(started))
                changes = Changes(offsets={})
            else:
                work = _work(snapshot, held, now_us, people_max)
                if not work.people and not work.gone and not work.marks and work.scan == held.progress.scan:
                    return Worked()
                found = _Findings(context, snapshot, held, now_us)
                found.look(work)
                settlement = found.settlement(state.sequence, work)
                changes = found.changes()
        with context.store.transaction() as transaction:
            if changes.outbox or changes.feed:
                transaction.write(changes)
            transaction.settle(settlement)
        if started is not None:
            return Worked(more=True)
        return Worked(len(work.people) + len(work.gone), len(changes.outbox), work.more)

    def _rules(self, snapshot: ProfileSnapshot, progress: Progress) -> Held:
        filling = basis_of(self._context, snapshot, progress).filling
        before = self._held
        if (
            before is None
            or before.progress.generation != progress.generation
            or before.settings.basis.filling != filling
        ):
            found = held(self._context, snapshot, progress)
            if missing := uncounted(found, self._context.profiles):
                raise ConfigurationError(
                    f"segments were applied that ask for events that this process does not count ({', '.join(missing)}): "
                    "start it again; nobody is evaluated until then"
                )
            self._held = before = found
        return replace(before, progress=progress)


def _work(snapshot: ProfileSnapshot, held: Held, now_us: int, people_max: int) -> Work:
    """Whom the next round looks at: whom commits touched, then who is due, then the next of a scan."""
    concerned = Concerned()
    marks: list[Mark] = []
    waiting = snapshot.marks(limit=MARKS)
    for mark in waiting:
        if marks and len(concerned.last) >= people_max:
            break
        concerned.take(mark.body)
        marks.append(mark)
    people, gone = _touched(snapshot, concerned, held.rules, now_us)
    room = max(0, people_max - len(people))
    due = snapshot.due(until_us=now_us, limit=room) if room else []
    for person, at_us in due:
        # As of the moment itself: what was to happen between then and now is the next round's.
        people.setdefault(person, Concern("time", at_us))
    scan = held.progress.scan
    more = len(marks) < len(waiting) or len(waiting) == MARKS or (bool(due) and len(due) == room)
    if scan is not None:
        room = max(0, people_max - len(people))
        following = snapshot.people(after=scan.after, limit=room) if room else []
        because: Because = "schedule" if scan.because == "schedule" else "definition"
        for person in following:
            if person in people and scan.refresh:
                people[person] = msgspec.structs.replace(people[person], because=because)
            people.setdefault(person, Concern(because, now_us))
        if following:
            scan = msgspec.structs.replace(scan, after=following[-1])
        elif room:
            scan = None
        more = True  # when it is over, it may be time for the next
    return Work(people, gone, marks, scan, more)


def _touched(
    snapshot: ProfileSnapshot, concerned: Concerned, rules: RuleSet, now_us: int
) -> tuple[dict[NodeId, Concern], dict[NodeId, NodeId | None]]:
    if not concerned.last and not concerned.people:
        return {}, {}
    # Only consent looks at others near somebody.
    near = neighbours.near(snapshot, concerned.linked) if rules.consent else set()
    rows = snapshot.nodes(sorted(concerned.last.keys() | concerned.people | near))
    entries: dict[NodeId, tuple[int, int] | None] = {}
    for node, row in rows.items():
        entry, known = concerned.last.get(node), entries.get(row.member.person)
        entries[row.member.person] = entry if known is None or (entry is not None and entry > known) else known
    listed = {rows[node].member.person for node in concerned.listed if node in rows}
    people = {
        person: Concern(_because(person, entry, concerned, listed), now_us, entry) for person, entry in entries.items()
    }
    gone = {
        person: rows[person].member.person if person in rows else None
        for person in sorted(concerned.people)
        if person not in entries
    }
    return people, gone


def _because(
    person: NodeId, entry: tuple[int, int] | None, concerned: Concerned, listed: Collection[NodeId]
) -> Because:
    if person in concerned.parted:
        return "split"
    if person in concerned.merged:
        return "merged"
    return "list" if entry is None and person in listed else "event"


class _Findings:
    """What a round found: who entered and left what."""

    def __init__(self, context: Context, snapshot: ProfileSnapshot, held: Held, now_us: int) -> None:
        self._snapshot = snapshot
        self._held = held
        self._now_us = now_us
        self._feed = context.feed
        self._context = replace(context, profiles=held.settings)
        self._cuts = held.cuts
        self._standings: list[Standing] = []
        self._gone: list[NodeId] = []
        self._entered: list[Membership] = []
        self._left: list[tuple[str, NodeId]] = []
        self._outbox: list[OutboxMessage] = []
        self._rows: list[MembershipRow] = []

    def look(self, work: Work) -> None:
        """Look at everybody."""
        asked = [*work.people, *work.gone]
        before = self._snapshot.standings(asked)
        current: dict[NodeId, dict[str, Membership]] = defaultdict(dict)
        for membership in self._snapshot.memberships(asked):
            current[membership.person][membership.audience] = membership
        refresh = work.people.keys() if self._held.progress.scan is not None else ()
        alive = set()
        as_of_us = min((concern.as_of_us for concern in work.people.values()), default=self._now_us)
        self._context = replace(self._context, clock_us=lambda: as_of_us)
        for person, row, lists in self._rows_of(work.people):
            alive.add(person)
            self._person(person, row, lists, work.people[person], before.get(person), current[person], refresh)
        for person in dict.fromkeys((*work.gone, *sorted(work.people.keys() - alive))):
            into = work.gone.get(person)
            reason = Reason("merged", profile_id=None if into is None else format_profile_id(into))
            self._change(person, set(), current[person], self._now_us, _always(reason))
            self._gone.append(person)

    def _rows_of(self, people: Collection[NodeId]) -> Iterator[tuple[NodeId, Row, set[str]]]:
        """What rules read of these people, each with the lists that they are on."""
        # What moves with time is told from the moment on for which a row is made.
        found = list(rows_with_nodes(self._context, self._snapshot, people))
        lists: dict[NodeId, set[str]] = defaultdict(set)
        if self._held.rules.lists:
            for one in self._snapshot.listed([node for _, _, nodes in found for node in nodes]):
                lists[one.node].add(one.audience)
        for person, row, nodes in found:
            yield person, row, set().union(*(lists[node] for node in nodes if node in lists)) if lists else set()

    def _person(
        self,
        person: NodeId,
        row: Row,
        lists: set[str],
        concern: Concern,
        before: Standing | None,
        current: Mapping[str, Membership],
        refresh: Collection[NodeId],
    ) -> None:
        held, as_of_us = self._held, concern.as_of_us
        scan = held.progress.scan
        kept = held.scheduled
        if scan is not None and person in refresh and concern.because in {"schedule", "definition"}:
            kept = kept - set(scan.refresh)
        stage = held.stage(row, as_of_us)
        found = assess(
            held.rules, row, as_of_us, stage=stage, kept=kept, standing=lists | (current.keys() & kept),
            cuts=self._cuts,
        )  # fmt: skip
        moments = [at for at in (found.due_us, held.stage_change(row, as_of_us)) if at is not None]
        standing = Standing(person, min(moments, default=None), held.progress.generation, found.truths)
        if standing != before:
            self._standings.append(standing)
        known = before.truths if before is not None and before.generation == standing.generation else None

        def why(audience: str) -> Reason:
            rule = held.rules.rule(audience)
            conditions = () if rule is None else changed(rule, found.truths, known)
            partition, offset = (None, None) if concern.entry is None else concern.entry
            return Reason(concern.because, conditions, partition, offset)

        self._change(person, set(found.members), current, as_of_us, why)

    def _change(
        self, person: NodeId, members: set[str], current: Mapping[str, Membership], at_us: int, why: Why
    ) -> None:
        for audience in sorted(members - current.keys()):
            reason = why(audience)
            self._entered.append(Membership(audience, person, at_us, reasons.encode(reason)))
            self._tell(person, audience, at_us, reason, entered=True)
        for audience in sorted(current.keys() - members):
            self._left.append((audience, person))
            self._tell(person, audience, at_us, why(audience), entered=False)

    def _tell(self, person: NodeId, audience: str, at_us: int, reason: Reason, *, entered: bool) -> None:
        kind = "stage" if audience.startswith(STAGE) else "segment"
        version = self._held.progress.versions.get(audience, 0)
        body = {
            "profile_id": format_profile_id(person),
            kind: audience.removeprefix(STAGE),
            "version": version,
            "at": iso(at_us),
            "reason": reason,
        }
        topic = f"{kind}.{'entered' if entered else 'exited'}"
        self._outbox.append(OutboxMessage(topic, person, msgspec.json.encode(body)))
        self._rows.append((person, audience, entered, at_us, version, reason.because, reasons.encode(reason)))

    def settlement(self, before: int, work: Work) -> Settlement:
        """What to settle."""
        progress = self._held.progress
        body = None
        if work.scan != progress.scan:
            body = states.encode(msgspec.structs.replace(progress, scan=work.scan))
        return Settlement(
            before=before,
            body=body,
            marks=[mark.seq for mark in work.marks],
            standings=self._standings,
            gone=self._gone,
            entered=self._entered,
            left=self._left,
        )

    def changes(self) -> Changes:
        """What to tell others."""
        chunk = None if self._feed is None else self._feed.chunk(self._now_us, memberships=self._rows)
        return Changes(offsets={}, outbox=self._outbox, feed=() if chunk is None else (chunk,))


def _always(reason: Reason) -> Why:
    return lambda _: reason
