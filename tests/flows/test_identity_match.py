"""Matching inside a project: scores go through the log into the graph, join people, and are taken back exactly."""

import math
from datetime import date

import pytest
from tests import workbench
from tests.running import project

from onefold import bootstrap
from onefold.bootstrap import identity_matching
from onefold.bootstrap.identity_matching import kinds
from onefold.cli import demo
from onefold.errors import UsageError
from onefold.model import Identifier, PairScore, format_profile_id
from onefold.pipelines import judgements, scores
from onefold.pipelines.matching import records, scoring
from onefold.synthetic import population, systems
from onefold.warehouse.query import parse

AS_OF = date(2026, 11, 26)
SOURCES = ("donors", "subscribers", "tickets", "newsletter")


# The demo's showpiece: two spouses who share a home and a phone, each known twice.
SPOUSES = {
    "mei-1": ("Mei", "1961-04-02", "mei@okafor.test"), "mei-2": ("Mei", "1961-04-02", "mei@okafor.test"),
    "kathleen-1": ("Kathleen", "1958-11-20", "kathleen@okafor.test"),
    "kathleen-2": ("Kathleen", "1958-11-20", "kathleen@okafor.test"),
}  # fmt: skip
HOME = {"last_name": "Okafor-Lund", "street": "12 Tamarack Street", "postal_code": "46402", "phone": "+13125550142"}


def spouses(workspace):
    """Append their records to the log."""
    bodies = [
        {
            "type": "identify",
            "messageId": name,
            "traits": {"first_name": first, "birthday": born, "email": email} | HOME,
        }
        | {"context": {"externalIds": [{"type": "contact_id", "id": name}]}}
        for name, (first, born, email) in SPOUSES.items()
    ]
    workspace.context.log.append([workbench.entry(body, source="donors", index=n) for n, body in enumerate(bodies)])


def places(workspace):
    with workspace.context.store.snapshot() as seen:
        return {row.member.id: row.member for row in seen.scan()}


def pairs_of(workspace):
    with workspace.context.store.snapshot() as seen:
        return {(e.a, e.b): e.score for e in seen.scan_edges() if e.kind == "scored" and e.score is not None}


@pytest.fixture(scope="module")
def matched(tmp_path_factory):
    """A project of 500 invented people in four systems: open, as exact identifiers left it, and as matched."""
    with project() as here:
        (here.directory / "identity.yaml").write_text(demo._IDENTITY)
        for name in SOURCES:
            (here.directory / "sources" / f"{name}.yaml").write_text("kind: file\n")
        written = systems.write(tmp_path_factory.mktemp("files"), population.people(7, 500), seed=7, as_of=AS_OF)
        with bootstrap.opened(here.directory, None) as workspace:
            for name in SOURCES:
                loaded(workspace, written, name)
            spouses(workspace)
            bootstrap.catch_up(workspace)
            before, exact = places(workspace), demo._agreement(workspace.context, written.truth)[0]
            run = bootstrap.match_records(workspace)
            bootstrap.catch_up(workspace)
            yield workspace, written, before, exact, run


def test_scores_find_more_people_and_part_those_who_contradict(matched):
    """Names and addresses raise recall; households that share an address or phone come apart, so precision rises, too."""
    workspace, written, _, exact, run = matched
    found = demo._agreement(workspace.context, written.truth)[0]
    assert run.changed == run.scored > 100
    assert found.pair_precision > max(exact.pair_precision, 0.93)
    assert found.pair_recall > exact.pair_recall
    assert found.bcubed_f1 > exact.bcubed_f1


def test_spouses_who_share_a_phone_are_two_people_in_one_household(matched):
    """Mei and Kathleen are two, each of two records, and live together."""
    workspace = matched[0]
    context = workspace.context
    ids = {name: Identifier("contact_id", name) for name in SPOUSES}
    nodes = {name: judgements.subject(one, context.identity, context.hasher) for name, one in ids.items()}
    after = {name: places(workspace)[node].person for name, node in nodes.items()}
    assert after["mei-1"] == after["mei-2"] != after["kathleen-1"] == after["kathleen-2"]
    household = workspace.service.profile(ids["mei-1"]).household
    assert {member.name for member in household.members} == {"Mei Okafor-Lund", "Kathleen Okafor-Lund"}


def test_a_second_run_over_the_same_records_says_nothing(matched):
    """The log grows by what changed, and nothing did."""
    workspace = matched[0]
    ends = workspace.context.log.ends()
    again = bootstrap.match_records(workspace)
    assert (again.changed, again.withdrawn) == (0, 0)
    assert workspace.context.log.ends() == ends


