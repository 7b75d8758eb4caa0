"""The real Node SDKs against the running server: Segment's, RudderStack's and PostHog's."""

import subprocess
from pathlib import Path

import pytest
from tests.running import running

pytestmark = pytest.mark.xdist_group("server")
INSTALLED = Path(__file__).parents[2] / "build" / "node"
PROGRAM = """
import { Analytics } from '@segment/analytics-node';
const [writeKey, host] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host, flushAt: 20, flushInterval: 200 });
let errors = 0;
analytics.on('error', () => { errors += 1; });
for (let n = 0; n < 5; n += 1)
  analytics.identify({ userId: `n${n}`, anonymousId: `c${n}`, traits: { email: `n${n}@mail.test` } });
for (let n = 0; n < 200; n += 1)
  analytics.track({
    userId: `n${n % 5}`, event: 'Story Read', properties: { n }, timestamp: new Date(1760000000000 + n * 1000),
  });
analytics.page({ userId: 'n0', name: 'Front', category: 'news' });
analytics.group({ userId: 'n1', groupId: 'g1', traits: { size: 3 } });
analytics.alias({ userId: 'n1', previousId: 'c9' });
await analytics.closeAndFlush({ timeout: 15000 });
process.exit(errors ? 1 : 0);
"""


RUDDER = """
import pkg from '@rudderstack/rudder-sdk-node';
const RudderAnalytics = pkg.default ?? pkg;
const [writeKey, dataPlaneUrl] = process.argv.slice(2);
const analytics = new RudderAnalytics(writeKey, { dataPlaneUrl, flushAt: 20, flushInterval: 200 });
const calls = [];
const call = (verb, message) => new Promise((done) => { analytics[verb](message, done); });
for (let n = 0; n < 5; n += 1)
  calls.push(call('identify', { userId: `n${n}`, anonymousId: `c${n}`, traits: { email: `n${n}@mail.test` } }));
for (let n = 0; n < 200; n += 1)
  calls.push(call('track', {
    userId: `n${n % 5}`, event: 'Story Read', properties: { n }, timestamp: new Date(1760000000000 + n * 1000),
  }));
calls.push(call('page', { userId: 'n0', name: 'Front' }));
calls.push(call('screen', { userId: 'n0', name: 'Front' }));
calls.push(call('group', { userId: 'n1', groupId: 'g1', traits: { size: 3 } }));
calls.push(call('alias', { userId: 'n1', previousId: 'c9' }));
await Promise.race([analytics.flush(), new Promise((done) => setTimeout(done, 2000))]);
await new Promise((done) => setTimeout(done, 1500));
process.exit(0);
"""
POSTHOG = """
import { PostHog } from 'posthog-node';
const [apiKey, host] = process.argv.slice(2);
const posthog = new PostHog(apiKey, { host, flushAt: 20, flushInterval: 200 });
let errors = 0;
posthog.on('error', () => { errors += 1; });
for (let n = 0; n < 5; n += 1) {
  posthog.identify({ distinctId: `n${n}`, properties: { email: `n${n}@mail.test` } });
  posthog.alias({ distinctId: `n${n}`, alias: `c${n}` });
}
for (let n = 0; n < 200; n += 1)
  posthog.capture({
    distinctId: `n${n % 5}`, event: 'Story Read', properties: { n }, timestamp: new Date(1760000000000 + n * 1000),
  });
posthog.groupIdentify({ groupType: 'company', groupKey: 'g1', properties: { size: 3 }, distinctId: 'n1' });
await posthog.shutdown(15000);
process.exit(errors ? 1 : 0);
"""


def sent(program, text, server):
    """Run a program of an SDK to its end."""
    assert (INSTALLED / "node_modules").is_dir(), "the Node SDKs are not installed: run `make node`"
    file = INSTALLED / program
    file.write_text(text)
    done = subprocess.run(
        ["node", file.name, server.here.write_key, f"http://127.0.0.1:{server.here.port}"],
        cwd=INSTALLED, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def stories(server, who):
    """The stories a person has read, by number, with the times their sender stated."""
    return {e["properties"]["n"]: e["original_timestamp"] for e in server.timeline(who) if e["name"] == "Story Read"}


def test_rudderstack_every_message_is_stored_once_with_the_right_identity_and_time():
    """Gzipped JSON under a form's content type, traits in the context, two times: all of it is read."""
    with running() as server:
        sent("rudder.mjs", RUDDER, server)
        account = server.account()
        assert (account["received"], account["stored"], account["duplicate"], account["rejected"]) == (209, 209, 0, 0)
        for n in range(5):
            assert server.profile(f"email:n{n}@mail.test")["id"] == server.profile(f"anonymous_id:c{n}")["id"]
        assert server.profile("anonymous_id:c9")["id"] == server.profile("user_id:n1")["id"]
        seen = stories(server, "user_id:n2")
        assert sorted(seen) == list(range(2, 200, 5))
        assert seen[2] == "2025-10-09T08:53:22.000Z"


def test_posthog_every_message_is_stored_once_with_the_right_identity_and_time():
    """`$identify`, `$create_alias` and `$groupidentify` say who is who; captures are events."""
    with running() as server:
        sent("posthog.mjs", POSTHOG, server)
        account = server.account()
        assert (account["received"], account["stored"], account["duplicate"], account["rejected"]) == (211, 211, 0, 0)
        for n in range(5):
            assert server.profile(f"email:n{n}@mail.test")["id"] == server.profile(f"user_id:n{n}")["id"]
            assert server.profile(f"anonymous_id:c{n}")["id"] == server.profile(f"user_id:n{n}")["id"]
        (company,) = server.profile("user_id:n1")["groups"]
        assert (company["type"], company["id"], company["traits"]) == ("company", "g1", {"size": 3})
        seen = stories(server, "user_id:n2")
        assert sorted(seen) == list(range(2, 200, 5))
        assert seen[2] == "2025-10-09T08:53:22.000Z"


def test_segment_every_message_is_stored_once_with_the_right_identity_and_time():
    """What the SDK sends arrives whole: each message once, at its person, at its time."""
    with running() as server:
        sent("segment.mjs", PROGRAM, server)
        account = server.account()
        assert (account["received"], account["stored"], account["duplicate"], account["rejected"]) == (208, 208, 0, 0)
        for n in range(5):
            assert server.profile(f"email:n{n}@mail.test")["id"] == server.profile(f"anonymous_id:c{n}")["id"]
        assert server.profile("anonymous_id:c9")["id"] == server.profile("user_id:n1")["id"]
        seen = stories(server, "user_id:n2")
        assert sorted(seen) == list(range(2, 200, 5))
        assert seen[2] == "2025-10-09T08:53:22.000Z"
