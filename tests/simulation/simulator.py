"""One simulated schedule: the real spine over the simulated store, from the first delivery until all is at rest."""

from __future__ import annotations

import contextlib
import functools
import gc
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from tests import workbench
from tests.plain import dead_letters
from tests.simulation import oracle
from tests.simulation.database import Database, SimulatedLeases, Transaction
from tests.simulation.schedule import Crash, Mismatch, Schedule
from tests.simulation.stand_ins import JUDGE, SEALER, Log, Prompt
from tests.simulation.world import HASHER, POISON, PROFILES, SCHEDULES_PER_WORLD, World, world

from onefold.adapters.memory.log import MemoryEventLog
from onefold.adapters.memory.store import MemoryProfileStore
from onefold.errors import UnavailableError, UsageError
from onefold.identity.known import KnownEdges
from onefold.model import LogEntry, NodeId
from onefold.pipelines.context import Context
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream.processor import Work
from onefold.ports import NodeRow
from onefold.profiles import sessions
from onefold.profiles import state as folds
from onefold.profiles.person import combine_nodes
from onefold.profiles.survivorship import ranked


class Planted(NamedTuple):
    """A bug: rules for transactions, or the memory of a resolver, that are wrong on purpose."""

    transaction: type[Transaction] = Transaction
    known: Callable[[], KnownEdges] = KnownEdges


class Ran(NamedTuple):
    """What a schedule was."""

    steps: int
    counts: Counter[str]
    trace: list[str]


REBUILT_EVERY = 23
"""A rebuild costs as much as a schedule."""