def loaded(workspace, written, name):
    path = written.files[name]
    for _ in bootstrap.load_file(workspace.context, path, source=name, mapping=str(path.with_suffix(".yaml"))):
        pass
    bootstrap.catch_up(workspace)


def test_what_came_later_is_matched_alone_as_all_would_be(tmp_path):
    """Half of the people come after a full run: an incremental run compares theirs only, and tells what a full one would."""
    with project() as here:
        (here.directory / "identity.yaml").write_text(demo._IDENTITY)
        for name in SOURCES[:2]:
            (here.directory / "sources" / f"{name}.yaml").write_text("kind: file\n")
        written = systems.write(tmp_path / "files", population.people(9, 150), seed=9, as_of=AS_OF)
        with bootstrap.opened(here.directory, None) as workspace:
            loaded(workspace, written, "donors")
            first = bootstrap.match_records(workspace, incremental=True)
            assert first.full, "there was no model yet"
            bootstrap.catch_up(workspace)
            loaded(workspace, written, "subscribers")
            later = bootstrap.match_records(workspace, incremental=True)
            bootstrap.catch_up(workspace)
            assert (later.full, later.model) == (False, first.model)
            assert later.records > first.records
            assert later.changed > 10
            again = bootstrap.match_records(workspace, incremental=True)
            assert (again.changed, again.withdrawn, again.full, again.compared) == (0, 0, False, 0)

            # All at once, by the same model.
            with workspace.context.store.snapshot() as seen:
                sources = records.read(workspace.context, seen, kinds({}))
            known = identity_matching.kept_of(workspace).known
            whole = scoring.score(sources, known, identity_matching.settings_of(workspace))
            assert {(pair.a, pair.b): pair.score for pair in whole.pairs} == pairs_of(workspace)
            assert whole.compared > later.compared

            # Whoever is erased takes the fingerprint along, and what a record that is gone was compared with is not known.
            assert bootstrap.eraser_of(workspace).erase([min(sources.records)])
            assert identity_matching.kept_of(workspace) is None
            assert bootstrap.match_records(workspace, incremental=True).full


def test_a_rebuild_gives_the_same_people(matched):
    """Scores are entries of the log like everything else."""
    assert bootstrap.verify(matched[0]).equal


def surest(workspace):
    """The surest of the links that rest on a score, as the warehouse tells."""
    warehouse = bootstrap.warehouse_of(workspace)
    try:
        said = "SELECT max(confidence) AS surest FROM golden.source_link WHERE match_type = 'scored'"
        return warehouse.run(parse(said)).to_pylist()[0]["surest"]
    finally:
        warehouse.close()


def tell(workspace, values, run):
    said = [PairScore(a, b, score) for (a, b), score in values.items()]
    scores.append(workspace.context.log, said, run=run, model="learned:test", at_us=workspace.context.clock_us())
    bootstrap.catch_up(workspace)


def test_scores_that_are_taken_back_leave_people_as_they_were(matched):
    """Exactly: every node is in the place that exact identifiers gave it; told again, everybody is where they were."""
    workspace, _, before, _, _ = matched
    joined, known = places(workspace), pairs_of(workspace)
    assert joined != before
    for n, values in enumerate((dict.fromkeys(known), known), 1):
        tell(workspace, values, f"test-{n}")
        assert places(workspace) == (before if n == 1 else joined)


def test_a_link_has_the_latest_score_of_its_pair(matched):
    """Not the highest that there ever was."""
    workspace, known = matched[0], pairs_of(matched[0])
    bounded = 1 / (1 + math.exp(-4.0))
    assert surest(workspace) > bounded
    tell(workspace, {pair: min(score, 4.0) for pair, score in known.items()}, "bounded")
    assert surest(workspace) <= bounded
    tell(workspace, known, "as before")


def test_no_score_overrides_what_a_person_said(matched):
    """A pair that scores joined and somebody parted stays apart, however often it is matched again."""
    workspace = matched[0]
    joined = places(workspace)
    (a, b), _ = max(
        (item for item in pairs_of(workspace).items() if joined[item[0][0]].person == joined[item[0][1]].person),
        key=lambda item: (item[1], item[0]),
    )
    ends = [Identifier("profile", format_profile_id(node)) for node in (a, b)]
    workspace.service.judge("different", *ends, by="ann")
    bootstrap.catch_up(workspace)
    taught = bootstrap.match_records(workspace)
    bootstrap.catch_up(workspace)
    apart = places(workspace)
    assert apart[a].person != apart[b].person
    workspace.service.judge("withdrawn", *ends, by="ann")
    bootstrap.catch_up(workspace)
    again = bootstrap.match_records(workspace)
    bootstrap.catch_up(workspace)
    assert places(workspace) == joined
    assert again.model == matched[4].model != taught.model, (
        "what was said teaches the model, and taken back it does not"
    )


