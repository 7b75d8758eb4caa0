"""Loading files: rows become log entries, with a report as they go."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from onefold import config
from onefold.bootstrap.workspace import Workspace, work_off
from onefold.connectors.sources import container, files, guess, mapping_yaml
from onefold.connectors.sources import mapping as mappings
from onefold.connectors.sources.first_rows import first_rows
from onefold.connectors.sources.language import Mapping, for_source
from onefold.connectors.sources.notes import Notes
from onefold.errors import UnsureMappingError, UsageError, nearest
from onefold.pipelines import judgements
from onefold.pipelines.context import Context

BATCH_ROWS = 5_000
_CHUNK = 1 << 20
_LOOK_SECONDS = 0.05


class AppendingError(Exception):
    """The process that appends ended with an exit code, after it had said why."""

    def __init__(self, code: int) -> None:
        super().__init__(f"loading ended with exit code {code}")
        self.code = code


class Loaded(msgspec.Struct, frozen=True, gc=False):
    """How far a load is.

    Attributes:
        rows: Entries appended durably.
        seconds: Since it began.
        notes: What is known of the file so far; the last ones given are the whole.
    """

    rows: int
    seconds: float
    notes: Notes

    @property
    def report(self) -> dict[str, Any]:
        """The notes as JSON has them: form, dates, rejections and findings with the first lines of each, no values."""
        report: dict[str, Any] = msgspec.to_builtins(self.notes)
        return report


def is_known_source(workspace: Workspace, directory: Path, source: str) -> bool:
    """Whether the project declares a source, or the log has items of it.

    Raises:
        UsageError: It is neither, and its name is close to one that is: most likely a slip.
    """
    known = {*config.read_project(directory).sources, *workspace.context.log.received()} - {judgements.SOURCE}
    if source in known:
        return True
    if near := nearest(source, known, cutoff=0.8):
        raise UsageError(f"There is no source `{source}`{near} If it is a new one, say --new-source.")
    return False


def rows_of(path: Path) -> int:
    """About how many rows a file has, by its line ends; 0 where they say nothing (Parquet, compressed files)."""
    if path.suffix == ".parquet" or container.compression_of(path):
        return 0
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))


def load_file(
    context: Context, path: Path, *, source: str, mapping: str | None, ids: str = "", sure: bool = False
) -> Iterator[Loaded]:
    """Append a file's rows to the log, giving account after each batch, and at least once.

    Args:
        context: Whose log.
        path: The file.
        source: The source its rows belong to.
        mapping: A mapping file or the name of a preset; None to guess.
        ids: The source whose own ids the file has; itself when empty.
        sure: Whether to use a guess that does not fit well.

    Raises:
        ConfigurationError: The mapping is wrong, or names columns the file does not have.
        UsageError: The file cannot be opened, or no mapping is given and none can be guessed.
    """
    return append_file(context, path, mapping_for(path, mapping, ids=ids or source, sure=sure), source=source)


def append_file(
    context: Context, path: Path, plan: Mapping, *, source: str, request_id: str | None = None
) -> Iterator[Loaded]:
    """The same by a mapping whose identifiers have their source's name already; see `for_source`."""
    started = time.perf_counter()
    notes = Notes()
    kept = _kept(files.rows(path, plan, notes), notes)
    request = request_id or f"load-{secrets.token_hex(6)}"
    entries = files.entries(kept, source=source, received_at_us=context.clock_us(), request_id=request, file=path.name)
    while batch := list(islice(entries, BATCH_ROWS)):
        context.log.append(batch)
        notes.rows += len(batch)
        yield Loaded(notes.rows, time.perf_counter() - started, notes)
    yield Loaded(notes.rows, time.perf_counter() - started, notes)


def _kept(rows: Iterator[files.AnyRow], notes: Notes) -> Iterator[files.Row | files.BadRow]:
    """The rows that go to the log; those that the mapping leaves out are counted."""
    for row in rows:
        if isinstance(row, files.SkippedRow):
            notes.skipped[row.because] += 1
        else:
            yield row


