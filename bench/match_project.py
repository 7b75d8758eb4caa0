"""A day in a project: records that came since the last run of the matcher, matched alone, beside a run over all of them.

The people are those of `onefold demo`, in five files; the day is the last one in a hundred of all records, held back.
Seconds are of the processor, so that a busy machine does not count.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TypeVar

from bench.report import Figure
from onefold import bootstrap
from onefold.bootstrap import Workspace
from onefold.bootstrap.identity_matching import kinds, settings_of
from onefold.cli import demo
from onefold.pipelines.matching import records
from onefold.synthetic import population, systems

T = TypeVar("T")
SMALL, LARGE = 3_000, 70_000
"""People, each of 1.4 records."""
_SEED = 7
_AS_OF = date(2026, 11, 26)
_ENCODING = "latin-1"
"""Of the file that is cut; whatever it is, no line end of it is more than a byte."""


def figures(full: bool) -> Iterator[Figure]:
    """The full run, the day's share of it, and the share of the day that reading takes."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "demo"
        demo._fresh(directory, port=1)  # noqa: SLF001  the demo's own project
        people = population.people(_SEED, LARGE if full else SMALL)
        files = systems.write(directory / "files", people, seed=_SEED, as_of=_AS_OF).files
        before, after = _cut(files["donors"])
        with bootstrap.opened(directory, None) as workspace:
            for name, path in (files | {"donors": before}).items():
                _load(workspace, path, name, files[name].with_suffix(".yaml"))
            whole, whole_s = _timed(lambda: bootstrap.match_records(workspace))
            bootstrap.catch_up(workspace)
            _load(workspace, after, "donors", files["donors"].with_suffix(".yaml"))
            day, day_s = _timed(lambda: bootstrap.match_records(workspace, incremental=True))
            reading_s = _timed(lambda: _read(workspace))[1]
    if day.full:
        raise RuntimeError("The day was matched by a full run: there is nothing to compare.")
    yield _figure("project_records", day.records, "records")
    yield _figure("project_full_s", whole_s, "s")
    yield _figure("project_day_of_full_run", day_s / whole_s, "", "goal", 0.05)
    yield _figure("project_day_pairs_of_full_run", day.compared / whole.compared, "")
    yield _figure("project_day_reading", reading_s / day_s, "of the day")


def _cut(path: Path) -> tuple[Path, Path]:
    """The file without its last rows, and those: one in a hundred of all records, as donors are a quarter of them."""
    lines = path.read_text(_ENCODING).splitlines(keepends=True)
    late = max(1, len(lines) // 25)
    found = []
    for name, some in (("before", lines[:-late]), ("after", [lines[0], *lines[-late:]])):
        found.append(path.with_name(f"donors-{name}{path.suffix}"))
        found[-1].write_text("".join(some), _ENCODING)
    return found[0], found[1]


def _load(workspace: Workspace, path: Path, source: str, mapping: Path) -> None:
    for _ in bootstrap.load_file(workspace.context, path, source=source, mapping=str(mapping)):
        pass
    bootstrap.catch_up(workspace)


def _read(workspace: Workspace) -> records.Sources:
    with workspace.context.store.snapshot() as snapshot:
        return records.read(workspace.context, snapshot, kinds(settings_of(workspace).fields))


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    found = work()
    return found, time.process_time() - began


def _figure(metric: str, value: float, unit: str, beside: str = "", beside_value: float | None = None) -> Figure:
    return Figure(bench="match", metric=metric, value=value, unit=unit, beside=beside, beside_value=beside_value)
