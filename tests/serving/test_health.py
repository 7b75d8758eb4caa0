"""Health: ready means able to work, metrics are bounded and closed to strangers."""

import asyncio
import threading
import time

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.concurrency import run_in_threadpool
from tests.serving.edge import Edge, basic, bearer

from onefold.errors import UnavailableError
from onefold.serving import figures, server
from onefold.serving.app import ServingSettings, build
from onefold.serving.figures import SOURCES_MAX


@pytest.fixture
def edge():
    with Edge() as made:
        yield made


def test_ready_follows_the_checks(edge):
    """A failing check makes it 503 and names the check, not its words; when it passes again, 200."""
    assert edge.send("GET", "/readyz").json == {"ready": True, "draining": False, "checks": {"main.store": True}}
    edge.main.checks = {"store": "secret path is gone"}
    edge.clock_us += 1_000_000
    answer = edge.send("GET", "/readyz")
    assert (answer.status, answer.json["checks"]) == (503, {"main.store": False})
    assert b"secret" not in answer.body
    edge.main.checks = {"store": None}
    edge.clock_us += 1_000_000
    assert edge.send("GET", "/readyz").status == 200


def test_who_asks_often_does_not_load_the_store(edge):
    """The checks run once a second, however many ask, at once or in turn; draining shows at once all the same."""
    asked = []
    edge.main.ready = lambda: asked.append(1) or time.sleep(0.05) or {"store": None}

    async def many():
        return await asyncio.gather(*(edge.call("GET", "/readyz") for _ in range(50)))

    assert {answer.status for answer in edge.runner.run(many())} == {200}
    assert len(asked) == 1
    edge.clock_us += 999_000
    edge.send("GET", "/readyz")
    assert len(asked) == 1
    edge.clock_us += 2_000
    edge.send("GET", "/readyz")
    assert len(asked) == 2
    edge.app.health.draining = True
    assert edge.send("GET", "/readyz").status == 503


def test_a_check_that_dies_or_hangs_has_failed(edge):
    """Not ready, and told so before the check comes back; the process lives all the same."""
    answered = threading.Event()
    came_back = []

    def hangs():
        came_back.append(answered.wait(30))
        return {}

    def dies():
        raise RuntimeError("words")

    for check in (dies, hangs):
        edge.main.ready = check
        edge.clock_us += 1_000_000
        assert edge.send("GET", "/readyz").status == 503
        assert not came_back
        assert edge.send("GET", "/livez").status == 200
    answered.set()


def test_a_server_that_stops_is_not_ready():
    """While draining, load balancers are told to go elsewhere; workspaces are started and stopped with the server."""
    with Edge() as edge:
        assert edge.main.running
        edge.app.health.draining = True
        assert edge.send("GET", "/readyz").status == 503
    assert not edge.main.running


def test_metrics_name_routes_by_their_template(edge):
    """No path, identifier or key becomes a label, and strangers' paths make no new series."""
    token, secret = edge.key(), edge.key("secret")
    edge.main.know("ann")
    edge.send("POST", "/v1/track", {"event": "Read", "userId": "ann"}, Authorization=basic(token))
    edge.send("GET", f"/v1/projects/{token}/settings")
    edge.send("GET", "/api/v1/profiles/user_id:ann", Authorization=bearer(secret))
    before = edge.send("GET", "/metrics").body.count(b"\n")
    for n in range(100):
        edge.send("GET", f"/strange/{n}")
        edge.send("GET", f"/api/v1/profiles/user_id:{n}", Authorization=bearer(secret))
    text = edge.send("GET", "/metrics").body.decode()
    assert text.count("\n") - before < 60
    assert 'onefold_collect_entries_total{workspace="main"} 1.0' in text
    assert 'route="/api/v1/profiles/{identifier}"' in text
    assert not any(word in text for word in ("ann", token, secret, "strange"))


def test_the_lag_of_each_partition_is_shown(edge):
    """What waits in each partition of the log stands in the metrics."""
    text = edge.send("GET", "/metrics").body.decode()
    assert 'onefold_log_lag{partition="0",workspace="main"} 3.0' in text
    assert 'onefold_log_lag{partition="1",workspace="main"} 0.0' in text


