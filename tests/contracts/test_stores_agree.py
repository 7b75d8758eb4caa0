"""The stores, told the same things in any order, answer the same: a state machine over memory and each other one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests import database

from onefold.adapters.memory.store import MemoryProfileStore
from onefold.adapters.postgres.store import PostgresProfileStore
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.model import Edge, IdentityChange, Judgement, Member
from onefold.ports import Changes, DeadLetter, NodeRow, OutboxMessage, Tally, TimelineRow

SEALER = EntrySealer(WorkspaceKeys("w", b"h" * 32, b"w" * 32, bytes(range(32))), os.urandom)
NAMES = [bytes([letter]) * 16 for letter in b"abcdef"]

names = st.sampled_from(NAMES)
# No NUL: PostgreSQL cannot hold it in a text, and writes its picture instead.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3)
# Small ranges, so that values collide: ties in time and repeated rows are where stores disagree.
few = st.integers(0, 3)
moments = st.sampled_from([-5, 0, 5, 2**53])
events = st.sampled_from([b"1" * 16, b"2" * 16])
edges = st.builds(
    Edge, names, names, st.sampled_from(["event", "record", "alias", "scored"]), few, moments, events,
    st.just("web"), st.just("r/1"), st.none() | st.floats(-9, 9), few,
)  # fmt: skip
verdicts = st.sampled_from(["same", "different", "unsure", "shared"])
judgements = st.builds(Judgement, events, verdicts, names, st.none() | names, moments, st.text(), st.text(), few)
timeline = st.builds(TimelineRow, names, moments, few, few)
changes = st.builds(
    IdentityChange, st.sampled_from(["merged", "split"]), names, names,
    st.lists(names, max_size=3).map(tuple), moments, few, few, texts,
)  # fmt: skip
sources = st.sampled_from(["crm", "web"])
dead_letters = st.builds(DeadLetter, few, few, sources, st.just("too_deep"), texts, moments)
tallies = st.builds(
    Tally, sources, st.sampled_from(["stored", "rejected"]), few, st.sampled_from(["", "x"]),
    st.sampled_from([(), tuple(range(10))]),
)  # fmt: skip
outbox = st.builds(OutboxMessage, st.just("t"), names, st.binary(max_size=3))
key_lists = st.lists(st.integers(0, 9).map(lambda n: n.to_bytes(16, "big")), max_size=6)
news = st.fixed_dictionaries(
    {
        "edges": st.lists(edges, max_size=4),
        "judgements": st.lists(judgements, max_size=2),
        "timeline": st.lists(timeline, max_size=5),
        "changes": st.lists(changes, max_size=2),
        "dead_letters": st.lists(dead_letters, max_size=2),
        "replayed": st.lists(st.tuples(few, few), max_size=2),
        "tallies": st.lists(tallies, max_size=2),
        "outbox": st.lists(outbox, max_size=2),
        "offsets": st.dictionaries(few, few),
    }
)


@st.composite
def graphs(draw):
    """A place for every node of a few, so that persons and components are named by nodes that are in them."""
    chosen = draw(st.lists(names, unique=True, max_size=len(NAMES)))
    people = draw(st.lists(st.sampled_from(chosen), unique=True)) if chosen else []
    places = [Member(p, "email", draw(few), p, draw(names), draw(st.booleans()), draw(st.booleans())) for p in people]
    others = [node for node in chosen if people and node not in people]
    places += [Member(node, "phone", draw(few), draw(st.sampled_from(people)), draw(names)) for node in others]
    return places


class Stores(RuleBasedStateMachine):
    """Tells both stores the same and compares every answer they can give."""

    reference: type[MemoryProfileStore] = MemoryProfileStore

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "profiles.db"
        self.memory = self.reference()
        self.other = self.open()
        self.saved: dict[bytes, Member] = {}

    def open(self):
        """The other store, as a new process opens it."""
        return SqliteProfileStore(self.path, SEALER, tier_rows=3)

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.other.close()
        self.folder.cleanup()

    @rule(data=st.data(), pieces=st.integers(1, 3), fails=st.booleans())
    def transact(self, data, pieces, fails):
        """One batch in one or more pieces, each of which may read before it writes; it may fail at its end."""
        saved = dict(self.saved)
        batch = [
            self.piece(data, saved) for _ in range(pieces if self.other.capabilities.preferred_entries_per_write else 1)
        ]
        claimed = []
        for store in (self.memory, self.other):
            answers = []
            try:
                with store.transaction() as transaction:
                    for keys, read, changes in batch:
                        answers.append(transaction.claim(keys))
                        if read:
                            answers += told(transaction)
                        transaction.write(changes)
                    fail_if(fails)
            except InterruptedError:
                assert fails
            claimed.append(answers)
        assert claimed[0] == claimed[1]
        if not fails:
            self.saved = saved

    def piece(self, data, saved):
        """Keys to claim, whether to read, and what to commit on top of what was saved before."""
        nodes, members = place(data.draw(graphs()), data.draw(st.sampled_from(["save", "move"])), saved)
        saved.update((m.id, m) for m in (*members, *(row.member for row in nodes)))
        return data.draw(key_lists), data.draw(st.booleans()), Changes(nodes=nodes, members=members, **data.draw(news))

    @rule()
    def reopen(self):
        """A new process."""
        self.other.close()
        self.other = self.open()

    @invariant()
    def answers_agree(self):
        """Both stores tell the same story."""
        with self.memory.snapshot() as one, self.other.snapshot() as other:
            assert everything(one) == everything(other)


def place(places, how, saved):
    """Places as saved nodes or, where all of a graph was saved before, as moves; the rest of the nodes leave it."""
    graph = {place.id: place for place in places}
    for node, member in saved.items():
        if node not in graph and member.person in graph and graph[member.person].person != member.person:
            graph[node] = Member(node, member.type, member.first_seen_us, node, member.component)
    if how == "move" and graph.keys() <= saved.keys():
        return [], list(graph.values())
    rows = [NodeRow(m, b"k" + n, len(saved) + 1, os.urandom(4)) for n, m in graph.items()]
    return rows, []


def told(transaction):
    """What a transaction answers between its pieces."""
    return [
        transaction.offsets(),
        transaction.nodes(NAMES[:4]),
        sorted_members(transaction.members(NAMES[2:])),
        sorted(transaction.edges(NAMES[1:3]), key=repr),
        sorted(transaction.evidence([(a, b) for a in NAMES[:3] for b in NAMES]), key=repr),
        sorted(transaction.judgements(NAMES[:2]), key=lambda j: j.id),
    ]


def fail_if(fails):
    """Break off a batch."""
    if fails:
        raise InterruptedError


def sorted_members(members):
    """Members in order of id."""
    return sorted(members, key=lambda m: m.id)


def everything(seen):
    """All that a snapshot can say about the few names there are."""
    return {
        "offsets": seen.offsets(),
        "nodes": seen.nodes(NAMES),
        "scan": sorted(seen.scan(), key=lambda row: row.member.id),
        "members": [sorted_members(seen.members([name])) for name in NAMES],
        "edges": [sorted(seen.edges([name]), key=repr) for name in NAMES],
        "nodes of people": [
            (sorted_members(seen.person(row.member)), sorted(seen.stamps(row.member)))
            for _, row in sorted(seen.nodes(NAMES).items())
        ],
        "leaving": [sorted(seen.leaving(NAMES[n : n + 2]), key=repr) for n in range(len(NAMES))],
        "evidence": sorted(seen.evidence([(a, b) for a in NAMES[:3] for b in NAMES]), key=repr),
        "all edges": sorted(seen.scan_edges(), key=repr),
        "all judgements": sorted(seen.scan_judgements(), key=lambda j: j.id),
        "judgements": [sorted(seen.judgements([name]), key=lambda j: j.id) for name in NAMES],
        "timeline": [seen.timeline([name], before=None, limit=7) for name in NAMES],
        "timeline of all": seen.timeline(NAMES, before=(5, 2, 2), limit=5),
        "changes": [seen.changes([name]) for name in NAMES],
        "dead letters": [
            seen.dead_letters(status=status, source=source, after=(0, 1), limit=4)
            for status in (None, "open", "replayed")
            for source in (None, "web")
        ],
        "tallies": seen.tallies(),
        "outbox": seen.outbox(after=1, limit=5),
        "people": seen.people(after=NAMES[0], limit=3),
        "counts": seen.counts(),
    }


def test_sqlite_and_memory_agree():
    """Whatever batches come, fail or repeat, and whenever the process restarts, the two stores agree."""
    run_state_machine_as_test(Stores, settings=settings(max_examples=30, stateful_step_count=10, deadline=None))


class PostgresStores(Stores):
    """The same with PostgreSQL."""

    def open(self):
        """Open the store; each example has a workspace of its own."""
        self.workspace = getattr(self, "workspace", None) or database.workspace()
        return PostgresProfileStore(database.address(database.WORKER), self.workspace, SEALER)


def test_postgres_and_memory_agree():
    """The same over PostgreSQL."""
    run_state_machine_as_test(
        PostgresStores,
        settings=settings(max_examples=20, stateful_step_count=10, deadline=None, phases=[Phase.generate, Phase.reuse]),
    )


def test_a_store_that_differs_is_found():
    """The machine finds a reference that keeps the claims of failed batches."""

    class Leaky(MemoryProfileStore):
        def transaction(self):
            state = self._state
            outer = super().transaction()

            class Leak:
                def __enter__(self):
                    self.transaction = outer.__enter__()
                    return self.transaction

                def __exit__(self, *raised):
                    if raised[0]:
                        state.claimed.update(self.transaction._claimed)
                    return outer.__exit__(*raised)

            return Leak()

    class LeakyStores(Stores):
        reference = Leaky

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            LeakyStores,
            # Generated only: to find it is enough, to make it small takes a minute.
            settings=settings(
                max_examples=100, stateful_step_count=10, deadline=None, database=None, phases=[Phase.generate]
            ),
        )
