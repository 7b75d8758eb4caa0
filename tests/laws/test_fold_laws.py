"""Folds: any order, any division, any grouping of the same events leaves the same bytes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.profiles.events import SETTINGS, cleared_event_lists, crowded_event_lists, event, event_lists

from onefold.governance.consent import Spoken, allowed, decide
from onefold.model import Event
from onefold.profiles import sessions, state
from onefold.profiles.fullness import full
from onefold.profiles.person import combine_nodes
from onefold.profiles.state import NodeState
from onefold.profiles.survivorship import ranked, shown, size_class

Fold = Callable[[NodeState, Event], None]


def _fold(into: NodeState, event: Event) -> None:
    state.fold(into, event, SETTINGS)


def folded(events: Sequence[Event], fold: Fold = _fold) -> NodeState:
    """The events, one after the other."""
    total = state.empty()
    for one in events:
        fold(total, one)
    return total


def merge(a: NodeState, b: NodeState) -> NodeState:
    """Two parts of one node."""
    return state.merge_same_node(a, b, SETTINGS)


def assert_order_is_nothing(data: st.DataObject, fold: Fold) -> None:
    """The law: a permutation of the events leaves the same bytes."""
    events = data.draw(event_lists())
    shuffled = data.draw(st.permutations(events))
    assert state.encode(folded(events, fold)) == state.encode(folded(shuffled, fold))


def enumerated(states):
    """States, each with the id of a node."""
    return [(b"%d" % number, state) for number, state in enumerate(states)]


@given(st.data())
def test_any_order_of_events_leaves_the_same_bytes(data):
    """A state does not know in which order its events came."""
    assert_order_is_nothing(data, _fold)


@given(st.data())
def test_any_division_of_events_leaves_the_same_bytes(data):
    """Folding event by event equals folding parts and merging them, in whatever grouping, stored in between or not."""
    events = data.draw(st.permutations(data.draw(event_lists())))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=4)))
    parts = [folded(events[a:b]) for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)]
    parts = data.draw(st.permutations([state.decode(state.encode(p)) for p in parts]))
    whole = state.encode(folded(events))
    assert state.encode(functools.reduce(merge, parts)) == whole
    assert state.encode(functools.reduce(lambda a, b: merge(b, a), reversed(parts))) == whole


@given(crowded_event_lists(), st.data())
def test_what_is_dropped_would_be_dropped_in_any_order(events, data):
    """Values beyond the limit fall out, and come back when stated again, the same way in any order and division."""
    shuffled = data.draw(st.permutations(events))
    cut = data.draw(st.integers(0, len(events)))
    whole = state.encode(folded(events))
    assert state.encode(folded(shuffled)) == whole
    assert state.encode(merge(folded(shuffled[:cut]), folded(shuffled[cut:]))) == whole


@given(crowded_event_lists())
def test_the_winner_among_what_is_kept_is_the_winner_of_all(events):
    """Bounding what is kept never changes what is shown, and the best of each source are what stays."""
    unbounded = msgspec.structs.replace(SETTINGS, candidates_kept=1_000)
    everything = state.empty()
    for one in events:
        state.fold(everything, one, unbounded)
    for field, kept in folded(events).attributes.items():
        rule, all_stated = SETTINGS.rule_for(field), everything.attributes[field]
        assert ranked(kept, rule)[0] == ranked(all_stated, rule)[0]
        if rule.strategy != "most_frequent":
            for source in ("web", "crm"):
                best = ranked([c for c in all_stated if c.source == source], rule)[: SETTINGS.candidates_kept]
                held = ranked([c for c in kept if c.source == source], rule)
                assert held[: SETTINGS.candidates_kept] == best
                assert len(held) <= 2 * SETTINGS.candidates_kept


def what_is_shown(total: NodeState) -> dict[str, list[object]]:
    """The values of each field, the winner first."""
    return {
        field: [
            (c.value, c.source)
            for c in shown(
                total.attributes.get(field, []), total.once.get(field), total.cleared.get(field, {}),
                SETTINGS.rule_for(field),
            )
        ]
        for field in total.attributes.keys() | total.once.keys()
    }  # fmt: skip


def value_by_definition(events: Sequence[Event]) -> object:
    """What a field shows, from all statements at once: no clear after it, plain before once, the rule, the earliest."""
    (field,) = {f for e in events for f in (*e.traits, *e.traits_once, *e.cleared)}
    rule = SETTINGS.rule_for(field)

    def rank(source: str) -> int:
        if rule.strategy != "source_rank":
            return 0
        return -rule.sources.index(source) if source in rule.sources else -len(rule.sources)

    def cleared(e: Event) -> bool:
        return any(
            field in c.cleared and (c.timestamp_us, c.id) >= (e.timestamp_us, e.id) and rank(c.source) >= rank(e.source)
            for c in events
        )

    def merit(e: Event) -> int:
        value = e.traits[field]
        if rule.strategy == "longest":
            return len(value) if isinstance(value, str) else len(msgspec.json.encode(value))
        if rule.strategy == "most_complete":
            return len(value) if isinstance(value, dict) else 1
        if rule.strategy == "latest_engagement":
            return e.name == "Order Completed"
        return rank(e.source)

    standing = [e for e in events if not cleared(e)]
    plain = [e for e in standing if field in e.traits]
    if plain:
        return max(plain, key=lambda e: (merit(e), e.timestamp_us, e.id)).traits[field]
    once = [e for e in standing if field in e.traits_once]
    return min(once, key=lambda e: (e.timestamp_us, e.id)).traits_once[field] if once else None


@given(cleared_event_lists(), st.data())
def test_a_clear_takes_away_what_came_before_it_and_nothing_else(events, data):
    """What is shown is what the definition says of all statements, in any order and any division into nodes."""
    unbounded = msgspec.structs.replace(SETTINGS, candidates_kept=100)
    shuffled = data.draw(st.permutations(events))
    cut = data.draw(st.integers(0, len(events)))
    parts = []
    for some in (shuffled[:cut], shuffled[cut:]):
        part = state.empty()
        for one in some:
            state.fold(part, one, unbounded)
        parts.append(part)
    (found,) = what_is_shown(combine_nodes(enumerated(parts), unbounded).total).values() or [[]]
    expected = value_by_definition(events)
    assert (found[0][0] if found else None) == expected


@given(cleared_event_lists())
def test_bounding_never_brings_a_cleared_value_back(events):
    """Of what is kept only values are shown that stand, and where any stands, one is shown."""
    (found,) = what_is_shown(folded(events)).values() or [[]]
    unbounded = msgspec.structs.replace(SETTINGS, candidates_kept=100)
    everything = state.empty()
    for one in events:
        state.fold(everything, one, unbounded)
    (whole,) = what_is_shown(everything).values() or [[]]
    assert set(map(repr, found)) <= set(map(repr, whole))
    assert bool(found) == bool(whole)


@given(event_lists(4), event_lists(4, first=100))
def test_a_merge_and_a_split_leave_each_side_what_it_said(left, right):
    """Combining two nodes shows what both said; each node alone shows what it showed before."""
    a, b = folded(left), folded(right)
    before = what_is_shown(a), what_is_shown(b)
    both = combine_nodes(enumerated([a, b]), SETTINGS).total
    assert what_is_shown(both) == what_is_shown(combine_nodes(enumerated([b, a]), SETTINGS).total)
    assert (what_is_shown(a), what_is_shown(b)) == before
    for group_type in both.groups:
        assert set(both.groups[group_type]) == set(a.groups.get(group_type, {})) | set(b.groups.get(group_type, {}))


@given(event_lists())
def test_folding_is_lifting_and_merging(events):
    """fold(s, e) is merge(s, lift(e))."""
    by_merging = functools.reduce(merge, [state.lift(e, SETTINGS) for e in events], state.empty())
    assert state.encode(folded(events)) == state.encode(by_merging)


@given(event_lists(), event_lists(first=100))
def test_merging_leaves_its_arguments_alone(left, right):
    """A merged state shares nothing that a later fold could change."""
    a, b = folded(left), folded(right)
    before = state.encode(a), state.encode(b)
    merged = merge(a, b)
    for one in [*left, *right]:
        _fold(merged, one)
    assert (state.encode(a), state.encode(b)) == before


@given(event_lists())
def test_a_state_survives_being_written(events):
    """Decoding what was encoded gives the state, and encoding that gives the bytes."""
    total = folded(events)
    again = state.decode(state.encode(total))
    assert again == msgspec.structs.replace(total, computed=again.computed)  # what was added to is decoded
    assert state.encode(again) == state.encode(total)


@given(st.data())
def test_a_person_is_the_same_whatever_the_order_of_nodes(data):
    """Combining nodes in another order changes neither sums nor what is allowed."""
    nodes = [folded(data.draw(event_lists(6, first=100 * n))) for n in range(data.draw(st.integers(1, 4)))]
    named = enumerated(nodes)
    one, other = combine_nodes(named, SETTINGS), combine_nodes(data.draw(st.permutations(named)), SETTINGS)
    for field, candidates in one.total.attributes.items():
        rule = SETTINGS.rule_for(field)
        assert ranked(candidates, rule)[0] == ranked(other.total.attributes[field], rule)[0]
    one.total.consents = other.total.consents = {}
    assert state.encode(one.total) == state.encode(other.total)
    assert [one.consent(p) for p in one.purposes()] == [other.consent(p) for p in other.purposes()]


@given(st.lists(st.integers(0, 400), max_size=30), st.integers(1, 40), st.data())
def test_sessions_are_the_chains_of_all_moments(moments, gap, data):
    """Whatever the order and division, sessions equal those found by sorting every moment."""
    chains: list[list[int]] = []
    for moment in sorted(moments):
        if chains and moment - chains[-1][-1] <= gap:
            chains[-1].append(moment)
        else:
            chains.append([moment])
    left, right = b"", b""
    for moment in data.draw(st.permutations(moments)):
        if data.draw(st.booleans()):
            left = sessions.extended(left, moment, gap)
        else:
            right = sessions.extended(right, moment, gap)
    both = sessions.union([left, right], gap)
    assert both == b"".join(sessions._INTERVAL.pack(c[0], c[-1]) for c in chains)
    assert sessions.count(both) == len(chains)


@given(event_lists(20), st.integers(1, 6))
def test_visits_put_aside_while_a_batch_is_folded_change_nothing(events, size):
    """However few visits are too many to copy with each event, the state is the same."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(state, "_VISITS_FEW", 0)
        total = state.empty()
        for start in range(0, len(events), size):
            held = state.put_visits_aside(total)
            for one in events[start : start + size]:
                state.fold(total, one, SETTINGS)
            state.add_visits(total, held, SETTINGS)
    assert state.encode(total) == state.encode(folded(events))


