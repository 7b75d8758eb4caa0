"""The profile: what the nodes of a person show together."""

from __future__ import annotations

import msgspec
from tests.profiles.events import DAY_US, SETTINGS, event

from onefold.model import Member
from onefold.profiles import state
from onefold.profiles.answer import as_result
from onefold.profiles.lifecycle import Stage
from onefold.profiles.profile import iso, view
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.survivorship import Survivorship

PRIORITIES = {"user_id": 100, "email": 80, "anonymous_id": 10}
EMAIL, COOKIE, USER = b"e" * 16, b"c" * 16, b"u" * 16


def node(id_, kind, value, *events, first_seen_us=0, settings=SETTINGS, shared=False):
    total = state.empty()
    for one in events:
        state.fold(total, one, settings)
    return Member(id_, kind, first_seen_us, COOKIE, COOKIE, shared=shared), value, total


def seen(*nodes, settings=SETTINGS, as_of_us=DAY_US):
    found = as_result(view(COOKIE, nodes, settings, as_of_us, PRIORITIES))
    return msgspec.json.decode(msgspec.json.encode(found))


def test_the_canonical_identifier_is_of_the_strongest_type_then_the_oldest():
    """And it alone is primary."""
    shown = seen(
        node(COOKIE, "anonymous_id", "x"),
        node(b"2" * 16, "email", "new@example.org", first_seen_us=9),
        node(EMAIL, "email", "old@example.org", first_seen_us=5),
    )
    assert shown["canonical"] == {"type": "email", "value": "old@example.org"}
    assert [(i["value"], i["primary"]) for i in shown["identifiers"]] == [
        ("old@example.org", True), ("new@example.org", False), ("x", False),
    ]  # fmt: skip


def test_an_attribute_shows_its_winner_rule_losers_and_origins():
    """Each with source and time."""
    settings = ProfileSettings(survivorship={"city": Survivorship("source_rank", ("crm",))})
    crm = event(1, 0, source="crm", traits={"city": "Oslo"})
    web = event(2, DAY_US, source="web", traits={"city": "Rome"})
    shown = seen(
        node(EMAIL, "email", "a@example.org", crm, settings=settings),
        node(COOKIE, "anonymous_id", "x", web, settings=settings),
        settings=settings,
    )
    assert shown["attributes"]["city"] == {
        "value": "Oslo",
        "source": "crm",
        "at": "1970-01-01T00:00:00.000Z",
        "rule": "source_rank",
        "others": [{"value": "Rome", "source": "web", "at": "1970-01-02T00:00:00.000Z"}],
    }


def test_counters_add_up_over_nodes_and_sessions_do_not_count_twice():
    """Two nodes active in the same half-hour were one visit."""
    shown = seen(
        node(
            EMAIL,
            "email",
            "a@example.org",
            event(1, 0),
            event(2, 5, name="Order Completed", properties={"total": "9.90"}),
        ),
        node(COOKIE, "anonymous_id", "x", event(3, 9, name="Order Completed")),
    )
    assert shown["counters"] == {
        "events": 3,
        "sessions": 1,
        "purchases": 2,
        "purchases_without_amount": 1,
        "revenue": "9.90",
        "revenue_by_currency": {"USD": "9.90"},
    }


def test_a_tiny_sum_is_written_without_an_exponent():
    """Readers of JSON need not know scientific notation."""
    order = event(1, name="Order Completed", properties={"total": "0.000000000001"})
    assert seen(node(COOKIE, "anonymous_id", "x", order))["counters"]["revenue"] == "0.000000000001"


def test_the_default_stages_follow_a_life():
    """Anonymous, known, customer, churned; back to customer with the next act."""
    view_, order = event(1, 0), event(2, 0, name="Order Completed")
    cookie = node(COOKIE, "anonymous_id", "x", view_)
    email = node(EMAIL, "email", "a@example.org")
    buyer = node(USER, "user_id", "u", order)
    assert seen(cookie)["lifecycle"]["stage"] == "anonymous"
    assert seen(cookie, email)["lifecycle"]["stage"] == "known"
    customer = seen(cookie, email, buyer)["lifecycle"]
    assert (customer["stage"], customer["changes_at"]) == ("customer", iso(91 * DAY_US))
    assert seen(cookie, email, buyer, as_of_us=91 * DAY_US - 1)["lifecycle"]["stage"] == "customer"
    churned = seen(cookie, email, buyer, as_of_us=91 * DAY_US)["lifecycle"]
    assert churned["stage"] == "churned"
    assert churned["because"] == "purchases is at least 1 and days since last active is more than 90"
    again = node(COOKIE, "anonymous_id", "x", event(3, 90 * DAY_US))
    assert seen(again, email, buyer, as_of_us=91 * DAY_US)["lifecycle"]["stage"] == "customer"


