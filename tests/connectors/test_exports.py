"""Exports: exact, there whole or not at all, and nothing is replaced unasked."""

import json
import stat
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from onefold.connectors.exports import file
from onefold.errors import UnavailableError, UsageError

ROWS = pa.table(
    {
        "name": pa.array(["Ann", None, "=1+1", 'a "b",\nc'], pa.string()),
        "revenue": pa.array([Decimal("12.300000001"), None, Decimal(0), Decimal("-1.5")], pa.decimal128(38, 9)),
        "at": pa.array([datetime(2026, 1, 2, 3, 4, 5, 678901)] * 4, pa.timestamp("us")),  # noqa: DTZ001  UTC by definition
    }
)


def write(path, kind, rows=ROWS, **how):
    told = []
    size = file.write(rows, path, kind, progress=told.append, **how)
    assert told[-1:] == ([rows.num_rows] if rows.num_rows else [])
    assert size == path.stat().st_size
    return path


def test_parquet_keeps_types_and_values(tmp_path):
    """Money is a decimal, a time a timestamp in microseconds."""
    assert pq.read_table(write(tmp_path / "rows.parquet", "parquet")).equals(ROWS)


def test_json_lines_are_exact(tmp_path):
    """A line is a row; money is an exact text."""
    lines = [json.loads(line) for line in write(tmp_path / "rows.jsonl", "jsonl").read_text().splitlines()]
    assert lines[0] == {"name": "Ann", "revenue": "12.300000001", "at": "2026-01-02T03:04:05.678901Z"}
    assert lines[1]["name"] is None
    assert len(lines) == 4


def test_csv_is_read_by_others(tmp_path):
    """By Arrow's reader here; null is not the empty text."""
    found = pyarrow.csv.read_csv(
        write(tmp_path / "rows.csv", "csv"),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            strings_can_be_null=True, quoted_strings_can_be_null=False, column_types={"revenue": pa.decimal128(38, 9)}
        ),
    )
    assert found["name"].to_pylist() == ROWS["name"].to_pylist()
    assert found["revenue"].to_pylist() == ROWS["revenue"].to_pylist()


def test_formulas_are_made_harmless_when_asked(tmp_path):
    """Only then: another program wants the text as it is."""
    assert "\n'=1+1," in write(tmp_path / "safe.csv", "csv", spreadsheet=True).read_text()
    assert "\n=1+1," in write(tmp_path / "plain.csv", "csv").read_text()


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_no_rows_are_a_file_too(tmp_path, kind):
    """An empty result is not an error."""
    write(tmp_path / "none", kind, ROWS.slice(0, 0))


def test_what_is_there_is_not_replaced_unasked(tmp_path):
    """And with `force` it is."""
    path = tmp_path / "rows.csv"
    path.write_text("mine")
    with pytest.raises(UsageError, match="--force"):
        write(path, "csv")
    assert path.read_text() == "mine"
    assert write(path, "csv", force=True).read_text() != "mine"


def test_a_file_that_somebody_makes_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    """Between the look and the end of a long export."""
    path = tmp_path / "rows.csv"
    monkeypatch.setattr(file, "require", lambda *_, **__: path.write_text("theirs"))
    with pytest.raises(UsageError, match="--force"):
        file.write(ROWS, path, "csv", progress=lambda _: None)
    assert path.read_text() == "theirs"
    assert [each.name for each in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("there", [False, True])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch, kind, there):
    """A full disk at the very end, and an interruption in the middle."""
    path = tmp_path / "rows"
    if there:
        path.write_text("before")

    def full(_):
        raise OSError(28, "No space left on device")

    def interrupted(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as failing:
        failing.setattr(file.os, "fsync", full)
        with pytest.raises(UnavailableError, match="nothing was changed"):
            file.write(ROWS, path, kind, force=True, progress=lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        file.write(ROWS, path, kind, force=True, progress=interrupted)
    assert [each.name for each in tmp_path.iterdir()] == (["rows"] if there else [])
    assert not there or path.read_text() == "before"


def test_others_cannot_read_an_export(tmp_path):
    """What is exported may be personal."""
    assert stat.S_IMODE(write(tmp_path / "rows.csv", "csv").stat().st_mode) == 0o600


def test_a_folder_is_no_file(tmp_path):
    """The message says what to do."""
    with pytest.raises(UsageError, match="name a file"):
        file.require(tmp_path, force=True)
    with pytest.raises(UsageError, match="no folder"):
        file.require(tmp_path / "nowhere" / "rows.csv", force=False)