def assert_a_cut_commutes(data: st.DataObject, cut: Callable[[bytes], bytes]) -> None:
    """The law: cutting after each moment leaves what cutting once at the end leaves, in any order and division."""
    moments = data.draw(st.lists(st.integers(0, 120), max_size=20))
    whole = b""
    for moment in moments:
        whole = sessions.extended(whole, moment, 10)
    left, right = b"", b""
    for moment in data.draw(st.permutations(moments)):
        if data.draw(st.booleans()):
            left = cut(sessions.extended(left, moment, 10))
        else:
            right = cut(sessions.extended(right, moment, 10))
    assert cut(sessions.union([left, right], 10)) == cut(whole)


@given(st.data(), st.integers(2, 9))
def test_what_is_cut_from_sessions_would_be_cut_in_any_order(data, slices):
    """And no more is kept than was to be."""
    assert_a_cut_commutes(data, lambda held: sessions.latest(held, slices, 10))


def test_keeping_the_latest_sessions_breaks_the_law():
    """Negative control: sessions merge, so which are the last four depends on what came before the cut."""
    law = settings(derandomize=True, database=None, phases=[Phase.generate], max_examples=1_000)(
        given(st.data())(lambda data: assert_a_cut_commutes(data, lambda held: held[-4 * sessions.SIZE :]))
    )
    with pytest.raises(AssertionError):
        law()


