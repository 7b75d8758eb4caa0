"""Who is who in the situations the product promises to get right."""

from tests.cost import units
from tests.identity.graphs import DAY_US, SETTINGS, Graph

from onefold.identity.groups import Obstacle
from onefold.identity.solver import solve


def test_an_anonymous_visitor_becomes_known():
    """Evidence chains over shared events, and the person is named by the oldest node."""
    graph = Graph().seen("email:ann", "anonymous_id:c1", at=5).seen("user_id:u1", "email:ann", at=9)
    graph.node("anonymous_id:c1")
    assert graph.people() == [["anonymous_id:c1", "email:ann", "user_id:u1"]]
    assert graph.member("user_id:u1").person == graph.node("email:ann")
    assert not graph.member("user_id:u1").contested


def test_two_users_of_one_browser_stay_two_people():
    """The cookie belongs to whoever used it first; the component is contested."""
    graph = Graph().seen("user_id:u2", "anonymous_id:c1", at=2).seen("user_id:u1", "anonymous_id:c1", at=1)
    assert graph.people() == [["anonymous_id:c1", "user_id:u1"], ["user_id:u2"]]
    assert graph.member("user_id:u2").contested
    assert graph.member("user_id:u2").component == graph.member("user_id:u1").component


def test_strong_evidence_counts_before_early_evidence():
    """An e-mail stated later ties a user more firmly than a cookie seen earlier."""
    graph = Graph().seen("user_id:u1", "anonymous_id:c1", at=1).seen("email:e", "anonymous_id:c1", at=2)
    graph.seen("user_id:u2", "email:e", at=3)
    assert graph.people() == [["anonymous_id:c1", "user_id:u1"], ["email:e", "user_id:u2"]]


def test_a_family_address_links_nobody():
    """Seen with three user ids, an e-mail is shared: it stands alone and its users stay apart, uncontested."""
    graph = Graph()
    for n in range(3):
        graph.seen(f"user_id:u{n}", "email:home", at=n)
    assert graph.people() == [["email:home"], ["user_id:u0"], ["user_id:u1"], ["user_id:u2"]]
    assert graph.member("email:home").shared
    assert not graph.member("user_id:u0").contested
    assert {r.obstacle for r in graph.solve().refused} == {Obstacle("shared", "email")}


def test_many_numbers_of_one_person_do_not_make_an_address_shared():
    """One user id, one donor id, one more of each other type: neighbours are counted type by type."""
    graph = Graph().seen("user_id:u", "email:e").seen("donor_id:d", "email:e").seen("user_id:u", "donor_id:d")
    for n in range(4):
        graph.seen("email:e", f"anonymous_id:{n}", at=n * DAY_US * 8)
    assert len(graph.people()) == 1


def test_a_person_may_call_an_identifier_shared_or_not():
    """`shared` and `not_shared` overrule the count; `withdrawn` hands it back to the count."""
    graph = Graph().seen("user_id:u1", "email:e", at=1).said("shared", "email:e", at=1)
    assert graph.people() == [["email:e"], ["user_id:u1"]]
    assert graph.said("not_shared", "email:e", at=2).people() == [["email:e", "user_id:u1"]]
    graph.seen("user_id:u2", "email:e", at=2).seen("user_id:u3", "email:e", at=3)
    assert graph.people() == [["email:e", "user_id:u1"], ["user_id:u2"], ["user_id:u3"]]
    assert graph.said("withdrawn", "email:e", at=3).member("email:e").shared


def test_a_link_lifts_limits_but_never_joins_unique_ids():
    """A person may join two user ids, and nothing else is refused for it; two donor ids nobody can join."""
    graph = Graph().seen("user_id:u1", "email:a").seen("user_id:u2", "email:b").said("same", "user_id:u1", "user_id:u2")
    graph.seen("user_id:u2", "phone:p", at=1)
    assert graph.people() == [["email:a", "email:b", "phone:p", "user_id:u1", "user_id:u2"]]
    donors = Graph().said("same", "donor_id:d1", "donor_id:d2")
    assert donors.people() == [["donor_id:d1"], ["donor_id:d2"]]
    assert [r.obstacle.reason for r in donors.solve().refused] == ["unique"]


