"""An https page of a real Chromium, and Onefold behind a real TLS proxy: what the page sends arrives.

The browser's SDK asks us where to send to; told `http`, the browser blocks every request of an https page.
"""

import pytest
from bench.ground import free_port
from tests.conformance.browser import SEGMENT_PAGE, browser, site
from tests.conformance.tls import tls_proxy
from tests.running import Server, project

pytestmark = pytest.mark.xdist_group("server")
EVENTS = 5


def received(tmp_path, *, tells, public):
    """How many of a page's events are stored, for whom; where the proxy says or hides that it speaks TLS."""
    port = free_port()
    with project() as here:
        stated = here.directory / "onefold.yaml"
        if public:
            server = f"server: {{port: {here.port}, public_url: 'https://localhost:{port}'}}"
            stated.write_text(stated.read_text().replace(f"server: {{port: {here.port}}}", server))
        with here.server(), tls_proxy(tmp_path, here.port, port=port, tells=tells) as host:
            text = SEGMENT_PAGE.replace("KEY", here.write_key).replace("HOST", host).replace("OPTIONS", "{}")
            with (
                site(tmp_path, index=text) as plain,
                tls_proxy(tmp_path, int(plain.rpartition(":")[2])) as origin,
                browser("--ignore-certificate-errors") as page,
            ):
                page.goto(f"{origin}/index.html")
                page.wait_for_function("window.analytics.initialized === true")
                page.evaluate(
                    """async (count) => {
                        const sent = [analytics.identify('b1', {email: 'b1@mail.test'})];
                        for (let n = 1; n < count; n += 1) sent.push(analytics.track('Story Read', {n}));
                        await Promise.race([Promise.all(sent), new Promise((done) => setTimeout(done, 8000))]);
                    }""",
                    EVENTS,
                )
                page.wait_for_timeout(1_000)
            server = Server(here)
            _, found = server.get("/api/v1/sources")
            web = [account for account in found["sources"] if account["source"] == "web" and account["received"]]
            if not web:
                return 0
            account = server.account()
            assert server.profile("user_id:b1")["id"] == server.profile("email:b1@mail.test")["id"]
            return account["stored"]


@pytest.mark.parametrize("public", [False, True], ids=["forwarded headers", "public_url"])
def test_an_https_page_sends_behind_a_tls_proxy(tmp_path, public):
    """With the proxy's headers and no configuration, or with the public address stated and a proxy that says nothing."""
    assert received(tmp_path, tells=not public, public=public) == EVENTS + 1  # the snippet's page view


def test_a_server_that_knows_nothing_of_the_proxy_is_found_out(tmp_path):
    """Control: told neither way, the settings name an address that an https page cannot send to."""
    assert received(tmp_path, tells=False, public=False) == 0
