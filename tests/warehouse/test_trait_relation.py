"""Computed traits in SQL by name: `golden.trait` has what they are worked out to be, typed, as of any moment, and masked."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from onefold.errors import UsageError
from onefold.pipelines.batch import traits as batch
from onefold.pipelines.reading.analysis import ReaderWarehouse
from onefold.profiles.computed.trait import Trait
from onefold.rules import parse
from onefold.rules.aggregate import kind
from onefold.warehouse import traits as relations
from onefold.warehouse.as_of import Moment
from onefold.warehouse.masking import HIDING
from onefold.warehouse.models.binding import BoundModels
from onefold.warehouse.query import parse as sql

SAID = {("staging.event", "properties.diagnosis"): "sensitive"}
TEXTS = {
    "gifts": "count('Gift')",
    "gifts_5d": "count('Gift' within 5 days)",
    "given": "sum('Gift'.amount)",
    "largest": "max('Gift'.amount)",
    "fund": "last('Gift'.fund)",
    "first_at": "first('Gift')",
    "streak": "streak('Gift' per day)",
    "gave": "exists('Gift' where amount > 4)",
    "ill": "count('Gift' where diagnosis = 'x')",
    "untold": r"count('Gift' where matches(fund, '\d'))",
}
TRAITS = {name: parse(text) for name, text in TEXTS.items()}
AT = datetime(2026, 9, 18, tzinfo=UTC)


@pytest.fixture
def given(yard):
    """Gifts of two people, on two days each."""
    said = [("ann", 1, 2.5, "a"), ("ann", 2, "2.50", 7), ("bob", 1, 4.5, True), ("bob", 15, "none", "12.0")]
    yard.receive(
        *(
            {"type": "track", "event": "Gift", "userId": who, "messageId": f"m{n}",
             "timestamp": f"2026-09-{day:02}T10:00:00Z", "properties": {"amount": amount, "fund": fund}}
            for n, (who, day, amount, fund) in enumerate(said)
        )
    )  # fmt: skip
    return yard


def sight(yard, role=None, traits=TRAITS):
    return ReaderWarehouse(yard.warehouse, BoundModels({}, {}), SAID, AT, role, traits=relations.sayable(traits))


def rows(yard, text, role=None, moment=None):
    return sight(yard, role).run(sql(text), moment=moment).to_pylist()


def test_the_relation_has_the_values(given):
    """Numbers as numbers, times as times, what is of any kind as text; without the trait that no query states."""
    ann, bob = rows(given, "SELECT * EXCLUDE person FROM golden.trait ORDER BY first_at, given DESC")
    if ann["gifts_5d"]:
        ann, bob = bob, ann
    assert ann == {
        "gifts": 2, "gifts_5d": 0, "given": Decimal(5), "largest": Decimal("2.5"), "fund": "7",
        "first_at": datetime(2026, 9, 1, 10), "streak": 2, "gave": False, "ill": 0,  # noqa: DTZ001  as the warehouse has times
    }  # fmt: skip
    assert (bob["gifts_5d"], bob["given"], bob["fund"], bob["gave"]) == (1, Decimal("4.5"), "12.0", True)


def test_the_relation_has_what_the_traits_are_worked_out_to_be(given):
    """For everybody, number by number."""
    numbers = {name: one for name, one in TRAITS.items() if kind(one) == "number" and name != "untold"}
    worked = batch.values_of(
        given.warehouse, [Trait(name, one) for name, one in numbers.items()], given.context.profiles,
        int(AT.timestamp()) * 1_000_000,
    ).values  # fmt: skip
    found = {}
    for row in rows(given, "SELECT * FROM golden.trait"):
        found[bytes.fromhex(row["person"].replace("-", ""))] = {name: row[name] for name in numbers}
    assert found == worked


def test_a_histogram_is_a_query(given):
    """Joined with what else is known of people."""
    text = "SELECT t.gifts, count(*) AS people FROM trait AS t JOIN golden.profile AS p USING (person) GROUP BY t.gifts"
    assert rows(given, text) == [{"gifts": 2, "people": 2}]


def test_windows_end_at_the_moment_that_is_asked_about(given):
    """By the time of events, as by the time of knowledge."""
    text = "SELECT sum(gifts) AS gifts, sum(gifts_5d) AS recent FROM golden.trait"
    then = Moment(happened_by=datetime(2026, 9, 3))  # noqa: DTZ001  as the warehouse has times
    assert rows(given, text, moment=then) == [{"gifts": 3, "recent": 3}]
    assert rows(given, text) == [{"gifts": 4, "recent": 1}]


def test_values_are_masked_by_the_class_of_their_property(given):
    """What is sensitive stays so through a condition; how often and how much is shown, as on the profile."""
    (found,) = [one for one in sight(given).relations() if one.full_name == relations.NAME]
    classes = {column.name: column.personal for column in found.columns}
    assert classes["ill"] == "sensitive"
    assert {classes[name] for name in ("fund", "largest")} == {"personal"}
    assert {classes[name] for name in ("gifts", "gifts_5d", "given", "first_at", "streak", "gave")} == {"none"}
    hidden = rows(given, "SELECT fund, largest, ill, given FROM golden.trait", HIDING)
    assert {(row["fund"], row["largest"], row["ill"]) for row in hidden} == {(None, None, None)}
    assert {row["given"] for row in hidden} == {Decimal(5), Decimal("4.5")}
    with pytest.raises(UsageError):
        rows(given, "SELECT fund FROM analyst.trait")
    assert len(rows(given, "SELECT gifts, streak FROM analyst.trait")) == 2


def test_without_traits_there_is_no_such_relation(given):
    """It is not listed, and asking for it says so."""
    seen = sight(given, traits={})
    assert relations.NAME not in {one.full_name for one in seen.relations()}
    with pytest.raises(UsageError, match=r"no relation `golden.trait`"):
        seen.run(sql("SELECT 1 FROM golden.trait"))
