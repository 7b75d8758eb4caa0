"""`python -m bench NAME --json [--full]` measures one thing; `python -m bench` measures all and prints a table.

Each bench is a module of this package with `run(full: bool) -> Iterator[Figure]`. By default each ends within a minute.
`python -m bench soak --minutes 120 --faults` is no bench but a trial of hours, with a command line of its own.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys

from rich.console import Console

from bench import soak
from bench.report import Figure, line, parse, print_table

NAMES = (
    "collect",
    "stream",
    "lookup",
    "load",
    "growth",
    "rude",
    "gates",
    "warehouse",
    "erasure",
    "rfm",
    "rules",
    "match",
    "console",
)


def main(arguments: list[str]) -> int:
    """Run what the command line says; 1 when a bench failed or gave no figure."""
    if arguments[:1] == ["soak"]:
        return soak.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=NAMES, help="one bench; all when left out")
    parser.add_argument("--json", action="store_true", help="print one JSON line a figure, as it comes")
    parser.add_argument("--full", action="store_true", help="measure longer and larger")
    options = parser.parse_args(arguments)
    console = Console()
    if options.name is None:
        figures, failed = _all(full=options.full, as_json=options.json)
    else:
        figures, failed = _one(options.name, full=options.full, as_json=options.json)
    if not options.json and figures:
        print_table(figures, console)
    for name in failed:
        print(f"bench {name} failed or gave no figure", file=sys.stderr)
    return 1 if failed else 0


def _one(name: str, *, full: bool, as_json: bool) -> tuple[list[Figure], list[str]]:
    figures: list[Figure] = []
    for figure in importlib.import_module(f"bench.{name}").run(full):
        figures.append(figure)
        if as_json:
            print(line(figure), flush=True)
    return figures, [] if figures else [name]


def _all(*, full: bool, as_json: bool) -> tuple[list[Figure], list[str]]:
    figures: list[Figure] = []
    failed = []
    for name in NAMES:
        # A process each: memory and warm caches of one bench are no part of the next one's figures.
        command = [sys.executable, "-m", "bench", name, "--json", *(["--full"] if full else [])]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        lines = done.stdout.splitlines()
        if done.returncode or not lines:
            failed.append(name)
        if as_json:
            print(done.stdout, end="", flush=True)
        figures += map(parse, lines)
    return figures, failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
