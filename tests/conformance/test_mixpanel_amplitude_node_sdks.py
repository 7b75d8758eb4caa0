"""The real Node SDKs of Mixpanel and Amplitude against the running server: only the host differs."""

import pytest
from tests.conformance.test_node_sdk import sent, stories
from tests.running import running

pytestmark = pytest.mark.xdist_group("server")
MIXPANEL = """
import Mixpanel from 'mixpanel';
const [token, host] = process.argv.slice(2);
const mixpanel = Mixpanel.init(token, { host: new URL(host).host, protocol: 'http', keepAlive: false });
const done = (verb, ...words) => new Promise((resolve, reject) =>
  verb(...words, (error) => (error ? reject(error) : resolve())));
const { people } = mixpanel;
for (let n = 0; n < 3; n += 1) {
  await done(people.set.bind(people), `n${n}`, { $email: `n${n}@mail.test`, plan: 'gold' });
  await done(people.set_once.bind(people), `n${n}`, { site: 'radio' });
}
for (let n = 0; n < 5; n += 1) await done(people.increment.bind(people), 'n0', 'stories', 2);
await done(people.append.bind(people), 'n0', { tags: 'a' });
await done(people.union.bind(people), 'n0', { tags: ['a', 'b'] });
await done(people.unset.bind(people), 'n1', ['plan']);
await done(mixpanel.alias.bind(mixpanel), 'n1', 'c1');
const events = [];
for (let n = 0; n < 60; n += 1)
  events.push({ event: 'Story Read', properties: {
    distinct_id: `n${n % 3}`, n, time: 1760000000 + n, $insert_id: `i${n}`,
  } });
await done(mixpanel.track_batch.bind(mixpanel), events);
await done(mixpanel.track.bind(mixpanel), 'Signed Up', { distinct_id: 'n2' });
"""
AMPLITUDE = """
import * as amplitude from '@amplitude/analytics-node';
const [key, host] = process.argv.slice(2);
await amplitude.init(key, { serverUrl: `${host}/2/httpapi`, flushQueueSize: 20, flushIntervalMillis: 200 }).promise;
for (let n = 0; n < 3; n += 1) {
  const identify = new amplitude.Identify().set('email', `n${n}@mail.test`).setOnce('site', 'radio');
  amplitude.identify(identify, { user_id: `user-${n}`, device_id: `device-${n}` });
}
for (let n = 0; n < 5; n += 1)
  amplitude.identify(new amplitude.Identify().add('stories', 2).postInsert('tags', `t${n % 2}`), { user_id: 'user-0' });
for (let n = 0; n < 60; n += 1)
  amplitude.track('Story Read', { n }, { user_id: `user-${n % 3}`, time: 1760000000000 + n * 1000 });
amplitude.setGroup('company', 'g1', { user_id: 'user-1' });
amplitude.revenue(new amplitude.Revenue().setPrice(3).setQuantity(2), { user_id: 'user-1' });
await amplitude.flush().promise;
await new Promise((done) => setTimeout(done, 1500));
"""


def shows(server, who, name):
    return server.profile(who)["attributes"][name]["value"]


def test_mixpanel_every_message_is_stored_once_and_profiles_are_what_was_said():
    """Traits, counters, lists and an alias; events at the times their sender states."""
    with running() as server:
        sent("mixpanel.mjs", MIXPANEL, server)
        account = server.account()
        assert (account["stored"], account["duplicate"], account["rejected"]) == (account["received"], 0, 0)
        assert account["received"] == 6 + 5 + 4 + 60 + 1
        for n in range(3):
            assert server.profile(f"email:n{n}@mail.test")["id"] == server.profile(f"user_id:n{n}")["id"]
        assert (shows(server, "user_id:n0", "stories"), shows(server, "user_id:n0", "tags")) == (10, ["a", "b"])
        assert shows(server, "user_id:n0", "site") == "radio"
        assert "plan" not in server.profile("user_id:n1")["attributes"]
        assert server.profile("user_id:c1")["id"] == server.profile("user_id:n1")["id"]
        seen = stories(server, "user_id:n2")
        assert sorted(seen) == list(range(2, 60, 3))
        assert seen[2] == "2025-10-09T08:53:22.000Z"


def test_amplitude_every_message_is_stored_once_and_profiles_are_what_was_said():
    """Likewise, with a group and revenue."""
    with running() as server:
        sent("amplitude.mjs", AMPLITUDE, server)
        account = server.account()
        assert (account["stored"], account["duplicate"], account["rejected"]) == (account["received"], 0, 0)
        assert account["received"] == 3 + 5 + 60 + 2
        for n in range(3):
            person = server.profile(f"user_id:user-{n}")["id"]
            assert person == server.profile(f"email:n{n}@mail.test")["id"]
            assert person == server.profile(f"anonymous_id:device-{n}")["id"]
        assert shows(server, "user_id:user-0", "stories") == 10
        # Both were said in the same millisecond or not, as it happens; only then their order is the sender's.
        assert sorted(shows(server, "user_id:user-0", "tags")) == ["t0", "t1"]
        assert [(g["type"], g["id"]) for g in server.profile("user_id:user-1")["groups"]] == [("company", "g1")]
        seen = stories(server, "user_id:user-2")
        assert sorted(seen) == list(range(2, 60, 3))
        assert seen[2] == "2025-10-09T08:53:22.000Z"