@pytest.mark.parametrize(
    ("traits", "cells"),
    [
        ({"name": "Ann Roe Jr."}, {"given_name": "Ann", "family_name": "Roe", "name_suffix": "jr"}),
        ({"name": "Roe, Ann"}, {"given_name": "Ann", "family_name": "Roe"}),
        (
            {"delivery_address": "1 Elm St\nGary, IN 46402", "last_name": "Roe"},
            {"family_name": "Roe", "street": "1 Elm St", "city": "Gary", "region": "IN", "postcode": "46402"},
        ),
        ({"subscription_start": "2026-01-02", "plan": "Digital"}, {}),
    ],
)
def test_traits_are_read_by_their_names(traits, cells):
    """Whole names and addresses are parted; a date that is no birthday, and what tells nobody apart, is left out."""
    assert records.cells(traits, kinds({})) == cells


def test_the_waterfall_of_a_pair_ends_at_its_score(matched):
    """By the model that was kept, each pair's fields add up to what the run told the log, for and against."""
    service, known = matched[0].service, sorted(pairs_of(matched[0]).items())
    step = max(1, len(known) // 12)
    for (a, b), score in known[::step]:
        found = service.evidence(*(Identifier("profile", format_profile_id(node)) for node in (a, b)))
        assert found.because is None
        assert found.score == pytest.approx(max(score, -12.0), abs=0.002) or found.score < -12.0 == score
        assert found.steps[-1].sum == pytest.approx(found.score, abs=0.002)
        assert all(s.share is None or 0 < s.share <= 1 for s in found.steps)
    assert found.model == matched[4].model


def test_a_change_that_is_told_decides_otherwise(matched):
    """Raised to it, the threshold parts a pair that a score joined; without the told evidence, too."""
    workspace = matched[0]
    joined = places(workspace)
    told = 0
    for (a, b), _ in sorted(pairs_of(workspace).items())[:: max(1, len(pairs_of(workspace)) // 12)]:
        found = workspace.service.evidence(*(Identifier("profile", format_profile_id(n)) for n in (a, b)))
        assert found.one_person == (joined[a].person == joined[b].person)
        assert all(change.one_person != found.one_person for change in found.changes)
        told += len(found.changes)
    assert told > 4


def test_what_holds_a_person_together(matched):
    """The weakest link parts the person in two, and a person of one identifier has none."""
    workspace = matched[0]
    people = {}
    for node, member in places(workspace).items():
        people.setdefault(member.person, []).append(node)
    largest = max(people.values(), key=lambda nodes: (len(nodes), nodes))
    found = workspace.service.cohesion(Identifier("profile", format_profile_id(largest[0])))
    assert (found.identifiers, len(found.parts)) == (len(largest), 2)
    assert sum(map(len, found.parts)) == min(len(largest), 100)
    alone = next(nodes for nodes in people.values() if len(nodes) == 1)
    found = workspace.service.cohesion(Identifier("profile", format_profile_id(alone[0])))
    assert (found.weakest, found.parts) == (None, ())


def test_accuracy_is_that_of_the_demo(matched, tmp_path):
    """Against a truth as the demo measures it; a stricter threshold is no less precise and finds no more; sizes add up."""
    workspace, written, *_ = matched
    found = workspace.service.accuracy(bootstrap.read_truth(written.truth))
    people = places(workspace)
    assert sum(size.people for size in found.sizes) == len({member.person for member in people.values()})
    strictest, loosest = found.curve[-1], found.curve[0]
    assert strictest.precision >= loosest.precision > 0.8
    assert loosest.recall >= found.measured.recall >= strictest.recall
    assert found.measured == next(one for one in found.curve if one.join_from == 0.85)
    assert abs(found.estimated_precision - found.measured.precision) < 0.15
    none = workspace.service.accuracy()
    assert (none.basis, none.measured, none.sizes) == ("none", None, found.sizes)
    truth = tmp_path / "x.csv"
    truth.write_text("a,b\n1,2\n")
    with pytest.raises(UsageError):
        list(bootstrap.read_truth(truth))
