"""The real browser SDKs in a real Chromium against the running server, from a page of another origin."""

import pytest
from tests.conformance.browser import SEGMENT_PAGE, browser, site
from tests.running import running

pytestmark = pytest.mark.xdist_group("server")
BATCHING = '{integrations: {"Segment.io": {deliveryStrategy: {strategy: "batching", config: {size: 5, timeout: 300}}}}}'
RUDDER_PAGE = """<!doctype html><title>Front</title><script src="/rudder.js"></script><script>
window.rudder = new (window.RudderAnalytics ?? window.rudderanalytics.RudderAnalytics)();
rudder.load('KEY', 'HOST', {
  configUrl: 'HOST', plugins: ['XhrQueue', 'StorageEncryption', 'NativeDestinationQueue'], sendAdblockPage: false,
});
rudder.page();
</script>"""


@pytest.mark.parametrize("options", ["{}", BATCHING], ids=["standard", "batching"])
def test_analytics_next_every_message_is_stored_once_with_the_right_identity(options, tmp_path):
    """Served by us, told by our settings where to send, preflighted: page, identify and 30 tracks arrive whole."""
    with running() as server:
        host = f"http://localhost:{server.here.port}"
        text = SEGMENT_PAGE.replace("KEY", server.here.write_key).replace("HOST", host).replace("OPTIONS", options)
        with site(tmp_path, index=text) as origin, browser() as page:
            page.goto(f"{origin}/index.html?utm_source=letter")
            page.wait_for_function("window.analytics.initialized === true")
            page.evaluate(
                """async () => {
                    await analytics.identify('b1', {email: 'b1@mail.test'});
                    for (let n = 0; n < 30; n += 1) await analytics.track('Story Read', {n});
                    await analytics.group('g1', {size: 3});
                }"""
            )
            anonymous = page.evaluate("analytics.user().anonymousId()")
            page.wait_for_timeout(1_500)
        account = server.account()
        assert (account["received"], account["stored"], account["rejected"], account["duplicate"]) == (33, 33, 0, 0)
        person = server.profile("user_id:b1")["id"]
        assert person == server.profile("email:b1@mail.test")["id"] == server.profile(f"anonymous_id:{anonymous}")["id"]
        events = server.timeline("user_id:b1")
        assert sorted(e["properties"]["n"] for e in events if e["name"] == "Story Read") == list(range(30))
        assert {e["kind"] for e in events} == {"page", "identify", "track", "group"}


def test_rudderstack_every_message_is_stored_once_with_the_right_identity(tmp_path):
    """Its configuration comes from our /sourceConfig/, its key stands in a header only."""
    with running() as server:
        host = f"http://localhost:{server.here.port}"
        text = RUDDER_PAGE.replace("KEY", server.here.write_key).replace("HOST", host)
        with site(tmp_path, index=text) as origin, browser() as page:
            page.goto(f"{origin}/index.html")
            page.wait_for_function("!!window.rudder.getAnonymousId()")
            page.evaluate(
                """() => {
                    rudder.identify('r1', {email: 'r1@mail.test'});
                    for (let n = 0; n < 30; n += 1) rudder.track('Story Read', {n});
                    rudder.group('g1', {size: 3});
                }"""
            )
            anonymous = page.evaluate("rudder.getAnonymousId()")
            for _ in range(60):
                page.wait_for_timeout(250)
                if server.account()["received"] >= 33:
                    break
        account = server.account()
        assert (account["received"], account["stored"], account["rejected"], account["duplicate"]) == (33, 33, 0, 0)
        person = server.profile("user_id:r1")["id"]
        assert person == server.profile("email:r1@mail.test")["id"] == server.profile(f"anonymous_id:{anonymous}")["id"]
        events = server.timeline("user_id:r1")
        assert sorted(e["properties"]["n"] for e in events if e["name"] == "Story Read") == list(range(30))
