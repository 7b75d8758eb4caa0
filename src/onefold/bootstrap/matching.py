"""Matching a file or a table, without a project."""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onefold.connectors.sources import dialect, headings, table
from onefold.connectors.sources.cells import text_of
from onefold.connectors.sources.delimited import Broken
from onefold.connectors.sources.notes import Notes
from onefold.errors import ConfigurationError, UsageError

if TYPE_CHECKING:  # only for who has the extra installed
    from onefold.matching.accuracy import Accuracy
    from onefold.matching.explanation import Explanation
    from onefold.matching.fields import Field
    from onefold.matching.matcher import Matched
    from onefold.matching.outcome import Match
    from onefold.matching.settings import Decision, MatchSettings
    from onefold.matching.trained import Known

MATCHING_LIBRARIES = ("duckdb", "numpy", "pyarrow")
"""What the extra `matching` installs."""
CURVE = (-4.0, -2.0, -1.0, 1.0, 2.0, 4.0)
_BLOCK = 50_000


def require_matching() -> None:
    """See that the matcher's libraries are installed.

    Raises:
        ConfigurationError: They are not; the message tells what to install.
    """
    missing = [name for name in MATCHING_LIBRARIES if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"matching needs the extra (missing: {', '.join(missing)}): pip install 'onefold[matching]'"
        )


def read_table(path: Path) -> Any:
    """A file of records as an Arrow table of texts: Parquet, or whatever `onefold load` reads.

    Raises:
        UsageError: It cannot be opened or read.
    """
    require_matching()
    import pyarrow as pa  # noqa: PLC0415  only where the extra is
    import pyarrow.parquet as pq  # noqa: PLC0415  as above

    form = dialect.sniff(path)
    if form.format == "parquet" and not form.compression:
        try:
            return pq.read_table(path)
        except pa.ArrowException as error:
            raise UsageError(f"{path.name} is not a Parquet file, or it is damaged.") from error
    blocks = [pa.table(block) for block in _blocks(path, form)]
    if not blocks:
        raise UsageError(f"{path.name} has no rows.")
    return pa.concat_tables(blocks, promote_options="default")


def _blocks(path: Path, form: dialect.Dialect) -> Iterator[dict[str, list[str | None]]]:
    """Some rows at a time, by column, so that a row is not an object of its own for long."""
    block: dict[str, list[str | None]] = {}
    length = 0
    for row in table.read(path, form, Notes()):
        if isinstance(row.values, Broken):
            continue
        for name, value in zip(row.names, row.values, strict=False):
            cells = block.setdefault(name, [])
            cells.extend([None] * (length - len(cells)))
            cells.append(text_of(value) or None)
        length += 1
        if length == _BLOCK:
            yield _even(block, length)
            block, length = {}, 0
    if length:
        yield _even(block, length)


def _even(block: dict[str, list[str | None]], length: int) -> dict[str, list[str | None]]:
    return {name: cells + [None] * (length - len(cells)) for name, cells in block.items()}


def guess_fields(data: Any, stated: Mapping[str, str], ignored: Sequence[str] = ()) -> tuple[Field, ...]:
    """What the columns of an Arrow table hold; those of `ignored` count for nothing."""
    require_matching()
    from onefold.matching import fields, records  # noqa: PLC0415  only where the extra is

    samples = {name: records.sample(data[name]) for name in data.column_names}
    concepts = {name: headings.read(name).concept if not headings.read(name).role else "" for name in samples}
    return fields.guess(samples, concepts, {**stated, **dict.fromkeys(ignored, "ignored")})


def match_table(
    data: Any,
    settings: MatchSettings,
    *,
    ignored: Sequence[str] = (),
    decisions: Sequence[Decision] = (),
    also_at: Sequence[float] = (),
    known: Known | None = None,
    tell: Callable[[str], None] = lambda _: None,
    show: Callable[[tuple[Field, ...]], None] = lambda _: None,
) -> Matched:
    """Match an Arrow table. Columns of `ignored`, such as one that knows the truth, count for nothing.

    Where a model is known, nothing is learned, and its fields count, not a guess.

    Raises:
        UsageError: Nothing tells people apart; the table lacks a column of the model.
    """
    require_matching()
    from onefold.matching import matcher  # noqa: PLC0415  only where the extra is

    for name in ignored:
        if name not in data.column_names:
            raise UsageError(f"There is no column `{name}`; the table has {', '.join(data.column_names)}.")
    if known is None:
        fields = guess_fields(data, settings.fields, ignored)
    else:
        fields = tuple(field for field in known.trained.fields if field.kind != "ignored")
        missing = [field.column for field in fields if field.column not in data.column_names]
        if missing:
            raise UsageError(f"The table has no column `{missing[0]}`, which the model was trained with.")
    show(fields)
    return matcher.match(data, fields, settings, decisions=decisions, also_at=also_at, known=known, tell=tell)


def save_model(matched: Matched, path: Path, key_file: Path) -> str:
    """Write what a match learned, its frequencies hashed under the key of a file; the model's version.

    The key is made where the file is not there yet.

    Raises:
        UsageError: Nothing was learned; the file holds no key.
    """
    from onefold.matching import trained  # noqa: PLC0415  only where the extra is

    if not key_file.exists():
        descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
    model = trained.of_match(matched, _read_key(key_file))
    path.write_bytes(trained.encode(model))
    return model.version()


def load_model(path: Path, key_file: Path) -> Known:
    """A model that was saved.

    Raises:
        UsageError: It is not one; the key is another one's.
    """
    require_matching()
    from onefold.matching import trained  # noqa: PLC0415  only where the extra is

    return trained.Known(trained.decode(path.read_bytes(), path.name), _read_key(key_file))


