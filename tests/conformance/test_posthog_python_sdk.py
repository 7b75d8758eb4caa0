"""The real posthog (Python) against the running server."""

from datetime import UTC, datetime, timedelta

import pytest
from posthog import Posthog
from tests.running import running

pytestmark = pytest.mark.xdist_group("server")
PEOPLE, MESSAGES = 5, 200


@pytest.mark.parametrize("gzip", [True, False], ids=["gzip", "plain"])
def test_every_message_is_stored_once_with_the_right_identity_and_time(gzip):
    """Captures, `$set`, aliases and groups arrive whole: each message once, at its person, at its time."""
    with running() as server:
        failures = []
        client = Posthog(
            server.here.write_key, host=f"http://127.0.0.1:{server.here.port}", gzip=gzip, disable_geoip=True,
            on_error=lambda error, _: failures.append(error), flush_at=50,
        )  # fmt: skip
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
        for n in range(PEOPLE):
            client.set(distinct_id=f"u{n}", properties={"email": f"u{n}@mail.test"})
            client.alias(previous_id=f"a{n}", distinct_id=f"u{n}")
        for n in range(MESSAGES):
            client.capture(
                "Story Read", distinct_id=f"u{n % PEOPLE}", properties={"n": n}, timestamp=start + timedelta(seconds=n)
            )
        client.group_identify("company", "newsroom", {"size": 7}, distinct_id="u1")
        client.shutdown()
        assert failures == []
        account = server.account()
        sent = 2 * PEOPLE + MESSAGES + 1
        assert (account["received"], account["stored"], account["duplicate"], account["rejected"]) == (sent, sent, 0, 0)
        for n in range(PEOPLE):
            assert server.profile(f"email:u{n}@mail.test")["id"] == server.profile(f"user_id:u{n}")["id"]
            # This SDK puts the previous id where posthog-node and posthog-js put the new one.
            assert server.profile(f"anonymous_id:a{n}")["id"] == server.profile(f"user_id:u{n}")["id"]
        people = {server.profile(f"user_id:u{n}")["id"] for n in range(PEOPLE)}
        assert len(people) == PEOPLE
        (company,) = server.profile("user_id:u1")["groups"]
        assert (company["type"], company["id"], company["traits"]) == ("company", "newsroom", {"size": 7})
        seen = {e["properties"]["n"]: e for e in server.timeline("user_id:u3") if e["name"] == "Story Read"}
        assert sorted(seen) == list(range(3, MESSAGES, PEOPLE))
        for n, event in seen.items():
            happened = datetime.fromisoformat(event["timestamp"])
            assert abs(happened - (start + timedelta(seconds=n))) < timedelta(seconds=2)
