"""Profiles as they were true at a moment are those of a workspace that only got what had happened by then."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from tests import workbench
from tests.warehouse.test_exactness import PROFILES, body, found, stored_profiles, told
from tests.warehouse.yard import Yard

from onefold import bootstrap
from onefold.errors import UsageError
from onefold.pipelines.maintenance import past
from onefold.warehouse import question
from onefold.warehouse.as_of import Moment

MOMENTS = (0, 200_000, 700_000, 1_500_000)
"""Seconds after midnight of 1 June 2026; events are spread over the first 1,400,000."""


def bodies(seed: int) -> list[dict]:
    """A history with late events, merges, repeats whose times differ, and events at the moment itself."""
    chance = random.Random(seed)
    made = [body(chance, number) for number in range(24)]
    made[3]["timestamp"] = workbench.iso(MOMENTS[1])
    late, early = dict(made[5], timestamp=workbench.iso(900_000)), dict(made[5], timestamp=workbench.iso(1))
    return [*made[:5], late, *made[6:], early, made[7]]


def happened_by(body: dict, second: int) -> bool:
    return datetime.fromisoformat(body["timestamp"]) <= _at(second)


def _at(second: int) -> datetime:
    return datetime.fromisoformat(workbench.iso(second))


def first_of_each(some: list[dict]) -> list[dict]:
    return list({body["messageId"]: body for body in reversed(some)}.values())[::-1]


def as_they_were(directory, second: int) -> dict[str, dict]:
    moment = question.moment_at(_at(second), by_event=True)
    with bootstrap.asking(directory) as asker:
        rows = asker.ask(PROFILES, moment=moment).to_pylist()
    return {row["person"]: found(row) for row in rows}


def received(directory, some: list[dict]) -> None:
    bootstrap.init(directory, "shop")
    with bootstrap.opened(directory, None) as workspace:
        source = next(iter(workspace.project.sources))
        entries = [workbench.entry(one, source=source, index=n, received_at_us=LATER_US) for n, one in enumerate(some)]
        workspace.context.log.append(entries)
        bootstrap.catch_up(workspace)


LATER_US = int(datetime(2026, 7, 1, tzinfo=UTC).timestamp()) * 1_000_000


def alike(people: dict[str, dict]) -> list[dict]:
    """All about everybody but what the workspace names: profile ids, which its key makes, and sources."""
    some = [
        person
        | {"sources": sum(person["sources"].values())}
        | {"consents": {purpose: word[:2] for purpose, word in person["consents"].items()}}
        for person in people.values()
    ]
    return sorted(some, key=lambda person: person["identifiers"])


def test_profiles_of_a_moment_are_those_of_a_workspace_without_what_came_after(tmp_path, queries):
    """Through merges and repeats: the oracle is an empty workspace that gets only the events of by then."""
    history = bodies(1)
    received(tmp_path, history)
    seen = set()
    for second in MOMENTS:
        yard = Yard(workbench.context(), tmp_path / str(second), queries)
        some = [one for one in first_of_each(history) if happened_by(one, second)]
        if some:
            entries = [workbench.entry(one, index=n, received_at_us=LATER_US) for n, one in enumerate(some)]
            yard.context.log.append(entries)
            yard.receive()
        expected = {person: told(profile) for person, profile in stored_profiles(yard).items()}
        then = as_they_were(tmp_path, second)
        assert alike(then) == alike(expected)
        seen.add(len(then))
    assert len(seen) > 1


def test_a_moment_that_is_off_is_noticed(tmp_path, queries, monkeypatch):
    """The negative control: with a log that lets later events through the answers differ."""
    monkeypatch.setattr(past.LogUntil, "_is_later", lambda *_: False)
    with pytest.raises(AssertionError):
        test_profiles_of_a_moment_are_those_of_a_workspace_without_what_came_after(tmp_path, queries)


def test_what_is_computed_has_no_past(tmp_path):
    """A mart is of today, and says so."""
    received(tmp_path, bodies(2))
    list(bootstrap.run_models(tmp_path, None, []))
    with bootstrap.asking(tmp_path) as asker, pytest.raises(UsageError):
        asker.ask("SELECT * FROM golden.profile, marts.model_run", moment=Moment(happened_by=datetime(2026, 6, 2)))  # noqa: DTZ001  as the warehouse has times
