"""The peer of `bench match`: Splink 5 with the settings that its documentation proposes, run by a Python that has it.

    PYTHON splink_peer.py people.parquet kinds.json out.json

It prints nothing; `out.json` has a cluster for each row and the seconds it took.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import splink
import splink.comparison_library as cl
from splink import Linker, SettingsCreator, block_on

THRESHOLD = 0.95
_RANDOM_PAIRS = 1_000_000
_PAIRS_A_RECORD = 15
_PROPOSED: dict[str, Any] = {
    "given_name": lambda c: cl.NameComparison(c).configure(term_frequency_adjustments=True),
    "family_name": lambda c: cl.NameComparison(c).configure(term_frequency_adjustments=True),
    "birth_date": lambda c: cl.DateOfBirthComparison(c, input_is_string=True),
    "email": cl.EmailComparison,
    "postcode": lambda c: cl.ExactMatch(c).configure(term_frequency_adjustments=True),
    "phone": lambda c: cl.LevenshteinAtThresholds(c, [1, 2]),
    "street": lambda c: cl.JaroWinklerAtThresholds(c, [0.9, 0.7]),
    "address_line": lambda c: cl.JaroWinklerAtThresholds(c, [0.9, 0.7]),
    "city": lambda c: cl.ExactMatch(c).configure(term_frequency_adjustments=True),
    "id": lambda c: cl.LevenshteinAtThresholds(c, [1, 2]),
}


def people(path: str, kinds: dict[str, str]) -> tuple[list[Any], float]:
    """A cluster for each row, and how long it took in seconds."""
    table = pq.read_table(path)
    one_of: dict[str, str] = {}
    for column, kind in kinds.items():
        one_of.setdefault(kind, column)
    keep = list(kinds)
    frame = table.select(keep).append_column("row_number_", [list(range(table.num_rows))]).to_pandas()
    started = time.monotonic()
    comparisons = [_PROPOSED.get(kind, cl.ExactMatch)(column) for column, kind in kinds.items()]
    blocked = _blocking(one_of, frame)
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="row_number_",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[block_on(*columns) for columns in blocked],
    )
    linker = _linker(frame, settings)
    certain = [block_on(*columns) for columns in blocked if len(columns) > 1][:3] or [block_on(*blocked[0])]
    linker.training.estimate_probability_two_random_records_match(certain, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=_RANDOM_PAIRS)
    for columns in _training(one_of):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns))
    scored = linker.inference.predict(threshold_match_probability=0.01)
    found = linker.clustering.cluster_pairwise_predictions_at_threshold(
        scored, threshold_match_probability=THRESHOLD
    ).as_pandas_dataframe()
    by_row = dict(zip(found["row_number_"].tolist(), found["cluster_id"].tolist(), strict=True))
    return [by_row.get(row, f"alone {row}") for row in range(table.num_rows)], time.monotonic() - started


def _linker(frame: Any, settings: Any) -> Any:
    try:
        from splink import DuckDBAPI  # noqa: PLC0415  Splink 4 has it, 5 hands tables over by itself
    except ImportError:
        from splink.internals.duckdb.database_api import DuckDBAPI  # noqa: PLC0415  as above
    api = DuckDBAPI()
    registered = api.register(frame) if splink.__version__ >= "5" else frame
    return Linker(registered, settings) if splink.__version__ >= "5" else Linker(frame, settings, api)


def _blocking(one_of: dict[str, str], frame: Any) -> list[list[str]]:
    """The pairs of fields that tutorials block on, and each field alone that gives no more than some pairs a record."""
    proposed = [
        ("given_name", "family_name"), ("given_name", "birth_date"), ("family_name", "birth_date"), ("email",), ("phone",),
        ("id",), ("postcode", "given_name"), ("postcode", "family_name"), ("city", "family_name", "given_name"),
    ]  # fmt: skip
    found = [[one_of[kind] for kind in kinds] for kinds in proposed if all(kind in one_of for kind in kinds)]
    for column in one_of.values():
        sizes = frame[column].value_counts().astype(float)
        if (sizes * (sizes - 1)).sum() / 2 <= _PAIRS_A_RECORD * len(frame) and [column] not in found:
            found.append([column])
    return found or [[next(iter(one_of.values()))]]


def _training(one_of: dict[str, str]) -> list[list[str]]:
    proposed = [("given_name", "family_name"), ("birth_date",), ("email",), ("postcode",)]
    return [[one_of[kind] for kind in kinds] for kinds in proposed if all(kind in one_of for kind in kinds)][:2]


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    source, stated, out = sys.argv[1:]
    clusters, seconds = people(source, json.loads(Path(stated).read_text(encoding="utf-8")))
    Path(out).write_text(json.dumps({"clusters": clusters, "seconds": seconds}), encoding="utf-8")
