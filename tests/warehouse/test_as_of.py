"""The past is exact: as of any moment the warehouse says what the store said then."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from tests import workbench
from tests.warehouse.test_exactness import PROFILES, body, found, judge, stored_profiles, told
from tests.warehouse.yard import Yard

from onefold.errors import UsageError
from onefold.warehouse import as_of as past
from onefold.warehouse.as_of import Moment, as_of
from onefold.warehouse.query import parse

EVENTS = "SELECT person, count(*) AS n FROM golden.engagement_event GROUP BY person"
NODES = "SELECT node, person FROM golden.identity"


def asked(yard: Yard, query: str, **moment) -> list[dict]:
    return yard.warehouse.run(as_of(parse(query), Moment(**moment))).to_pylist()


def counted(rows: list[dict]) -> dict[str, int]:
    return {row["person"]: row["n"] for row in rows}


class Then:
    """What the store said at a moment."""

    def __init__(self, yard: Yard) -> None:
        with yard.context.store.snapshot() as snapshot:
            self.sequence = snapshot.fed()
            self.nodes = {(row.member.id, row.member.person) for row in snapshot.scan()}
        people = stored_profiles(yard)
        self.profiles = {person: told(profile) for person, profile in people.items()}
        self.events = {person: p.events for person, p in people.items() if p.events}
        self.at = datetime.fromtimestamp(yard.context.clock_us() / 1e6, UTC).replace(tzinfo=None)


def history(yard: Yard, chance: random.Random, steps: int = 8) -> list[tuple[Then, bool]]:
    """A random history, and what the store said after each of its steps; some were loaded at once."""
    moments, number = [], 0
    for _ in range(steps):
        some = [body(chance, number + n) for n in range(chance.randrange(1, 6))]
        number += len(some)
        yard.receive(*some, batch=chance.randrange(1, 9))
        if chance.random() < 0.4:
            judge(yard, chance)
        if chance.random() < 0.6:
            yard.load()
        with yard.context.store.snapshot() as snapshot:
            loaded = snapshot.loaded() == snapshot.fed()
        moments.append((Then(yard), loaded))
    return moments


def as_ids(rows: list[dict]) -> set[tuple[bytes, bytes]]:
    return {tuple(bytes.fromhex(row[name].replace("-", "")) for name in ("node", "person")) for row in rows}


@pytest.mark.parametrize("seed", range(2))
def test_as_of_any_moment_the_warehouse_says_what_the_store_said(tmp_path, queries, seed):
    """Events, nodes and, where a load was, profiles: as of its sequence, and as of its time."""
    yard = Yard(workbench.context(), tmp_path, queries)
    for then, loaded in history(yard, random.Random(seed)):
        for moment in ({"sequence": then.sequence}, {"known_at": then.at}):
            assert counted(asked(yard, EVENTS, **moment)) == then.events
            assert as_ids(asked(yard, NODES, **moment)) == then.nodes
            if loaded:
                people = {row["person"]: found(row) for row in asked(yard, PROFILES, **moment)}
                assert people == then.profiles


def test_what_had_happened_by_a_moment_is_counted_whenever_it_became_known(yard):
    """Late events belong to when they happened."""
    for number, second in enumerate((10, 30, 20)):
        yard.receive(
            {
                "type": "track",
                "event": "X",
                "userId": "u",
                "messageId": f"m{number}",
                "timestamp": workbench.iso(second),
            }
        )
    day = datetime(2026, 6, 1)  # noqa: DTZ001  as the warehouse has times
    for second, many in ((5, 0), (10, 1), (25, 2), (30, 3)):
        rows = asked(yard, "SELECT count(*) AS n FROM staging.event", happened_by=day.replace(second=second))
        assert rows == [{"n": many}]
    with pytest.raises(UsageError, match="when they became known"):
        asked(yard, "SELECT * FROM profile", happened_by=day)


def test_a_filter_that_lets_the_next_row_through_is_noticed(tmp_path, queries, monkeypatch):
    """The negative control: with a moment that is one load too late some answer differs."""
    yard = Yard(workbench.context(), tmp_path, queries)
    cut = past._cut
    moments = history(yard, random.Random(1))

    def late(name, moment):
        return cut(name, Moment(sequence=moment.sequence + 3))

    monkeypatch.setattr(past, "_cut", late)
    wrong = [then for then, _ in moments if counted(asked(yard, EVENTS, sequence=then.sequence)) != then.events]
    assert wrong
