"""Promises about the identity graph: nodes, the components they form, evidence, judgements."""

from __future__ import annotations

import msgspec
import pytest
from tests.contracts.promise import promise
from tests.contracts.rows import (
    A,
    B,
    C,
    D,
    X,
    by_ends,
    edge,
    node,
    write,
)

from onefold.errors import IntegrityError
from onefold.model import Judgement, Member
from onefold.ports import NodeRow, Stamp


def by_id(member: Member) -> bytes:
    return member.id


@promise
def an_empty_store_answers_with_nothing(store):
    with store.snapshot() as seen:
        assert seen.offsets() == {}
        assert seen.nodes([A]) == {}
        assert seen.members([A]) == seen.edges([A]) == seen.judgements([A]) == seen.changes([A]) == []
        assert seen.timeline([A], before=None, limit=9) == seen.outbox(after=0, limit=9) == seen.tallies() == []
        assert seen.dead_letters(status=None, source=None, after=(-1, 0), limit=9) == []
        assert seen.people(after=b"", limit=9) == list(seen.scan()) == list(seen.scan_edges()) == []
        assert list(seen.scan_judgements()) == []
        assert seen.counts() == dict.fromkeys(("nodes", "people", "edges", "judgements", "dead_letters", "events"), 0)


@promise
def nodes_come_back_as_they_were_saved(store):
    rows = [
        node(A),
        node(B, person=A, component=A, type="phone", first_seen_us=-5, version=2**40),
        node(C, person=C, component=A, contested=True, state=b""),
        node(D, shared=True, contested=True),
    ]
    write(store, nodes=rows)
    with store.snapshot() as seen:
        assert seen.nodes([D, A, X, B, C, A]) == {row.member.id: row for row in rows}
        assert sorted(seen.scan(), key=lambda row: row.member.id) == rows


@promise
def a_saved_node_replaces_the_one_before(store):
    write(store, nodes=[node(A), node(B)])
    write(store, nodes=[node(A, person=B, version=2, state=b"other", first_seen_us=3)])
    with store.snapshot() as seen:
        assert seen.nodes([A])[A] == node(A, person=B, version=2, state=b"other", first_seen_us=3)
        assert seen.counts()["nodes"] == 2


@promise
def a_moved_node_keeps_its_state(store):
    write(store, nodes=[node(A), node(B, state=b"kept", version=4)])
    moved = Member(B, "email", 2, A, A, contested=True, shared=True)
    write(store, members=[moved])
    with store.snapshot() as seen:
        assert seen.nodes([B])[B] == NodeRow(moved, b"key of " + B, 4, b"kept")


@promise
def moving_a_node_that_was_never_saved_is_refused_whole(store):
    with pytest.raises(IntegrityError):
        write(store, nodes=[node(A)], members=[node(B).member], edges=[edge(A, B)])
    with store.snapshot() as seen:
        assert seen.nodes([A]) == seen.offsets() == {}


@promise
def members_are_all_nodes_of_the_components_asked_for(store):
    rows = [node(A), node(B, person=A), node(C, component=A, contested=True), node(D)]
    write(store, nodes=rows)
    with store.snapshot() as seen:
        assert {m.id for m in seen.members([A])} == {A, B, C}
        assert sorted(m.id for m in seen.members([D, A, A, X])) == [A, B, C, D]
    write(store, members=[Member(A, "email", 7, D, D), Member(C, "email", 7, C, C)])
    with store.snapshot() as seen:
        assert [m.id for m in seen.members([A])] == [B]
        assert {m.id for m in seen.members([D])} == {A, D}
        assert [m.id for m in seen.members([C])] == [C]


@promise
def a_person_is_read_without_the_rest_of_the_component(store):
    rows = [node(A), node(B, person=A), Member(C, "email", 7, C, A, True), Member(D, "phone", 3, C, A, True)]
    rows = [row if isinstance(row, NodeRow) else NodeRow(row, b"key", 2, b"state") for row in rows]
    write(store, nodes=rows)
    with store.snapshot() as seen:
        for asked, theirs in ((A, rows[:2]), (B, rows[:2]), (C, rows[2:]), (D, rows[2:])):
            place = seen.nodes([asked])[asked].member
            assert sorted(seen.person(place), key=by_id) == [row.member for row in theirs]
            assert len(seen.person(place, limit=1)) == 1
            assert len(seen.person(place, limit=9)) == 2
            stamps = {stamp.node: stamp for stamp in seen.stamps(place)}
            assert stamps == {
                row.member.id: Stamp(row.member.id, row.version, row.member.first_seen_us, row.member.shared)
                for row in theirs
            }
    write(
        store,
        nodes=[msgspec.structs.replace(rows[3], version=3)],
        members=[msgspec.structs.replace(rows[2].member, person=A)],
    )
    with store.snapshot() as seen:
        assert {m.id for m in seen.person(rows[0].member)} == {A, B, C}


@promise
def evidence_is_found_by_its_two_ends(store):
    evidence = [edge(A, B), edge(A, B, kind="record"), edge(C, A), edge(B, D)]
    write(store, edges=evidence)
    with store.snapshot() as seen:
        assert by_ends(seen.evidence([(A, B), (B, A), (A, C), (C, D), (A, X)])) == by_ends(evidence[:3])
        assert seen.evidence([]) == seen.evidence([(X, A)]) == []
    with store.transaction() as transaction:
        assert transaction.evidence([(D, B)]) == evidence[3:]


