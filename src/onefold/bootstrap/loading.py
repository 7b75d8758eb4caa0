"""Loading files: rows become log entries, with a report as they go."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from onefold.bootstrap.workspace import clock_us
from onefold.connectors.sources import files, guess
from onefold.connectors.sources import mapping as mappings
from onefold.errors import UsageError
from onefold.pipelines.parts import Parts

BATCH_ROWS = 5_000
_CHUNK = 1 << 20


class Loaded(msgspec.Struct, frozen=True, gc=False):
    """How far a load is: rows appended durably, seconds since it began."""

    rows: int
    seconds: float


def rows_of(path: Path) -> int:
    """About how many rows a file has, by its line ends; 0 where lines say nothing (Parquet)."""
    if path.suffix == ".parquet":
        return 0
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))


def load_file(parts: Parts, path: Path, *, source: str, mapping: str | None) -> Iterator[Loaded]:
    """Append a file's rows to the log, giving account after each batch, and at least once.

    Raises:
        ConfigurationError: The mapping is wrong, or names columns the file does not have.
        UsageError: The file cannot be opened, or no mapping is given and none can be guessed.
    """
    plan = _mapping(path, mapping)
    started = time.perf_counter()
    entries = files.entries(
        files.rows(path, plan), source=source, received_at_us=clock_us(), request_id=f"load-{secrets.token_hex(6)}",
        file=path.name,
    )  # fmt: skip
    rows = 0
    while batch := list(islice(entries, BATCH_ROWS)):
        parts.log.append(batch)
        rows += len(batch)
        yield Loaded(rows, time.perf_counter() - started)
    if rows == 0:
        yield Loaded(0, time.perf_counter() - started)


def guess_mapping(path: Path) -> str:
    """A mapping for a file, guessed from its header, as YAML to save and adapt."""
    return guess.to_yaml(guess.guess(files.header(path)))


def _mapping(path: Path, mapping: str | None) -> mappings.Mapping:
    if mapping is None:
        found = guess.guess(files.header(path))
        if not found.identifiers:
            raise UsageError(
                f"No column of {path.name} looks like an identifier. Write a mapping; "
                f"`onefold load {path.name} --source NAME --show-mapping` prints a start."
            )
        return found
    if Path(mapping).exists():
        return mappings.load(Path(mapping))
    if mapping in mappings.presets():
        return mappings.preset(mapping)
    raise UsageError(f"There is no mapping file of that name, nor a preset; presets: {', '.join(mappings.presets())}.")
