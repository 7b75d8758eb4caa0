"""Great Expectations itself runs what is exported, and finds what the compiled checks find.

`make test-engines` installs it in an environment of its own and says where its Python is in ONEFOLD_GX_PYTHON.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from tests.governance.checks.tables import RELATIONS, database, query

from onefold.governance import checks
from onefold.governance.checks import Check, Tolerance
from onefold.governance.checks.definition import Distribution, NotNull, OneOf, Pattern, Range, RowCount, TypeIs, Unique
from onefold.governance.checks.expectations import suite

PYTHON = os.environ.get("ONEFOLD_GX_PYTHON")
pytestmark = pytest.mark.skipif(PYTHON is None, reason="`make test-engines` installs Great Expectations")
TEXTS = ["a", "ab", "12", "-7", "1.5", "2026-02-29", "2024-02-29", "true", "x y"]


def some_rows(seed, many=200):
    """Rows with nulls and duplicates."""
    rng = random.Random(seed)
    return [
        {"id": n, "text": rng.choice([None, *TEXTS]), "plan": rng.choice([None, "pro", "free", "team"]),
         "amount": rng.choice([None, Decimal(rng.randint(-100, 100)) / 4]), "n": rng.choice([None, rng.randint(0, 150)]),
         "flag": None, "day": None, "at": None}
        for n in range(many)
    ]  # fmt: skip


def check(name, kind, **more):
    return Check(relation="temp.thing", name=name, kind=kind, key=("id",), **more)


CHECKS = [
    check("text_there", NotNull(("text",))),
    check("both_there", NotNull(("plan", "n"))),
    check("mostly_there", NotNull(("amount",)), tolerance=Tolerance(share=Decimal("0.6"))),
    check("n_once", Unique(("n",))),
    check("pair_once", Unique(("plan", "n")), severity="warn"),
    check("integer", TypeIs("text", "integer")),
    check("date", TypeIs("text", "date")),
    check("bounds", Range("amount", "-20", "20.25")),
    check("below", Range("n", None, "140"), tolerance=Tolerance(share=Decimal("0.5"))),
    check("plans", OneOf("plan", ("pro", "free"))),
    check("numbers", OneOf("n", ("1", "2", "3"))),
    check("form", Pattern("text", "^[a-z]+$")),
    check("inside", Pattern("text", "[0-9]")),
    check("many", RowCount(100, 300, None)),
    check("too_many", RowCount(None, 150, None)),
    check("mean", Distribution("amount", "mean", low=Decimal(-5), high=Decimal(5))),
]


def by_library(tmp_path, rows, some):
    """What Great Expectations finds."""
    document, left_out = suite("thing", some)
    assert left_out == []
    (tmp_path / "suite.json").write_text(json.dumps(document))
    columns = ["id", "text", "plan", "amount", "n"]
    plain = [[float(r[c]) if isinstance(r[c], Decimal) else r[c] for c in columns] for r in rows]
    (tmp_path / "rows.json").write_text(json.dumps({"rows": plain, "columns": columns, "numbers": ["amount", "n"]}))
    script = Path(__file__).with_name("gx_validate.py")
    done = subprocess.run(
        [PYTHON, script, tmp_path / "suite.json", tmp_path / "rows.json"], capture_output=True, text=True, check=False,
        timeout=300, env={**os.environ, "GX_ANALYTICS_ENABLED": "false"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_library_finds_what_the_compiled_checks_find(tmp_path, seed):
    """The same verdicts, and of rows the same numbers of failing ones."""
    rows = some_rows(seed)
    with database(rows, []) as connection:
        report = checks.run(CHECKS, query(connection), run_id="r", at_us=0, relations=RELATIONS)
    ours = {result.check: result for result in report.results}
    theirs = by_library(tmp_path, rows, CHECKS)
    assert [one["exception"] for one in theirs if one["exception"]] == []
    verdicts = {}
    unexpected = {}
    for one in theirs:
        verdicts[one["check"]] = verdicts.get(one["check"], True) and one["success"]
        if one["unexpected"] is not None:
            unexpected.setdefault(one["check"], []).append(one["unexpected"])
    assert verdicts == {name: result.status == "passed" for name, result in ours.items()}
    assert set(verdicts.values()) == {True, False}
    for name, counts in unexpected.items():
        if len(counts) == 1:
            assert counts == [ours[name].failing], name


def test_a_wrong_export_is_seen(tmp_path, monkeypatch):
    """A bound that moves on its way makes the library find something else."""
    from onefold.governance.checks import expectations

    monkeypatch.setattr(expectations, "_plain", lambda value: 0 if value == "20.25" else float(value))
    rows = some_rows(1)
    bounded = [check("bounds", Range("amount", "-20", "20.25"))]
    with database(rows, []) as connection:
        (ours,) = checks.run(bounded, query(connection), run_id="r", at_us=0, relations=RELATIONS).results
    (theirs,) = by_library(tmp_path, rows, bounded)
    assert theirs["unexpected"] != ours.failing
