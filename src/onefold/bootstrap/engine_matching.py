"""Matching a table that stands on an engine, without a project."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onefold.bootstrap.matching import read_decisions, read_settings, require_matching, write_table
from onefold.config.secret import parse_reference, secret_text
from onefold.errors import ConfigurationError, UsageError

if TYPE_CHECKING:  # only for who has the extra installed
    from onefold.matching.distributed import Found
    from onefold.matching.outcome import Match
    from onefold.matching.settings import MatchSettings
    from onefold.matching.trained import Known

_FILES = (".parquet", ".csv")


@dataclass(frozen=True, slots=True)
class TableMatch:
    """A match of a table on an engine.

    Attributes:
        found: What was found.
        written: Tables there, or files here, that have who is who and the pairs.
    """

    found: Found
    written: tuple[str, ...]


def match_on_engine(
    engine: str,
    table: str,
    *,
    known: Known,
    config: Path | None = None,
    decisions: Path | None = None,
    out: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> TableMatch:
    """Match a table where it stands. Who is who is written to `out`: a table there, or a file here (.parquet, .csv).

    Args:
        engine: Its address, or where that is: `env:NAME`, `file:path`.
        table: Its name there.
        known: A model that was learned before.
        config: Settings, of which the model has some already.
        decisions: What somebody said of pairs of records.
        out: Nothing is written where it is None. The pairs are written beside it.
        tell: Is told each step as it begins.

    Raises:
        ConfigurationError: The extra is missing here, or what has to be there is missing on the engine.
        UnavailableError: The engine does not answer.
        NotFoundError: It has no such table.
        UsageError: The model cannot be used with it.
    """
    require_matching()
    from onefold.matching import distributed  # noqa: PLC0415  only where the extra is

    settings, decided = read_settings(config), read_decisions(decisions)
    with closing(_open(_unseen(engine))) as cluster:
        here = out is not None and out.endswith(_FILES)
        beside = () if out is None else _beside(out)
        if not here:
            for name in beside:
                cluster.free(name)
        found = distributed.match(cluster, table, known, settings, decisions=decided, tell=tell)
        for name, relation in zip(beside, ("people", "pairs"), strict=False):
            tell(f"Writing {name}")
            if here:
                write_table(cluster.fetch(f"SELECT * FROM {relation}"), Path(name))  # noqa: S608  our own names
            else:
                cluster.write(name, f"SELECT * FROM {relation}")  # noqa: S608  as above
    return TableMatch(found, beside)


def _beside(out: str) -> tuple[str, str]:
    """The name for who is who, and the one for the pairs."""
    path = Path(out)
    return (out, str(path.with_suffix(f".pairs{path.suffix}"))) if out.endswith(_FILES) else (out, f"{out}_pairs")


def match_there(engine: str, table: Any, settings: MatchSettings | None, *, model: Known | None) -> Match:
    """The same for programs, which get who is who and the pairs; see `onefold.match`."""
    require_matching()
    from onefold.matching import distributed  # noqa: PLC0415  only where the extra is
    from onefold.matching.outcome import Match  # noqa: PLC0415  as above

    if not isinstance(table, str):
        raise UsageError(f"With an engine, the name of a table there is needed, not {type(table).__name__}.")
    if model is None:
        raise UsageError(
            "A table of an engine is matched by a model: onefold.match(part).model(key), of a part of its rows."
        )
    with closing(_open(engine)) as cluster:
        found = distributed.match(cluster, table, model, read_settings(None) if settings is None else settings)
        return Match(found.matched, cluster.fetch("SELECT * FROM people"))


def _unseen(engine: str) -> str:
    if "token=" in engine.lower():
        raise UsageError(
            "A token on the command line is seen by others; put the address into a variable, and name it: --engine env:NAME"
        )
    return engine


def _open(engine: str) -> Any:
    url = engine
    if engine.startswith(("env:", "file:")):
        url = secret_text(parse_reference(engine, Path.cwd()), os.environ)
    try:
        from onefold.adapters.sql_engines.spark_cluster import SparkCluster  # noqa: PLC0415  only where the extra is
    except ImportError:
        raise ConfigurationError("an engine on spark needs its extra: pip install 'onefold[matching,spark]'") from None
    return SparkCluster(url)
