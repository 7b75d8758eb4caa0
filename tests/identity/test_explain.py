"""Why two identifiers are one person, or are not: the path, the refusals, the sentences."""

from random import Random

import msgspec
import pytest
from hypothesis import Phase, find, given, settings
from tests.identity.graphs import DAY_US, SETTINGS, Graph
from tests.identity.oracle import Stored, explain_all_read
from tests.laws.test_solver_laws import RULES, cases

from onefold.identity import search
from onefold.identity.explain import explain, sentences
from onefold.identity.solver import solve


def stored(graph):
    return Stored(graph.solve().members, graph.edges, graph.judgements)


def told(graph, one, other):
    return explain(stored(graph), graph.node(one), graph.node(other), SETTINGS)


def label(node):
    return node.rstrip(b".").decode()


def says(graph, one, other):
    return sentences(told(graph, one, other), label)


def test_the_path_goes_over_the_strongest_evidence():
    """A detour over e-mails beats a shortcut over a cookie; of equally strong paths the shorter one is told."""
    graph = Graph().seen("user_id:u", "email:a").seen("email:b", "email:a").seen("user_id:u", "email:b", at=1)
    graph.seen("user_id:u", "anonymous_id:c").seen("email:b", "anonymous_id:c")
    path = told(graph, "user_id:u", "email:b").path
    assert [(label(s.start), label(s.end)) for s in path] == [("user_id:u", "email:b")]
    graph.edges = [e for e in graph.edges if e.at_us == 0]
    path = told(graph, "user_id:u", "email:b").path
    assert [(label(s.start), label(s.end)) for s in path] == [("user_id:u", "email:a"), ("email:a", "email:b")]
    assert [s.end_type for s in path] == ["email", "email"]


def test_sentences_name_event_rule_source_time_and_offset():
    """Each step says which event, which rule, when and where in the log."""
    graph = Graph().seen("user_id:u", "email:a", at=DAY_US)
    graph.edges = [msgspec.structs.replace(graph.edges[0], offset=12)]
    assert says(graph, "user_id:u", "email:a") == [
        "user_id:u and email:a are the same person.",
        (
            "1. user_id:u and email:a were seen together in an event from web on 1970-01-02 00:00:00 UTC "
            "(rule seen_together/1, log offset 12)."
        ),
    ]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("record", "stood in one record from web"),
        ("alias", "web stated that user_id:u and email:a are the same"),
        ("scored", "The matcher scored user_id:u and email:a +2.50"),
    ],
)
def test_each_kind_of_evidence_has_its_sentence(kind, words):
    """Records, aliases and scores read differently from events."""
    graph = Graph().seen("user_id:u", "email:a", kind=kind, score=2.5 if kind == "scored" else None)
    assert words in says(graph, "user_id:u", "email:a")[1]


def test_a_limit_is_explained():
    """Two people over one cookie: the refused step says which limit stood in the way."""
    graph = Graph().seen("user_id:u1", "anonymous_id:c", at=1).seen("user_id:u2", "anonymous_id:c", at=2)
    explanation = told(graph, "user_id:u1", "user_id:u2")
    assert explanation.verdict == "different"
    assert [step.obstacle and step.obstacle.reason for step in explanation.path] == [None, "limit"]
    lines = says(graph, "user_id:u1", "user_id:u2")
    assert lines[0] == "user_id:u1 and user_id:u2 are two people; evidence connects them, but it was refused."
    assert lines[2].endswith("refused: together they would have more than 1 user_id.")


def test_a_windowed_limit_says_its_window():
    """Five a week is told as such."""
    graph = Graph()
    for n in range(6):
        graph.seen("user_id:u", f"anonymous_id:{n}", at=n)
    assert "more than 5 anonymous_id within 7 days" in says(graph, "user_id:u", "anonymous_id:5")[1]


def test_a_shared_identifier_is_explained():
    """What a family e-mail connects is nobody; the steps over it say so."""
    graph = Graph()
    for n in range(3):
        graph.seen(f"user_id:u{n}", "email:home", at=n)
    lines = says(graph, "user_id:u0", "user_id:u1")
    assert told(graph, "user_id:u0", "user_id:u1").verdict == "not_connected"
    assert lines[0].endswith("all that connects them is an identifier that links nobody.")
    assert lines[1].endswith("refused: this email was seen with several people, so it links nobody.")


def test_what_is_stored_as_shared_counts_as_shared():
    """The others who use it lie in other components, and are not given."""
    graph = Graph().seen("user_id:u", "email:home")
    members = [msgspec.structs.replace(m, shared=m.type == "email") for m in graph.members.values()]
    reader = Stored(members, graph.edges, [])
    assert explain(reader, graph.node("user_id:u"), graph.node("email:home"), SETTINGS).verdict == "not_connected"


def test_judgements_are_explained_with_who_and_why():
    """Splits and links name their author and reason, in the sentence and in the JSON."""
    graph = Graph().seen("user_id:u", "email:a").said("different", "user_id:u", "email:a", at=DAY_US)
    graph.judgements[0] = msgspec.structs.replace(graph.judgements[0], reason="asked by phone")
    lines = says(graph, "user_id:u", "email:a")
    assert lines[1] == "ann judged on 1970-01-02 00:00:00 UTC that they are different people (asked by phone)."
    assert "refused: ann judged on 1970-01-02 00:00:00 UTC that the two are different people" in lines[2]
    result = told(graph, "user_id:u", "email:a").as_result(label, ())
    assert result.judged_apart.by == "ann"
    assert result.path[0].refusal.judgement.reason == "asked by phone"
    linked = says(Graph().said("same", "user_id:u", "email:a"), "user_id:u", "email:a")
    assert linked[1] == "1. ann judged on 1970-01-01 00:00:00 UTC that user_id:u and email:a are the same person."


