"""No request shows one workspace anything of another, or changes anything in it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from tests.faults.scale import scaled
from tests.isolation import planted, probes, tenants, trial
from tests.isolation.callers import bearer
from tests.isolation.routes import METHODS

PROBES = 10_000
OF_THE_OTHER = scaled(3, 1)
"""Of so many probes the other tenant puts one: what differs between the tenants is names and people, no code."""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with trial.ground(tmp_path_factory.mktemp("isolation")) as made:
        yield made


@pytest.fixture(scope="module")
def twins(here):
    """Amber attacks Beryl; for tests that change nothing."""
    return here.twins(tenants.AMBER)


@pytest.mark.parametrize("mine", tenants.TENANTS, ids=lambda tenant: tenant.name)
def test_whatever_is_asked_the_neighbour_might_as_well_not_be_there(here, mine):
    """Looks and writes, by whatever key: every answer is the one that is given where the neighbour has no people."""
    twins = here.twins(mine)
    places = twins.places()
    step = 1 if mine is tenants.AMBER else OF_THE_OTHER
    looks = here.run(twins.judged(probes.looks(twins.attack, places)[::step]))
    writes = here.run(twins.judged(probes.writes(twins.attack, places)[::step]))
    assert looks.findings + writes.findings == []
    assert looks.probes + writes.probes >= PROBES / step
    # All sorts of answers were among them, so that equality says something.
    assert min(looks.statuses[status] for status in (200, 401, 403, 404)) > 100 / step
    assert min(writes.statuses[status] for status in (200, 201, 202, 401, 403, 404)) > 0
    assert here.run(twins.changed()) == []


def test_every_route_is_probed(twins):
    """By every method, with every parameter and body it takes: a new route fails here until it is probed."""
    places = twins.places()
    everything = probes.looks(twins.attack, places) + probes.writes(twins.attack, places)
    tried = {}
    for probe in everything:
        tried.setdefault(probe.place.template, set()).add(probe.method)
    assert len(places) > 50
    for place in places:
        assert probes.lacking(place) == set(), place.template
        assert tried[place.template] == set(METHODS), place.template


def test_a_route_that_no_probe_knows_is_found(here):
    """The negative control: a parameter nobody fills, and a body nobody makes."""
    twins = here.twins(tenants.AMBER)
    twins.both.app.api.add_api_route("/api/v1/segments/{segment}", lambda segment, since: None)
    twins.both.app.api.add_api_route("/api/v1/exports", lambda: None, methods=["POST"])
    lacking = {place.template: probes.lacking(place) for place in twins.places()}
    assert lacking["/api/v1/segments/{segment}"] == {"segment", "since"}
    assert lacking["/api/v1/exports"] == {"body"}


def test_the_probes_ask_what_would_be_told(here, twins):
    """With a key of the neighbour's the same requests read all of its marks: they are no empty knocking."""
    owner = msgspec.structs.replace(twins.attack, keys=twins.attack.their_keys)
    told = []
    for probe in probes.looks(owner, twins.places(), by=("steward",))[:1_500]:
        answer = here.run(twins.both.call(probe.method, probe.target, probe.body, probe.headers))
        told += [mark for mark in probes.strangers_marks(owner, probe) if mark in answer.text]
    assert set(told) >= set(owner.theirs.marks)
    assert set(told) & set(owner.their_ids)
    assert len(told) > 400


@pytest.mark.parametrize("plant", planted.SHOWING, ids=lambda plant: plant.__name__)
def test_a_bug_that_shows_the_neighbour_is_found(here, twins, plant, monkeypatch):
    """Negative controls: the same probes on a product with a bug."""
    plant(monkeypatch, twins)
    here.run(twins.neighbour_at_work())
    kind = planted.SHOWING[plant]
    found = here.run(twins.judged(probes.looks(twins.attack, twins.places()), until=kind))
    assert kind in found.kinds


@pytest.mark.parametrize("plant", planted.CHANGING, ids=lambda plant: plant.__name__)
def test_a_bug_that_changes_the_neighbour_is_found(here, plant, monkeypatch):
    """Negative controls: the same writes on a product with a bug."""
    twins = here.twins(tenants.AMBER)
    plant(monkeypatch, twins)
    here.run(twins.judged(probes.writes(twins.attack, twins.places())[:1_000]))
    assert "changed" in {finding.what for finding in here.run(twins.changed())}


async def crossed(house, attack):
    """Answers that show another tenant, of many requests of both that are under way at once."""
    who = tenants.value("user_id", tenants.BOTH)
    paths = (
        f"/api/v1/profiles/user_id:{who}", f"/api/v1/profiles/user_id:{who}/timeline",
        f"/api/v1/profiles/user_id:{who}/history", "/api/v1/dead-letters",
        f"/v1/spaces/default/collections/users/profiles/user_id:{who}/traits", "/api/v1/stats", "/api/v1/sources",
    )  # fmt: skip
    pairs = ((attack.mine, attack.keys), (attack.theirs, attack.their_keys))
    asked = [(path, tenant, keys) for _ in range(20) for path in paths for tenant, keys in pairs]
    answers = await asyncio.gather(*(house.call("GET", path, headers=bearer(keys.steward)) for path, _, keys in asked))
    assert {answer.status for answer in answers} == {200}
    return [
        path
        for (path, tenant, _), answer in zip(asked, answers, strict=True)
        if tenant.name not in answer.text or tenants.other(tenant).name in answer.text
    ]


def test_requests_of_both_at_once_are_not_crossed(here, twins):
    """Each of 280 answers speaks of the workspace whose key asked: its seal and its sources hold its name."""
    assert here.run(crossed(twins.both, twins.attack)) == []


def test_a_caller_remembered_between_requests_is_found(here, twins, monkeypatch):
    """The negative control: who asks is kept in one place for all requests, and looked at after a pause."""
    planted.one_caller_for_all(monkeypatch, twins)
    assert here.run(crossed(twins.both, twins.attack)) != []
