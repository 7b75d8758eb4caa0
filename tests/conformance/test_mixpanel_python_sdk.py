"""The real mixpanel (Python) against the running server."""

from datetime import UTC, datetime, timedelta

import mixpanel
import pytest
from mixpanel import BufferedConsumer, Consumer, Mixpanel, MixpanelException
from tests.running import running

pytestmark = pytest.mark.xdist_group("server")
PEOPLE, MESSAGES = 4, 120


def test_every_message_is_stored_once_with_the_right_identity_and_time(monkeypatch):
    """Events, imports, aliases, merges and operations on profiles arrive whole, and mean what the vendor says."""
    with running() as server:
        base = f"http://127.0.0.1:{server.here.port}"
        urls = {name: f"{base}/{path}" for name, path in (
            ("events_url", "track"), ("people_url", "engage"), ("groups_url", "groups"), ("import_url", "import"),
        )}  # fmt: skip
        buffered = BufferedConsumer(max_size=50, **urls)
        client = Mixpanel(server.here.write_key, consumer=buffered)
        # `alias` and `merge` make a consumer of their own, which knows the vendor's host only.
        monkeypatch.setattr(mixpanel, "Consumer", lambda: Consumer(**urls))
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
        for n in range(PEOPLE):
            client.people_set(f"u{n}", {"$email": f"u{n}@mail.test", "plan": "gold", "city": "Rome"})
            client.people_set_once(f"u{n}", {"site": "radio"})
            client.people_set_once(f"u{n}", {"plan": "tin"})
            client.people_unset(f"u{n}", ["city"])
            client.people_increment(f"u{n}", {"visits": 1})
        for n in range(MESSAGES):
            at = start + timedelta(seconds=n)
            client.track(f"u{n % PEOPLE}", "Story Read", {"n": n, "time": int(at.timestamp())})
        client.import_data(
            None, "u0", "Order Completed", int(start.timestamp()), {"revenue": 5}, api_secret=server.here.write_key
        )
        client.group_set("company", "acme", {"size": 3})
        buffered.flush()
        client.alias("old0", "u0")
        client.merge(None, "u1", "old1", api_secret=server.here.write_key)
        buffered.flush()
        account = server.account()
        sent = 5 * PEOPLE + MESSAGES + 4
        assert (account["received"], account["duplicate"], account["rejected"]) == (sent, 0, 0)
        assert (account["stored"], account["suppressed"]) == (sent - 1, 1)
        for n in range(PEOPLE):
            seen = server.profile(f"email:u{n}@mail.test")
            assert seen["id"] == server.profile(f"user_id:u{n}")["id"]
            attributes = {field: a["value"] for field, a in seen["attributes"].items()}
            assert attributes == {"email": f"u{n}@mail.test", "plan": "gold", "site": "radio", "visits": 1}
        for n in (0, 1):
            assert server.profile(f"user_id:old{n}")["id"] == server.profile(f"user_id:u{n}")["id"]
        assert server.profile("user_id:u0")["counters"]["revenue"] == "5"
        seen = {e["properties"]["n"]: e for e in server.timeline("user_id:u3") if e["name"] == "Story Read"}
        assert sorted(seen) == list(range(3, MESSAGES, PEOPLE))
        for n, event in seen.items():
            assert datetime.fromisoformat(event["timestamp"]) == start + timedelta(seconds=n)


def test_an_unknown_key_is_an_error_the_sdk_reads():
    """It raises its own exception with our sentence, and not one about an answer it cannot interpret."""
    with running() as server:
        url = f"http://127.0.0.1:{server.here.port}/track"
        client = Mixpanel("unknown", consumer=Consumer(events_url=url))
        with pytest.raises(MixpanelException, match="key"):
            client.track("u", "Story Read")
