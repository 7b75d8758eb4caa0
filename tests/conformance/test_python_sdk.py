"""The real segment-analytics-python against the running server."""

from datetime import UTC, datetime, timedelta

import pytest
from segment.analytics.client import Client
from tests.running import running

pytestmark = pytest.mark.xdist_group("server")
PEOPLE = 5
MESSAGES = 300


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_every_message_is_stored_once_with_the_right_identity_and_time(gzip):
    """What the SDK sends arrives whole: each message once, at its person, at its time."""
    with running() as server:
        failures = []
        client = Client(
            server.here.write_key,
            host=f"http://127.0.0.1:{server.here.port}",
            gzip=gzip,
            on_error=lambda error, _: failures.append(error),
        )
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
        for n in range(PEOPLE):
            client.identify(f"u{n}", {"email": f"u{n}@mail.test", "since": datetime(2020, 1, 1)}, anonymous_id=f"a{n}")  # noqa: DTZ001  SDK users do send naive times
        for n in range(MESSAGES):
            client.track(
                f"u{n % PEOPLE}", "Story Read", {"n": n}, timestamp=start + timedelta(seconds=n), message_id=f"m-{n}"
            )
        client.page(user_id="u0", category="news", name="Front")
        client.group("u1", "newsroom", {"size": 7})
        client.alias("a9", "u1")
        client.shutdown()
        assert failures == []
        account = server.account()
        sent = PEOPLE + MESSAGES + 3
        assert (account["received"], account["stored"], account["duplicate"], account["rejected"]) == (sent, sent, 0, 0)
        assert account["balanced"]
        for n in range(PEOPLE):
            by_email = server.profile(f"email:u{n}@mail.test")
            assert by_email["id"] == server.profile(f"user_id:u{n}")["id"] == server.profile(f"anonymous_id:a{n}")["id"]
        assert server.profile("anonymous_id:a9")["id"] == server.profile("user_id:u1")["id"]
        seen = {e["properties"]["n"]: e for e in server.timeline("user_id:u3") if e["name"] == "Story Read"}
        assert sorted(seen) == list(range(3, MESSAGES, PEOPLE))
        for n, event in seen.items():
            happened = datetime.fromisoformat(event["timestamp"])
            # The clock of sender and server is one here; what is left is the time from making the request to receipt.
            assert abs(happened - (start + timedelta(seconds=n))) < timedelta(seconds=2)
