"""The solver gives what its definition says, whatever the order, and nothing that naive resolvers would give."""

from fractions import Fraction
from random import Random
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import Phase, assume, find, given, settings
from hypothesis import strategies as st

from onefold.identity import constraints, groups, linkage, solver
from onefold.identity.constraints import violation
from onefold.identity.settings import IdentitySettings, IdentityType
from onefold.identity.solver import solve
from onefold.model import Edge, Judgement, Member

# Tight limits and short windows, so that a handful of nodes meets every rule.
RULES = IdentitySettings(
    types={
        kind.name: kind
        for kind in (
            IdentityType("user_id", 100, limit=1),
            IdentityType("donor_id", 90, unique=True),
            IdentityType("email", 80, limit=2, shared_after=2),
            IdentityType("crm_id", 60),
            IdentityType("cookie", 10, limit=2, window_us=10, shared_after=3),
        )
    },
    join_from=0.62,  # an average of 0.49 in log odds
    review_from=0.55,
    contradiction_below=0.01,
)
CONTRADICTION = -4.0


EXACT = ("event", "event", "record", "alias")
EVIDENCE = (*EXACT, "scored", "scored")


class Case(NamedTuple):
    """A small evidence graph."""

    members: list[Member]
    edges: list[Edge]
    judgements: list[Judgement]


def node(number):
    return bytes([number]) * 16


def edge(a, b, kind="event", at_us=0, event=b"e", score=None):
    """Evidence between two members, the weaker one first."""
    strength = {m.id: RULES.priority(m.type) for m in (a, b)}
    low, high = sorted((a.id, b.id), key=lambda i: (strength[i], i))
    return Edge(low, high, kind, min(strength.values()), at_us, event, "web", "r/1", score)


@st.composite
def cases(draw, *, judged=True, evidence=EVIDENCE, types=tuple(RULES.types), nodes_max=8):
    """Up to eight nodes with every kind of evidence and judgement, ties in time included."""
    kinds = draw(st.lists(st.sampled_from(types), min_size=2, max_size=nodes_max))
    members = [
        # The solver must not read what an earlier answer left behind.
        Member(node(n), kind, draw(st.integers(0, 25)), node(99), node(98), contested=True)
        for n, kind in enumerate(kinds)
    ]
    pairs = st.lists(st.sampled_from(members), min_size=2, max_size=2, unique_by=lambda m: m.id)
    edges = {}
    for n in range(draw(st.integers(1, 2 * nodes_max))):
        kind = draw(st.sampled_from(evidence))
        score = draw(st.sampled_from([None, -20.0, -7.0, -0.5, 0.0, 0.5, 1.0, 4.0, 9.0])) if kind == "scored" else None
        made = edge(*draw(pairs), kind, draw(st.integers(0, 3)), bytes([n % 5]) * 16, score)
        edges[made.a, made.b, kind] = made
    judgements = []
    for n in range(draw(st.integers(0, 5)) if judged else 0):
        verdict = draw(
            st.sampled_from(["same", "same", "different", "different", "unsure", "withdrawn", "shared", "not_shared"])
        )
        a, b = sorted(m.id for m in draw(pairs))
        single = verdict in {"shared", "not_shared"} or (verdict == "withdrawn" and draw(st.booleans()))
        judgements.append(Judgement(node(200 + n), verdict, a, None if single else b, draw(st.integers(0, 3)), "ann"))
    return Case(members, list(edges.values()), judgements)


def answer(case, resolver=solve):
    return {m.id: (m.person, m.component, m.contested, m.shared) for m in resolver(*case, RULES).members}


# ── the oracle: the definition, written down with no thought of speed ──