def test_sources_beyond_the_bound_are_summed_up(edge):
    """However many sources there are, the number of series stays bounded, and their sum stays right."""
    (account,) = edge.main.accounts()
    account = msgspec.structs.replace(account, received=1, stored=1, findings={"large": 2})
    edge.main.accounts = lambda: [msgspec.structs.replace(account, source=f"s{n:05d}") for n in range(5_000)]
    text = edge.send("GET", "/metrics").body.decode()
    items = [line for line in text.splitlines() if line.startswith("onefold_pipeline_items_total{")]
    assert len(items) == (SOURCES_MAX + 1) * 5
    assert sum(float(line.split()[-1]) for line in items if 'outcome="received"' in line) == 5_000
    found = [line for line in text.splitlines() if line.startswith("onefold_findings_total{")]
    assert len(found) == SOURCES_MAX + 1
    assert sum(float(line.split()[-1]) for line in found) == 10_000


def shown(edge):
    """The metrics: status, and each sample's value."""
    answer = edge.send("GET", "/metrics")
    families = text_string_to_metric_families(answer.body.decode())
    samples = {(s.name, *(v for _, v in sorted(s.labels.items()))): s.value for f in families for s in f.samples}
    return answer.status, samples


@pytest.mark.parametrize("fault", ["dies", "hangs"])
@pytest.mark.parametrize("figure", ["accounts", "counts", "lag", "quality"])
def test_metrics_are_there_when_a_store_is_not(edge, figure, fault, monkeypatch):
    """Whatever does not answer is shown as it was last known, with its age; all else is fresh."""
    monkeypatch.setattr(figures, "READ_SECONDS", 0.2)
    gate = threading.Event()
    name = {
        "accounts": "onefold_pipeline_lag_entries", "quality": "onefold_check_failed", "counts": "onefold_store_rows",
        "lag": "onefold_log_lag",
    }[figure]  # fmt: skip
    status, before = shown(edge)
    assert (status, before["onefold_figures_age_seconds", figure, "main"]) == (200, 0)

    def faulty():
        if fault == "hangs":
            gate.wait(30)
        raise UnavailableError("gone")

    setattr(edge.main, figure, faulty)
    edge.clock_us += 90_000_000
    status, after = shown(edge)
    gate.set()
    assert status == 200
    known = {key: value for key, value in before.items() if key[0] == name}
    assert known
    assert known.items() <= after.items()
    assert after["onefold_figures_age_seconds", figure, "main"] == 90
    assert ("onefold_http_connections", "waiting") in after
    if fault == "dies":
        others = {"accounts", "counts", "lag", "quality", "reconciled", "segments_compared"} - {figure}
        assert {after["onefold_figures_age_seconds", other, "main"] for other in others} == {0}


def test_checks_have_metrics(edge):
    """Whether each failed in its latest run, and when that was."""
    _, found = shown(edge)
    assert {key[1]: value for key, value in found.items() if key[0] == "onefold_check_failed"} == {
        "has_passed": 0, "has_failed": 1,
    }  # fmt: skip
    assert found["onefold_check_ran_timestamp_seconds", "main"] == 5


def test_the_comparison_of_store_and_warehouse_has_metrics(edge):
    """How many people differed, and when that was found."""
    _, found = shown(edge)
    assert found["onefold_reconcile_differing_people", "main"] == 1
    assert found["onefold_reconcile_ran_timestamp_seconds", "main"] == 5
    assert found["onefold_segment_reconcile_differing_people", "main"] == 2
    assert found["onefold_segment_reconcile_ran_timestamp_seconds", "main"] == 6