def test_a_judgement_about_the_two_people_is_told_too():
    """Parting two e-mails parts those who have them; the explanation of the two users says so."""
    graph = Graph().seen("user_id:u", "email:a").seen("email:a", "email:b").said("different", "email:a", "email:b")
    assert "that identifiers of the two are different people" in says(graph, "user_id:u", "email:b")[1]


def test_a_judged_shared_identifier_a_unique_type_and_scores_are_explained():
    """Each remaining obstacle has its words."""
    shared = Graph().seen("user_id:u", "email:a").said("shared", "email:a")
    assert "that this email is shared by several people" in says(shared, "user_id:u", "email:a")[1]
    unique = Graph().seen("donor_id:1", "email:a").seen("donor_id:2", "email:a", at=1)
    assert (
        "each side has a donor_id, and two of those are never one person" in says(unique, "donor_id:1", "donor_id:2")[2]
    )
    scored = Graph().seen("crm_id:1", "crm_id:2", kind="scored", score=-3.0)
    assert "does not speak for a join" in says(scored, "crm_id:1", "crm_id:2")[1]


def test_nothing_connects_strangers():
    """No evidence, no path; and an identifier is itself."""
    graph = Graph()
    graph.node("user_id:u"), graph.node("email:a")
    assert says(graph, "user_id:u", "email:a") == ["user_id:u and email:a are two people; nothing connects them."]
    assert says(graph, "user_id:u", "user_id:u") == ["user_id:u is one identifier."]


def test_refusals_off_the_path_are_told_besides():
    """Two browsers shared by two users: one is on the path, the other is named as well."""
    graph = Graph()
    for cookie in "cd":
        graph.seen("user_id:u1", f"anonymous_id:{cookie}", at=1).seen("user_id:u2", f"anonymous_id:{cookie}", at=2)
    explanation = told(graph, "user_id:u1", "user_id:u2")
    assert (len(explanation.path), len(explanation.refused)) == (2, 1)
    assert says(graph, "user_id:u1", "user_id:u2")[-1].startswith("Besides: ")


def test_json_is_ready_for_json():
    """All of it encodes, nodes only as the caller shows them."""
    graph = Graph().seen("user_id:u1", "anonymous_id:c").seen("user_id:u2", "anonymous_id:c", at=1)
    encoded = msgspec.json.encode(told(graph, "user_id:u1", "user_id:u2").as_result(lambda _: "hidden", ()))
    step = msgspec.json.decode(encoded)["path"][0]
    assert step["from"] == {"type": "user_id", "label": "hidden"}
    assert (step["kind"], step["at"], step["refusal"]) == ("event", "1970-01-01T00:00:00.000Z", None)


@given(cases(nodes_max=7))
def test_an_explanation_never_contradicts_the_solver(case):
    """For every pair the verdict is the solver's, and one person's path is unbroken, held evidence from end to end."""
    placed = solve(*case, RULES).members
    reader = Stored(placed, case.edges, case.judgements)
    for one in placed:
        for other in placed:
            told = explain(reader, one.id, other.id, RULES)
            assert (told.verdict == "same") == (one.person == other.person)
            assert told.verdict != "different" or one.component == other.component
            ends = [one.id, *(step.end for step in told.path)]
            assert [step.start for step in told.path] == ends[:-1]
            assert (told.verdict != "same" and not told.path) or ends[-1] == other.id
            assert told.verdict != "same" or all(step.obstacle is None for step in told.path)
            assert sentences(told, bytes.hex)


def differ(case):
    """Whether what is read on demand explains any pair otherwise than all that there is to read."""
    reader = Stored(solve(*case, RULES).members, case.edges, case.judgements)
    pairs = [(a, b) for a in reader.placed for b in reader.placed]
    return any(explain(reader, a, b, RULES) != explain_all_read(reader, a, b, RULES) for a, b in pairs)


@settings(deadline=None, max_examples=150)
@given(cases(nodes_max=10))
def test_reading_on_demand_explains_as_reading_everything_does(case):
    """Verdict, path, refusals and reasons, of every pair, shared identifiers among them."""
    assert not differ(case)


PLANTED = {
    "the first meeting is taken for the best": (search, "_settled", lambda *_: True),
    "a side that is closed counts as connected": (search, "_weakest_needed", lambda *_: (9, 0)),
    "shared identifiers are passed over": (search, "REFUSED", None),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_search_that_ends_too_soon_is_caught(bug, monkeypatch):
    """The negative control: each is found by the law."""
    monkeypatch.setattr(*PLANTED[bug])
    looking = settings(max_examples=2_000, database=None, deadline=None, phases=[Phase.generate])
    assert find(cases(nodes_max=10), differ, settings=looking, random=Random(7))


def star(cookies):
    graph = Graph()
    for n in range(cookies):
        graph.seen("user_id:u", f"anonymous_id:{n}", at=n * DAY_US * 7)
    return graph


def test_how_much_is_read_does_not_grow_with_the_person():
    """Two browsers of one user: their own evidence, whatever else that user has."""
    read = {}
    for cookies in (20, 2_000):
        reader = stored(star(cookies))
        assert len(explain(reader, b"anonymous_id:1..", b"anonymous_id:2..", SETTINGS).path) == 2
        read[cookies] = reader.edges_read
    assert read[20] == read[2_000] <= 4


def test_a_search_has_an_end():
    """Where too much would have to be read, the verdict is told, and that the path was not looked for to the end."""
    graph = star(30)
    found = explain(stored(graph), b"anonymous_id:1..", b"anonymous_id:2..", SETTINGS, edges_max=1)
    assert (found.verdict, found.path, found.searched) == ("same", (), False)
    assert "too much evidence" in sentences(found, label)[0]
