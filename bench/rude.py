"""What others notice of rude outsiders: a server under 1 GB of memory and 1,024 descriptors, attacked in each way in turn.

Beside the attack, visitors send an event each on a new connection, and an application looks up profiles on kept ones. A
request counts from when it was due; one whose connection is refused or cut is tried anew at once, as browsers do, and its
time runs on.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bench.ground import Ground, family, ground, quantile, resident_mb, wait_until
from bench.outsiders import ATTACKS
from bench.report import Figure

MEMORY_BYTES = 1 << 30
DESCRIPTORS = 1_024
TARGET_MS = 50.0
MORE = "server:\n  port: {port}\n  trusted_proxies: []\n"
"""All come from this machine: so its addresses must count as strangers'."""
PLAN = """\
tracking_plan:
  violations: block
  events:
    Patterned: {type: object, properties: {code: {type: string, pattern: "^(a|a)*$"}}}
"""
"""With an engine that backtracks this pattern takes for ever."""
LIMITED = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_BYTES}, {MEMORY_BYTES}))
resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))
"""
SERVE = """
from onefold.cli import main
main()
"""


def run(full: bool) -> Iterator[Figure]:
    """Each attack in turn; the quiet before them is what they are held against."""
    seconds = 20.0 if full else 4.0
    with attacked_server() as (here, process):
        quiet = beside(here, [], seconds)
        before = resident_mb(process.pid)
        pids = family(process.pid)
        worst = 0.0
        for name in ATTACKS:
            found = beside(here, [name], seconds)
            worst = max(worst, found["p99_ms"])
            metric = f"p99_ms_{name.replace(' ', '_').replace(chr(39), '')}"
            yield Figure(
                bench="rude", metric=metric, value=found["p99_ms"], unit="ms", beside="target", beside_value=TARGET_MS
            )
            if found["failed"]:
                raise RuntimeError(f"{found['failed']} requests of others failed beside {name}")
        if family(process.pid) != pids:
            raise RuntimeError("a process of the server was replaced")
        yield Figure(
            bench="rude",
            metric="others_ms_p99",
            value=worst,
            unit="ms",
            beside="nobody rude",
            beside_value=quiet["p99_ms"],
        )
        yield Figure(
            bench="rude",
            metric="memory_mb_after",
            value=settled_mb(process.pid),
            unit="MB",
            beside="before",
            beside_value=before,
        )


@contextmanager
def attacked_server(*, prelude: str = "", more: str = "") -> Iterator[tuple[Ground, subprocess.Popen[bytes]]]:
    """A server within limits, on a throw-away project; `prelude` is run in it before it starts."""
    with ground() as here:
        text = (here.directory / "onefold.yaml").read_text()
        stated = f"server: {{port: {here.port}}}\n"
        text = text.replace(stated, MORE.format(port=here.port)).replace(
            "enabled: false", "lookups_per_minute: 1000000"
        )
        (here.directory / "onefold.yaml").write_text(text + more)
        with (here.directory / "sources" / "web.yaml").open("a") as source:
            source.write(PLAN)
        command = [sys.executable, "-c", LIMITED + prelude + SERVE, "serve", "--project", str(here.directory)]
        with (here.directory / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        try:
            wait_until(f"http://127.0.0.1:{here.port}/readyz")
            yield here, process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(40)
            process.kill()
            process.wait(10)


def beside(here: Ground, attacks: Sequence[str], seconds: float, *, patience: float = 10.0) -> dict[str, Any]:
    """What others notice of attacks: `p99_ms`, `p50_ms`, `again` (tries), `failed` (not answered 200 within `patience`)."""
    outsiders = []
    for attack in attacks:
        arguments = [attack, str(here.port), str(seconds + 60), here.write_key]
        outsiders.append(subprocess.Popen([sys.executable, "-m", "bench.outsiders", *arguments]))
    result = here.directory / "others.json"
    stated = [str(here.port), str(seconds), here.write_key, here.read_key, str(patience), str(result)]
    try:
        if attacks:
            time.sleep(1.0)
        subprocess.run([sys.executable, "-m", "bench.others", *stated], check=True, timeout=seconds + 90)
    finally:
        for outsider in outsiders:
            outsider.kill()
            outsider.wait()
    found: dict[str, Any] = json.loads(result.read_text())
    times = sorted(found.pop("times_ms"))
    return {**found, "p99_ms": quantile(times, 0.99), "p50_ms": quantile(times, 0.5)}


def settled_mb(pid: int, *, until_mb: float = 0.0, seconds: float = 10.0) -> float:
    """Memory once an attack is over: the least within some seconds, or the first that is at most `until_mb`."""
    least = resident_mb(pid)
    until = time.monotonic() + seconds
    while least > until_mb and time.monotonic() < until:
        time.sleep(0.5)
        least = min(least, resident_mb(pid))
    return least