def test_a_split_beats_evidence_and_links():
    """`different` holds against exact evidence and against a chain of links; the latest word on a pair counts."""
    graph = Graph().seen("user_id:u1", "email:e").said("different", "user_id:u1", "email:e", at=1)
    assert graph.people() == [["email:e"], ["user_id:u1"]]
    assert graph.said("same", "user_id:u1", "email:e", at=2).people() == [["email:e", "user_id:u1"]]
    chain = Graph().said("same", "email:a", "email:b", at=1).said("same", "email:b", "email:c", at=2)
    chain.said("different", "email:a", "email:c", at=0)
    assert chain.people() == [["email:a", "email:b"], ["email:c"]]


def test_six_cookies_a_week_are_too_many_but_years_of_cookies_are_not():
    """The window slides over first sightings."""
    busy, steady = Graph(), Graph()
    for n in range(6):
        busy.seen("user_id:u", f"anonymous_id:{n}", at=n * DAY_US)
        steady.seen("user_id:u", f"anonymous_id:{n}", at=n * 2 * DAY_US)
    assert busy.people() == [[*(f"anonymous_id:{n}" for n in range(5)), "user_id:u"], ["anonymous_id:5"]]
    assert len(steady.people()) == 1


def test_scores_join_groups_on_average():
    """Two good scores join; one clear contradiction outweighs them."""
    graph = Graph().seen("crm_id:1", "email:a")
    graph.seen("crm_id:2", "crm_id:1", kind="scored", score=3.0).seen("crm_id:2", "email:a", kind="scored", score=2.0)
    assert len(graph.people()) == 1
    against = Graph().seen("crm_id:1", "email:a")
    against.seen("crm_id:2", "crm_id:1", kind="scored", score=9.0)
    against.seen("crm_id:2", "email:a", kind="scored", score=-9.0)
    assert against.people() == [["crm_id:1", "email:a"], ["crm_id:2"]]
    assert {r.obstacle.reason for r in against.solve().refused} == {"score"}


def test_a_score_that_is_no_number_says_nothing():
    """NaN and missing scores join nobody and upset nobody."""
    graph = Graph().seen("crm_id:2", "crm_id:1", kind="scored", score=float("nan"))
    graph.seen("crm_id:3", "crm_id:1", kind="scored").seen("crm_id:4", "crm_id:1", kind="scored", score=float("inf"))
    assert graph.people() == [["crm_id:1", "crm_id:4"], ["crm_id:2"], ["crm_id:3"]]


def test_what_touches_other_components_is_left_out():
    """Evidence and judgements about nodes that were not given are no error."""
    graph = Graph().seen("user_id:u", "email:e").said("different", "user_id:u", "email:e")
    only = [graph.members["user_id:u"]]
    assert [m.person for m in solve(only, graph.edges, graph.judgements, SETTINGS).members] == [graph.node("user_id:u")]


def test_nodes_known_to_be_shared_stay_shared():
    """Most of those who use a shared identifier lie outside, so the caller's knowledge counts."""
    graph = Graph().seen("user_id:u", "email:e")
    inside = list(graph.members.values())
    alone = solve(inside, graph.edges, [], SETTINGS, shared_before={graph.node("email:e")})
    assert [(m.type, m.shared, m.person == m.id) for m in alone.members] == [
        ("email", True, True),
        ("user_id", False, True),
    ]


def test_ten_thousand_nodes_take_a_moment():
    """A hub with ten thousand cookies is solved at once, most of them refused; a square would take minutes."""
    graph = Graph()
    for n in range(10_000):
        graph.seen("user_id:u", f"anonymous_id:{n}", at=n * 1_000_000)
    assert len(graph.people()) > 9_000
    assert units(graph.people) < 100
