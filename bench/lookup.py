"""How soon a profile is answered at 500 look-ups a second while 2,000 events a second come in."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from bench import client, hubs
from bench.ground import ground, quantile, resident_mb
from bench.report import Figure
from bench.stream import fill, load_2000
from onefold import bootstrap
from onefold.synthetic.stream import items

LOOKUPS = 500
TARGET = "target"
_USER = re.compile(rb'"userId":"([^"]+)"')


def run(full: bool) -> Iterator[Figure]:
    """Paced look-ups of known people, each timed from when it was due."""
    seconds = 60.0 if full else 15.0
    people = 50_000 if full else 5_000
    with ground() as here:
        bodies = list(items(3, people * 6, people))
        known = sorted({found[1].decode() for body in bodies if (found := _USER.search(body))})
        fill(here.directory, iter(bodies))
        with bootstrap.opened(here.directory, None) as workspace:
            bootstrap.catch_up(workspace)
        file = here.directory / "lookups"
        headers = {"Authorization": f"Bearer {here.read_key}"}
        paths = (f"/api/v1/profiles/user_id:{known[n * 37 % len(known)]}" for n in range(5_000))
        client.write_requests(file, (client.request("GET", path, b"", headers) for path in paths))
        with here.server() as server:
            load = load_2000(here, here.directory, seconds + 3)
            time.sleep(1.5)
            done = client.finish(
                client.start(port=here.port, requests=file, connections=8, seconds=seconds, rate=LOOKUPS)
            )
            memory = resident_mb(server.pid)
            sent = client.finish(load)
        ages = done["latencies_ms"]
        for metric, q in (("lookup_ms_p50", 0.5), ("lookup_ms_p99", 0.99)):
            yield Figure(
                bench="lookup", metric=metric, value=quantile(ages, q), unit="ms", beside=TARGET, beside_value=10.0
            )
        rate = done["requests"] / done["seconds"]
        yield Figure(
            bench="lookup", metric="lookups_per_s", value=rate, unit="requests/s", beside="asked for",
            beside_value=float(LOOKUPS),
        )  # fmt: skip
        yield Figure(
            bench="lookup", metric="events_per_s", value=sent["requests"] * 20 / sent["seconds"], unit="events/s",
            beside="asked for", beside_value=2_000.0,
        )  # fmt: skip
        yield Figure(bench="lookup", metric="resident_mb", value=memory, unit="MB", beside=TARGET, beside_value=500.0)
        failed = float(done["errors"] + sent["errors"])
        yield Figure(bench="lookup", metric="errors", value=failed, unit="requests")
    yield from hubs.run(full)
