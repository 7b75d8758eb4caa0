"""A share of the probes over PostgreSQL, where all workspaces of a project share one database."""

from __future__ import annotations

import itertools

import pytest
from tests.isolation import planted, probes, tenants, trial

from bench import postgres
from onefold import bootstrap

_numbers = itertools.count()
LOOKS, WRITES = 700, 250


def databases():
    """Two empty databases with the tables of both workspaces, one a twin."""
    for _ in range(2):
        name = f"isolation_{next(_numbers)}"
        postgres.execute(f"CREATE DATABASE {name} OWNER {postgres.OWNER}")
        owner, worker = (
            postgres.url(role).replace("/postgres?", f"/{name}?") for role in (postgres.OWNER, postgres.WORKER)
        )
        bootstrap.migrate_postgres(owner, tuple(tenant.name for tenant in tenants.TENANTS), role=postgres.WORKER)
        yield worker


@pytest.fixture
def here(tmp_path):
    with trial.ground(tmp_path) as made:
        yield made


def test_in_one_database_the_neighbour_might_as_well_not_be_there(here):
    """The schema and the policy part what a file of its own parts elsewhere: same looks, same writes, same answers."""
    twins = here.twins(tenants.BERYL, stores=tuple(databases()))
    looks = here.run(twins.judged(probes.looks(twins.attack, twins.places())[:LOOKS]))
    writes = here.run(twins.judged(probes.writes(twins.attack, twins.places())[:WRITES]))
    assert looks.findings + writes.findings + here.run(twins.changed()) == []
    assert {200, 401, 403, 404} <= looks.statuses.keys()
    assert {200, 201, 401, 403} <= writes.statuses.keys()
    # The negative control, where state is shared: the neighbour's people are within reach of the same process.
    with pytest.MonkeyPatch.context() as patch:
        planted.workspace_from_the_query(patch, twins)
        found = here.run(twins.judged(probes.looks(twins.attack, twins.places()), until="read"))
    assert "read" in found.kinds
