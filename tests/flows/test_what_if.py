"""What-if: a changed identity.yaml on a copy, person by person, applied through the log, and taken back exactly."""

import pytest
from tests import workbench

import onefold
from onefold import bootstrap
from onefold.errors import StaleError, UnavailableError, UsageError
from onefold.model import Identifier, PairScore
from onefold.pipelines import judgements, scores
from onefold.pipelines.maintenance import supposing

CONTACTS = {"c1": "desk@roe.test", "c2": "desk@roe.test", "c3": "", "c4": "", "c5": ""}
SCORED = {("c3", "c4"): 2.0, ("c4", "c5"): 1.0}
TRIED = {
    "match: {join_from: 0.95}\n": ("split", {"c3", "c4"}),
    "match: {join_from: 0.6, review_from: 0.6}\n": ("merged", {"c3", "c4", "c5"}),
    "blocked: {values: [desk@roe.test]}\n": ("split", {"c1", "c2", "desk@roe.test"}),
    "types: {contact_id: {priority: 90, limit: 1}}\n": ("split", None),
}


TYPES = "types: {contact_id: {priority: 90, limit: 4}}\n"


def identity(directory, text):
    (directory / "identity.yaml").write_text(text if "types" in text else TYPES + text)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Five contacts: two of one e-mail address, two that a score joins, and one that comes near them."""
    directory = tmp_path_factory.mktemp("what-if")
    bootstrap.init(directory, "media")
    identity(directory, "match: {}\n")
    (directory / "segments").mkdir(exist_ok=True)
    for old in (directory / "segments").glob("*.yaml"):
        old.unlink()
    (directory / "segments" / "busy.yaml").write_text("segments:\n  busy: {rule: events >= 2}\n")
    with bootstrap.opened(directory, None) as opened:
        context = opened.context
        bodies = [
            {"type": "track", "event": "Called", "messageId": one, "context": {"externalIds": [
                {"type": kind, "id": value} for kind, value in (("contact_id", one), ("email", email)) if value
            ]}}
            for one, email in CONTACTS.items()
        ]  # fmt: skip
        context.log.append([workbench.entry(body, source="website", index=n) for n, body in enumerate(bodies)])
        node = {c: judgements.subject(Identifier("contact_id", c), context.identity, context.hasher) for c in CONTACTS}
        said = [PairScore(*sorted((node[a], node[b])), score) for (a, b), score in SCORED.items()]
        scores.append(context.log, said, run="r", model="model/1", at_us=5)
        bootstrap.catch_up(opened)
    with bootstrap.project_segments(directory, None, start=True) as segments:
        segments.apply()
    return directory


def places(directory):
    with bootstrap.opened(directory, None) as opened, opened.context.store.snapshot() as seen:
        return {row.member.id: (row.member.person, row.member.shared) for row in seen.scan()}


def applied(directory):
    with bootstrap.opened(directory, None) as opened:
        opened.service.identity.apply(None)
        bootstrap.catch_up(opened)
        left, _ = opened.service.identity.plan({})
        return left, bootstrap.verify(opened).equal


def test_settings_that_are_as_they_were_change_nobody(project):
    """The copy is solved as the store was."""
    with bootstrap.opened(project, None) as opened:
        found, _ = opened.service.identity.plan({})
    assert (found.changes, found.segments, found.people) == ((), (), found.people_after)


@pytest.mark.parametrize("text", TRIED)
def test_a_plan_is_what_applying_does_and_taking_it_back_undoes_it(project, text):
    """The people that were planned are those that there are then; a rebuild agrees; with the old file all is as it was."""
    kind, who = TRIED[text]
    before = places(project)
    identity(project, text)
    with bootstrap.opened(project, None) as opened:
        context = opened.context
        found, _ = opened.service.identity.plan({})
        with context.store.snapshot() as snapshot:
            wanted = supposing.suppose(context, snapshot, context.identity)
    assert {change.kind for change in found.changes} == {kind}
    if who is not None:
        (group,) = wanted.groups
        with bootstrap.opened(project, None) as opened, opened.context.store.snapshot() as snapshot:
            rows = snapshot.nodes(group)
            assert {supposing.opened(opened.context, row)[0].value for row in rows.values()} == who
    assert places(project) == before, "planning changed somebody"
    left, equal = applied(project)
    assert left.changes_total == 0
    after = places(project)
    assert {n: p for n, (p, _) in after.items()} == {n: m.person for n, m in wanted.after.items()}
    assert {p for p, _ in after.values()} != {p for p, _ in before.values()} or after != before
    # A blocked value is no node at all after a rebuild.
    assert equal or text.startswith("blocked")
    identity(project, "match: {}\n")
    left, _ = applied(project)
    if text.startswith("blocked"):
        undo(project, "desk@roe.test")
    assert places(project) == before


def test_a_use_has_a_threshold_of_its_own(project):
    """More care parts a pair that a score joins, less joins what comes near; nobody's person is another for it."""
    before = places(project)
    identity(project, "match: {uses: {major_donors: 0.9, marketing: 0.6}}\n")
    c4 = Identifier("contact_id", "c4")
    with bootstrap.opened(project, None) as opened:
        service = opened.service
        assert service.identity.plan({})[0].changes == ()
        usual, careful, loose = (service.uses.links(c4, use) for use in (None, "major_donors", "marketing"))
        with pytest.raises(UsageError, match="major_donors, marketing"):
            service.uses.links(c4, "postal")
        (other,) = (Identifier(*label.split(":", 1)) for label in careful.without)
        pairs = [service.uses.pair(c4, end) for end in (other, Identifier(*loose.besides[0].split(":", 1)), c4)]
        # Page by page: each identifier once, in the one order.
        pages, cursor = [], None
        while not pages or cursor:
            pages.append(service.uses.links(c4, "marketing", cursor=cursor, limit=1))
            cursor = pages[-1].next
        named = service.uses.named()
    assert [[one.one_person for one in found.uses] for found in pairs] == [[False, True], [False, True], [True, True]]
    assert [found.one_person for found in pairs] == [True, False, True]
    assert [len(page.identifiers) for page in pages] == [1, 1, 1]
    assert tuple(label for page in pages for label in page.identifiers) == loose.identifiers
    assert {page.identifiers_total for page in pages} == {3}
    with onefold.open(project) as opened:
        assert opened.uses == {use.name: use.join_from for use in named.uses} == {"major_donors": 0.9, "marketing": 0.6}
        assert opened.links("contact_id:c4", "major_donors") == careful
        assert opened.uses_of("contact_id:c4", f"{other.type}:{other.value}") == pairs[0]
    assert [len(found.identifiers) for found in (usual, careful, loose)] == [2, 1, 3]
    assert (usual.without, usual.besides) == ((), ())
    assert (len(careful.without), careful.besides) == (1, ())
    assert (loose.without, len(loose.besides)) == ((), 1)
    assert {found.profile_id for found in (usual, careful, loose)} == {usual.profile_id}
    assert places(project) == before
    identity(project, "match: {}\n")


