"""Node state: what one event adds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.profiles.events import DAY_US, MINUTE_US, SETTINGS, event

from onefold.errors import IntegrityError
from onefold.governance.consent import Spoken, decide
from onefold.model import GroupStatement, Member
from onefold.profiles import sessions, state
from onefold.profiles.answer import as_result
from onefold.profiles.computed import values
from onefold.profiles.money import UNREADABLE_CURRENCY
from onefold.profiles.profile import view
from onefold.profiles.settings import TRACKED, ProfileSettings
from onefold.profiles.survivorship import Survivorship
from onefold.rules import Aggregate


def folded(*events, settings=SETTINGS):
    total = state.empty()
    for one in events:
        state.fold(total, one, settings)
    return total


def test_revenue_is_exact():
    """Ten times 0.1 is 1.0, and integers, floats and texts add up."""
    orders = [event(n, n, name="Order Completed", properties={"revenue": 0.1}) for n in range(10)]
    assert folded(*orders).revenue == {"USD": Decimal("1.0")}
    mixed = [event(n, n, name="Order Completed", properties={"revenue": r}) for n, r in enumerate([1, 2.5, "3.25"])]
    assert folded(*mixed).revenue == {"USD": Decimal("6.75")}


def test_negative_control_floats_would_not_be_exact():
    """The sum above is one that floats get wrong."""
    assert sum([0.1] * 10) != 1.0


def test_a_purchase_without_a_readable_amount_counts_and_is_told():
    """It is a purchase, adds no revenue, and is counted apart."""
    total = folded(event(1, name="Order Completed", properties={"revenue": "ten"}))
    assert (total.purchases, total.unpriced, total.revenue) == (1, 1, {})


def test_the_first_readable_amount_counts():
    """`revenue` before `total` before `amount` before `value`; what cannot be read is passed over."""
    total = folded(
        event(1, name="Donation Completed", properties={"value": 9, "amount": 5, "revenue": None, "total": "?"})
    )
    assert total.revenue == {"USD": Decimal(5)}


@pytest.mark.parametrize(
    ("stated", "kept"),
    [("eur", "EUR"), (None, "USD"), ("", "USD"), ("euro", UNREADABLE_CURRENCY), (978, UNREADABLE_CURRENCY)],
)
def test_revenue_is_kept_by_currency(stated, kept):
    """An unreadable currency is added to no other."""
    assert folded(event(1, name="Order Completed", properties={"revenue": 1, "currency": stated})).revenue == {
        kept: Decimal(1)
    }


@pytest.mark.parametrize(
    "garbage", [True, float("inf"), float("nan"), "1,234", "1e5", "١٢", 10**15, 1e300, [], "1" * 99]
)
def test_garbage_is_no_amount(garbage):
    """It never raises, whatever is stated."""
    assert folded(event(1, name="Order Completed", properties={"revenue": garbage})).unpriced == 1


def test_the_session_gap_is_inclusive():
    """A pause of exactly the gap is within one session; one microsecond more is not."""
    gap = SETTINGS.session_gap_us
    assert sessions.count(folded(event(1, 0), event(2, gap)).sessions) == 1
    assert sessions.count(folded(event(1, 0), event(2, gap + 1)).sessions) == 2


def test_a_late_event_can_join_two_sessions():
    """What lies between them makes them one."""
    gap = SETTINGS.session_gap_us
    apart = folded(event(1, 0), event(2, 2 * gap))
    assert sessions.count(apart.sessions) == 2
    state.fold(apart, event(3, gap), SETTINGS)
    assert sessions.count(apart.sessions) == 1


def test_a_record_is_no_sign_of_life():
    """A nightly export makes nobody active and no session; a purchase from a file does."""
    record = folded(event(1, DAY_US, kind="record"))
    assert (record.events, record.last_us, record.active_us, record.sessions) == (1, DAY_US, state.NEVER_LAST, b"")
    assert folded(event(1, DAY_US, kind="record", name="Donation Completed")).active_us == DAY_US


def test_tracked_events_are_counted_and_dated():
    """Others are not."""
    total = folded(
        event(1, 9, name="Application Submitted"), event(2, 5, name="Application Submitted"), event(3, name="Other")
    )
    kept = [SETTINGS.computed.kept_of(Aggregate(function, "Application Submitted")) for function in TRACKED]
    assert [values.value_at(one, one.held(total.computed), 0) for one in kept] == [2, 5, 9]
    assert total.computed.keys() == {one.key for one in kept}


def test_events_that_lifecycle_rules_mention_are_tracked():
    """Naming an event in a rule is enough, and so is being a purchase."""
    from onefold.profiles.lifecycle import Stage

    settings = ProfileSettings(stages=(Stage("applicant", "events('Application Submitted') >= 1"),))
    assert settings.tracked_events == {"Application Submitted", *settings.purchases}


def test_blank_values_state_nothing():
    """They never displace a value."""
    total = folded(
        event(1, 1, traits={"name": "Ann"}), event(2, 2, traits={"name": "  ", "x": "", "y": [], "z": {"a": ""}})
    )
    assert [c.value for c in total.attributes["name"]] == ["Ann"]
    assert set(total.attributes) == {"name"}


def test_numbers_beyond_64_bits_become_text():
    """They cannot stop the pipeline."""
    total = folded(event(1, traits={"tier": 2**70, "deep": {"n": [-(2**70)]}}))
    assert state.decode(state.encode(total)).attributes["tier"][0].value == str(2**70)


def test_values_kept_per_source_are_bounded():
    """The best few by the field's rule stay, per source."""
    total = folded(*[event(n, n, traits={"tier": f"v{n}"}, source=s) for n, s in enumerate(["web", "crm"] * 5)])
    assert [(c.source, c.value) for c in total.attributes["tier"]] == [
        ("crm", "v7"), ("crm", "v9"), ("web", "v6"), ("web", "v8"),
    ]  # fmt: skip


