"""Soak: hours of mixed load below capacity, with faults; memory, open files and latency must not creep, nothing be lost.

`python -m bench soak --minutes 120 --faults` prints a JSON line every ten seconds and the figures at the end; exit code
1 when memory rises by more than 1 % an hour, open files rise at all, the producer's ledger and the server's account
differ, or `onefold verify` finds the store unequal to the log. Faults here leave the process alive, for a restart would
hide a leak: it is paused, sent half bodies, bombs, garbage, poison, strangers' keys and storms of connections.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.ground import Ground, family, ground, quantile, resident_mb
from bench.report import Figure, line
from bench.soaking import Load
from bench.trend import leaks_files, leaks_memory, trend

SAMPLE_SECONDS = 10.0
PEOPLE_ASKED = 500


def main(arguments: list[str]) -> int:
    """Soak as the command line says; 1 when something crept or was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long (120 for a release)")
    parser.add_argument("--rate", type=int, default=500, help="events a second")
    parser.add_argument(
        "--prefill", type=int, default=0, help="events processed before the first sample, so that caches are full"
    )
    parser.add_argument("--faults", action="store_true", help="a random fault about every 20 seconds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with ground() as here:
        samples, load = _run(here, options)
        figures, faults = _settle(here, samples, load)
    for figure in figures:
        print(line(figure), flush=True)
    for fault in faults:
        print(f"soak: {fault}", file=sys.stderr)
    return 1 if faults else 0


def _run(here: Ground, options: argparse.Namespace) -> tuple[list[dict[str, float]], Load]:
    load = Load(here, rate=options.rate, seed=options.seed, faults=options.faults)
    samples: list[dict[str, float]] = []
    with here.server() as process:
        load.prefill(options.prefill)
        load.begin(process.pid)
        started = time.monotonic()
        for number in range(1, int(options.minutes * 60 / SAMPLE_SECONDS) + 1):
            time.sleep(max(0.0, started + number * SAMPLE_SECONDS - time.monotonic()))
            if process.poll() is not None:
                load.trouble.append(f"the server ended with code {process.returncode}")
                break
            samples.append(_sample(process.pid, time.monotonic() - started, load))
            print(json.dumps(samples[-1]), flush=True)
        load.end()
        if process.poll() is None:
            load.settle(PEOPLE_ASKED)
    if process.returncode != 0:
        load.trouble.append(f"the server stopped with code {process.returncode}")
    return samples, load


def _sample(pid: int, at: float, load: Load) -> dict[str, float]:
    window = load.window()
    return {
        "seconds": round(at, 1),
        "resident_mb": round(resident_mb(pid), 2),
        "files": sum(len(list(Path(f"/proc/{one}/fd").iterdir())) for one in family(pid)),
        "events_per_s": round(window.events / SAMPLE_SECONDS, 1),
        "ack_ms_p99": round(quantile(sorted(window.acks_ms), 0.99), 2),
        "lookup_ms_p99": round(quantile(sorted(window.lookups_ms), 0.99), 2),
        "faults": load.faulted,
    }


def _settle(here: Ground, samples: list[dict[str, float]], load: Load) -> tuple[list[Figure], list[str]]:
    faults = list(load.trouble)
    figures = []
    for name, unit, leaks in (("resident_mb", "MB", leaks_memory), ("files", "files", leaks_files)):
        try:
            found = trend([(s["seconds"], s[name]) for s in samples])
        except ValueError as error:
            faults.append(f"{name}: {error}")
            continue
        if leaks(found):
            faults.append(f"{name} rises by {found.per_hour:.3g} {unit} ({found.percent_per_hour:.2f} %) an hour")
        figures += [
            Figure(bench="soak", metric=name, value=found.level, unit=unit),
            Figure(
                bench="soak", metric=f"{name}_percent_per_hour", value=found.percent_per_hour, unit="%/h",
                beside="most allowed" if name == "resident_mb" else "95 % low, files/h",
                beside_value=1.0 if name == "resident_mb" else found.low,
            ),
        ]  # fmt: skip
    for metric, unit in (("events_per_s", "events/s"), ("ack_ms_p99", "ms"), ("lookup_ms_p99", "ms")):
        ordered = sorted(s[metric] for s in samples)
        figures.append(Figure(bench="soak", metric=f"{metric}_median", value=quantile(ordered, 0.5), unit=unit))
    figures += [Figure(bench="soak", metric=name, value=float(n), unit="count") for name, n in load.tells().items()]
    verified = _verify(here)
    figures.append(Figure(bench="soak", metric="verified_entries", value=verified.get("entries", 0), unit="entries"))
    if not verified.get("equal"):
        faults.append("the store is not what the log implies")
    return figures, faults


def _verify(here: Ground) -> dict[str, Any]:
    command = [sys.executable, "-m", "onefold", "verify", "--project", str(here.directory), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return dict(json.loads(done.stdout)) if done.stdout.strip() else {}