def _read_key(path: Path) -> bytes:
    try:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path.name} is not the file of a key: 64 hexadecimal digits that --save-model wrote."
        ) from error


def match_frame(
    frame: Any, settings: MatchSettings | None, *, ignored: Sequence[str] = (), model: Known | None = None
) -> Match:
    """Match a table of Arrow, Polars or pandas.

    Raises:
        UsageError: It is not a table; nothing tells people apart.
    """
    require_matching()
    import pyarrow as pa  # noqa: PLC0415  only where the extra is

    if not hasattr(frame, "__arrow_c_stream__"):
        raise UsageError(f"A table of Arrow, Polars or pandas is needed, not {type(frame).__name__}.")
    from onefold.matching.outcome import Match  # noqa: PLC0415  as above

    stated = read_settings(None) if settings is None else settings
    return Match(match_table(pa.table(frame), stated, ignored=ignored, known=model))


def match_file(
    path: Path,
    *,
    config: Path | None = None,
    truth: str | None = None,
    decisions: Path | None = None,
    known: Known | None = None,
    tell: Callable[[str], None] = lambda _: None,
    show: Callable[[tuple[Field, ...]], None] = lambda _: None,
) -> FileMatch:
    """Match a file; where a column knows who is who, measure against it, too.

    Raises:
        UsageError: The file cannot be read; nothing tells people apart; there is no such column.
        ConfigurationError: The extra is missing, or the configuration is wrong.
    """
    require_matching()
    from onefold.matching import accuracy, matcher  # noqa: PLC0415  only where the extra is

    settings, decided = read_settings(config), read_decisions(decisions)
    tell("Reading")
    data = read_table(path)
    matched = match_table(
        data,
        settings,
        ignored=() if truth is None else (truth,),
        decisions=decided,
        also_at=CURVE if truth is not None else (),
        known=known,
        tell=tell,
        show=show,
    )
    if truth is None:
        return FileMatch(path.name, matched, None, ())
    people = matcher.truth_of(matched.records, data[truth].to_pylist())
    curve = tuple((stop, accuracy.measure(person, people)) for stop, person in matched.at.items())
    return FileMatch(path.name, matched, accuracy.measure(matched.person, people), curve)


@dataclass(frozen=True, slots=True)
class FileMatch:
    """A match of a file: its name, what was found, and how that compares with the truth, here and at other thresholds."""

    file: str
    matched: Matched
    accuracy: Accuracy | None
    curve: tuple[tuple[float, Accuracy], ...]

    def write(self, out: Path | None, report: Path | None) -> tuple[Path, ...]:
        """Write who is who to `out`, the scored pairs beside it, and the report; the files written.

        Raises:
            UsageError: `out` is neither .parquet nor .csv.
        """
        from onefold.matching import outcome  # noqa: PLC0415  only where the extra is
        from onefold.matching.report import page  # noqa: PLC0415  as above

        written = []
        if out is not None:
            beside = out.with_suffix(f".pairs{out.suffix}")
            write_table(outcome.people(self.matched), out)
            write_table(outcome.scored(self.matched), beside)
            written += [out, beside]
        if report is not None:
            text = page(self.matched, title=self.file, accuracy=self.accuracy, curve=self.curve)
            report.write_text(text, encoding="utf-8")
            written.append(report)
        return tuple(written)

    def explain(self, record_a: str, record_b: str) -> Explanation:
        """Why two records are, or are not, taken for one person.

        Raises:
            UsageError: There is no such record.
        """
        from onefold.matching.explanation import explain  # noqa: PLC0415  only where the extra is

        return explain(self.matched, record_a, record_b)

    def sizes(self) -> list[int]:
        """How many records each person has, largest first."""
        from onefold.matching.clustering import sizes  # noqa: PLC0415  only where the extra is

        return [int(size) for size in sizes(self.matched.person)]


def read_settings(path: Path | None) -> MatchSettings:
    """Settings of a file, or the defaults.

    Raises:
        ConfigurationError: The file is not one of settings.
    """
    require_matching()
    from onefold.matching import settings  # noqa: PLC0415  only where the extra is

    return settings.MatchSettings() if path is None else settings.read(path.read_bytes(), path.name)


def read_decisions(path: Path | None) -> tuple[Decision, ...]:
    """Decisions of a CSV file with the columns `record_a`, `record_b`, `verdict`.

    Raises:
        UsageError: A column is missing, or a verdict is neither `same` nor `different`.
    """
    require_matching()
    from onefold.matching import settings  # noqa: PLC0415  only where the extra is

    if path is None:
        return ()
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    try:
        return settings.decisions([(row["record_a"], row["record_b"], row["verdict"]) for row in rows])
    except KeyError as error:
        raise UsageError(
            f"{path.name} has no column {error}; decisions have record_a, record_b and verdict."
        ) from error


def write_table(data: Any, path: Path) -> None:
    """Write an Arrow table as Parquet or CSV, by the name's ending.

    Raises:
        UsageError: The ending is neither.
    """
    import pyarrow.csv as pc  # noqa: PLC0415  only where the extra is
    import pyarrow.parquet as pq  # noqa: PLC0415  as above

    if path.suffix == ".parquet":
        pq.write_table(data, path)
    elif path.suffix == ".csv":
        pc.write_csv(data, path)
    else:
        raise UsageError(f"{path.name}: a result is written as .parquet or .csv.")
