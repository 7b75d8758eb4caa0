"""A real Chromium, and a site of its own origin whose pages it opens."""

import functools
import http.server
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

INSTALLED = Path(__file__).parents[2] / "build" / "node" / "node_modules"
RUDDER = INSTALLED / "@rudderstack" / "analytics-js" / "dist" / "npm" / "modern" / "bundled" / "umd" / "index.js"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# Segment's own snippet, shortened; what a site that moves changes is the host of the script.
SEGMENT_PAGE = """<!doctype html><title>Front</title><script>{
const analytics = window.analytics = [];
for (const method of ['track', 'page', 'identify', 'group', 'alias', 'ready', 'reset', 'setAnonymousId'])
  analytics[method] = (...words) => { analytics.push([method, ...words]); return analytics; };
analytics._writeKey = 'KEY';
analytics._loadOptions = OPTIONS;
analytics._cdn = 'HOST';
analytics.page();
const script = document.createElement('script');
script.src = 'HOST/analytics.js/v1/KEY/analytics.min.js';
document.head.append(script);
}</script>"""


@contextmanager
def site(folder, **files):
    """A site of its own origin that serves these files."""
    for name, text in files.items():
        (folder / f"{name}.html").write_text(text)
    shutil.copy(RUDDER, folder / "rudder.js")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def browser(*flags):
    """A page of a fresh Chromium, started with these flags, too; its absence fails the test."""
    found = shutil.which("chromium")
    assert found, "Chromium is not installed: run `make chromium`"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=[*FLAGS, *flags])
        try:
            yield started.new_page()
        finally:
            started.close()