class Simulation:
    """A world on its way through the spine."""

    def __init__(self, seed: int, planted: Planted, *, traced: bool) -> None:
        self.world: World = world(seed // SCHEDULES_PER_WORLD)
        self.schedule = schedule = Schedule(seed, traced=traced)
        self._planted = planted
        self.database = Database(schedule, planted.transaction)
        self.log = Log(schedule, schedule.chance.choice((1, 2, 3, 3, 4)))
        self._mended = {fact.broken: fact.entry.body for fact in self.world.facts if fact.broken is not None}
        self._sending = True
        self.counts: Counter[str] = Counter()
        schedule.add("producer", self._produce)
        if self._mended:
            schedule.add("operator", self._operate)
        for number in range(1, schedule.chance.choice((1, 2, 2, 3, 3)) + 1):
            # All are known to live, so the first to ask does not take everything.
            self.database.workers[f"{number}/1"] = 10.0
            schedule.add(f"worker {number}", self._worker(number), mortal=True)

    def context(self, known: KnownEdges) -> Context:
        """What a worker works with."""
        settings = self.world.settings
        return Context(
            name="simulated", log=self.log, store=self.database, gate=JUDGE, identity=settings,
            hasher=HASHER[id(settings)], profiles=PROFILES, sealer=SEALER, clock_us=lambda: workbench.NOW_US,
            known=known, prefetch=Prompt(),
        )  # type: ignore[arg-type]  # fmt: skip

    # ── actors ──

    def _deliveries(self) -> list[LogEntry]:
        chance = self.schedule.chance
        sent = []
        for fact in self.world.facts:
            times = chance.choice((1, 1, 2, 3))
            if fact.broken is None:
                sent += [fact.entry] * times
            else:
                sent += [msgspec.structs.replace(fact.entry, body=fact.broken)] * min(2, times)
        # What people say is ordered by the log, so it is sent in one order in every schedule; repeats come anywhere later.
        judged: list[LogEntry] = [said.entry for said in self.world.said]
        for said in self.world.said:
            if chance.choice((1, 1, 2)) == 2:
                judged.insert(chance.randint(judged.index(said.entry) + 1, len(judged)), said.entry)
        sent += judged
        chance.shuffle(sent)
        order = iter(judged)
        return [next(order) if entry.shape == "judgement" else entry for entry in sent]

    def _produce(self) -> None:
        waiting, chance = self._deliveries(), self.schedule.chance
        while waiting:
            many = chance.choice((1, 2, 5, 30))
            self.log.append(waiting[:many])
            self.schedule.note(f"appends {len(waiting[:many])}")
            waiting = waiting[many:]
            if waiting:
                self.schedule.sleep(chance.choice((0.0, 0.1, 0.5)))
        self._sending = False

    def _operate(self) -> None:
        """Mend dead letters, some of them twice."""
        context, chance, mended = self.context(KnownEdges()), self.schedule.chance, Counter[int]()
        while not self.at_rest():
            self.schedule.pause("looks for dead letters")
            for letter in dead_letters.listed(context):
                mended[letter["offset"]] += 1
                if mended[letter["offset"]] > 2:
                    continue
                body = self._mended.get(context.log.get([_place(context, letter["offset"])])[0].entry.body)
                if body is None:
                    raise Mismatch("dead letters", f"what was sent well was refused: {letter['detail']}")
                # Somebody who was quicker leaves nothing to mend.
                with contextlib.suppress(UsageError):
                    dead_letters.replay(context, letter["offset"], body=body)
                    self.counts["mended"] += 1
                    self.schedule.note(f"mends {letter['offset']}")
            self.schedule.sleep(chance.choice((0.2, 1.0, 5.0)))

    def _worker(self, number: int) -> Callable[[], None]:
        schedule, chance = self.schedule, self.schedule.chance

        def live() -> None:
            life = 0
            while True:
                life += 1
                context = self.context(self._planted.known())
                work = Work(context, SimulatedLeases(self.database), f"{number}/{life}", lambda: schedule.now)
                try:
                    self._work(work)
                except Crash:
                    self.counts["deaths"] += 1
                    schedule.sleep(chance.choice((0.05, 1.0, 15.0)))
                else:
                    return

        return live

    def _work(self, work: Work) -> None:
        schedule, chance = self.schedule, self.schedule.chance
        while not self.at_rest():
            work.batch = chance.randint(1, 6)
            try:
                done = work.advance()
            except UnavailableError as error:
                self.counts[f"given up ({error})"] += 1
                schedule.note(f"gives up: {error}")
                schedule.sleep(chance.choice((0.0, 0.02, 0.2)))
                continue
            if not done.read:
                schedule.sleep(chance.choice((0.05, 1.0, 4.0)))
        if chance.random() < 0.5:
            work.release()

    def at_rest(self) -> bool:
        """Whether nothing is left to do."""
        state = self.database.state
        return (
            not self._sending
            and all(state.offsets.get(p, 0) == end for p, end in self.log.ends().items())
            and all(letter.status != "open" for letter in state.dead_letters.values())
        )

    def told(self) -> Counter[str]:
        """What happened, counted."""
        counts, state = self.counts, self.database.state
        counts["steps"], counts["commits"] = self.schedule.steps, self.database.commits
        counts.update(change.kind for change in state.changes.values())
        counts["shared"] = sum(row.member.shared for row in state.nodes.values())
        counts["contested"] = sum(row.member.contested for row in state.nodes.values())
        counts["judgements"] = len(state.judgements)
        for tally in state.tallies.values():
            counts[tally.outcome] += tally.count
            if tally.reason:
                counts[tally.reason] += tally.count
        return counts

    # ── judgement day ──

    def check(self, truth: oracle.People) -> None:
        """Compare all that was promised.

        Raises:
            Mismatch: What is stored is not what the world implies.
        """
        found = people_in(self.database.state.nodes.values(), SEALER)
        names = {node: f"{name.type}:{name.value}" for node, name in self.world.names.items()}
        places = [{n: p for one in people.values() for n, p in one["partition"].items()} for people in (truth, found)]
        _same("partition", *places, names)
        for person, promised in truth.items():
            for kind, value in promised.items():
                _same(kind, value, found[person][kind], names)
        self._check_accounts()

    def check_rebuilt(self) -> None:
        """Compare with a rebuild from the log, on the store in memory, by one worker.

        Raises:
            Mismatch: The rebuilt state has another hash.
        """
        self.schedule.calm()
        verified = rebuild.verify(self.context(KnownEdges()), MemoryProfileStore())
        _same("rebuild", verified.rebuilt, verified.stored)
        self.counts["rebuilt"] += 1

    def _check_accounts(self) -> None:
        """Every entry has one outcome, every rejected one a dead letter, every change one message."""
        state, log = self.database.state, self.log
        entries = [s for p in log.ends() for s in MemoryEventLog.read(log, p, 0, 10_000)]
        letters = {(s.partition, s.offset): s.entry for s in entries if s.entry.body in self._mended}
        for place, entry in list(letters.items()):
            # What breaks us while it is worked is a repeat like any other once its mended twin is stored; and a row of a
            # file that was rejected before is a repeat, too.
            if place not in state.dead_letters and (POISON.encode() in entry.body or entry.shape == "record"):
                del letters[place]
        _same("dead letters", {entry.body for entry in letters.values()}, set(self._mended))
        received, rejected = (
            Counter(e.source for e in some) for some in ((s.entry for s in entries), letters.values())
        )
        stored = Counter(fact.source for fact in self.world.facts)
        stored["onefold"] = len(self.world.said)
        expected = {}
        for source, many in received.items():
            of = {"stored": stored[source], "rejected": rejected[source]}
            of["duplicate"] = many - sum(of.values())
            expected |= {(source, outcome): count for outcome, count in of.items() if count}
        tallied: Counter[tuple[str, str]] = Counter()
        for tally in state.tallies.values():
            tallied[tally.source, tally.outcome] += tally.count
        _same("conservation", expected, dict(tallied))
        _same("dead letters", dict.fromkeys(letters, "replayed"), {p: d.status for p, d in state.dead_letters.items()})
        told = [(f"profile.{c.kind}", c.person) for c in state.changes.values() if c.kind != "renamed"]
        _same("outbox", told, [(message.topic, message.key) for message in state.outbox.values()])
        seen = [(row.node, row.at_us) for rows in state.timeline.values() for row in rows]
        _same("timeline", sorted((f.named[0].node, f.at_us) for f in self.world.facts), sorted(seen))


def people_in(rows: Iterable[NodeRow], sealer: Any) -> oracle.People:
    """Every person of a store, as the oracle tells of them."""
    by_person: dict[NodeId, list[NodeRow]] = {}
    for row in rows:
        by_person.setdefault(row.member.person, []).append(row)
    found: oracle.People = {}
    for person, nodes in by_person.items():
        opened = {row.member.id: folds.open_node(sealer.open(row)) for row in nodes}
        state = combine_nodes(((node, state) for node, (_, state) in opened.items()), PROFILES)
        total = state.total
        found[person] = {
            "partition": {m.id: (m.first_seen_us, m.person, m.component, m.shared) for m in (r.member for r in nodes)},
            "identifiers": {node: value for node, (value, _) in opened.items()},
            "survivorship": {
                field: [(c.value, c.source, c.at_us, c.event) for c in ranked(held, PROFILES.rule_for(field))]
                for field, held in total.attributes.items()
            },
            "counters": {
                "events": total.events, "sources": total.sources, "purchases": total.purchases,
                "unpriced": total.unpriced, "revenue": total.revenue, "sessions": sessions.count(total.sessions),
                "times": (total.first_us, total.last_us) if total.events else (None, None),
            },
            "consent": {
                p: (said.granted, said.at_us, said.event)
                for p in state.purposes() if (said := state.consent(p)) is not None
            },
        }  # fmt: skip
    return found


def _place(context: Context, offset: int) -> tuple[int, int]:
    return next((p, offset) for p in context.log.ends() if context.log.get([(p, offset)]))


def _same(kind: str, expected: Any, found: Any, names: dict[NodeId, str] | None = None) -> None:
    if expected != found:
        told = [repr(side) for side in (expected, found)]
        for node, name in (names or {}).items():
            told = [side.replace(repr(node), name) for side in told]
        raise Mismatch(kind, "expected {}, found {}".format(*told))


@functools.lru_cache(maxsize=2)
def expected(number: int) -> oracle.People:
    """What the oracle says of a world."""
    return oracle.people(world(number))


def run(seed: int, planted: Planted | None = None, *, traced: bool = False) -> Ran:
    """Simulate one schedule.

    Raises:
        Mismatch: A promise was broken; the trace up to there is its attribute `trace`.
    """
    simulation = Simulation(seed, planted or Planted(), traced=traced)
    schedule = simulation.schedule
    try:
        schedule.run()
        simulation.check(expected(seed // SCHEDULES_PER_WORLD))
        if seed % REBUILT_EVERY == 0:
            simulation.check_rebuilt()
    except Mismatch as mismatch:
        mismatch.trace = schedule.trace or []  # type: ignore[attr-defined]
        raise
    finally:
        schedule.close()
    return Ran(schedule.steps, simulation.told(), schedule.trace or [])


def run_many(
    seeds: Sequence[int], planted: Planted | None = None, *, failures_max: int = 20
) -> tuple[Counter[str], list[tuple[int, Mismatch]]]:
    """Simulate many, or until so many failed; what happened, and the seeds that failed."""
    counts: Counter[str] = Counter()
    failed: list[tuple[int, Mismatch]] = []
    gc.disable()
    try:
        for number, seed in enumerate(seeds):
            try:
                counts.update(run(seed, planted).counts)
            except Mismatch as mismatch:
                failed.append((seed, mismatch))
                if len(failed) >= failures_max:
                    break
            if number % 500 == 499:
                gc.collect()
    finally:
        gc.enable()
    return counts, failed
