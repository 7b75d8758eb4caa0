"""Limits of visitors: a lively visitor loses nothing, a flood is held off, and servers keep the specification's limit."""

import pytest
from tests.serving.edge import Edge, basic

from onefold.serving.app import ServingSettings
from onefold.serving.limits import Limit, Pace
from onefold.serving.visitors import VisitorSettings

EVENT = {"type": "track", "event": "Read", "userId": "u"}
PAGE = "https://shop.test"


def sent(edge, token, times, *, peer, **headers):
    """How many of so many quick requests of one address were taken."""
    answers = [
        edge.send("POST", "/v1/t", EVENT, Authorization=basic(token), peer=peer, **headers) for _ in range(times)
    ]
    assert {answer.status for answer in answers} <= {200, 429}
    assert all(int(a.headers["retry-after"]) >= 1 for a in answers if a.status == 429)
    return sum(answer.status == 200 for answer in answers)


def lost(settings, *, visitors, events):
    """What so many visitors of a page lose who send so many events each, all at one moment."""
    with Edge(settings=settings) as edge:
        token = edge.key()
        taken = sum(sent(edge, token, events, peer=f"192.0.2.{n}", Origin=PAGE) for n in range(visitors))
        assert len(edge.main.log.entries) == taken
        return visitors * events - taken


def test_a_hundred_lively_visitors_lose_nothing_by_default():
    """100 visitors, 35 quick events each, one request an event, at default limits: all are taken."""
    assert lost(ServingSettings(), visitors=100, events=35) == 0


def test_one_limit_for_all_visitors_is_found_out():
    """Control: under the limit of a server's key the same visitors lose nearly everything."""
    with Edge(settings=ServingSettings(visitors=VisitorSettings(senders={("main", "web"): "servers"}))) as edge:
        token = edge.key()
        assert sum(sent(edge, token, 35, peer=f"192.0.2.{n}", Origin=PAGE) for n in range(100)) == 10


def test_servers_keep_the_specifications_limit():
    """Who sends with the same key from no page has 100 a minute, of which ten at once."""
    with Edge(settings=ServingSettings()) as edge:
        assert sent(edge, edge.key(), 40, peer="192.0.2.1") == 10


@pytest.mark.parametrize("peer", ["192.0.2.1", "2001:db8::1"])
def test_one_visitors_flood_costs_no_other(peer):
    """A visitor over the limit waits; the next address passes, though the key is the same."""
    few = VisitorSettings(visitor=Limit(60, burst=5), total=Limit(600, burst=100))
    with Edge(settings=ServingSettings(visitors=few)) as edge:
        token = edge.key()
        assert sent(edge, token, 50, peer=peer, Origin=PAGE) == 5
        assert sent(edge, token, 5, peer="192.0.2.77", Origin=PAGE) == 5


def test_a_source_has_a_total():
    """However many addresses a flood comes from, what its operator set for the source bounds it, and it alone."""
    few = VisitorSettings(total=Limit(60, burst=8), totals={("main", "app"): Limit(60, burst=30)})
    with Edge(settings=ServingSettings(visitors=few)) as edge:
        web, app = edge.key(), edge.key(name="app")
        assert sum(sent(edge, web, 1, peer=f"192.0.2.{n}", Origin=PAGE) for n in range(40)) == 8
        assert sum(sent(edge, app, 1, peer=f"192.0.2.{n}", Origin=PAGE) for n in range(40)) == 30


def test_an_apps_visitors_need_no_page():
    """Where the source's file says so, requests without an origin are visitors', too."""
    apps = VisitorSettings(visitor=Limit(60, burst=20), senders={("main", "web"): "visitors"})
    with Edge(settings=ServingSettings(visitors=apps)) as edge:
        assert sent(edge, edge.key(), 40, peer="192.0.2.1") == 20


def test_behind_a_proxy_each_visitor_has_their_own_limit():
    """The address is what the trusted proxy says, so a proxy's visitors do not share one limit."""
    few = VisitorSettings(visitor=Limit(60, burst=3))
    with Edge(settings=ServingSettings(visitors=few)) as edge:
        token = edge.key()
        for n in range(5):
            taken = sent(edge, token, 10, peer="127.0.0.1", Origin=PAGE, X_Forwarded_For=f"10.9.9.9, 192.0.2.{n}")
            assert taken == 3


def test_no_address_is_remembered():
    """What the process remembers of a visitor does not hold the address, and differs from process to process."""
    remembered = []
    for seed in (1, 2):
        with Edge(settings=ServingSettings()) as edge:
            edge.random.seed(seed)
            edge.app._ingest_limits._names._secret = edge.random.randbytes(32)
            sent(edge, edge.key(), 1, peer="192.0.2.1", Origin=PAGE)
            remembered += edge.app._ingest_limits._visitors._due
    assert len(set(remembered)) == 2
    assert all(len(visitor) == 16 and b"192" not in visitor for visitor in remembered)


def test_the_table_of_visitors_is_bounded():
    """However many addresses come, only so many are remembered; those under way are not forgotten for idle ones."""
    pace = Pace(100)
    limit = Limit(60, burst=1)
    for n in range(10_000):
        pace.wait_seconds(n, limit, n / 10)
        assert len(pace) <= 100
    assert pace.wait_seconds(9_999, limit, 999.9) > 0


def test_a_visitor_may_fetch_only_so_many_scripts():
    """A flood for scripts is held off, by kilobytes; another visitor gets the script."""
    with Edge(settings=ServingSettings()) as edge:
        answers = [edge.send("GET", "/static/array.js", peer="192.0.2.1").status for _ in range(80)]
        assert answers.count(200) in range(50, 58)  # 371 KB each
        assert answers[-1] == 429
        assert edge.send("GET", "/static/array.js", peer="192.0.2.2").status == 200
        assert edge.send("GET", f"/v1/projects/{edge.key()}/settings", peer="192.0.2.1").status == 200
