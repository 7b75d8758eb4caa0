"""Assumed times: what was stated at a time that could not be read does not win over what has a known time."""

from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.ingest import gate
from onefold.ingest.settings import IngestSettings
from onefold.model import Accepted, Event, LogEntry
from onefold.profiles import answer
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.state import NodeState, fold
from onefold.profiles.survivorship import ranked

NOW = 1_767_225_600_000_000
SETTINGS = ProfileSettings()


def stated(plan, timestamp, index):
    item = {"type": "identify", "userId": "u", "messageId": f"m{index}{plan}", "traits": {"plan": plan}}
    body = msgspec.json.encode(item | ({} if timestamp is None else {"timestamp": timestamp}))
    found = gate.check(LogEntry("segment", "web", NOW, index, body, None, None, "r"), IngestSettings())
    assert isinstance(found, Accepted)
    return found.event


def shown(events):
    state = NodeState()
    for event in events:
        fold(state, event, SETTINGS)
    return ranked(state.attributes["plan"], SETTINGS.rule_for("plan"))[0]


@given(st.permutations(range(4)), st.sampled_from(["soon", "03/04/2026", "", {"unread": "x"}, -1]))
def test_a_known_time_wins_in_every_order_of_arrival(order, unreadable):
    """However old it is, and however late the other was received."""
    events = [stated("known", "2020-01-01T00:00:00Z", 0), *(stated(f"assumed {n}", unreadable, n) for n in (1, 2, 3))]
    assert shown([events[n] for n in order]).value == "known"


def test_among_assumed_times_the_later_row_wins():
    """And is shown as what it is."""
    events = [stated(f"row {n}", "soon", n) for n in range(3)]
    for order in permutations(events):
        best = shown(order)
        assert best.value == "row 2"
        assert answer._stated(best) == {
            "value": "row 2", "source": "web", "at": "2026-01-01T00:00:00.000Z", "time_assumed": True,
        }  # fmt: skip


def test_a_statement_without_a_time_is_made_when_it_is_received():
    """Most servers state none: that is no doubt, and the newest counts."""
    assert shown([stated("now", None, 0), stated("then", "2020-01-01T00:00:00Z", 1)]).value == "now"


def test_a_ranking_by_receipt_would_be_seen(monkeypatch: pytest.MonkeyPatch):
    """The negative control: ranked like any other, what came at an unknown time hides what is known."""
    monkeypatch.setattr(Event, "ranked_us", property(lambda event: event.timestamp_us))
    assert shown([stated("known", "2020-01-01T00:00:00Z", 0), stated("assumed", "soon", 1)]).value == "assumed"
