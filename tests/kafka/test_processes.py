"""Collector and processor as processes of their own, with Kafka between them."""

import pytest
from bench.broker import project_on
from bench.ground import free_port
from tests.kafka.entries import entry
from tests.plain import balances, dead_letters, profiles
from tests.running import Server, project

from onefold import bootstrap
from onefold.errors import ConfigurationError
from onefold.model import Identifier
from onefold.pipelines.stream import process

pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.timeout(200)]


def test_events_go_from_a_collector_through_kafka_to_a_server(shared):
    """What one process collects, another processes and answers for; the collector itself answers no look-up."""
    with project(more=project_on(shared).replace("{kind", "{prefix: processes, kind")) as here:
        collecting = here.port
        with here.server(verb="collect"):
            here.port = answering = free_port()
            text = (here.directory / "onefold.yaml").read_text()
            (here.directory / "onefold.yaml").write_text(text.replace(f"port: {collecting}", f"port: {answering}"))
            with here.server():
                server = Server(here)
                here.port = collecting
                batch = [
                    {"type": "track", "event": "Read", "userId": "ann", "messageId": f"m{n}", "properties": {"n": n}}
                    for n in range(30)
                ]
                assert server.post("/v1/batch", {"batch": [*batch, *batch[:4], {"type": "nonsense"}]}) == 200
                assert server.send("GET", "/api/v1/sources")[0] == 404
                assert b"onefold_collect_entries_total" in server.send("GET", "/metrics")[1]
                here.port = answering
                account = server.account()
                assert (account["stored"], account["duplicate"], account["rejected"]) == (30, 4, 1)
                assert account["balanced"]
                assert server.profile("user_id:ann")["counters"]["events"] == 30
                assert len(server.timeline("user_id:ann")) == 30
                lag = [line for line in server.send("GET", "/metrics")[1].decode().splitlines()
                       if line.startswith("onefold_log_lag{")]  # fmt: skip
                assert len(lag) == 4
                assert {line.split()[-1] for line in lag} == {"0.0"}


def test_dead_letters_of_any_partition_are_shown_and_sent_again_mended(shared):
    """An offset names one dead letter, whatever partition it and its mended form lie in."""
    with (
        project(more=project_on(shared).replace("{kind", "{prefix: mending, kind")) as here,
        bootstrap.opened(here.directory, None) as workspace,
    ):
        context = workspace.context
        bad = [b'{"type":"nonsense","userId":"u%d"}' % n for n in range(12)]
        context.log.append([entry(n, body=body) for n, body in enumerate(bad)])
        process.drain(context)
        pages, after = [], 0
        while page := dead_letters.listed(context, after=after, limit=5):
            pages += page
            after = page[-1]["offset"]
        assert len({d["offset"] for d in pages}) == len(pages) == 12
        for letter in pages:
            assert dead_letters.shown(context, letter["offset"])["payload"]["type"] == "nonsense"
            mended = b'{"type":"track","event":"E","userId":"mended-%d"}' % letter["offset"]
            dead_letters.replay(context, letter["offset"], body=mended)
        process.drain(context)
        assert dead_letters.listed(context) == []
        assert profiles.profile(context, Identifier("user_id", f"mended-{after}")) is not None
        (account,) = balances.sources(context)
        assert (account["received"], account["rejected"], account["stored"]) == (24, 12, 12)


def test_a_process_without_the_keys_of_a_log_refuses_to_start(shared):
    """Where the log has entries, new keys would make them unreadable for ever."""
    with project(more=project_on(shared).replace("{kind", "{prefix: keyless, kind")) as here:
        with bootstrap.opened(here.directory, None) as workspace:
            workspace.context.log.append([entry(0)])
        keys = here.directory / "data" / "bench" / "keys.bin"
        keys.rename(keys.with_suffix(".away"))
        with pytest.raises(ConfigurationError, match=r"keys\.bin is missing"), bootstrap.opened(here.directory, None):
            pass
        assert not keys.exists()
        keys.with_suffix(".away").rename(keys)
        with bootstrap.opened(here.directory, None) as workspace:
            assert workspace.context.log.received() == {"web": 1}
