"""Match quality: the parts at their ends and in between."""

import pytest

from onefold.ingest import emq
from onefold.ingest.settings import IngestSettings
from onefold.model import Identifier

SETTINGS = IngestSettings()
CONTEXT = {
    "ip": "i", "userAgent": "u", "page": {"url": "x"}, "campaign": {"name": "c"}, "library": {"name": "l"},
    "locale": "en", "timezone": "UTC", "app": {"name": "a"},
}  # fmt: skip


def ids(*types):
    return [Identifier(type_, "x") for type_ in types]


def test_identifiers():
    """The strongest type counts, each further one a little, and none is nothing."""
    assert emq.of_identifiers([], SETTINGS) == 0
    assert emq.of_identifiers(ids("anonymous_id"), SETTINGS) == 0.1
    assert emq.of_identifiers(ids("email", "phone", "email"), SETTINGS) == pytest.approx(0.85)
    assert emq.of_identifiers(ids("user_id", "email"), SETTINGS) == 1
    assert emq.of_identifiers(ids("crm_id"), SETTINGS) == 0.6


def test_completeness():
    """What an event of that name should state, with equivalents; traits for identify, properties for the rest."""
    full = {"order_id": 1, "total": 0, "currency": "EUR", "products": [{}]}
    assert emq.of_completeness("track", "Order Completed", 2, {}, full) == 1
    assert emq.of_completeness("track", "Order Completed", 2, {}, {**full, "products": []}) == pytest.approx(5 / 6)
    for nothing in (None, "", [], {}):
        assert emq.of_completeness("track", "x", 2, {}, {"a": nothing}) == pytest.approx(2 / 3)
    for something in (0, 0.0, False, "0"):
        assert emq.of_completeness("track", "x", 2, {}, {"a": None, "b": something}) == 1
    assert emq.of_completeness("identify", "Identify", 2, {"a": 1}, {}) == 1
    assert emq.of_completeness("track", "x", 0, {"a": 1}, {}) == 0


def test_timeliness():
    """A minute is in time, a week is too late, and doublings count alike between."""
    minute = emq.TIMELY_US
    assert emq.of_timeliness(0) == emq.of_timeliness(minute) == 1
    assert emq.of_timeliness(emq.STALE_US) == emq.of_timeliness(10 * emq.STALE_US) == 0
    assert emq.of_timeliness(60 * minute) == pytest.approx(0.556, abs=0.001)
    assert emq.of_timeliness(24 * 60 * minute) == pytest.approx(0.211, abs=0.001)


def test_context():
    """Each circumstance is an eighth."""
    assert emq.of_context({}) == 0
    assert emq.of_context(CONTEXT) == 1
    for key in CONTEXT:
        assert emq.of_context({k: v for k, v in CONTEXT.items() if k != key}) == 7 / 8
    assert emq.of_context({**CONTEXT, "os": {"name": "x"}, "screen": "y", "device": {"id": "z"}}) == 1
    assert emq.of_context({"os": "x", "screen": "y", "page": {"title": "no url"}}) == 2 / 8
    assert emq.of_context({"page": {"title": "no url"}, "ip": "", "app": {}, "other": 1}) == 0
    assert emq.of_context({"page": "a path"}) == 1 / 8


def test_the_whole():
    """The weights are those of the specification: the best event scores 1, the worst 0."""
    full = {"order_id": 1, "revenue": 1, "currency": "EUR", "products": [{}]}
    best = emq.score("track", "Order Completed", ids("user_id"), 2, {}, full, CONTEXT, 0, SETTINGS)
    assert best == 1
    assert emq.score("track", "x", [], 0, {}, {}, {}, emq.STALE_US, SETTINGS) == 0
    assert emq.score("track", "x", ids("user_id"), 0, {}, {}, {}, emq.STALE_US, SETTINGS) == 0.35
    assert emq.score("track", "x", [], 2, {}, {"a": 1}, {}, emq.STALE_US, SETTINGS) == 0.25
    assert emq.score("track", "x", [], 0, {}, {}, {}, 0, SETTINGS) == 0.2
    assert emq.score("track", "x", [], 0, {}, {}, CONTEXT, emq.STALE_US, SETTINGS) == 0.2
