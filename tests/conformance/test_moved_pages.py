"""Pages with the browser SDKs of Mixpanel, Amplitude and PostHog in a real Chromium: only the host differs."""

import shutil

import pytest
from tests.conformance.browser import INSTALLED, browser, site
from tests.running import running

pytestmark = pytest.mark.xdist_group("server")
MIXPANEL = """<!doctype html><title>Front</title><script type="module">
import mixpanel from '/mixpanel.js';
mixpanel.init('KEY', { api_host: 'HOST', persistence: 'localStorage', batch_flush_interval_ms: 300 });
window.mixpanel = mixpanel;
</script>"""
AMPLITUDE = """<!doctype html><title>Front</title><script src="/amplitude.js"></script><script>
amplitude.init('KEY', {
  serverUrl: 'HOST/2/httpapi', autocapture: false, fetchRemoteConfig: false, flushIntervalMillis: 300,
}).promise.then(() => { window.ready = true; });
</script>"""
# PostHog's snippet, shortened: the script comes from the host, here ours. A browser that is driven is a robot to it, whose
# events it would leave out.
POSTHOG = """<!doctype html><title>Front</title><script src="HOST/static/array.js"></script><script>
posthog.init('KEY', {
  api_host: 'HOST', persistence: 'localStorage', opt_out_useragent_filter: true, loaded: () => { window.ready = true; },
});
</script>"""
SAY = {
    "mixpanel": """() => {
        for (let n = 0; n < 10; n += 1) mixpanel.track('Story Read', {n});
        mixpanel.identify('m1');
        mixpanel.people.set({$email: 'b1@mail.test', plan: 'gold'});
        mixpanel.people.increment('stories', 3);
        for (let n = 10; n < 20; n += 1) mixpanel.track('Story Read', {n});
        return mixpanel.get_property('$device_id');
    }""",
    "amplitude": """() => {
        for (let n = 0; n < 10; n += 1) amplitude.track('Story Read', {n});
        amplitude.setUserId('m1');
        const identify = new amplitude.Identify().set('email', 'b1@mail.test').set('plan', 'gold').add('stories', 3);
        amplitude.identify(identify);
        for (let n = 10; n < 20; n += 1) amplitude.track('Story Read', {n});
        return amplitude.getDeviceId();
    }""",
    "posthog": """() => {
        const anonymous = posthog.get_distinct_id();
        for (let n = 0; n < 10; n += 1) posthog.capture('Story Read', {n});
        posthog.identify('m1', {email: 'b1@mail.test', plan: 'gold'});
        for (let n = 10; n < 20; n += 1) posthog.capture('Story Read', {n});
        return anonymous;
    }""",
}
PAGES = {
    "mixpanel": (MIXPANEL, "!!window.mixpanel?.get_distinct_id"),
    "amplitude": (AMPLITUDE, "window.ready === true"),
    "posthog": (POSTHOG, "window.ready === true"),
}
SCRIPTS = {
    "mixpanel.js": INSTALLED / "mixpanel-browser" / "dist" / "mixpanel.module.js",
    "amplitude.js": INSTALLED / "@amplitude" / "analytics-browser" / "lib" / "scripts" / "amplitude-min.js",
}


@pytest.mark.parametrize("vendor", PAGES)
def test_every_message_of_a_page_is_stored_once_with_the_right_identity(vendor, tmp_path):
    """What a visitor did before they were known is theirs; traits, and where the SDK has them, counters."""
    page_text, is_ready = PAGES[vendor]
    for name, file in SCRIPTS.items():
        shutil.copy(file, tmp_path / name)
    with running() as server:
        host = f"http://localhost:{server.here.port}"
        text = page_text.replace("KEY", server.here.write_key).replace("HOST", host)
        with site(tmp_path, index=text) as origin, browser() as page:
            page.goto(f"{origin}/index.html")
            page.wait_for_function(is_ready)
            anonymous = page.evaluate(SAY[vendor])
            for _ in range(80):
                page.wait_for_timeout(250)
                status, found = server.get("/api/v1/profiles/user_id:m1/timeline?limit=100")
                if status == 200 and sum(e["name"] == "Story Read" for e in found["events"]) == 20:
                    break
        account = server.account()
        assert (account["stored"], account["duplicate"], account["rejected"]) == (account["received"], 0, 0)
        profile = server.profile("user_id:m1")
        assert profile["id"] == server.profile("email:b1@mail.test")["id"]
        assert profile["id"] == server.profile(f"anonymous_id:{anonymous}")["id"]
        assert profile["attributes"]["plan"]["value"] == "gold"
        if vendor != "posthog":
            assert profile["attributes"]["stories"]["value"] == 3
        events = server.timeline("user_id:m1")
        assert sorted(e["properties"]["n"] for e in events if e["name"] == "Story Read") == list(range(20))
