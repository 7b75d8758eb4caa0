"""`onefold tail` and its stream over HTTP, beside a running server."""

from __future__ import annotations

import http.client
import json
import os
import pty
import subprocess
import sys
import time

import pytest
from tests.running import Server, project, running

pytestmark = [pytest.mark.xdist_group("server"), pytest.mark.timeout(120)]


def send(server, count, start=0, **more):
    batch = [{"type": "track", "userId": f"u{n % 3}", "event": "Read", "messageId": f"m{n}", **more}
             for n in range(start, start + count)]  # fmt: skip
    assert server.post("/v1/batch", {"batch": batch}) == 200


def listen(server, entries, *, query="", last="", key=None):
    """Read the stream until so many entries came: what they say, and the id to go on with."""
    connection = http.client.HTTPConnection("127.0.0.1", server.here.port, timeout=20)
    headers = {"Authorization": f"Bearer {key or server.here.read_key}"} | ({"Last-Event-ID": last} if last else {})
    connection.request("GET", f"/api/v1/events/stream{query}", headers=headers)
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-type").partition(";")[0]) == (200, "text/event-stream")
    found, identity = [], last
    while len(found) < entries:
        line = answer.readline().decode().rstrip()
        if line.startswith("id: "):
            identity = line[4:]
        elif line.startswith("data: "):
            found.append(json.loads(line[6:]))
    connection.close()
    return found, identity


def test_who_comes_back_with_the_last_id_misses_nothing_and_repeats_nothing():
    with running() as server:
        send(server, 30)
        server.account()
        places, last = [], "0:0"
        for entries in (1, 7, 2, 1, 19, 3, 3):
            found, last = listen(server, entries, last=last)
            places += [f["position"] for f in found]
            send(server, 1, start=100 + len(places))
            server.account()
        assert places == [f"0:{n}" for n in range(1, 37)]
        # Whoever was not there is told the latest entries first; an id of the last event seen counts before that.
        found, _ = listen(server, 3, query="?recent=3")
        assert [one["position"] for one in found] == ["0:35", "0:36", "0:37"]
        found, _ = listen(server, 1, query="?recent=3", last="0:1")
        assert found[0]["position"] == "0:2"


def test_the_stream_filters_and_masks_and_asks_for_a_key():
    with running() as server:
        send(server, 5)
        send(server, 5, userId=None)
        server.account()
        found, _ = listen(server, 5, query="?verdict=rejected&after=0:0")
        assert {f["reason"] for f in found} == {"no_identifier"}
        found, _ = (
            listen(server, 5, query="?q=u0&after=0:0&verdict=stored")
            if False
            else listen(server, 5, query="?verdict=stored&after=0:0")
        )
        assert all(value.endswith("***") for f in found for values in f["identifiers"].values() for value in values)
        assert server.send("GET", "/api/v1/events/stream")[0] == 401
        with_write_key = {"Authorization": f"Bearer {server.here.write_key}"}
        assert server.send("GET", "/api/v1/events/stream", **with_write_key)[0] == 403
        assert server.get("/api/v1/events/stream?after=nonsense")[0] == 422


def test_a_server_that_is_told_to_stop_does_not_wait_for_its_streams():
    with project() as here:
        with here.server() as process:
            server = Server(here)
            send(server, 2)
            server.account()
            connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=20)
            connection.request("GET", "/api/v1/events/stream", headers={"Authorization": f"Bearer {here.read_key}"})
            connection.getresponse().readline()
            began = time.monotonic()
            process.terminate()
            process.wait(20)
            took = time.monotonic() - began
            connection.close()
        assert took < 8


def tail(here, *words):
    done = subprocess.run(
        [sys.executable, "-m", "onefold", "tail", *words, "--project", str(here.directory)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_the_command_prints_lines_json_and_one_entry_in_full():
    with running() as server:
        send(server, 4)
        send(server, 2)
        server.account()
        code, lines, _ = tail(server.here, "--no-follow")
        assert code == 0
        assert [line.split()[3] for line in lines.splitlines()] == ["stored"] * 4 + ["duplicate"] * 2
        assert "u0" in tail(server.here, "--no-follow", "--reveal", "--last", "2")[1]
        _, documents, _ = tail(server.here, "--no-follow", "--json", "--verdict", "duplicate")
        assert [json.loads(line)["position"] for line in documents.splitlines()] == ["0:5", "0:6"]
        code, text, _ = tail(server.here, "0:1")
        assert [line for line in text.splitlines() if line in {"received", "normalised", "validated", "resolved"}] == [
            "received", "normalised", "validated", "resolved",
        ]  # fmt: skip
        assert tail(server.here, "0:99")[0] == 1
        assert tail(server.here, "first")[0] == 2
        assert tail(server.here, "--verdict", "lost")[0] == 2


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, here):
        self.screen = ""
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "onefold", "tail", "--project", str(here.directory)],
            stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "TERM": "dumb", "COLUMNS": "200"},
        )  # fmt: skip
        os.close(slave)
        os.set_blocking(self.master, False)

    def press(self, keys):
        os.write(self.master, keys.encode())

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def shows(self, text, seconds=20.0):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                self.screen += os.read(self.master, 65536).decode("utf-8", "replace")
            except (BlockingIOError, OSError):
                time.sleep(0.05)
            if text in self.screen:
                return True
        return False


def test_keys_pause_search_and_end():
    # Names, for a place such as 0:2 also stands in a time such as 10:20:23.
    with running() as server:
        send(server, 1, event="Arrived")
        server.account()
        terminal = Terminal(server.here)
        try:
            assert terminal.shows("Arrived")
            terminal.press(" ")
            assert terminal.shows("paused")
            send(server, 1, start=1, event="Whispered")
            send(server, 1, start=2, event="Waited")
            server.account()
            assert not terminal.shows("Whispered", seconds=2)
            terminal.press(" ")
            assert terminal.shows("2 came meanwhile")
            assert terminal.shows("Waited")
            terminal.press("/Sought\r")
            assert terminal.shows("showing what contains 'Sought'")
            send(server, 1, start=3, event="Ignored")
            send(server, 1, start=4, event="Sought one")
            server.account()
            assert terminal.shows("Sought one")
            assert "Ignored" not in terminal.screen
            terminal.press("/\rq")
            assert terminal.process.wait(20) == 0
        finally:
            terminal.end()
