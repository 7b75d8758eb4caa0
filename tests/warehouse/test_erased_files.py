"""An erasure reads and writes the files that hold whom it erases, each once however many people they are, and no others."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Self
from unittest import mock
from uuid import UUID

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import workbench
from tests.warehouse.test_erasure import eraser
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb import concerned, node_filters, segments
from onefold.adapters.duckdb.columns import empty, table
from onefold.adapters.duckdb.compaction import Compactor
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.warehouse.relations import EVENT, PROFILE_CHANGE
from onefold.warehouse.upkeep import ERASURE

LOADS, PEOPLE = 6, 4
NODES = st.frozensets(st.binary(min_size=16, max_size=16), max_size=40)


def filled(directory, queries) -> Yard:
    """People of a load each, with events, evidence and profiles in files of that load."""
    yard = Yard(workbench.context(), directory, queries)
    for load in range(LOADS):
        for number in range(PEOPLE):
            who = {"userId": f"u{load}-{number}", "anonymousId": f"a{load}-{number}"}
            yard.receive({"type": "identify", "messageId": f"i{load}-{number}", "traits": {"n": number}} | who)
        yard.load()
    return yard


def nodes_of(yard: Yard, *people: tuple[int, int]) -> list[bytes]:
    found = yard.rows("SELECT node, value FROM golden.identity")
    wanted = {f"{kind}{load}-{number}" for load, number in people for kind in "ua"}
    return [bytes.fromhex(row["node"].replace("-", "")) for row in found if row["value"] in wanted]


def stored(yard: Yard) -> list[segments.Segment]:
    with yard.context.store.snapshot() as snapshot:
        return snapshot.segments()


def holding(yard: Yard, nodes: Iterable[bytes]) -> set[str]:
    """The files of which a value tells of one of these nodes, by what they look like as text."""
    told = {text for node in nodes for text in (node.hex(), str(UUID(bytes=node)))}
    texts = {segment.name: str(yard.files.read(segment).to_pylist()) for segment in stored(yard)}
    return {name for name, found in texts.items() if any(text in found for text in told)}


class Watched:
    """Which files are read and how many are written in a block."""

    def __init__(self) -> None:
        self.whole: list[str] = []
        self.read: set[str] = set()
        self.written: list[str] = []

    def __enter__(self) -> Self:
        read, write = SegmentFiles.read, SegmentFiles.write

        def reading(files, segment, columns=None):
            self.read.add(segment.name)
            self.whole += [] if columns else [segment.name]
            return read(files, segment, columns)

        def writing(files, relation, rows, **stated):
            self.written.append(relation.full_name)
            return write(files, relation, rows, **stated)

        self._patches = [
            mock.patch.object(SegmentFiles, "read", reading),
            mock.patch.object(SegmentFiles, "write", writing),
        ]
        for patch in self._patches:
            patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        for patch in self._patches:
            patch.stop()


def erased(yard: Yard, *people: tuple[int, int]) -> Watched:
    """Erase some people, and see that it read and wrote what holds them and no more."""
    nodes = nodes_of(yard, *people)
    there, before = holding(yard, nodes), stored(yard)
    with Watched() as seen:
        eraser(yard).erase(nodes)
    assert seen.read == there
    assert sorted(seen.whole) == sorted(there), "a file is read whole once"
    assert {s.name for s in before} - {s.name for s in stored(yard)} == there
    assert len(seen.written) <= len(there) + 1
    assert seen.written[-1] == ERASURE.full_name
    assert not holding(yard, nodes)
    return seen


@pytest.fixture
def six(tmp_path, queries):
    return filled(tmp_path, queries)


def test_an_erasure_opens_the_files_that_hold_the_person_and_no_others(six):
    """Of six loads with four files each it reads and writes those of one, and their rest is as it was."""
    everybody = "SELECT * FROM staging.event ORDER BY sequence"
    before, files = six.rows(everybody), len(stored(six))
    nodes = {str(UUID(bytes=node)) for node in nodes_of(six, (2, 1))}
    seen = erased(six, (2, 1))
    assert len(seen.read) * LOADS == files
    assert six.rows(everybody) == [row for row in before if row["node"] not in nodes]


def test_many_people_are_erased_in_one_pass(tmp_path, queries):
    """Three people of a load cost the files of one, and what is left is what erasing one after the other leaves."""
    yard = filled(tmp_path / "together", queries)
    one_by_one = filled(tmp_path / "apart", queries)
    people = [(load, number) for load in (1, 4) for number in range(PEOPLE - 1)]
    together = erased(yard, *people)
    apart = [erased(one_by_one, person) for person in people]
    assert sum(len(seen.written) - 1 for seen in apart) == (PEOPLE - 1) * (len(together.written) - 1)
    for query in (
        "SELECT * FROM staging.event ORDER BY sequence",
        "SELECT * FROM golden.profile_change ORDER BY person",
    ):
        assert yard.rows(query) == one_by_one.rows(query)


def test_files_that_were_compacted_are_told_apart_too(six):
    """Somebody is looked for in the files of their nodes' buckets."""
    assert Compactor(six.context.store, six.files, rows=5, segments=2).compact()
    events = [s for s in stored(six) if s.relation == EVENT.full_name]
    seen = erased(six, (4, 2))
    assert len(seen.read & {s.name for s in events}) < len(events)