def oracle(case):  # noqa: C901  a definition is read in one piece
    """Who is who, by the definition: groups are sets, and everything is counted anew at every step."""
    member = {m.id: m for m in case.members}
    priority = {i: RULES.priority(m.type) for i, m in member.items()}

    def subject(j):
        return frozenset({j.a, j.b})

    telling = [j for j in case.judgements if j.verdict != "unsure"]
    stands = [
        j for j in telling if not any(subject(k) == subject(j) and (k.offset, k.id) > (j.offset, j.id) for k in telling)
    ]
    stands.sort(key=lambda j: (j.offset, j.id))
    exact = [e for e in case.edges if e.kind != "scored"]

    def is_shared(i):
        if any(j.verdict in {"shared", "not_shared"} and j.a == i for j in stands):
            return any(j.verdict == "shared" and j.a == i for j in stands)
        around = {e.a if e.b == i else e.b for e in exact if i in (e.a, e.b)}
        enough = RULES.type(member[i].type).shared_after
        return enough is not None and any(
            sum(member[o].type == single for o in around) >= enough for single in ("user_id", "donor_id")
        )

    free = {i for i in member if not is_shared(i)}
    apart = [subject(j) for j in stands if j.verdict == "different"]
    same = [(j.a, j.b) for j in stands if j.verdict == "same" and {j.a, j.b} <= free]
    exact = [e for e in exact if {e.a, e.b} <= free]
    scored = [e for e in case.edges if e.kind == "scored" and {e.a, e.b} <= free]

    contradicting = [{e.a, e.b} for e in scored if e.score is not None and e.score < CONTRADICTION]

    def may_join(one, other, *, judged, shareable=False):
        union = one | other
        if shareable and any(pair & one and pair & other for pair in contradicting):
            return False
        if any(pair <= union and pair & one and pair & other for pair in apart):
            return False
        for kind in RULES.types.values():
            mine, theirs = ({i for i in side if member[i].type == kind.name} for side in (one, other))
            if kind.unique and mine and theirs:
                return False
            if judged or kind.limit is None:
                continue
            for start in (member[i].first_seen_us for i in mine | theirs):
                width = float("inf") if kind.window_us is None else kind.window_us
                end = start + width
                seen = {i for i in mine | theirs if start <= member[i].first_seen_us < end or kind.window_us is None}
                if len(seen) > kind.limit and seen & mine and seen & theirs:
                    return False
        return True

    people = {frozenset({i}) for i in free}

    def group_of(i):
        return next(g for g in people if i in g)

    def try_join(a, b, *, judged=False, shareable=False):
        one, other = group_of(a), group_of(b)
        if one != other and may_join(one, other, judged=judged, shareable=shareable):
            people.difference_update({one, other})
            people.add(one | other)

    for a, b in same:
        try_join(a, b, judged=True)
    for e in sorted(exact, key=lambda e: (-e.strength, e.at_us, e.event, e.a, e.b, e.kind)):
        on_purpose = e.kind == "alias" and member[e.a].type == member[e.b].type
        several = any(RULES.type(member[i].type).shared_after is not None for i in (e.a, e.b))
        try_join(e.a, e.b, judged=on_purpose, shareable=several and not on_purpose)
    while True:
        offers = []
        for one in people:
            for other in people:
                between = [e for e in scored if {e.a, e.b} & one and {e.a, e.b} & other and e.score is not None]
                if min(one) < min(other) and between and may_join(one, other, judged=False):
                    average = Fraction(sum(Fraction(min(6, max(-12, e.score))) for e in between), len(between))
                    offers.append((-average, min(one), min(other)))
        if not offers or -min(offers)[0] <= RULES.joins_above:
            break
        try_join(*min(offers)[1:])

    def oldest(nodes):
        return min(nodes, key=lambda i: (member[i].first_seen_us, -priority[i], i))

    whole = {i: {i} for i in free}
    for _ in free:
        for a, b in [*same, *((e.a, e.b) for e in exact), *((e.a, e.b) for e in scored if e.score is not None)]:
            joined = whole[a] | whole[b]
            whole.update(dict.fromkeys(joined, joined))
    result = {i: (i, i, False, True) for i in member.keys() - free}
    for i in free:
        person, component = oldest(group_of(i)), oldest(whole[i])
        result[i] = (person, component, any(group_of(o) != group_of(i) for o in whole[i]), False)
    return result


@settings(max_examples=200, deadline=None)
@given(cases())
def test_solver_equals_its_definition(case):
    """On small graphs with every feature, the solver answers what the brute-force oracle does."""
    assert answer(case) == oracle(case)