def test_a_running_server_does_not_apply_what_it_did_not_read(project):
    """Also where only what the matcher asks is another: it would score by the file of before."""
    with bootstrap.opened(project, None) as opened:
        identity(project, "match: {model: weighted}\n")
        with pytest.raises(UnavailableError, match="start it again"):
            opened.service.identity.apply(None)
    identity(project, "match: {}\n")


def undo(directory, address):
    with bootstrap.opened(directory, None) as opened:
        opened.service.judge("withdrawn", Identifier("email", address), by="test")
        bootstrap.catch_up(opened)


def test_segments_follow_in_the_plan(project):
    """Two people of an event each are in it as one, and not as two."""
    with bootstrap.opened(project, None) as opened:
        found, _ = opened.service.identity.plan({"match": {"join_from": 0.95}})
        (busy,) = found.segments
        assert (busy.audience, busy.leaving, busy.entering) == ("busy", 1, 0)
        assert found.split == 1
        assert found.people_after == found.people + 1


def test_what_cannot_be_used_is_said_with_its_reason(project):
    """Keys that do not exist and values out of range are refused; a plan of before is not applied."""
    with bootstrap.opened(project, None) as opened:
        for wrong in (
            {"match": {"join_form": 0.9}},
            {"match": {"join_from": 3}},
            {"types": 7},
            {"match": {"weights": {"name": "x"}}},
        ):
            with pytest.raises(UsageError, match=r"identity\.yaml"):
                opened.service.identity.plan(wrong)
        _, tag = opened.service.identity.plan({})
        opened.service.judge("unsure", Identifier("contact_id", "c3"), Identifier("contact_id", "c5"), by="test")
        bootstrap.catch_up(opened)
        with pytest.raises(StaleError):
            opened.service.identity.apply(tag)
