"""How long a file of a million people takes from disk to committed profiles."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.ground import ground
from bench.report import Figure

ROWS = 1_000_000
SAMPLE = 200_000
MAPPING = """\
type: record
identifiers: {crm_id: Id, email: Email, phone: Phone}
traits: {first_name: First, last_name: Last, city: City, postcode: Zip}
timestamp: {column: Changed, formats: ["%Y-%m-%d"]}
"""


def run(full: bool) -> Iterator[Figure]:
    """`onefold load`: by default 200,000 rows, given as the time a million would take; with --full all of them."""
    rows = ROWS if full else SAMPLE
    with ground() as here:
        folder = here.directory / "files"
        folder.mkdir()
        file = folder / "people.csv"
        write(file, rows)
        (folder / "people.yaml").write_text(MAPPING)
        reading = _reading_alone(file)
        command = [sys.executable, "-m", "onefold", "load", str(file), "--source", "crm", "--mapping",
                   str(folder / "people.yaml"), "--project", str(here.directory), "--json"]  # fmt: skip
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
    yield Figure(
        bench="load", metric="million_rows_s", value=seconds * ROWS / rows, unit="s", beside="target",
        beside_value=120.0,
    )  # fmt: skip
    yield Figure(
        bench="load", metric="rows_per_s", value=rows / seconds, unit="rows/s", beside="csv.reader alone",
        beside_value=rows / reading,
    )  # fmt: skip


def write(file: Path, rows: int) -> None:
    """People of a CRM: each with an id, nine of ten with an e-mail, half with a phone."""
    draw = random.Random(5)
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("Id", "Email", "Phone", "First", "Last", "City", "Zip", "Changed"))
        for n in range(rows):
            email = f"person{n}@mail.example" if draw.random() < 0.9 else ""
            phone = f"+1312{n:07d}" if draw.random() < 0.5 else ""
            writer.writerow(
                (f"{n:08d}", email, phone, f"Ann{n % 977}", f"Novak{n % 4999}", "Chicago", f"{60600 + n % 99:05d}",
                 f"2026-{1 + n % 12:02d}-{1 + n % 28:02d}")
            )  # fmt: skip


def _reading_alone(file: Path) -> float:
    started = time.perf_counter()
    with file.open(newline="") as source:
        for _ in csv.reader(source):
            pass
    return time.perf_counter() - started
