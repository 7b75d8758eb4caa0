"""The same probes put to real servers in processes of their own, what they log, and what their streams show."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from bench.ground import free_port, wait_until
from tests.isolation import tenants, trial
from tests.isolation.asgi import Answer
from tests.isolation.callers import bearer
from tests.isolation.probes import looks

pytestmark = pytest.mark.xdist_group("server")
PROBES = 600
APART = {"/metrics", "/api/v1/events/stream"}
"""Metrics are open to this machine, and streams do not end: both are tried below."""


class Served:
    """A server on one of the twins' directories."""

    def __init__(self, directory, port):
        self.directory, self.port = directory, port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def call(self, method, target, body=b"", headers=()):
        # The SDKs' settings repeat by which name, and port, the server was called.
        self.connection.request(method, target, body, {"host": "data.test", **dict(headers)})
        answer = self.connection.getresponse()
        told = answer.read()
        heads = sorted((n.lower(), v) for n, v in answer.getheaders() if n.lower() != "date")
        return Answer(answer.status, tuple(heads), told)

    @property
    def logged(self):
        return (self.directory / "stderr.txt").read_text()


@contextmanager
def served(directory):
    port = free_port()
    command = [sys.executable, "-m", "onefold", "serve", "--project", str(directory), "--port", str(port)]
    with (directory / "stderr.txt").open("w") as lines:
        # The order of a set shows in `Allow`.
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=lines, env=environment)
        try:
            wait_until(f"http://127.0.0.1:{port}/readyz")
            one = Served(directory, port)
            try:
                yield one
            finally:
                one.connection.close()
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A server of both tenants, one of Beryl alone, and what Beryl knows; no other place in this process is open."""
    with trial.ground(tmp_path_factory.mktemp("served")) as here:
        both, alone, attack = here.furnished(tenants.BERYL)
        places = here.places()
    with served(both) as of_both, served(alone) as of_one:
        yield of_both, of_one, attack, places


def test_over_the_wire_the_neighbour_might_as_well_not_be_there(servers):
    """Parsed and decoded by a real server, the same requests learn as little."""
    both, alone, attack, places = servers
    found, statuses = [], {}
    tried = [probe for probe in looks(attack, places) if probe.place.template not in APART][:PROBES]
    for number, probe in enumerate(tried):
        heads = (*probe.headers, ("x-request-id", f"probe-{number}"))
        told, twin = (one.call(probe.method, probe.target, probe.body, heads) for one in (both, alone))
        statuses[told.status] = statuses.get(told.status, 0) + 1
        found += trial.findings(attack, probe, told, twin)
    assert found == []
    assert {200, 401, 403, 404} <= statuses.keys()
    for secret in trial.UNLOGGED:
        assert secret not in both.logged
    assert both.logged.count('"message":"request"') > PROBES / 2


def test_open_metrics_name_no_person(servers):
    """To its own machine a server shows figures of all workspaces, and of nobody in them."""
    both, _, attack, _ = servers
    text = both.call("GET", "/metrics").text
    assert 'workspace="amber"' in text
    assert 'workspace="beryl"' in text
    values = [tenants.value(kind, number) for kind in tenants.KINDS for number in (0, 1, 2)]
    for secret in (*attack.theirs.marks, *attack.mine.marks, *attack.their_ids, *values):
        assert secret not in text


def test_a_live_stream_shows_the_workspace_of_its_key(servers):
    """Both follow at once, from now and from the neighbour's place: each sees its own events and no other."""
    both, _, attack, _ = servers
    pairs = ((attack.mine, attack.keys), (attack.theirs, attack.their_keys))
    follow = [followed(both, keys.steward, at) for _, keys in pairs for at in ("", "?after=0:0")]
    for turn in range(3):
        for tenant, keys in pairs:
            event = {"type": "track", "event": f"{tenant.seal} Live", "userId": "live", "messageId": f"live-{turn}"}
            assert both.call("POST", "/v1/track", json.dumps(event).encode(), bearer(keys.web)).status == 200
    texts = [shown(*stream, b"live-2") for stream in follow]
    for place, text in enumerate(texts):
        (own, _), (other, _) = pairs if place < 2 else reversed(pairs)
        assert text.count(f"{own.seal} Live".encode()) == 3
        assert not any(mark.encode() in text for mark in other.marks)


def followed(server, token, query):
    """A stream, begun; its first line has come."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", f"/api/v1/events/stream{query}", headers=dict(bearer(token)))
    stream = connection.getresponse()
    assert stream.status == 200
    while not stream.readline().startswith(b": still here" if not query else b"id: "):
        pass
    return connection, stream


def shown(connection, stream, last):
    """What a stream shows until an event."""
    lines, until = [], time.monotonic() + 60
    while time.monotonic() < until:
        lines.append(stream.readline())
        if last in lines[-1] or not lines[-1]:
            break
    connection.close()
    return b"".join(lines)
