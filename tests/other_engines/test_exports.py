"""Exports read by what they are for: a Delta table by deltalake, and a dbt project built by dbt itself."""

from __future__ import annotations

import json
import subprocess

import duckdb
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from tests import workbench
from tests.contracts.warehouse_queries import GIFT, gifts
from tests.other_engines.servers import python
from tests.warehouse.yard import Yard

from onefold.bootstrap.asking import Asker
from onefold.connectors.exports import delta
from onefold.errors import UnavailableError, UsageError


@pytest.fixture
def yard(tmp_path, queries):
    made = Yard(workbench.context(), tmp_path, queries)
    made.receive(
        *({"type": "identify", "userId": f"u{n}", "anonymousId": f"a{n}", "messageId": f"i{n}"} for n in range(3))
    )
    made.warehouse.replace(GIFT, gifts())
    return made


@pytest.fixture
def asker(yard):
    return Asker(yard.warehouse, yard.context.store)


def rows_of(path):
    rows = DeltaTable(str(path)).to_pyarrow_table().to_pylist()
    return sorted(
        (row | {"at": row["at"] and row["at"].replace(tzinfo=None)} for row in rows), key=lambda row: row["id"]
    )


def test_a_delta_table_has_the_rows_of_the_relation(asker, yard, tmp_path):
    """Exact money, microseconds, lists and nulls, as deltalake reads them; times are in UTC."""
    done = asker.export(asker.relation("marts.gift"), tmp_path / "gift.delta", "delta")
    wanted = yard.rows("SELECT * FROM marts.gift ORDER BY id")
    assert rows_of(tmp_path / "gift.delta") == wanted
    assert (done.rows, done.bytes > 1000) == (7, True)


def test_exported_again_nothing_of_the_old_table_is_left(asker, yard, tmp_path):
    """The same rows, one version, no file of before; and only with --force."""
    path, gift = tmp_path / "gift.delta", asker.relation("marts.gift")
    asker.export(gift, path, "delta")
    before = {file.name for file in path.rglob("*.parquet")}
    with pytest.raises(UsageError, match="--force"):
        asker.export(gift, path, "delta")
    first = rows_of(path)
    asker.export(gift, path, "delta", force=True)
    assert rows_of(path) == first
    assert DeltaTable(str(path)).version() == 0
    assert not before & {file.name for file in path.rglob("*.parquet")}
    yard.warehouse.replace(GIFT, gifts().slice(0, 2))
    asker.export(gift, path, "delta", force=True)
    assert len(rows_of(path)) == 2
    assert [file.name for file in tmp_path.iterdir() if file.name.endswith(".partial")] == []


def test_an_export_that_fails_leaves_what_was_there(asker, tmp_path, monkeypatch):
    """The table of before stays whole, and nothing lies about; the control writes in place, and is caught."""
    path, gift = tmp_path / "gift.delta", asker.relation("marts.gift")
    asker.export(gift, path, "delta")
    first = rows_of(path)

    def failing(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(delta, "_settle", failing)
    with pytest.raises(UnavailableError, match="nothing was changed"):
        asker.export(gift, path, "delta", force=True)
    assert rows_of(path) == first
    assert [file.name for file in tmp_path.iterdir() if file.name.endswith(".partial")] == []
    with pytest.raises(UsageError, match="no Delta table"):
        asker.export(gift, tmp_path, "delta", force=True)


def built(folder):
    """What dbt says of each model and test: how often it ended how."""
    command = [python("dbt").parent / "dbt", "build", "--profiles-dir", ".", "--project-dir", "."]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        env={"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert (folder / "target" / "run_results.json").exists(), done.stdout[-3000:]
    results = json.loads((folder / "target" / "run_results.json").read_text())["results"]
    return {result["unique_id"]: result["status"] for result in results}


def test_the_dbt_project_builds(asker, tmp_path):
    """Every model has the rows of its relation, and every test of keys and required columns passes."""
    folder = tmp_path / "dbt"
    done = asker.dbt(folder)
    results = built(folder)
    assert set(results.values()) <= {"success", "pass"}, results
    assert len([name for name in results if name.startswith("model.")]) == len(done) > 5
    assert len([name for name in results if name.startswith("test.")]) > 20
    with duckdb.connect(str(folder / "onefold.duckdb"), read_only=True) as connection:
        ((people,),) = connection.sql("SELECT count(*) FROM profile").fetchall()
    assert people == 3
    with pytest.raises(UsageError, match="--force"):
        asker.dbt(folder)
    asker.dbt(folder, force=True)


def test_a_row_that_is_there_twice_fails_the_build(asker, tmp_path):
    """The negative control: tests of the project find a key that is not unique."""
    folder = tmp_path / "dbt"
    asker.dbt(folder)
    file = folder / "data" / "profile.parquet"
    rows = pq.read_table(file)
    pq.write_table(rows.take([0, 0]), file)
    assert "fail" in built(folder).values()
