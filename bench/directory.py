"""The large table of `bench match`: made people with their truth, matched in a process of its own, whose memory is measured.

    python -m bench.directory people.parquet out.json

`out.json` then has the figures by name.
"""

from __future__ import annotations

import json
import resource
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from onefold.bootstrap import match_table
from onefold.matching.index import Index
from onefold.matching.matcher import Matched, truth_of
from onefold.matching.settings import MatchSettings
from onefold.matching.trained import Known, of_match
from onefold.synthetic import directory

TRUTH, HOME = "cluster", "household"
LARGE, SMALL, REVIEWED = 1_000_000, 100_000, 5_000
SEED = 20_261_127
_DAY = 0.01
"""The share of all records that is new on a day."""
_BINS = 20


def write(path: Path, count: int) -> None:
    """Make the table."""
    columns = directory.columns(SEED, count)
    pq.write_table(pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()}), path)


def figures(path: Path) -> dict[str, Any]:
    """What is measured of it."""
    table = pq.read_table(path)
    started = time.monotonic()
    matched = match_table(table, MatchSettings(), ignored=(TRUTH, HOME))
    seconds = time.monotonic() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    truth = table[TRUTH].to_pylist()
    accuracy = matched.accuracy(truth)
    return {
        "s": seconds,
        "memory_mb": memory,
        "pairs_a_record": matched.looked_at / table.num_rows,
        "f1": accuracy.f1,
        "b3": accuracy.b3,
        "precision": accuracy.precision,
        "largest_person": accuracy.largest,
        "true_largest": accuracy.true_largest,
        **calibration(matched, truth),
        **_one_by_one(matched, table, seconds),
        "kinds": {
            field.column: field.kind for field in matched.fields if field.kind not in ("ignored", "source", "record_id")
        },
    }


def calibration(matched: Matched, truth: list[Any]) -> dict[str, float]:
    """The mean gap between what is said and what is right, and what is right of pairs said to be right in nine of ten."""
    labels, scored = truth_of(matched.records, truth), matched.scored
    right = labels[scored.a] == labels[scored.b]
    bins = np.minimum((scored.probability * _BINS).astype(int), _BINS - 1)
    said = np.bincount(bins, scored.probability, minlength=_BINS)
    was = np.bincount(bins, right, minlength=_BINS)
    nine = (scored.probability >= 0.85) & (scored.probability < 0.95)
    return {
        "calibration_error": float(np.abs(said - was).sum() / max(len(right), 1)),
        "right_of_nine_in_ten": float(right[nine].mean()) if nine.any() else float("nan"),
    }


def reviewed() -> Any:
    """A table of few people, with the truth."""
    columns = directory.columns(SEED, REVIEWED)
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def _one_by_one(matched: Matched, table: Any, seconds: float) -> dict[str, float]:
    """Add the records of a day one at a time to an index of all others, which is held in memory; beside a match of all."""
    key = secrets.token_bytes(32)
    known = Known(of_match(matched, key), key)
    added = int(table.num_rows * _DAY)
    index = Index(known, table.slice(0, table.num_rows - added))
    taken = []
    for record in table.slice(table.num_rows - added).to_pylist():
        started = time.perf_counter()
        index.add(record["id"], record)
        taken.append(time.perf_counter() - started)
    return {
        "add_ms_p50": float(np.percentile(taken, 50)) * 1e3,
        "add_ms_p99": float(np.percentile(taken, 99)) * 1e3,
        "adds_per_s": len(taken) / sum(taken),
        "day_of_full_run": sum(taken) / seconds,
    }


if __name__ == "__main__":
    source, out = sys.argv[1:]
    Path(out).write_text(json.dumps(figures(Path(source))), encoding="utf-8")
