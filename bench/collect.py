"""How fast events are acknowledged durably over HTTP, beside a bare ASGI app that does the same append."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import client
from bench.broker import broker, project_on
from bench.ground import free_port, ground, wait_listening
from bench.report import Figure
from onefold.synthetic.stream import items

PARTITIONS = 16
PEER = "bare ASGI app, same durable append"


def run(full: bool) -> Iterator[Figure]:
    """Singles and batches of 100, ours and the peer's in turn, three rounds each; medians."""
    seconds = 10.0 if full else 2.5
    with ground() as here, tempfile.TemporaryDirectory() as folder:
        files = _requests(Path(folder), here.write_key)
        port = free_port()
        bare = subprocess.Popen([sys.executable, "-m", "bench.bare", str(port), f"{folder}/bare.db"])
        try:
            # Collecting alone is measured, as for the peer: processing has a bench of its own.
            with here.server(processing=False):
                wait_listening(port)
                rates: dict[tuple[str, str], list[float]] = {}
                for _ in range(3):
                    for shape, per_request, connections in (("single", 1, 64), ("batch", 100, 16)):
                        for name, at in (("onefold", here.port), ("bare", port)):
                            started = client.start(
                                port=at, requests=files[shape], connections=connections, seconds=seconds
                            )
                            done = client.finish(started)
                            if done["errors"]:
                                raise RuntimeError(f"{name} answered {done['errors']} {shape} requests with an error")
                            rate = done["requests"] * per_request / done["seconds"]
                            rates.setdefault((shape, name), []).append(rate)
                            time.sleep(0.3)
        finally:
            bare.kill()
            bare.wait()
    yield from _over_kafka(seconds)
    for shape, metric, unit in (("single", "single_per_s", "requests/s"), ("batch", "batch_events_per_s", "events/s")):
        ours, peer = (sorted(rates[shape, name])[1] for name in ("onefold", "bare"))
        yield Figure(bench="collect", metric=metric, value=ours, unit=unit, beside=PEER, beside_value=peer)


def _over_kafka(seconds: float) -> Iterator[Figure]:
    """`onefold collect` over a log on Kafka: batches of 100, confirmed by the broker before they are answered."""
    with (
        broker() as started,
        ground(more=project_on(started, partitions=PARTITIONS, batches=True)) as here,
        tempfile.TemporaryDirectory() as folder,
    ):
        files = _requests(Path(folder), here.write_key)
        with here.server(verb="collect"):
            sending = client.start(port=here.port, requests=files["batch"], connections=16, seconds=seconds)
            done = client.finish(sending)
    if done["errors"]:
        raise RuntimeError(f"onefold answered {done['errors']} requests with an error")
    yield Figure(
        bench="collect", metric="kafka_batch_events_per_s", value=done["requests"] * 100 / done["seconds"],
        unit="events/s", beside="target", beside_value=5_000.0,
    )  # fmt: skip


def _requests(folder: Path, key: str) -> dict[str, Path]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    events = list(items(1, 20_000, 5_000))
    files = {"single": folder / "single", "batch": folder / "batch"}
    client.write_requests(files["single"], (client.request("POST", "/v1/track", e, headers) for e in events[:5_000]))
    bodies = (b'{"batch":[' + b",".join(events[n : n + 100]) + b"]}" for n in range(0, len(events), 100))
    client.write_requests(files["batch"], (client.request("POST", "/v1/batch", b, headers) for b in bodies))
    return files