def test_a_record_does_not_win_a_churned_customer_back():
    """A nightly export keeps nobody alive."""
    order = event(1, 0, name="Order Completed")
    export = event(2, 200 * DAY_US, kind="record", traits={"tier": "gold"})
    assert seen(node(USER, "user_id", "u", order, export), as_of_us=200 * DAY_US)["lifecycle"]["stage"] == "churned"


def test_stages_are_configuration():
    """A school's stages count its own events, read attributes inside attributes, and the last true one counts."""
    settings = ProfileSettings(
        stages=(
            Stage("inquiry", "true"),
            Stage("applicant", "events('Application Submitted') >= 1"),
            Stage("enrolled", "attr.enrolment.status = 'active'"),
        )
    )
    applied = event(1, name="Application Submitted")
    enrolled = event(2, traits={"enrolment": {"status": "active"}})
    assert seen(node(USER, "user_id", "u", settings=settings), settings=settings)["lifecycle"]["stage"] == "inquiry"
    shown = seen(node(USER, "user_id", "u", applied, settings=settings), settings=settings)
    assert (shown["lifecycle"]["stage"], shown["tracked_events"]["Application Submitted"]["count"]) == ("applicant", 1)
    both = node(USER, "user_id", "u", applied, enrolled, settings=settings)
    assert seen(both, settings=settings)["lifecycle"]["stage"] == "enrolled"


def test_somebody_with_only_a_shared_address_is_known():
    """A family's e-mail identifies nobody, but it reaches them."""
    told = event(1, kind="identify", traits={"email": "family@example.org"})
    assert seen(node(USER, "user_id", "u", told))["lifecycle"]["stage"] == "known"


def test_consent_is_shown_with_its_origin_and_a_denial_on_any_node_denies():
    """Whatever another node allowed later."""
    shown = seen(
        node(EMAIL, "email", "a@example.org", event(1, 1, source="crm", consents={"email": False})),
        node(COOKIE, "anonymous_id", "x", event(2, 2, consents={"email": True})),
    )
    assert shown["consent"] == {"email": {"granted": False, "at": "1970-01-01T00:00:00.000Z", "source": "crm"}}


def test_consent_to_all_is_shown_and_counts_for_purposes_nobody_named():
    """So a reader, and a rule, can tell it from silence."""
    settings = ProfileSettings(stages=(Stage("cold", "true"), Stage("reachable", "consent.sms")))
    granted = event(1, consents={"all": True})
    shown = seen(node(USER, "user_id", "u", granted, settings=settings), settings=settings)
    assert (shown["consent"]["all"]["granted"], shown["lifecycle"]["stage"]) == (True, "reachable")
    silent = seen(node(USER, "user_id", "u", settings=settings), settings=settings)
    assert silent["lifecycle"]["stage"] == "cold"


def test_a_profile_of_identifiers_alone_is_ready_for_json():
    """Nothing happened yet: times are null, sums zero."""
    shown = seen(node(EMAIL, "email", "a@example.org", first_seen_us=7_000))
    assert (shown["first_seen"], shown["last_seen"], shown["counters"]["revenue"]) == (
        "1970-01-01T00:00:00.007Z",
        None,
        "0",
    )
    assert msgspec.json.decode(msgspec.json.encode(shown)) == shown


def test_representations_hold_no_personal_data():
    """They may land in a log."""
    profile = view(
        COOKIE, [node(EMAIL, "email", "ann@example.org", event(1, traits={"name": "Ann"}))], SETTINGS, 0, PRIORITIES
    )
    shown = repr(profile) + repr(profile.identifiers) + repr(profile.attributes)
    assert "Ann" not in shown
    assert "ann@" not in shown