@given(event_lists(20))
def test_nothing_grows_beyond_its_limit(events):
    """Values of each size, visits, purposes, currencies."""
    total, most = folded(events), SETTINGS.limits
    sizes = [size_class(f, c.value) for f, held in total.attributes.items() for c in held]
    # Where the best value of a field may be older than a clear, its latest is kept as well.
    assert all(sizes.count(n) <= 2 * limit for n, limit in enumerate(most.candidates))
    assert sum(len(once.first) for once in total.once.values()) <= most.once
    assert (
        sum(len(group.traits) for of_type in total.groups.values() for group in of_type.values()) <= most.group_traits
    )
    assert sessions.count(total.sessions) <= most.session_slices
    assert len(total.revenue) <= most.currencies + 1
    assert len(total.consents) <= most.purposes + 2


@given(event_lists(20), st.sampled_from(["email", "sms", "ads", "analytics", "post", "calls"]))
def test_what_is_not_kept_of_consent_is_never_granted(events, purpose):
    """A node that drops purposes allows nothing that it would not allow with all of them."""
    kept, whole = Spoken(b"a", folded(events).consents), Spoken(b"a", kept_whole(events).consents)
    if decide([kept], purpose) != decide([whole], purpose):
        assert not allowed([kept], purpose)


def kept_whole(events: Sequence[Event]) -> NodeState:
    """The events folded with room for everything."""
    total, roomy = state.empty(), msgspec.structs.replace(SETTINGS, state_bytes=1 << 24)
    for one in events:
        state.fold(total, one, roomy)
    return total


