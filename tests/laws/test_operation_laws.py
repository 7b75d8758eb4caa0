"""Operations: whatever arrives first, the profile shows what carrying them out in order of time gives."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.profiles.events import OPERATIONS, event

from onefold.model import Member, OperationStatement
from onefold.profiles import operations as folds
from onefold.profiles import state
from onefold.profiles.profile import view
from onefold.profiles.settings import ProfileSettings

SETTINGS = ProfileSettings()
FIELD = "n"
LISTED = [OperationStatement(FIELD, "append", "a"), OperationStatement(FIELD, "append", "b")]


@st.composite
def histories(draw, steps_max):
    """What is done to one field, in order of time: a value, a clear, or operations."""
    step = st.one_of(
        st.sampled_from([5, "x", ["a"], 0.5]).map(lambda v: {"traits": {FIELD: v}}),
        st.just({"cleared": (FIELD,)}),
        *[
            st.lists(OPERATIONS.filter(lambda o: o.field == FIELD), min_size=1, max_size=2).map(
                lambda ops: {"operations": tuple(ops)}
            )
        ]
        * 4,
    )
    return draw(st.lists(step, max_size=steps_max))


def carried_out(history):
    """The oracle: every step at its time, on what there is."""
    value = None
    for step in history:
        if "traits" in step:
            value = step["traits"][FIELD]
        if "cleared" in step:
            value = None
        for said in step.get("operations", ()):
            if said.verb == "add":
                if value is None or type(value) in (int, float):
                    total = Fraction(str(value or 0)) + Fraction(str(said.value))
                    value = int(total) if total.denominator == 1 else float(total)
                continue
            listed = value if isinstance(value, list) else [] if value is None else [value]
            if said.verb == "remove":
                value = [v for v in listed if (type(v), v) != (type(said.value), said.value)] or None
            elif said.verb.startswith("union") and said.value in listed:
                value = listed
            else:
                value = [said.value, *listed] if said.verb in ("prepend", "union_first") else [*listed, said.value]
    return value


def shown(events):
    member = Member(b"n" * 16, "user_id", 0, b"n" * 16, b"n" * 16)
    found = view(b"n" * 16, [(member, "u", events)], SETTINGS, 0, {}).attributes.get(FIELD)
    return None if found is None else found.winner.value


def assert_order_of_time(history, order):
    total = state.empty()
    for number in order:
        state.fold(total, event(number, 1_000 * (number + 1), **history[number]), SETTINGS)
    total = state.decode(state.encode(total))
    assert shown(total) == carried_out(history)


@settings(max_examples=150)
@given(st.data())
def test_they_are_carried_out_in_order_of_time(data):
    """On the value that stands, in any order of arrival."""
    history = data.draw(histories(9))
    assert_order_of_time(history, data.draw(st.permutations(range(len(history)))))


def test_a_list_from_which_all_is_taken_is_no_value():
    """So a number can be added to it, though nothing could be taken out of nothing."""
    taken = OperationStatement(FIELD, "remove", "a")
    assert_order_of_time([{"operations": (taken, adding(1))}], [0])


@settings(max_examples=40)
@given(st.lists(st.sampled_from([1, 2, 0.1, -3]), min_size=1, max_size=80), st.randoms(use_true_random=False))
def test_a_counter_is_exact_however_long_it_counts(amounts, random):
    """Beyond the operations that are kept one by one there is their sum."""
    history = [{"traits": {FIELD: 100}}] + [{"operations": (adding(amount),)} for amount in amounts]
    order = list(range(len(history)))
    random.shuffle(order)
    assert_order_of_time(history, order)


def adding(amount):
    return OperationStatement(FIELD, "add", amount)


@settings(max_examples=40)
@given(st.data())
def test_a_division_of_the_events_leaves_the_same_bytes(data):
    """Also where more are dropped than kept."""
    amounts = data.draw(st.lists(st.sampled_from([1, 0.1, -3]), min_size=2, max_size=70))
    events = [event(n, data.draw(st.integers(0, 5)), operations=(adding(a),)) for n, a in enumerate(amounts)]
    cut = data.draw(st.integers(0, len(events)))
    halves = [state.empty(), state.empty()]
    for number, one in enumerate(events):
        state.fold(halves[number >= cut], one, SETTINGS)
    whole = state.empty()
    for one in data.draw(st.permutations(events)):
        state.fold(whole, one, SETTINGS)
    assert state.encode(state.merge_same_node(*halves, SETTINGS)) == state.encode(whole)


def test_carrying_out_on_arrival_breaks_the_law(monkeypatch):
    """Negative control: with the order of arrival in place of the order of time, a late one counts on top."""
    monkeypatch.setattr(folds, "_order", lambda change: 0)
    history = [{"operations": (said,)} for said in LISTED]
    assert_order_of_time(history, [0, 1])
    with pytest.raises(AssertionError):
        assert_order_of_time(history, [1, 0])