def test_metrics_of_a_store_never_heard_of_are_left_out(edge):
    """No figure is invented: a store that was never read has none, and the answer is 200 all the same."""
    for figure in ("accounts", "counts", "lag", "quality", "reconciled", "segments_compared"):
        setattr(edge.main, figure, lambda: 1 / 0)
    status, found = shown(edge)
    assert status == 200
    ours = (
        "onefold_segment",
        "onefold_pipeline",
        "onefold_store",
        "onefold_log",
        "onefold_figures",
        "onefold_check",
        "onefold_reconcile",
    )
    assert not any(key[0].startswith(ours) for key in found)


def test_probes_do_not_wait_for_threads_that_hang(edge):
    """Where every thread of the pool waits for a store, liveness, readiness and metrics are answered all the same."""
    gate = threading.Event()

    async def crowded():
        waiting = [asyncio.ensure_future(run_in_threadpool(gate.wait, 30)) for _ in range(60)]
        await asyncio.sleep(0.05)
        answers = [await edge.call("GET", path) for path in ("/livez", "/readyz", "/metrics")]
        assert not any(one.done() for one in waiting)
        gate.set()
        await asyncio.gather(*waiting)
        return [answer.status for answer in answers]

    assert edge.runner.run(crowded()) == [200, 200, 200]


def test_other_machines_get_no_metrics_without_a_key(edge):
    """A server that listens to others closes /metrics to all but stewards' keys."""
    assert edge.send("GET", "/metrics").status == 200
    server.configure(edge.app, host="0.0.0.0", port=0, allow_public=True)  # noqa: S104  the address under test
    assert edge.send("GET", "/metrics").status == 401
    assert edge.send("GET", "/metrics", Authorization=bearer(edge.key("secret"))).status == 403
    admin = edge.key("secret", name="steward", scopes=("admin",))
    assert edge.send("GET", "/metrics", Authorization=bearer(admin)).status == 200


def test_a_stewards_metrics_are_of_their_workspace():
    """Where a key is asked for, figures and names of other workspaces are left out; those of the process stay."""
    with Edge("main", "other") as edge:
        server.configure(edge.app, host="0.0.0.0", port=0, allow_public=True)  # noqa: S104  the address under test
        for workspace in ("main", "other"):
            edge.send(
                "POST",
                "/v1/track",
                {"event": "Read", "userId": "ann"},
                Authorization=basic(edge.key(workspace=workspace)),
            )
        admin = edge.key("secret", name="steward", scopes=("admin",))
        text = edge.send("GET", "/metrics", Authorization=bearer(admin)).body.decode()
    assert 'onefold_collect_entries_total{workspace="main"} 1.0' in text
    assert 'onefold_store_rows{kind="people",workspace="main"}' in text
    assert 'onefold_http_requests_total{route="/v1/track",status="200"} 2.0' in text
    assert "other" not in text.replace("(other)", "")


def test_a_collector_shows_its_metrics_to_a_steward():
    """A server that collects only knows the keys all the same."""
    edge = Edge()
    edge.app = build(
        edge.workspaces, {}, edge.keys, edge.accounts, ServingSettings(limits={}),
        clock_us=lambda: edge.clock_us, monotonic=lambda: edge.clock_us / 1e6, random=edge.random.randbytes,
    )  # fmt: skip
    server.configure(edge.app, host="0.0.0.0", port=0, allow_public=True)  # noqa: S104  the address under test
    with edge:
        admin = edge.key("secret", name="steward", scopes=("admin",))
        assert edge.send("GET", "/metrics", Authorization=bearer(admin)).status == 200
        assert edge.send("GET", "/metrics").status == 401
        assert edge.send("GET", "/api/v1/stats", Authorization=bearer(admin)).status == 404


def test_other_machines_learn_no_names_of_workspaces():
    """Whether each check passes everywhere is all that a stranger is told."""
    with Edge("main", "other") as edge:
        server.configure(edge.app, host="0.0.0.0", port=0, allow_public=True)  # noqa: S104  the address under test
        assert edge.send("GET", "/readyz").json["checks"] == {"store": True}
        edge.workspaces["other"].checks = {"store": "gone"}
        edge.clock_us += 1_000_000
        answer = edge.send("GET", "/readyz")
        assert (answer.status, answer.json["checks"]) == (503, {"store": False})