@settings(max_examples=150, deadline=None)
@given(cases(nodes_max=12), st.randoms(use_true_random=False))
def test_order_of_input_changes_nothing(case, chance):
    """The whole solution, accounts of evidence included, is the same for any order of nodes, edges and judgements."""
    shuffled = Case(*(chance.sample(part, len(part)) for part in case))
    assert solve(*shuffled, RULES) == solve(*case, RULES)


@settings(max_examples=100, deadline=None)
@given(cases(nodes_max=10))
def test_components_do_not_concern_each_other(case):
    """Solving each component by itself gives what solving all of them at once gives."""
    at_once = {m.id: m for m in solve(*case, RULES).members}
    for component in {m.component for m in at_once.values() if not m.shared}:
        part = [m for m in case.members if not at_once[m.id].shared and at_once[m.id].component == component]
        for m in solve(part, case.edges, case.judgements, RULES).members:
            assert m == at_once[m.id]


@settings(max_examples=100, deadline=None)
@given(cases(nodes_max=10), st.data())
def test_withdrawing_a_split_restores_exactly(case, data):
    """`different` and then `withdrawn` leaves the solution as it was before."""
    pair = sorted(
        data.draw(st.lists(st.sampled_from([m.id for m in case.members]), min_size=2, max_size=2, unique=True))
    )
    assume(not any({j.a, j.b} == set(pair) for j in case.judgements))
    split = Judgement(node(240), "different", *pair, 10, "ann")
    undone = Judgement(node(241), "withdrawn", *pair, 11, "ann")
    with_split = solve(case.members, case.edges, [*case.judgements, split], RULES)
    persons = {m.id: m.person for m in with_split.members}
    assert persons[pair[0]] != persons[pair[1]]
    assert solve(case.members, case.edges, [undone, *case.judgements, split], RULES) == solve(*case, RULES)


@settings(max_examples=150, deadline=None)
@given(cases(judged=False, evidence=EXACT))
def test_a_component_within_its_limits_is_one_person(case):
    """Limits are upper bounds: where the whole keeps them no join can break one, so nobody need ask the solver."""
    placed = solve(*case, RULES).members
    for component in {m.component for m in placed if not m.shared}:
        whole = [m for m in placed if m.component == component]
        if violation(whole, RULES) is None:
            assert {(m.person, m.contested) for m in whole} == {(component, False)}


@settings(max_examples=100, deadline=None)
@given(cases(judged=False, evidence=EXACT), st.data())
def test_more_evidence_inside_a_clean_component_changes_nothing(case, data):
    """A component within its limits stays as it is when two of its nodes are seen together once more."""
    placed = solve(*case, RULES).members
    component = data.draw(st.sampled_from(sorted({m.component for m in placed if not m.shared})))
    whole = [m for m in placed if m.component == component]
    assume(len(whole) > 1 and violation(whole, RULES) is None)
    pair = data.draw(st.lists(st.sampled_from(whole), min_size=2, max_size=2, unique_by=lambda m: m.id))
    more = edge(*pair, "event", data.draw(st.integers(-5, 5)), b"more")
    assert solve(case.members, [*case.edges, more], [], RULES).members == placed


@settings(max_examples=100, deadline=None)
@given(cases(nodes_max=10))
def test_every_piece_of_evidence_is_accounted_for(case):
    """Each edge is accepted within one person or refused with an obstacle between two, never both, never neither."""
    solution = solve(*case, RULES)
    person = {m.id: m.person for m in solution.members}
    refused = [r.evidence for r in solution.refused]
    assert sorted(map(id, (e for e in [*solution.accepted, *refused] if isinstance(e, Edge)))) == sorted(
        map(id, (e for e in case.edges if solver.stands(e)))
    )
    assert all(person[e.a] == person[e.b] for e in solution.accepted)
    assert all(person[e.a] != person[e.b] for e in refused)


# ── negative controls: what is naive, or broken, must not pass for the solver ──


