"""The real rudder-sdk-python against the running server."""

from datetime import UTC, datetime, timedelta

import pytest
from rudderstack.analytics.client import Client
from tests.running import running

pytestmark = pytest.mark.xdist_group("server")
PEOPLE, MESSAGES = 5, 200


@pytest.mark.parametrize("gzip", [True, False], ids=["gzip", "plain"])
def test_every_message_is_stored_once_with_the_right_identity_and_time(gzip):
    """What the SDK sends arrives whole, though it states traits in the context and its key in a header only."""
    with running() as server:
        failures = []
        client = Client(
            server.here.write_key, host=f"http://127.0.0.1:{server.here.port}", gzip=gzip,
            on_error=lambda error, _: failures.append(error),
        )  # fmt: skip
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
        for n in range(PEOPLE):
            client.identify(f"u{n}", {"email": f"u{n}@mail.test"}, anonymous_id=f"a{n}")
        for n in range(MESSAGES):
            client.track(
                f"u{n % PEOPLE}", "Story Read", {"n": n}, timestamp=start + timedelta(seconds=n), message_id=f"m-{n}"
            )
        client.page("u0", "news", "Front")
        client.screen("u0", "news", "Front")
        client.group("u1", "newsroom", {"size": 7})
        client.alias("a9", "u1")
        client.flush()
        client.join()
        assert failures == []
        account = server.account()
        sent = PEOPLE + MESSAGES + 4
        assert (account["received"], account["stored"], account["duplicate"], account["rejected"]) == (sent, sent, 0, 0)
        for n in range(PEOPLE):
            by_email = server.profile(f"email:u{n}@mail.test")
            assert by_email["id"] == server.profile(f"user_id:u{n}")["id"] == server.profile(f"anonymous_id:a{n}")["id"]
        assert server.profile("anonymous_id:a9")["id"] == server.profile("user_id:u1")["id"]
        seen = {e["properties"]["n"]: e for e in server.timeline("user_id:u3") if e["name"] == "Story Read"}
        assert sorted(seen) == list(range(3, MESSAGES, PEOPLE))
        for n, event in seen.items():
            happened = datetime.fromisoformat(event["timestamp"])
            assert abs(happened - (start + timedelta(seconds=n))) < timedelta(seconds=2)
