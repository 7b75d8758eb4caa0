"""How soon a screen of the console can be used, and a decision of the review is taken, in a real browser.

By default at the size of the demo; with --full at the size that is made in some minutes. Each figure says at which.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bench.ground import free_port, quantile
from bench.report import Figure

PEOPLE, PEOPLE_FULL = 200, 5_000
ROUNDS = 4
DECISIONS = 20
BUDGET_KB, BUDGET_MS, BUDGET_REVIEW_MS = 250.0, 500.0, 100.0
DIST = Path(__file__).parents[1] / "src" / "onefold" / "console" / "dist"
SCREENS = (
    "/", "/people", "/people/{id}", "/people/{id}?tab=timeline", "/people/{id}?tab=graph", "/people/{id}?tab=history",
    "/people/{id}?tab=segments", "/households", "/review", "/review?status=agreement", "/why?a={one}&b={other}",
    "/segments", "/segments/recent_donors", "/segments/recent_donors?tab=growth", "/segments/recent_donors?tab=overlap",
    "/segments/recent_donors?tab=versions", "/builder?rule=purchases >= 1&form=text", "/traits", "/rfm", "/sources",
    "/live", "/dead-letters", "/tables", "/settings",
)  # fmt: skip
# A screen can be used when it has its heading and nothing on it loads any more, for two frames on end.
_USABLE = """
(() => {
  let since = 0;
  const look = () => {
    const there = document.querySelector('h1') && !document.querySelector('main .bone');
    since = there ? since || performance.now() : 0;
    if (since && performance.now() - since > 60) window.usable = since;
    else requestAnimationFrame(look);
  };
  addEventListener('DOMContentLoaded', () => requestAnimationFrame(look));
})()
"""
_DECIDE = """
() => new Promise((done) => {
  const before = document.querySelector('.side').innerText;
  const from = performance.now();
  const look = () => {
    const now = document.querySelector('.side');
    if (!now || now.innerText !== before) done(performance.now() - from);
    else requestAnimationFrame(look);
  };
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'n', bubbles: true }));
  requestAnimationFrame(look);
})
"""


def run(full: bool) -> Iterator[Figure]:
    """Script of the first load, then every screen opened in turn, then decisions, each timed in the page itself."""
    yield _figure("first_load_kb", first_load(DIST) / 1024, "KB", "target", BUDGET_KB)
    people = PEOPLE_FULL if full else PEOPLE
    folder = Path(tempfile.mkdtemp(prefix="onefold-bench-"))
    try:
        with _served(folder, people) as link, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
            )
            page = chromium.new_page()
            page.set_default_timeout(60_000)
            address = _signed_in(page, link)
            yield _figure("people", float(page.request.get(f"{address}/api/v1/stats").json()["people"]), "people")
            page.add_init_script(_USABLE)
            times = _screens(page, address)
            for name, taken in sorted(times.items(), key=lambda one: -quantile(sorted(one[1]), 0.5))[:3]:
                print(f"{name}: {quantile(sorted(taken), 0.5):.0f} ms", file=sys.stderr)
            every = sorted(ms for taken in times.values() for ms in taken)
            yield _figure("screen_ms_p50", quantile(every, 0.5), "ms")
            yield _figure("screen_ms_p95", quantile(every, 0.95), "ms", "target", BUDGET_MS)
            decided = sorted(_decisions(page, address))
            if decided:
                yield _figure("review_ms_p95", quantile(decided, 0.95), "ms", "target", BUDGET_REVIEW_MS)
            chromium.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def first_load(folder: Path) -> int:
    """Bytes of script, gzipped, that the page names: what is fetched before the first screen."""
    page = (folder / "index.html").read_text(encoding="utf-8")
    scripts = set(re.findall(r'(?:src|href)="/(assets/[^"]+\.js)"', page))
    return sum(len(gzip.compress((folder / name).read_bytes(), 9)) for name in scripts)


def _figure(metric: str, value: float, unit: str, beside: str = "", beside_value: float | None = None) -> Figure:
    return Figure(bench="console", metric=metric, value=value, unit=unit, beside=beside, beside_value=beside_value)


@contextmanager
def _served(folder: Path, people: int) -> Iterator[str]:
    """The first owner's one-time link of a server with the demo's people."""
    onefold = [sys.executable, "-m", "onefold"]
    project, port = folder / "demo", str(free_port())
    for command in (
        ["demo", str(project), "--people", str(people), "--no-serve", "--port", port],
        ["rfm", "run", "--project", str(project)],
    ):
        subprocess.run([*onefold, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = folder / "serve.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*onefold, "serve", "--project", str(project), "--port", port], stdout=out, stderr=out
        )
    try:
        until = time.monotonic() + 120
        while not (found := re.search(r"http://\S+/setup#\S+", log.read_text(encoding="utf-8"))):
            if time.monotonic() > until or server.poll() is not None:
                raise TimeoutError("the server printed no link")
            time.sleep(0.1)
        yield found[0]
    finally:
        server.terminate()
        server.wait(60)


def _signed_in(page: Page, link: str) -> str:
    page.goto(link)
    page.get_by_label("Name to sign in with").fill("bench@example.org")
    page.locator("input[type=password]").fill("correct horse battery staple")
    page.get_by_role("button", name="Set the password and sign in").click()
    page.get_by_role("navigation", name="Main").wait_for()
    return link.partition("/setup")[0]


def _screens(page: Page, address: str) -> dict[str, list[float]]:
    """Milliseconds from asking for each screen until it can be used, a round after the other."""
    asked = {"query": "SELECT person FROM golden.profile ORDER BY length(identifiers) DESC", "limit": 1}
    found = page.request.post(f"{address}/api/v1/query", data=asked, headers={"Sec-Fetch-Site": "same-origin"}).json()
    person = str(found["rows"][0][0])
    profile = page.request.get(f"{address}/api/v1/profiles/id/{person}").json()
    ends = [f"{one['type']}:{one['value']}" for one in (profile["identifiers"][0], profile["identifiers"][-1])]
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for screen in SCREENS:
            page.goto(address + screen.format(id=person, one=ends[0], other=ends[1]))
            _usable(page)
            times.setdefault(screen, []).append(float(page.evaluate("window.usable")))
    return times


def _usable(page: Page) -> None:
    # Playwright's own waiting evaluates a text within the page, where the policy forbids that.
    until = time.monotonic() + 60
    while not page.evaluate("window.usable"):
        if time.monotonic() > until:
            raise TimeoutError(f"{page.url} never came to rest")
        page.wait_for_timeout(20)


def _decisions(page: Page, address: str) -> list[float]:
    """Milliseconds from a key until the next pair is shown."""
    page.goto(f"{address}/review")
    _usable(page)
    taken: list[float] = []
    for _ in range(DECISIONS):
        if not page.locator(".side").count():
            break
        taken.append(float(page.evaluate(_DECIDE)))
        page.wait_for_load_state("networkidle")
    return taken
