"""Bounds: a profile says that it holds as much as it may."""

from tests.profiles.events import SETTINGS, event

from onefold.profiles import state
from onefold.profiles.bounds import full


def told(*events):
    total = state.empty()
    for one in events:
        state.fold(total, one, SETTINGS)
    return full(total.attributes, len(total.consents), SETTINGS)


def test_what_is_full_is_told():
    """As soon as more would not be kept."""
    assert told(event(1, traits={f"f{n}": "x" for n in range(7)})) == []
    assert told(event(1, traits={f"f{n}": "x" for n in range(9)})) == ["traits"]
    assert told(event(1, traits={f"f{n}": "x" * 1_000 for n in range(3)})) == ["traits"]
    assert told(event(1, consents={f"p{n}": True for n in range(9)})) == ["consents"]
