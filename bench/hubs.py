"""Hubs: how soon a person of thousands of identifiers is answered, and everybody else beside twenty readings a second."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from bench import client
from bench.ground import Ground, ground, quantile
from bench.report import Figure
from bench.stream import fill
from onefold import bootstrap

TARGET = "target"
READINGS = 20
OTHERS = 200
_PEOPLE = 1_000
_IDENTITY = "types:\n  anonymous_id: {limit: 10000}\n"


def run(full: bool) -> Iterator[Figure]:
    """Readings of one hub, of each kind, beside look-ups of others."""
    identifiers, events, seconds = (5_000, 100_000, 30.0) if full else (1_000, 10_000, 8.0)
    with ground() as here:
        (here.directory / "identity.yaml").write_text(_IDENTITY, encoding="utf-8")
        fill(here.directory, _bodies(identifiers, events))
        with bootstrap.opened(here.directory, None) as workspace:
            bootstrap.catch_up(workspace)
        with here.server():
            here.get("/api/v1/profiles/user_id:hub")
            readings = (
                ("hub_profile_ms_p99", "/api/v1/profiles/user_id:hub", 20.0),
                ("hub_timeline_ms_p99", "/api/v1/profiles/user_id:hub/timeline", 20.0),
                ("hub_explain_ms_p99", "/api/v1/explain?a=anonymous_id:c1&b=anonymous_id:c2", 100.0),
            )
            others: list[float] = []
            for metric, path, target in readings:
                ages, beside = _read(here, metric, path, seconds)
                others += beside
                yield Figure(
                    bench="lookup", metric=metric, value=quantile(ages, 0.99), unit="ms", beside=TARGET, beside_value=target
                )  # fmt: skip
            yield Figure(
                bench="lookup", metric="others_ms_p99", value=quantile(sorted(others), 0.99), unit="ms", beside=TARGET,
                beside_value=10.0,
            )  # fmt: skip


def _read(here: Ground, name: str, path: str, seconds: float) -> tuple[list[float], list[float]]:
    """Milliseconds of the hub's readings and of others' look-ups meanwhile, ascending."""
    headers = {"Authorization": f"Bearer {here.read_key}"}
    ours, theirs = here.directory / name, here.directory / f"{name}-others"
    client.write_requests(ours, [client.request("GET", path, b"", headers)])
    paths = (f"/api/v1/profiles/user_id:u{n * 37 % _PEOPLE}" for n in range(_PEOPLE))
    client.write_requests(theirs, (client.request("GET", path, b"", headers) for path in paths))
    hub = client.start(port=here.port, requests=ours, connections=2, seconds=seconds, rate=READINGS)
    time.sleep(0.5)
    beside = client.start(port=here.port, requests=theirs, connections=4, seconds=seconds - 1, rate=OTHERS)
    return client.finish(hub)["latencies_ms"], client.finish(beside)["latencies_ms"]


def _bodies(identifiers: int, events: int) -> Iterator[bytes]:
    for n in range(identifiers):
        yield _body(n, {"type": "identify", "userId": "hub", "anonymousId": f"c{n}", "traits": {"plan": f"p{n % 7}"}})
    for n in range(identifiers, events):
        who = {"anonymousId": f"c{n % identifiers}"} if n % 2 else {"userId": "hub"}
        at = f"2026-06-{1 + n % 28:02d}T{n % 24:02d}:{n % 60:02d}:00Z"
        yield _body(n, {"type": "track", "event": "Read", "timestamp": at, **who})
    for n in range(_PEOPLE):
        yield _body(events + n, {"type": "identify", "userId": f"u{n}", "anonymousId": f"d{n}"})


def _body(number: int, said: dict[str, object]) -> bytes:
    return json.dumps({"messageId": f"m{number}", **said}).encode()
