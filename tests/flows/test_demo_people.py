"""The demo's 2,000 people, by the demo's own files, events and settings: how well they are found, and two of them."""

import json
from datetime import date

import pytest
from bench.stream import fill

from onefold import bootstrap
from onefold.cli import demo
from onefold.cli.output import Output
from onefold.model import Identifier
from onefold.synthetic import population, systems, visits

AS_OF = date(2026, 11, 26)
NAMES = {"user_id": "userId", "anonymous_id": "anonymousId", "message_id": "messageId", "timestamp": "timestamp"}


def bodies(calls):
    """What the Segment SDK sends for these calls."""
    for call in calls:
        said = {NAMES.get(name, name): value for name, value in call.arguments.items()}
        yield json.dumps({"type": call.method, **said, "timestamp": said["timestamp"].isoformat()}).encode()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The demo without its server: the workspace, the people there are, the truth, and agreement before and after a match."""
    directory = tmp_path_factory.mktemp("demo")
    demo._fresh(directory, port=1)
    people = population.people(demo.SEED, 2_000)
    came = visits.visits(people, seed=demo.SEED, as_of=AS_OF)
    written = systems.write(directory / "files", people, seed=demo.SEED, as_of=AS_OF, web_truth=came.truth)
    demo._load(directory, written, Output(as_json=True))
    fill(directory, bodies(came.calls), source="website")
    with bootstrap.opened(directory, None) as workspace:
        bootstrap.catch_up(workspace)
        before, exact = demo._agreement(workspace.context, written.truth)
        bootstrap.match_records(workspace)
        bootstrap.catch_up(workspace)
        after, matched = demo._agreement(workspace.context, written.truth)
        truth = {(one.type, one.value): person for one, person in bootstrap.read_truth(written.truth)}
        yield workspace, people, truth, (before, exact), (after, matched)


def test_people_are_found_as_the_issue_asks(found):
    """Precision of pairs at least 97 %, B-cubed at least 93 %; the control: exact identifiers alone reach neither."""
    *_, (exact, _), (matched, _) = found
    assert matched.items == exact.items > 4_000
    assert matched.pair_precision >= 0.97 > exact.pair_precision
    assert matched.bcubed_f1 >= 0.93 > exact.bcubed_f1
    assert matched.pair_recall >= exact.pair_recall


def test_mei_and_kathleen_stay_two_people_in_one_household(found):
    """They share a home and a landline, and are in several systems; no record of one is the other's."""
    workspace, people, truth, (_, exact), (_, matched) = found
    pairs = [
        (one, other)
        for one in people.people
        for other in people.people
        if (one.first_name, other.first_name, one.household) == ("Mei", "Kathleen", other.household)
    ]
    ((mei, kathleen),) = pairs
    mine, theirs = (
        {item for item, who in truth.items() if who == one.id and item in matched} for one in (mei, kathleen)
    )
    assert min(len(mine), len(theirs)) > 1
    assert {matched[item] for item in mine}.isdisjoint({matched[item] for item in theirs})
    # Control: by exact identifiers alone, the landline makes them one.
    assert {exact[item] for item in mine} & {exact[item] for item in theirs}
    households = []
    for items in (mine, theirs):
        some = [workspace.service.profile(Identifier(*item)).household for item in sorted(items)]
        households += [{one.id for one in some if one is not None}]
    assert households[0] & households[1]
