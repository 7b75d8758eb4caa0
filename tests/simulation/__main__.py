"""`python -m tests.simulation SEED`: replay one schedule, step by step.

`python -m tests.simulation --schedules N [--from SEED] [--jobs J]`: simulate many. `--planted NAME` plants a bug.
Exit code 1 when a promise was broken; each failing seed stands beside the command that replays it.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.simulation import planted, simulator
from tests.simulation.schedule import Mismatch

ROOT = Path(__file__).parents[2]
CHUNK = 5_000
FAILURES_MAX = 20


def main(arguments: list[str]) -> int:
    """Simulate what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="replay this schedule")
    parser.add_argument("--schedules", type=int, default=20_000)
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="SEED")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--stop", action="store_true", help="at the first mismatch")
    parser.add_argument("--planted", choices=sorted(planted.CONTROLS), help="with a bug, which must be found")
    options = parser.parse_args(arguments)
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of ids are walked in an order that depends on it, and so would the schedule.
        command = [sys.executable, "-m", "tests.simulation", *arguments]
        return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "0"}, check=False).returncode
    bug = planted.CONTROLS[options.planted].planted if options.planted else None
    if options.seed is not None:
        return replay(options.seed, bug)
    logging.disable()  # a planted bug makes the stream complain, as it should
    if options.jobs > 1:
        return in_parallel(options)
    return many(options, bug)


def tell(*lines: str) -> None:
    """To standard output, at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def replay(seed: int, bug: simulator.Planted | None) -> int:
    """One schedule with its trace."""
    try:
        ran = simulator.run(seed, bug, traced=True)
    except Mismatch as mismatch:
        tell(*mismatch.trace, f"✗ {mismatch}")
        return 1
    tell(*ran.trace, f"✓ {ran.steps} steps, {ran.counts['commits']} commits: nothing is amiss")
    return 0


def many(options: argparse.Namespace, bug: simulator.Planted | None) -> int:
    """Many schedules, in this process."""
    seeds, name = range(options.first, options.first + options.schedules), options.planted
    began = time.perf_counter()
    counts, failed = simulator.run_many(seeds, bug, failures_max=1 if options.stop else FAILURES_MAX)
    seconds = time.perf_counter() - began
    for seed, mismatch in failed:
        extra = f' --planted "{name}"' if name else ""
        tell(f"✗ {mismatch.kind}: python -m tests.simulation {seed}{extra}")
    told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    tell(f"{len(seeds)} schedules from {seeds.start}: {len(failed)} mismatches, {seconds:.0f} s; {told}")
    return int(bool(failed))


def in_parallel(options: argparse.Namespace) -> int:
    """Many schedules, in chunks, each in a process of its own."""
    end = options.first + options.schedules
    chunks = [(start, min(CHUNK, end - start)) for start in range(options.first, end, CHUNK)]
    extra = ["--planted", options.planted] if options.planted else []
    running: list[subprocess.Popen[bytes]] = []
    broken = False
    while chunks or running:
        while chunks and len(running) < options.jobs:
            start, size = chunks.pop(0)
            command = [sys.executable, "-m", "tests.simulation", "--from", str(start), "--schedules", str(size), *extra]
            running.append(subprocess.Popen(command, cwd=ROOT))
        broken = running.pop(0).wait() != 0 or broken
    tell("mismatches, see above" if broken else f"{options.schedules} schedules without a mismatch")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
