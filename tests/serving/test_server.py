"""The server process: where it listens, and that stopping loses nothing."""

import http.client
import json
import signal
import socket
import threading
import time

import pytest
from tests.running import project
from tests.serving.edge import Edge, basic

from onefold.errors import UsageError
from onefold.serving import server


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])  # noqa: S104  addresses under test
def test_other_machines_are_let_in_only_on_purpose(host):
    """A host that others reach is refused unless allowed; the refusal says what to do."""
    application = Edge().app
    with pytest.raises(UsageError, match="allow-public"):
        server.configure(application, host=host, port=0)
    server.configure(application, host=host, port=0, allow_public=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.7", "::1", "localhost"])
def test_this_machine_is_let_in(host):
    """Loopback needs no word."""
    server.configure(Edge().app, host=host, port=0)


def test_a_stop_answers_what_was_begun():
    """Told to stop while the disk works: the request under way is answered 200 and its event is in the log."""
    edge = Edge()
    begun, gate = threading.Event(), threading.Event()
    append = edge.main.log.append

    def slow(entries):
        begun.set()
        assert gate.wait(10)
        return append(entries)

    edge.main.log.append = slow
    token = edge.key()
    listener = socket.create_server(("127.0.0.1", 0))
    running = server.configure(edge.app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    answers = []

    def send():
        connection = http.client.HTTPConnection(*listener.getsockname(), timeout=10)
        connection.request("POST", "/v1/track", json.dumps({"event": "Read"}), {"Authorization": basic(token)})
        answers.append(connection.getresponse().status)
        connection.close()

    sender = threading.Thread(target=send)
    sender.start()
    assert begun.wait(10)
    running.should_exit = True
    time.sleep(0.3)
    assert answers == []
    gate.set()
    sender.join(10)
    thread.join(10)
    assert not thread.is_alive()
    assert answers == [200]
    assert len(edge.main.log.entries) == 1
    assert not edge.main.running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_told_to_stop_ends_well(number):
    """It drains, closes its files and exits 0: a supervisor that sees anything else takes the stop for a crash."""
    with project() as here, here.server() as process:
        process.send_signal(number)
        assert process.wait(30) == 0