def test_fields_kept_are_bounded():
    """Declared and well-known fields stay, then the first in the alphabet, whichever came first."""
    total = folded(event(1, traits={f"f{n:02}": "x" for n in range(99, 0, -1)} | {"name": "Ann", "zip": "1"}))
    assert sorted(total.attributes) == ["f01", "f02", "f03", "f04", "f05", "f06", "name", "zip"]


def test_second_best_values_give_way_to_other_fields():
    """Of more small values than a node may hold, each field's best comes before all that lost."""
    traits = [{f"f{n}": f"v{time}" for n in range(6)} for time in range(2)]
    total = folded(*[event(time, time, traits=stated) for time, stated in enumerate(traits)])
    assert {field: [c.value for c in held] for field, held in total.attributes.items()} == {
        **{f"f{n}": ["v1"] for n in range(2, 6)}, "f0": ["v0", "v1"], "f1": ["v0", "v1"],
    }  # fmt: skip


def test_large_values_and_small_ones_are_bounded_apart():
    """However many large values are stated, no small one is lost to them; and the reverse."""
    large = {f"a{n}": "x" * 1_000 for n in range(50)}
    assert sorted(folded(event(1, traits=large | {"tier": "gold"})).attributes) == ["a0", "a1", "tier"]
    small = {f"a{n:02}": "x" for n in range(50)}
    assert "tier" in folded(event(1, traits=small | {"tier": "x" * 1_000})).attributes