@given(event_lists(20))
def test_what_is_not_kept_is_told(events):
    """Whatever a state lacks that one with room for everything has, the profile says of which kind it is."""
    assert_told(events, lambda total: full(total, (Spoken(b"a", total.consents, total.about),), SETTINGS))


def assert_told(events: Sequence[Event], told: Callable[[NodeState], Sequence[str]]) -> None:
    kept, whole = folded(events), kept_whole(events)
    # What alone is too large is told by gate 1 (`tests/ingest/test_traits.py`), and is in neither state.
    lost = {
        "traits": kept.attributes != whole.attributes,
        "consents": kept.consents != whole.consents,
        "traits_once": kept.once != whole.once,
        "cleared": kept.cleared != whole.cleared,
        "operations": kept.operations != whole.operations,
        "groups": kept.groups != whole.groups,
        "sessions": kept.sessions != whole.sessions,
        "currencies": kept.revenue != whole.revenue,
    }
    assert {name for name, is_lost in lost.items() if is_lost} <= set(told(kept))


@pytest.mark.parametrize("kind", ["traits", "consents", "traits_once", "cleared", "operations", "groups", "sessions"])
def test_a_kind_that_is_forgotten_is_noticed(kind):
    """Negative control: each kind of thing is lost in some example."""

    def but_one(total: NodeState) -> list[str]:
        return [name for name in full(total, (Spoken(b"a", total.consents, total.about),), SETTINGS) if name != kind]

    law = settings(derandomize=True, database=None, phases=[Phase.generate], max_examples=1_000)(
        given(event_lists(20))(lambda events: assert_told(events, but_one))
    )
    with pytest.raises(AssertionError):
        law()


@given(event_lists(8), event_lists(8, first=100))
def test_a_merge_never_widens_consent(left, right):
    """Where a side denies, the merged person denies; where they allow, a side did. Whole-person statements aside."""
    a, b = Spoken(b"a", _own_consents(left)), Spoken(b"b", _own_consents(right))
    for purpose in ("email", "sms", "unheard of"):
        sides = [decide([a], purpose), decide([b], purpose)]
        if allowed([a, b], purpose):
            assert all(s is None or s.granted for s in sides)
            assert any(s is not None for s in sides)


@given(st.data())
def test_consent_does_not_depend_on_the_order_of_nodes(data):
    """Whole-person statements included."""
    nodes = [Spoken(b"%d" % n, folded(data.draw(event_lists(4, first=100 * n))).consents) for n in range(3)]
    shuffled = data.draw(st.permutations(nodes))
    for purpose in ("email", "sms", "all"):
        assert decide(nodes, purpose) == decide(shuffled, purpose)


def _own_consents(events):
    return {
        purpose: type(register)(own=register.own)
        for purpose, register in folded(events).consents.items()
        if register.own is not None
    }