def union_of_everything(members, edges, judgements, rules):
    """What exact stitching without rules does."""
    parts = groups.Partition(m.id for m in members)
    for e in edges:
        a, b = parts.root(e.a), parts.root(e.b)
        if a != b:
            parts.join(a, b)
    return solver.Solution([msgspec.structs.replace(m, person=parts.root(m.id)) for m in members], [], [])


def first_come_first_served(members, edges, judgements, rules):
    """Limits kept, but in the order of arrival."""
    parts = groups.Groups(members, rules)
    for e in edges:
        solver._join(parts, e.a, e.b)
    return solver.Solution([msgspec.structs.replace(m, person=parts.root(m.id)) for m in members], [], [])


def who_is_together(case, resolver):
    """The partition alone, whatever its parts are called."""
    parts = {}
    for m in resolver(*case, RULES).members:
        parts.setdefault(m.person, set()).add(m.id)
    return {frozenset(p) for p in parts.values()}


def caught(condition, strategy):
    """Whether the law's own generator finds a case that shows the difference."""
    looking = settings(max_examples=3_000, database=None, deadline=None, phases=[Phase.generate])
    return find(strategy, condition, settings=looking, random=Random(7)) is not None


@pytest.mark.parametrize("naive", [union_of_everything, first_come_first_served])
def test_naive_resolvers_fail_the_definition(naive):
    """Joining everything, or in the order of arrival, gives other people than the definition."""
    plain = cases(judged=False, evidence=EXACT)
    assert caught(lambda case: who_is_together(case, naive) != who_is_together(case, solve), plain)


def test_order_of_arrival_fails_the_order_law():
    """Keeping the limits is not enough: served in order of arrival, the same evidence gives other people."""

    def differs(case):
        backwards = case._replace(edges=case.edges[::-1])
        return who_is_together(case, first_come_first_served) != who_is_together(backwards, first_come_first_served)

    assert caught(differs, cases(judged=False, evidence=EXACT))


def _latest_sighting_first(edge):
    return (-edge.strength, -edge.at_us, edge.event, edge.a, edge.b, edge.kind)


def _weakest_first(edge):
    return (edge.strength, edge.at_us, edge.event, edge.a, edge.b, edge.kind)


def _count_only(a, b, name, rules):
    limit = rules.type(name).limit
    return limit is not None and len(a) + len(b) > limit


def _join_within_limits(parts, a, b, *, judged=False, shareable=False):
    one, other = parts.root(a), parts.root(b)
    if one != other and parts.obstacle(one, other, shareable=shareable) is None:
        parts.join(one, other)


PLANTED = {
    "no limits": (constraints, "_join_exceeds", lambda *_: False),
    "windows ignored": (constraints, "_join_exceeds", _count_only),
    "unique types ignored": (constraints, "unique_obstacle", lambda *_: None),
    "refusals by people ignored": (groups.Groups, "part", lambda *_: None),
    "nothing is shared": (solver, "_shared", lambda *_: {}),
    "latest evidence first": (solver, "_order", _latest_sighting_first),
    "weakest evidence first": (solver, "_order", _weakest_first),
    "scores unclipped for": (linkage, "CLIP_FOR", 100.0),
    "scores against clipped like those for": (linkage, "CLIP_AGAINST", -6.0),
    "scores ignored": (solver, "join_scored", lambda *_, above: None),
    "contradictions ignored": (groups.Groups, "contradict", lambda *_: None),
    "contradictions keep everything apart": (solver, "may_be_shared", lambda *_: True),
    "scores join from zero": (solver, "join_scored", lambda parts, edges, above: linkage.join_scored(parts, edges)),
    "what was taken back connects": (solver, "stands", lambda _: True),
    "an alias keeps limits": (solver, "lifts_limits", lambda one, *_: isinstance(one, Judgement)),
    "judgements keep limits": (solver, "_join", _join_within_limits),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_planted_bugs_are_caught(bug, monkeypatch):
    """Each rule of the solver, taken out, makes the comparison with the oracle red."""
    monkeypatch.setattr(*PLANTED[bug])
    by_score = cases(judged=False, evidence=("scored",), types=("crm_id",))
    strategy = by_score if bug.startswith("scores") else cases()
    assert caught(lambda case: answer(case) != oracle(case), strategy)