def test_a_node_stays_small_whatever_is_sent():
    """From one key, in events within every limit of a single one: long lists in many fields, purposes, currencies, visits."""
    settings = ProfileSettings(survivorship={"f1": Survivorship("most_frequent")})
    total = state.empty()
    for n in range(1_500):
        hostile = event(
            n, n * 86_400_000_000, name="Order Completed",
            traits={f"f{n % 700}": [f"{n}"] * (n % 900), f"g{n}": f"{n}" * 15, "f1": n, "first_name": "Ann"},
            consents={f"purpose {n}": True},
            properties={"revenue": 1, "currency": "".join(chr(65 + n // k % 26) for k in (1, 26, 676))},
        )  # fmt: skip
        state.fold(total, hostile, settings)
    assert len(state.encode(total)) < 300_000
    assert (total.events, total.purchases) == (1_500, 1_500)
    assert sum(total.revenue.values()) == 1_500
    assert "first_name" in total.attributes
    assert not decide([Spoken(b"a", total.consents)], "purpose 999").granted


def test_only_an_authority_speaks_for_the_whole_person():
    """From any other source the mark is ignored and the word counts for the node alone."""
    trusted = folded(event(1, source="crm", consents={"email": True}, person_level=True)).consents["email"]
    public = folded(event(1, source="web", consents={"email": True}, person_level=True)).consents["email"]
    assert (trusted.own, public.whole) == (None, None)
    assert trusted.whole is not None
    assert public.own is not None


def test_a_node_is_written_with_its_value():
    """And read back."""
    total = folded(event(1, MINUTE_US, traits={"name": "Ann"}))
    assert state.open_node(state.close_node("ann@example.org", total)) == ("ann@example.org", total)


@pytest.mark.parametrize("value", ["", "ann@example.org", "ä" * 40, "x" * 70_000])
def test_a_bare_node_is_written_as_any_other(value):
    """The short cut gives the same bytes, whatever the length of the value."""
    assert state.close_bare(value) == state.close_node(value, state.empty())


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x90\x90", state.encode(("x",)), b"\x92\xa1x\x91\x02"])
def test_bytes_that_are_no_node_are_an_integrity_error(data):
    """Torn, foreign or of another format."""
    with pytest.raises(IntegrityError):
        state.open_node(data)
    with pytest.raises(IntegrityError):
        state.decode(data)


def test_representations_hold_no_personal_data():
    """They may land in a log."""
    total = folded(event(1, traits={"name": "Ann Lee"}))
    assert "Ann" not in repr(total) + repr(total.attributes)


def attributes_of(*events, settings=SETTINGS):
    """What a profile of one node shows: field to value."""
    node = Member(b"n" * 16, "user_id", 0, b"n" * 16, b"n" * 16)
    seen = view(node.id, [(node, "u", folded(*events, settings=settings))], settings, 10 * DAY_US, {})
    return {field: attribute.winner.value for field, attribute in seen.attributes.items()}


def test_a_clear_takes_a_value_away_until_it_is_stated_again():
    """Whatever arrives first; and a clear in the event that states the value wins, as `$unset` beside `$set`."""
    said, clear = event(1, 1, traits={"tier": "gold", "a field": "x"}), event(2, 2, cleared=("tier",))
    again = event(3, 3, traits={"tier": "iron"})
    assert attributes_of(said, clear) == attributes_of(clear, said) == {"a field": "x"}
    assert attributes_of(again, clear, said)["tier"] == "iron"
    assert attributes_of(event(4, 4, traits={"tier": "gold"}, cleared=("tier",))) == {}


def test_a_clear_does_not_reach_sources_that_rank_higher():
    """A web form cannot take away what the CRM says where the CRM is trusted more; the CRM can take both away."""
    crm, web = event(1, 1, source="crm", traits={"city": "Rome"}), event(2, 1, source="web", traits={"city": "Bari"})
    assert attributes_of(crm, web, event(3, 2, source="web", cleared=("city",))) == {"city": "Rome"}
    assert attributes_of(crm, web, event(3, 2, source="crm", cleared=("city",))) == {}


def test_a_value_stated_after_a_clear_is_kept_among_longer_ones_before_it():
    """The longest values are kept, and with them the latest: a clear may leave nothing else."""
    long = [event(n, 1, traits={"name": f"Anna-Maria {n}"}) for n in range(5)]
    short = event(8, 3, traits={"name": "Al"})
    assert attributes_of(*long, short, event(9, 2, cleared=("name",))) == {"name": "Al"}
    assert attributes_of(*long, short)["name"].startswith("Anna-Maria")


def test_once_is_the_first_value_by_event_time():
    """Not by arrival; a plain value wins over it, whenever; and after a clear the first one since counts."""
    radio, tv = event(1, 1, once={"site": "radio"}), event(2, 5, once={"site": "tv"})
    assert attributes_of(radio, tv) == attributes_of(tv, radio) == {"site": "radio"}
    assert attributes_of(radio, tv, event(3, 0, traits={"site": "press"})) == {"site": "press"}
    assert attributes_of(radio, tv, event(3, 3, cleared=("site",))) == {"site": "tv"}
    assert attributes_of(radio, event(2, 5, once={"site": "radio"}), event(3, 3, cleared=("site",))) == {
        "site": "radio"
    }


def test_groups_of_a_person():
    """A group has the latest value of each of its traits; null clears one, a blank changes nothing."""
    acme = GroupStatement("company", "acme", {"name": "Acme", "size": 5, "city": "Rome"})
    later = GroupStatement("company", "acme", {"name": "", "size": 7, "city": None})
    total = folded(event(2, 2, groups=(later,)), event(1, 1, groups=(acme, GroupStatement("team", "t1"))))
    node = Member(b"n" * 16, "user_id", 0, b"n" * 16, b"n" * 16)
    seen = view(node.id, [(node, "u", state.decode(state.encode(total)))], SETTINGS, 10 * DAY_US, {})
    assert [(g.type, g.id, dict(g.traits), g.first_seen_us, g.last_seen_us) for g in seen.groups] == [
        ("company", "acme", {"name": "Acme", "size": 7}, 1, 2),
        ("team", "t1", {}, 1, 1),
    ]
    assert as_result(seen).groups[0].id == "acme"