def _last_arrival_wins(into: NodeState, event: Event) -> None:
    before = dict(into.attributes)
    _fold(into, event)
    for field, held in into.attributes.items():
        if before.get(field) != held:
            into.attributes[field] = [c for c in held if c.event == event.id] or held


def _last_statement_to_arrive_wins(into: NodeState, event: Event) -> None:
    into.consents = {p: r for p, r in into.consents.items() if p not in {c.purpose for c in event.consents}}
    _fold(into, event)


def _counts_sessions_as_they_come(into: NodeState, event: Event) -> None:
    held, at_us = into.sessions, event.timestamp_us
    _fold(into, event)
    gap = abs(at_us - into.last_us) > SETTINGS.session_gap_us
    into.sessions = held + sessions._INTERVAL.pack(at_us, at_us) if gap or not held else held


def _keeps_the_first_fields_to_arrive(into: NodeState, event: Event) -> None:
    before = set(into.attributes)
    _fold(into, event)
    if len(before) >= 4:
        into.attributes = {field: held for field, held in into.attributes.items() if field in before}


def _adds_floats(into: NodeState, event: Event) -> None:
    before = float(into.revenue.get("USD", 0))
    _fold(into, event)
    if "USD" in into.revenue and isinstance(event.properties["revenue"], float):
        into.revenue["USD"] = type(into.revenue["USD"])(repr(before + event.properties["revenue"]))


def _keeps_the_first_to_arrive(into: NodeState, event: Event) -> None:
    before = dict(into.attributes)
    _fold(into, event)
    for field, held in into.attributes.items():
        if len(before.get(field, ())) == SETTINGS.candidates_kept and len(held) == SETTINGS.candidates_kept:
            into.attributes[field] = before[field]


def _clears_what_is_there_and_forgets(into: NodeState, event: Event) -> None:
    _fold(into, event)
    into.attributes = {f: held for f, held in into.attributes.items() if f not in event.cleared}
    into.cleared = {}


def _once_by_arrival(into: NodeState, event: Event) -> None:
    before = dict(into.once)
    _fold(into, event)
    into.once = into.once | before


def _last_named_group_wins(into: NodeState, event: Event) -> None:
    before = dict(into.groups)
    _fold(into, event)
    for statement in event.groups:
        of_type = dict(into.groups.get(statement.type, {}))
        if before.get(statement.type, {}).get(statement.id) is not None:
            of_type[statement.id] = state.lift(event, SETTINGS).groups[statement.type][statement.id]
            into.groups = {**into.groups, statement.type: of_type}


@pytest.mark.parametrize(
    "planted",
    [
        _clears_what_is_there_and_forgets,
        _once_by_arrival,
        _last_named_group_wins,
        _last_arrival_wins,
        _last_statement_to_arrive_wins,
        _counts_sessions_as_they_come,
        _keeps_the_first_to_arrive,
        _keeps_the_first_fields_to_arrive,
    ],
)
def test_a_naive_fold_breaks_the_law(planted):
    """Negative control: folds that go by arrival are found out, on the same examples every time."""
    # Finding is enough: to shrink what was meant to be found takes minutes.
    law = settings(derandomize=True, database=None, phases=[Phase.generate])(
        given(st.data())(lambda data: assert_order_is_nothing(data, planted))
    )
    with pytest.raises(AssertionError):
        law()


def test_adding_floats_breaks_the_law():
    """Negative control: 0.1 + 0.2 + 0.3 is another float backwards. The true fold bears the same events."""
    orders = [event(n, n, name="Order Completed", properties={"revenue": r}) for n, r in enumerate([0.1, 0.2, 0.3])]
    assert state.encode(folded(orders)) == state.encode(folded(orders[::-1]))
    assert state.encode(folded(orders, _adds_floats)) != state.encode(folded(orders[::-1], _adds_floats))


def test_a_union_of_nodes_by_last_word_would_widen_consent():
    """Negative control: joining nodes as if they were one lets one node's yes outvote the other's no."""
    refused = folded([event(1, 1, consents={"email": False})])
    granted = folded([event(2, 2, consents={"email": True})])
    assert allowed([Spoken(b"a", merge(refused, granted).consents)], "email")
    assert not combine_nodes([(b"a", refused), (b"b", granted)], SETTINGS).consent("email").granted
