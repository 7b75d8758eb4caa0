"""`match`: people found in labelled tables without a label, beside Splink 5 and the weighted model, in the same run.

Accuracy is that of the people in the end, at the default threshold of each: F1 over pairs, and B-cubed. Splink is no
dependency: ONEFOLD_SPLINK_PYTHON names a Python that has it (`build/peers/bin/python` else); where there is none, there is no
figure beside, and a line on standard error says so. A table of made people is matched beside: 100,000 records, with --full a
million; then the public table of 100,000 is matched, too. The records of a day, one in a hundred, are then added one at a
time to an index of the others, which is held in memory: no write to a log is part of these figures. Of 5,000 made records,
somebody who errs once in twenty answers the pairs that are least sure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from bench import directory, match_project, reviewing
from bench.report import Figure
from onefold.bootstrap import match_table
from onefold.matching.accuracy import Accuracy, measure
from onefold.matching.matcher import Matched, truth_of
from onefold.matching.settings import MatchSettings

SMALL, LARGE = ("febrl1", "febrl3", "fake1000"), ("synth100k",)
TRUTH = "cluster"
_BAND = (0.95, 0.99)
_PEER = Path(__file__).with_name("splink_peer.py")
_ROOT = Path(__file__).resolve().parents[1]


def run(full: bool) -> Iterator[Figure]:
    """Figures of each set."""
    folder = Path(os.environ.get("ONEFOLD_DATA", _ROOT.parent / "shared" / "data")) / "people"
    sets = [path for name in (*SMALL, *(LARGE if full else ())) if (path := folder / f"{name}.parquet").exists()]
    if not sets:
        print(f"no labelled sets in {folder}: set ONEFOLD_DATA to the folder of public data", file=sys.stderr)
    for path in sets:
        yield from _figures(path)
    yield from _reviewed()
    yield from _directory(full)
    yield from match_project.figures(full)


def _directory(full: bool) -> Iterator[Figure]:
    """Figures of made people; the matcher and Splink have a process of their own each."""
    name, count = ("million", directory.LARGE) if full else ("directory", directory.SMALL)
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "people.parquet", Path(folder) / "out.json"
        directory.write(path, count)
        subprocess.run([sys.executable, "-m", "bench.directory", path, out], check=True, cwd=_ROOT)
        found = json.loads(out.read_text(encoding="utf-8"))
        truth = pq.read_table(path, columns=[directory.TRUTH])[directory.TRUTH].to_pylist()
        theirs, their_seconds = _splink(path, found["kinds"], truth) or (None, None)
    told = "Splink 5" if theirs else ""
    yield _figure(f"{name}_s", found["s"], "s", told, their_seconds)
    for metric in ("f1", "b3", "precision"):
        beside = None if theirs is None else getattr(theirs, metric)
        yield _figure(f"{name}_{metric}", found[metric], "", f"{told} at 0.95" if theirs else "", beside)
    yield _figure(
        f"{name}_largest_person", found["largest_person"], "records", "largest in truth", found["true_largest"]
    )
    yield _figure(f"{name}_memory_mb", found["memory_mb"], "MB", "", None)
    yield _figure(f"{name}_pairs_a_record", found["pairs_a_record"], "", "", None)
    yield _figure(f"{name}_calibration_error", found["calibration_error"], "", "", None)
    yield _figure(f"{name}_right_of_nine_in_ten", found["right_of_nine_in_ten"], "", "said", 0.9)
    for metric, unit, goal in (
        ("add_ms_p50", "ms", None),
        ("add_ms_p99", "ms", 5.0),
        ("adds_per_s", "records/s", 2_000.0),
        ("day_of_full_run", "", 0.05),
    ):
        yield _figure(f"{name}_{metric}", found[metric], unit, "" if goal is None else "goal", goal)


def _reviewed() -> Iterator[Figure]:
    """How much better people are found with each round of answers, beside none."""
    table = directory.reviewed()
    before: dict[str, float] = {}
    for asked, found, _ in reviewing.accuracies(
        table, table[directory.TRUTH].to_pylist(), (directory.TRUTH, directory.HOME)
    ):
        for metric in ("f1", "b3"):
            value = getattr(found, metric)
            beside = before.setdefault(metric, value)
            yield _figure(
                f"reviewed_{asked}_{metric}", value, "", "no answers" if asked else "", beside if asked else None
            )


def _figures(path: Path) -> Iterator[Figure]:
    name, table = path.stem, pq.read_table(path)
    truth = table[TRUTH].to_pylist()
    started = time.monotonic()
    learned = match_table(table, MatchSettings(), ignored=(TRUTH,))
    seconds = time.monotonic() - started
    weighted = match_table(table, MatchSettings(model="weighted"), ignored=(TRUTH,)).accuracy(truth)
    ours, peer = learned.accuracy(truth), _splink(path, _kinds(learned), truth)
    theirs, their_seconds = peer or (None, None)
    for metric in ("f1", "b3", "precision", "recall"):
        beside = None if theirs is None else getattr(theirs, metric)
        yield _figure(f"{name}_{metric}", getattr(ours, metric), "", "Splink 5 at 0.95" if theirs else "", beside)
    for metric in ("f1", "b3"):
        yield _figure(
            f"{name}_{metric}_over_weighted", getattr(ours, metric), "", "weighted", getattr(weighted, metric)
        )
    yield _figure(f"{name}_largest_person", ours.largest, "records", "largest in truth", ours.true_largest)
    yield _figure(f"{name}_s", seconds, "s", "Splink 5" if theirs else "", their_seconds)
    yield from _calibration(name, learned, truth)


def _calibration(name: str, matched: Matched, truth: list[Any]) -> Iterator[Figure]:
    """How many of the pairs said to be one person with a probability in the band are."""
    labels = truth_of(matched.records, truth)
    scored = matched.scored
    within = (scored.probability >= _BAND[0]) & (scored.probability < _BAND[1])
    if within.sum() >= 100:
        right = float((labels[scored.a] == labels[scored.b])[within].mean())
        yield _figure(f"{name}_right_in_band", right, "", "said", float(scored.probability[within].mean()))


def _figure(metric: str, value: float, unit: str, beside: str, beside_value: float | None) -> Figure:
    return Figure(bench="match", metric=metric, value=value, unit=unit, beside=beside, beside_value=beside_value)


def _kinds(matched: Matched) -> dict[str, str]:
    unused = ("ignored", "source", "record_id")
    return {field.column: field.kind for field in matched.fields if field.kind not in unused}


def _splink(path: Path, kinds: dict[str, str], truth: list[Any]) -> tuple[Accuracy, float] | None:
    """Splink's accuracy on the same columns, and its seconds; None where it is not installed."""
    python = Path(os.environ.get("ONEFOLD_SPLINK_PYTHON", _ROOT / "build" / "peers" / "bin" / "python"))
    if not python.exists():
        print(f"no Splink beside: {python} is not there", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        stated, out = Path(folder) / "kinds.json", Path(folder) / "out.json"
        stated.write_text(json.dumps(kinds), encoding="utf-8")
        subprocess.run(
            [python, _PEER, path, stated, out], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        answer = json.loads(out.read_text(encoding="utf-8"))
    return measure(_numbered(answer["clusters"]), _numbered(truth)), answer["seconds"]


def _numbered(values: list[Any]) -> Any:
    number: dict[Any, int] = {}
    return np.array([number.setdefault(value, len(number)) for value in values], np.int64)