@promise
def evidence_that_leaves_has_one_end_outside(store):
    evidence = [edge(A, B), edge(B, C, kind="record"), edge(C, A), edge(B, D), edge(D, X)]
    write(store, edges=evidence)
    with store.snapshot() as seen:
        assert by_ends(seen.leaving([A, B, B])) == by_ends(evidence[1:4])
        assert by_ends(seen.leaving([D])) == by_ends(evidence[3:])
        assert seen.leaving([A, B, C, D, X]) == seen.leaving([]) == []


@promise
def bulk_look_ups_have_no_limit(store):
    names = [index.to_bytes(16, "big") for index in range(1, 2001)]
    write(store, nodes=[node(n, person=names[0]) for n in names], edges=[edge(names[0], n) for n in names[1:]])
    with store.snapshot() as seen:
        assert len(seen.nodes([*names, X])) == 2000
        assert len(seen.members(names)) == 2000
        assert len(seen.edges(names)) == 1999


@promise
def edges_touch_at_either_end_and_come_once(store):
    evidence = [edge(A, B), edge(B, C, kind="record"), edge(C, A, kind="scored", score=1.5, offset=9)]
    write(store, edges=evidence)
    with store.snapshot() as seen:
        assert by_ends(seen.edges([A])) == by_ends([evidence[0], evidence[2]])
        assert by_ends(seen.edges([A, B, C, A])) == by_ends(seen.scan_edges()) == by_ends(evidence)
        assert seen.edges([D]) == []
        assert seen.nodes([A, B, C]) == {}
        assert list(seen.scan()) == []
        assert seen.counts()["edges"] == 3


@promise
def of_one_pair_and_kind_the_earliest_evidence_is_kept(store):
    later, earlier = edge(A, B, at_us=9, event=A, offset=3), edge(A, B, at_us=4, event=C, offset=8)
    earliest = edge(A, B, at_us=4, event=B, offset=9)
    for evidence in ([later], [earlier, later], [earliest], [earlier, later]):
        write(store, edges=evidence)
    with store.snapshot() as seen:
        assert seen.edges([A]) == [earliest]
        assert seen.counts()["edges"] == 1


@promise
def of_scored_evidence_the_latest_is_kept(store):
    old, new = (edge(A, B, kind="scored", at_us=at, score=float(at), event=C) for at in (4, 9))
    newest = msgspec.structs.replace(new, event=D, score=-0.5)
    for evidence in ([new], [old], [newest, new], [old]):
        write(store, edges=evidence)
    with store.snapshot() as seen:
        assert seen.edges([B]) == [newest]


@promise
def scored_pairs_come_by_score_page_by_page_and_tell_whose_they_are(store):
    scores = {(A, B): 3.0, (A, C): 1.5, (B, C): 1.5, (C, D): 0.5, (A, D): None, (A, X): 2.0}
    write(
        store,
        nodes=[node(A), node(B, person=A), node(C), node(D, shared=True)],
        edges=[edge(a, b, kind="scored", score=score) for (a, b), score in scores.items()] + [edge(B, D)],
    )

    def listed(seen, *, joined, least=0.0, most=9.0, after=None, limit=9):
        found = seen.scored_pairs(joined=joined, least=least, most=most, after=after, limit=limit)
        return [(pair.edge.a, pair.edge.b, pair.edge.score, pair.person_a, pair.person_b) for pair in found]

    ac, bc = (A, C, 1.5, A, C), (B, C, 1.5, A, C)
    with store.snapshot() as seen:
        assert listed(seen, joined=True) == [(A, B, 3.0, A, A)]
        assert listed(seen, joined=False) == [ac, bc]
        assert listed(seen, joined=False, limit=1) == [ac]
        assert listed(seen, joined=False, after=(1.5, A, C)) == [bc]
        assert listed(seen, joined=False, after=(1.5, B, C)) == []
        assert listed(seen, joined=False, least=1.6) == listed(seen, joined=False, most=1.4) == []
        assert listed(seen, joined=False, least=1.5, most=1.5) == [ac, bc]
    write(store, nodes=[node(C, person=A)])
    with store.snapshot() as seen:
        assert listed(seen, joined=False) == []
        assert [a + b for a, b, *_ in listed(seen, joined=True)] == [A + B, A + C, B + C]


@promise
def kinds_and_directions_are_separate_evidence(store):
    evidence = [
        edge(A, B, kind=kind, score=0.25 if kind == "scored" else None)
        for kind in ("event", "record", "alias", "scored")
    ]
    evidence.append(edge(B, A))
    write(store, edges=evidence)
    with store.snapshot() as seen:
        assert by_ends(seen.edges([A])) == by_ends(evidence)


@promise
def judgements_are_kept_once_each_and_found_by_either_node(store):
    first = Judgement(b"1" * 16, "different", A, B, 5, "ann", "two sisters", 4)
    second = Judgement(b"2" * 16, "shared", B, None, 6, "ann")
    write(store, judgements=[first, second])
    write(store, judgements=[msgspec.structs.replace(first, verdict="same")])
    with store.snapshot() as seen:
        assert seen.judgements([A]) == [first]
        assert sorted(seen.judgements([A, B, B]), key=lambda j: j.id) == [first, second]
        assert sorted(seen.scan_judgements(), key=lambda j: j.id) == [first, second]
        assert seen.judgements([C]) == []
        assert seen.counts()["judgements"] == 2