def test_files_of_an_earlier_version_have_no_filter_and_are_read(tmp_path, queries, monkeypatch):
    """What lies in them is found as before."""
    with monkeypatch.context() as earlier:
        earlier.setattr(concerned, "columns", lambda _: [])
        yard = filled(tmp_path, queries)
    assert all(yard.files.summary(segment).filtered is None for segment in stored(yard))
    nodes = nodes_of(yard, (1, 1))
    assert holding(yard, nodes)
    eraser(yard).erase(nodes)
    assert not holding(yard, nodes)
    assert any(yard.files.summary(segment).filtered for segment in stored(yard))


@pytest.mark.parametrize("answer", [True, False])
def test_a_filter_that_is_wrong_is_noticed(six, monkeypatch, answer):
    """Negative control: where all files may hold a person too many are read, where none may the person stays."""
    monkeypatch.setattr(node_filters, "may_hold", lambda *_: answer)
    with pytest.raises(AssertionError):
        erased(six, (2, 1))


@given(NODES)
def test_a_filter_admits_every_node_that_it_was_made_of(nodes):
    """Alone and among others."""
    there = pa.array(sorted(nodes), pa.binary(16))
    made = node_filters.made(there)
    assert all(node_filters.may_hold(made, there.slice(place, 1)) for place in range(len(there)))
    assert node_filters.may_hold(made, there) == bool(nodes)


@pytest.mark.parametrize("many", [1, 30, 3_000])
def test_a_filter_admits_few_nodes_that_it_was_not_made_of(many):
    """Of two thousand fewer than one in fifty."""
    chance = random.Random(many)
    made = node_filters.made(pa.array([chance.randbytes(16) for _ in range(many)], pa.binary(16)))
    others = [pa.array([chance.randbytes(16)], pa.binary(16)) for _ in range(2_000)]
    assert sum(node_filters.may_hold(made, other) for other in others) < 40


VALUES = st.text(max_size=5) | st.sampled_from(['"node":"', '\\"node":"', "[", "{"])
PEOPLE_WITH_NODES = st.lists(st.lists(st.tuples(VALUES, st.binary(min_size=16, max_size=16)), max_size=4), max_size=6)


@given(PEOPLE_WITH_NODES, st.data())
def test_nodes_are_found_in_the_json_of_profiles(people, data):
    """Whatever values say: all nodes, and the rows of those that are asked for."""
    texts = [msgspec.json.encode([{"type": "t", "value": v, "node": n.hex()} for v, n in some]) for some in people]
    blank = {column.name: [None] * len(people) for column in PROFILE_CHANGE.columns}
    ids = [bytes([number]) * 16 for number in range(len(people))]
    stated = blank | {
        "sequence": ids and list(range(len(ids))),
        "person": ids,
        "identifiers": texts,
        "gone": [False] * len(ids),
    }
    rows = table(
        PROFILE_CHANGE,
        [stated[c.name] if any(v is not None for v in stated[c.name]) else None for c in PROFILE_CHANGE.columns],
    )
    everybody = {node for some in people for _, node in some} | set(ids)
    assert set(concerned.nodes(PROFILE_CHANGE.full_name, rows).to_pylist()) == everybody
    wanted = data.draw(st.frozensets(st.sampled_from([bytes(16), *sorted(everybody)]), max_size=3))
    found = concerned.concerned(PROFILE_CHANGE.full_name, rows, pa.array(sorted(wanted), pa.binary(16)))
    assert found.to_pylist() == [
        person in wanted or any(node in wanted for _, node in some) for person, some in zip(ids, people, strict=True)
    ]


@given(
    st.lists(st.lists(st.sampled_from([bytes([n]) * 16 for n in range(5)]), max_size=4), max_size=6), st.integers(0, 3)
)
def test_lists_lose_the_nodes_that_go(lists, skipped):
    """In parts of a table, too; the others stay in their order."""
    rows = table(
        EVENT.__class__("x", "y", (next(c for c in EVENT.columns if c.name == "nodes"),)),
        [[b"".join(some) for some in lists]],
    )
    gone = {bytes([1]) * 16, bytes([3]) * 16}
    left = concerned.without(rows["nodes"].slice(skipped), pa.array(sorted(gone), pa.binary(16)))
    assert [[node.bytes for node in some] for some in left.to_pylist()] == [
        [node for node in some if node not in gone] for some in lists[skipped:]
    ]


def test_of_no_rows_there_are_no_nodes():
    """An empty table, as a part of none may be."""
    assert len(concerned.nodes(EVENT.full_name, empty(EVENT))) == 0
    assert (
        len(concerned.concerned(PROFILE_CHANGE.full_name, empty(PROFILE_CHANGE), pa.array([bytes(16)], pa.binary(16))))
        == 0
    )
