"""Households: people of one name at one address, seen on profiles, and as reversible as who is who."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import workbench

from onefold import bootstrap
from onefold.errors import ExpensiveError, NotFoundError, UsageError
from onefold.model import Identifier, results
from onefold.pipelines.reading.households import Places
from onefold.serving import sight
from onefold.warehouse.masking import Role
from onefold.warehouse.query import parse
from onefold.warehouse.sight import Sight

ELM, OAK = {"street": "1 Elm Street", "postal_code": "46402"}, {"street": "9 Oak Ave", "postal_code": "46402"}
PEOPLE = {
    "ann": ("Ann", "Lee", ELM), "bob": ("Bob", "Lee", ELM | {"street": "1 ELM ST."}), "mei": ("Mei", "Lee", ELM),
    "cy": ("Cy", "Lee", OAK), "dan": ("Dan", "Roe", ELM), "eve": ("Eve", "Roe", OAK),
}  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Three Lees at 1 Elm St, written in two ways; a Lee elsewhere; two Roes, each alone where they live."""
    directory = tmp_path_factory.mktemp("households")
    bootstrap.init(directory, "media")
    with bootstrap.opened(directory, None) as opened:
        bodies = [
            {
                "type": "identify",
                "messageId": who,
                "userId": who,
                "traits": {"first_name": first, "last_name": last} | home,
            }
            for who, (first, last, home) in PEOPLE.items()
        ]
        opened.context.log.append([workbench.entry(body, source="crm", index=n) for n, body in enumerate(bodies)])
        bootstrap.catch_up(opened)
        bootstrap.match_records(opened)
        bootstrap.catch_up(opened)
        yield opened


def user(name):
    return Identifier("user_id", name)


def lives_with(workspace, name):
    found = workspace.service.profile(user(name)).household
    return None if found is None else sorted(member.identifier.value for member in found.members)


def judged(workspace, verdict, *names):
    workspace.service.judge(verdict, *map(user, names), by="test")
    bootstrap.catch_up(workspace)


def test_people_of_one_name_at_one_address_are_a_household(workspace):
    """Name and address both: neither a namesake elsewhere nor a neighbour of another name belongs to it."""
    assert lives_with(workspace, "ann") == lives_with(workspace, "bob") == ["ann", "bob", "mei"]
    assert lives_with(workspace, "cy") is lives_with(workspace, "dan") is lives_with(workspace, "eve") is None
    service = workspace.service.households
    (found,) = service.page().households
    assert (found.people, {m.name for m in found.members}) == (3, {"Ann Lee", "Bob Lee", "Mei Lee"})
    assert service.page("user_id:mei").households == (found,) == (service.household(found.id),)
    assert service.page("user_id:cy").households == ()
    with pytest.raises(NotFoundError):
        service.household("00000000-0000-0000-0000-000000000001")
    with pytest.raises(UsageError):
        service.page("mei")


def test_a_household_follows_merges_and_splits_exactly(workspace):
    """Joined, they are two; taken back, they are who they were, under the same id."""
    before = workspace.service.households.page()
    judged(workspace, "same", "ann", "bob")
    assert lives_with(workspace, "mei") == ["ann", "mei"]
    judged(workspace, "same", "ann", "mei")
    assert lives_with(workspace, "mei") is None
    assert workspace.service.households.page().households == ()
    judged(workspace, "withdrawn", "ann", "mei")
    judged(workspace, "withdrawn", "ann", "bob")
    assert workspace.service.households.page() == before


def test_roles_see_names_of_a_household_as_they_see_names(workspace):
    """Hidden and shortened like every name; ids stay."""
    (found,) = workspace.service.households.page().households
    watch = sight.Watch(sight=Sight(Role({"personal": "hide", "identifier": "shorten", "sensitive": "hide"})))
    token = sight.watching.set(watch)
    try:
        shown = sight.shown(found)
    finally:
        sight.watching.reset(token)
    assert {member.name for member in shown.members} == {None}
    assert all(member.identifier.value.endswith("***") for member in shown.members)
    assert [m.profile_id for m in shown.members] == [m.profile_id for m in found.members]
    assert results.Household not in sight.PERSONAL


def test_an_erasure_takes_records_out_of_households(workspace):
    """Rows of the nodes go; those of others stay. The last test: nobody comes back."""
    places = sorted(_rows(workspace))
    node = workspace.context.hasher.node_id("user_id", "mei")
    assert len([row for row in places if row[1] == node]) == 1
    assert bootstrap.eraser_of(workspace).erase([node])
    assert sorted(_rows(workspace)) == [row for row in places if row[1] != node]
    assert lives_with(workspace, "ann") == ["ann", "bob"]


def _rows(workspace):
    with bootstrap.open_warehouse(workspace.project.directory, None, process=False) as warehouse:
        table = warehouse.run(parse("SELECT household, node FROM golden.household"))
    return [
        (bytes.fromhex(h.replace("-", "")), bytes.fromhex(n.replace("-", "")))
        for h, n in zip(*table.to_pydict().values(), strict=True)
    ]


IDS = st.integers(0, 5).map(lambda n: bytes([n] * 16)) | st.just(b"\xff" * 16)


@given(st.sets(st.tuples(IDS, IDS.map(lambda one: one[::-1])), max_size=20))
def test_places_are_found_both_ways(rows):
    """As a search through all rows finds them."""
    rows = {node: (household, node) for household, node in sorted(rows)}.values()
    places = Places(rows)
    for household, node in rows:
        assert places.of(node) == household
        assert places.records(household) == sorted(n for h, n in rows if h == household)
    begin = bytes(16)
    assert list(places.after(begin)) == sorted({h for h, _ in rows} - {begin})
    assert list(itertools.islice(Places().after(begin), 1)) == []


def test_a_caller_who_does_not_wait_is_told_so(workspace):
    """On the event loop files are not read."""
    with pytest.raises(ExpensiveError):
        workspace.service.quick_profile(user("ann"))
    service = workspace.service
    service.profile(user("ann"))
    assert service.quick_profile(user("ann")) == service.profile(user("ann"))


def test_a_household_fits_its_schema(workspace):
    """What the API's description says of it, which a server without the matcher's extra never answers."""
    told = msgspec.json.encode(workspace.service.households.page())
    assert msgspec.json.decode(told, type=results.Households).households
