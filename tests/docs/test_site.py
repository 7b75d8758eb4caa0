"""The documentation site: every link leads somewhere, and no reader's browser asks another host."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from playwright.sync_api import sync_playwright
from tests.docs.pages import ROOT

_FOREIGN = re.compile(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//")
pytestmark = pytest.mark.xdist_group("site")


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of the documentation in a folder, which has its own copy."""
    return subprocess.run(
        [Path(sys.executable).with_name("zensical"), "build", "--clean", "--strict"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def copy(folder: Path) -> Path:
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "zensical.toml", folder)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = copy(tmp_path_factory.mktemp("site"))
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build" / "site"


class Page(HTMLParser):
    """The anchors and links of a page, and what a browser loads for it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors, self.links, self.loaded = {""}, [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.anchors.add(found.get("id") or "")
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        elif tag == "link" and found.get("href") and found.get("rel") != "canonical":
            self.loaded.append(found["href"])
        elif found.get("src"):
            self.loaded.append(found["src"])


def lost(site: Path) -> list[str]:
    """Links and files that lead nowhere or to another host, by page."""
    pages = {path: Page(path.read_text("utf-8")) for path in site.rglob("*.html")}
    found = []
    for path, page in pages.items():
        here = f"/{path.relative_to(site).as_posix()}"
        for link in [*page.links, *page.loaded]:
            at = urlsplit(urljoin(here, link))
            target = site / unquote(at.path).lstrip("/")
            target = target / "index.html" if target.is_dir() else target
            if at.netloc or at.scheme:
                if link in page.loaded:
                    found.append(f"{here} loads {link}")
            elif not target.is_file() or (target in pages and at.fragment not in pages[target].anchors):
                found.append(f"{here} links to {link}")
    styles = [
        path for path in site.rglob("*.css") if re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", path.read_text())
    ]
    return found + [f"{path.name} loads from another host" for path in styles]


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    """Links between pages, to headings and to files; scripts, styles, fonts and pictures are the site's own."""
    assert lost(site) == []


@pytest.mark.parametrize(
    "planted",
    [
        '<a href="../nowhere/">',
        '<a href="#nowhere">',
        '<script src="https://example.org/a.js">',
        '<img src="//example.org/a">',
    ],
)
def test_a_planted_link_is_found(site, tmp_path, planted):
    """Control: a dead link, a dead anchor, and what comes from another host."""
    shutil.copytree(site, tmp_path / "site")
    page = tmp_path / "site" / "tutorial" / "index.html"
    page.write_text(page.read_text("utf-8") + planted, encoding="utf-8")
    assert len(lost(tmp_path / "site")) == 1


def test_a_broken_link_fails_the_build(tmp_path):
    """Control: `make docs` is strict."""
    folder = copy(tmp_path)
    page = folder / "docs" / "tutorial.md"
    page.write_text(page.read_text("utf-8") + "\n[nowhere](nowhere.md)\n", encoding="utf-8")
    assert build(folder).returncode != 0


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing of it."""

    def log_message(self, *_):
        """Nothing."""


@contextmanager
def served(site: Path):
    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def asked(site: Path, *paths: str) -> tuple[set[str], list[str]]:
    """(hosts that a browser asks for these pages, errors of their scripts)."""
    hosts, errors = set(), []
    with served(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: errors.append(str(error)))
        for path in paths:
            page.goto(f"{address}/{path}", wait_until="networkidle")
        browser.close()
    return {host for host in hosts if host != urlsplit(address).netloc}, errors


def test_a_browser_asks_no_other_host(site):
    """Whatever the scripts of the pages do: no fonts, no analytics, no search elsewhere."""
    assert asked(site, "", "tutorial/", "reference/cli/") == (set(), [])


def test_a_script_that_asks_another_host_is_found(site, tmp_path):
    """Control: a request that only a script makes."""
    shutil.copytree(site, tmp_path / "site")
    page = tmp_path / "site" / "index.html"
    text = page.read_text("utf-8").replace(
        "</body>", "<script>fetch('http://127.0.0.1:9/' + 'x').catch(() => 0)</script></body>"
    )
    page.write_text(text, encoding="utf-8")
    assert asked(tmp_path / "site", "") == ({"127.0.0.1:9"}, [])
