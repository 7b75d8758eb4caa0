"""The demo's people behind a running server, and a browser signed in as the first owner: one of each for all tests."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.conformance.browser import FLAGS
from tests.console.visitor import Visitor

ROOT = Path(__file__).parents[2]
PEOPLE = 60
_PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder of the built console; its absence fails the test."""
    folder = ROOT / "src" / "onefold" / "console" / "dist"
    assert (folder / "index.html").is_file(), "the console is not built: run `make console`"
    return folder


@pytest.fixture(scope="session")
def served(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server with the demo's people, and the first owner's one-time link."""
    onefold = [str(Path(sys.executable).parent / "onefold")]
    project = tmp_path_factory.mktemp("console") / "demo"
    made = subprocess.run(
        [*onefold, "demo", str(project), "--people", str(PEOPLE), "--no-serve", "--port", str(_free_port())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
    subprocess.run([*onefold, "rfm", "run", "--project", str(project)], capture_output=True, check=True)
    port = _free_port()
    log = project.parent / "serve.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [*onefold, "serve", "--project", str(project), "--port", str(port)], stdout=out, stderr=out
        )
    try:
        yield f"http://127.0.0.1:{port}", _link(server, log)
    finally:
        server.terminate()
        server.wait(60)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _link(server: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        found = re.search(r"http://\S+/setup#\S+", log.read_text())
        if found:
            return found[0]
        assert server.poll() is None, log.read_text()[-2000:]
        time.sleep(0.1)
    raise AssertionError(f"no link was printed: {log.read_text()[-2000:]}")


# Not for the session: a second Playwright in the same process, of another suite, would be refused meanwhile.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    found = shutil.which("chromium")
    assert found, "Chromium is not installed: run `make chromium`"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def links_used() -> set[str]:
    """The one-time links that a test has used."""
    return set()


@pytest.fixture(scope="module")
def owner(served: tuple[str, str], browser: Browser, links_used: set[str]) -> Iterator[Visitor]:
    """The first owner, by the link that `onefold serve` printed, and by the password from then on."""
    address, link = served
    visitor = Visitor(browser, address)
    page = visitor.page
    if link in links_used:
        page.goto(address)
        page.get_by_label("Name or e-mail address").fill("owner@example.org")
        page.locator("input[type=password]").fill(_PASSWORD)
        page.get_by_role("button", name="Sign in").click()
    else:
        links_used.add(link)
        page.goto(link)
        page.get_by_label("Name to sign in with").fill("owner@example.org")
        page.locator("input[type=password]").fill(_PASSWORD)
        page.get_by_role("button", name="Set the password and sign in").click()
    page.get_by_role("heading", name="Home").wait_for()
    yield visitor
    visitor.close()


@pytest.fixture
def page(owner: Visitor) -> Iterator[Page]:
    """The owner's page; afterwards nothing has gone wrong on it that the test did not look at."""
    owner.fresh()
    yield owner.page
    assert owner.faults == [], owner.faults
    assert owner.foreign == [], owner.foreign
