"""`python -m tests.operations SEED`: one schedule, step by step. `--schedules N [--from SEED]`: many.

`--planted NAME` plants a bug first. Exit code 1 when a promise was broken; the failing seed is printed with its trace.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.operations import actors, planted
from tests.operations.schedule import Schedule, Violation

from onefold import cli

PRELOADED = ("apsw", "onefold.pipelines.maintenance.preview", "onefold.connectors.sources.files")


def main(arguments: list[str]) -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.operations", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="run this schedule and show it")
    parser.add_argument("--schedules", type=int, default=300)
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="SEED")
    parser.add_argument("--planted", choices=sorted(planted.PLANTS))
    options = parser.parse_args(arguments)
    logging.disable()
    _preload()
    if options.planted:
        planted.PLANTS[options.planted]()
    if options.seed is not None:
        actors.TRACE = Path(tempfile.mkdtemp(prefix="onefold-operations-trace-")) / "output"
        return _one(options.seed, Counter(), shown=True)
    began, counts = time.perf_counter(), Counter[str]()
    for seed in range(options.first, options.first + options.schedules):
        if _one(seed, counts, shown=False):
            again = f" --planted {options.planted}" if options.planted else ""
            sys.stdout.write(f"✗ python -m tests.operations {seed}{again}\n")
            return 1
    told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    seconds = time.perf_counter() - began
    sys.stdout.write(
        f"{options.schedules} schedules from {options.first}: 0 broken promises, {seconds:.0f} s; {told}\n"
    )
    return 0


def _preload() -> None:
    """Import here, once, what every process would import."""
    for name in PRELOADED:
        importlib.import_module(name)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        cli.app(["sources", "--help"])


def _one(seed: int, counts: Counter[str], *, shown: bool) -> int:
    schedule = Schedule(seed)
    wrong = ""
    try:
        schedule.run()
    except Violation as violation:
        wrong = str(violation)
    counts["acknowledged"] += len(schedule.ledger)
    for step in schedule.trace:
        counts[step.partition(":")[0].split(" takes")[0] + (" refused" if "refused" in step else "")] += 1
    if shown or wrong:
        sys.stdout.write("".join(f"{step}\n" for step in schedule.trace))
        if shown and actors.TRACE is not None and actors.TRACE.exists():
            sys.stdout.write(actors.TRACE.read_text())
        sys.stdout.write(f"✗ {wrong}\n" if wrong else f"✓ {len(schedule.ledger)} acknowledged events are there\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
