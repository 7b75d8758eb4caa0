"""Requests made from the API's own description, by schemathesis: whatever comes, the server does not break."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import pytest
from bench.ground import wait_until
from tests.faults.scale import scaled
from tests.running import Server, project

pytestmark = [pytest.mark.xdist_group("described"), pytest.mark.timeout(900)]
CASES = scaled(3_000, 10_000)
ASKED_FOR = CASES * 11 // 10
"""In all, spread over the operations; some have fewer different requests than their share."""
PLANTED = """
import sys
from onefold.pipelines.service import Service
def broken(self):
    raise RuntimeError("planted")
Service.accounts = broken
sys.argv[0] = "onefold"
from onefold.cli import main
main()
"""


@contextmanager
def described(program=("-m", "onefold")):
    """A server with one person; its reading key may judge and mend as well."""
    with project() as here:
        command = [sys.executable, *program, "serve", "--project", str(here.directory)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(f"http://127.0.0.1:{here.port}/readyz")
            assert Server(here).post("/v1/identify", {"userId": "ann", "messageId": "1"}) == 200
            yield here, process
        finally:
            process.terminate()
            process.wait(30)


def tried(here, examples):
    """How many requests were made, and whether one was answered 5xx."""
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{here.port}/api/v1/openapi.json",
            "--checks", "not_a_server_error", "--phases", "fuzzing", "-n", str(examples), "--seed", "7", "-w", "2",
            "--generation-database", "none",  # with one, half of the time goes into sorting what was generated
            "--exclude-path", "/api/v1/events/stream",  # it does not end; its parameters are tested with it
            "-H", f"Authorization: Bearer {here.read_key}",
        ],
        capture_output=True, text=True, timeout=850, check=False,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated, done.stdout
    return int(generated.group(1)), done.returncode == 1, done.stdout


def operations(here):
    """How many operations the description has."""
    request = urllib.request.Request(f"http://127.0.0.1:{here.port}/api/v1/openapi.json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        paths = json.load(answer)["paths"]
    return sum(method in {"get", "post", "put", "patch", "delete"} for path in paths.values() for method in path)


def test_thousands_of_requests_break_nothing():
    with described() as (here, process):
        cases, broke, report = tried(here, -(-ASKED_FOR // operations(here)))
        assert not broke, report
        assert cases >= CASES
        assert process.poll() is None


def test_a_route_that_breaks_is_found():
    """The negative control: one operation fails on purpose."""
    with described(("-c", PLANTED)) as (here, _):
        _, broke, report = tried(here, 5)
    assert broke
    assert "/api/v1/sources" in report
