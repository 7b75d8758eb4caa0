"""A visitor: somebody's browser, which reaches the one server only, and tells what went wrong on its pages."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "build" / "console-screens"
WAIT_MS = 120_000
WIDE, NARROW = (1280, 900), (390, 844)
_AXE = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"


class Visitor:
    """A browser session.

    Attributes:
        faults: Errors of scripts and of the console, since `fresh`.
        foreign: Addresses on other hosts that a page asked for, since `fresh`.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self.address = address
        self.faults: list[str] = []
        self.foreign: list[str] = []
        self._context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]}, color_scheme="light")
        self._context.set_default_timeout(WAIT_MS)
        expect.set_options(timeout=WAIT_MS)
        self._context.route("**/*", self._let)
        self.page: Page = self._context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", self._said)

    def fresh(self) -> None:
        """Forget what went wrong; as wide and as light as at the beginning."""
        self.faults.clear()
        self.foreign.clear()
        self.look("light", WIDE)

    def look(self, theme: Any, size: tuple[int, int]) -> None:
        """Another theme and size."""
        self.page.emulate_media(color_scheme=theme)
        self.page.set_viewport_size({"width": size[0], "height": size[1]})

    def open(self, path: str) -> None:
        """Open a screen, and wait until nothing on it loads any more."""
        self.page.goto(self.address + path)
        self.page.get_by_role("heading", level=1).wait_for()
        self.settle()

    def settle(self) -> None:
        """Wait until nothing of the screen loads any more."""
        expect(self.page.locator("main .bone")).to_have_count(0)

    def until(self, what: str) -> None:
        """Wait until this, or what it promises, is true.

        Playwright's own waiting evaluates a text within the page, where the policy forbids that.
        """
        until = time.monotonic() + WAIT_MS / 1000
        while not self.page.evaluate(what):
            assert time.monotonic() < until, f"never came true: {what}"
            self.page.wait_for_timeout(100)

    def violations(self) -> list[str]:
        """What axe finds on the page as it is: the rule, and where."""
        # Evaluated by the debugger, which the policy of the page does not bind.
        self.page.evaluate(_AXE.read_text(encoding="utf-8") + ";0")
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        nodes = [(one["id"], node) for one in found["violations"] for node in one["nodes"]]
        return [f"{rule}: {node['target']} {node['failureSummary'][:200]}" for rule, node in nodes]

    def too_wide(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def shot(self, name: str) -> None:
        """Keep a picture of the page."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")

    def close(self) -> None:
        """End the session."""
        self._context.close()

    def _let(self, route: Route) -> None:
        if route.request.url.startswith((f"{self.address}/", "blob:", "data:")):
            route.continue_()
            return
        self.foreign.append(route.request.url)
        route.abort()

    def _said(self, message: ConsoleMessage) -> None:
        # The query of a page that was left may still hold the place of the next one, which is then asked again.
        busy = "429" in message.text and message.location.get("url", "").endswith("/api/v1/query")
        if message.type in {"error", "warning"} and not busy:
            self.faults.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")
