"""The real amplitude-analytics (Python) against the running server."""

from datetime import UTC, datetime, timedelta

import pytest
from amplitude import Amplitude, BaseEvent, EventOptions, Identify, Revenue
from tests.running import running

pytestmark = pytest.mark.xdist_group("server")
PEOPLE, MESSAGES = 4, 120


@pytest.mark.parametrize("path", ["2/httpapi", "batch"])
def test_every_message_is_stored_once_with_the_right_identity_and_time(path):
    """Events, user properties, groups and revenue arrive whole, by either route, and mean what the vendor says."""
    with running() as server:
        answers = []
        client = Amplitude(server.here.write_key)
        client.configuration.server_url = f"http://127.0.0.1:{server.here.port}/{path}"
        client.configuration.flush_queue_size = 50
        client.configuration.callback = lambda event, code, message=None: answers.append(code)
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
        for n in range(PEOPLE):
            said = Identify().set("email", f"u{n}@mail.test").set("plan", "gold").set_once("plan", "tin")
            said.set_once("site", "radio").add("visits", 1)
            client.identify(said, EventOptions(user_id=f"u{n}", device_id=f"d{n}"))
            client.identify(Identify().unset("city"), EventOptions(user_id=f"u{n}"))
        for n in range(MESSAGES):
            at = start + timedelta(seconds=n)
            event = BaseEvent("Story Read", user_id=f"u{n % PEOPLE}", event_properties={"n": n})
            event["time"] = int(at.timestamp() * 1000)
            client.track(event)
        client.set_group("company", "acme", EventOptions(user_id="u1"))
        client.group_identify("company", "acme", Identify().set("size", 3), EventOptions(user_id="u1"))
        client.revenue(Revenue(price=2.5, quantity=2, product_id="p"), EventOptions(user_id="u1"))
        client.flush()
        client.shutdown()
        sent = 2 * PEOPLE + MESSAGES + 3
        account = server.account()
        assert answers == [200] * sent
        assert (account["received"], account["stored"], account["duplicate"], account["rejected"]) == (sent, sent, 0, 0)
        for n in range(PEOPLE):
            seen = server.profile(f"email:u{n}@mail.test")
            assert seen["id"] == server.profile(f"anonymous_id:d{n}")["id"] == server.profile(f"user_id:u{n}")["id"]
            attributes = {field: a["value"] for field, a in seen["attributes"].items() if field != "company"}
            assert attributes == {"email": f"u{n}@mail.test", "plan": "gold", "site": "radio", "visits": 1}
        (company,) = server.profile("user_id:u1")["groups"]
        assert (company["type"], company["id"], company["traits"]) == ("company", "acme", {"size": 3})
        seen = {e["properties"]["n"]: e for e in server.timeline("user_id:u3") if e["name"] == "Story Read"}
        assert sorted(seen) == list(range(3, MESSAGES, PEOPLE))
        for n, event in seen.items():
            assert datetime.fromisoformat(event["timestamp"]) == start + timedelta(seconds=n)