def check_file(path: Path, *, mapping: str | None, sure: bool = False) -> None:
    """Find out before anything is loaded whether a file can be read, and the mapping fits it.

    Raises:
        ConfigurationError: The mapping is wrong, or names columns the file does not have.
        UsageError: The file cannot be opened, or no mapping is given and none can be guessed.
    """
    next(iter(files.rows(path, mapping_for(path, mapping, ids="", sure=sure))), None)


def ids_of(project: Path, source: str) -> str:
    """The source whose own ids this source's files have: itself, unless the project says otherwise."""
    declared = config.read_project(project).sources.get(source)
    return declared.ids if declared is not None and declared.ids else source


def load_with_prefetch(
    workspace: Workspace, command: Sequence[str], source: str
) -> Generator[tuple[int, int], None, bytes]:
    """Let a process of its own append files, and process what it appends meanwhile: two cores instead of one.

    Args:
        workspace: Where what was appended is processed, unless another process does.
        command: The arguments of this program that append and do no more.
        source: The source whose rows are counted.

    Yields:
        Rows appended and entries processed so far. Whatever others send to that source meanwhile is counted with it.

    Returns:
        What the other process wrote to its standard output.

    Raises:
        AppendingError: The other process failed; it has said why. What it appended until then is processed.
    """
    log = workspace.context.log
    before, processed = log.received().get(source, 0), 0
    full = [sys.executable, "-m", "onefold", *command]
    appending = subprocess.Popen(full, stdout=subprocess.PIPE)  # noqa: S603  ourselves, with our own arguments
    try:
        while True:
            # In this order: what came between the two looks is found by the next.
            ended = appending.poll() is not None
            for entries in work_off(workspace):
                processed += max(entries, 0)
                yield log.received().get(source, 0) - before, processed
            if ended:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                appending.wait(_LOOK_SECONDS)
        printed, _ = appending.communicate()
    finally:
        if appending.poll() is None:
            appending.terminate()
            appending.wait()
    if appending.returncode:
        raise AppendingError(appending.returncode)
    return printed


def guess_mapping(path: Path) -> str:
    """A mapping for a file, guessed from its header and first rows, as YAML to save and adapt."""
    guessed = guess.guess(*first_rows(path))
    doubts = "".join(f"# Doubtful: {doubt}.\n" for doubt in guessed.doubts)
    return doubts + mapping_yaml.to_yaml(guessed.mapping, guessed.notes)


def mapping_for(path: Path, mapping: str | None, *, ids: str, sure: bool = False) -> Mapping:
    """The mapping of a file: the one named, or a guess.

    Args:
        path: The data file.
        mapping: A mapping file or the name of a preset; None to guess.
        ids: The source whose own ids the file has.
        sure: Whether to use a guess that does not fit well.

    Raises:
        ConfigurationError: The mapping is wrong.
        UnsureMappingError: The guess does not fit.
        UsageError: There is no such mapping, or none can be guessed.
    """
    return for_source(_mapping(path, mapping, sure=sure), ids)


def _mapping(path: Path, mapping: str | None, *, sure: bool) -> Mapping:
    if mapping is None:
        found = guess.guess(*first_rows(path))
        named = any(statement.identifiers for statement in found.mapping.stated)
        if found.doubts and not (sure and named):
            go_on = ", or load with --yes" if named else ""
            raise UnsureMappingError(
                f"The guessed mapping of {path.name} is not used without being asked: {'; '.join(found.doubts)}. "
                f"`onefold load {path.name} --source NAME --show-mapping > mapping.yaml` writes it down: correct it and "
                f"load with --mapping mapping.yaml{go_on}.",
                doubts=found.doubts,
            )
        return found.mapping
    if Path(mapping).exists():
        return mappings.load(Path(mapping))
    if mapping in mappings.presets():
        return mappings.preset(mapping)
    raise UsageError(f"There is no mapping file of that name, nor a preset; presets: {', '.join(mappings.presets())}.")
