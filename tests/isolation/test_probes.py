"""No request shows one workspace anything of another, or changes anything in it."""

from __future__ import annotations

import msgspec
import pytest
from tests.isolation import planted, probes, tenants, trial
from tests.isolation.routes import METHODS

PROBES = 10_000


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
    looks = here.run(twins.judged(probes.looks(twins.attack, places)))
    writes = here.run(twins.judged(probes.writes(twins.attack, places)))
    assert looks.findings + writes.findings == []
    assert looks.probes + writes.probes >= PROBES
    # All sorts of answers were among them, so that equality says something.
    assert min(looks.statuses[status] for status in (200, 401, 403, 404)) > 100
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
    assert len(told) > 500


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
