"""Engines of the customer: which a project has, and how they are loaded from the warehouse's segment files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from onefold import config
from onefold.bootstrap import engine_retention
from onefold.bootstrap.warehousing import require_extra, segment_files
from onefold.bootstrap.workspace import Workspace
from onefold.config.project import EngineAddress
from onefold.config.secret import secret_text
from onefold.errors import ConfigurationError, NotFoundError, nearest
from onefold.model import NodeId, Relation
from onefold.ports.engine import Engine, EngineState, Step
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse import upkeep
from onefold.warehouse.query import parse

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

    from onefold.adapters.duckdb.changes import PinnedSegments
    from onefold.adapters.duckdb.query_client import QueryProcess

_decode = msgspec.msgpack.Decoder(Relation).decode
Progress = Callable[[int, int], None]
"""Told the sequence that an engine has reached, and the one it will."""
_NODES_LIMITS = QueryLimits(seconds=3600.0, result_mb=4096)
"""Of a list of all nodes, 16 bytes each, or 36 where the engine has them as text."""


class EngineLoaded(msgspec.Struct, frozen=True):
    """What a load of an engine did.

    Attributes:
        name: The engine.
        rows: Rows of change logs that were loaded.
        tables: Other relations that were replaced.
        sequence: Up to which sequence it has the logs now.
        anew: Whether it was emptied before, because the history that it had is not this one, or because it was to be.
        erased: Rows that were removed because those whom they were about were erased from the warehouse.
        expired: Rows that were removed because they are older than they are kept.
    """

    name: str
    rows: int
    tables: int
    sequence: int
    anew: bool
    erased: int
    expired: int


class EngineStatus(msgspec.Struct, frozen=True):
    """How far an engine is.

    Attributes:
        name: The engine.
        kind: What it is.
        sequence: Up to which sequence it has the logs; None before its first load.
        behind: By how many sequence numbers it is behind the segment files.
    """

    name: str
    kind: str
    sequence: int | None
    behind: int


def engines_of(directory: Path, workspace: Workspace, names: Sequence[str] = ()) -> list[EngineAddress]:
    """The engines that a project has for a workspace; all, or those of these names.

    Raises:
        NotFoundError: It has none of that name.
    """
    engines = config.read_project(directory).engines
    there = {engine.name: engine for engine in engines if engine.workspace == workspace.context.name}
    for name in names:
        if name not in there:
            raise NotFoundError(f"the workspace {workspace.context.name} has no engine `{name}`{nearest(name, there)}")
    return [there[name] for name in names or there]


def waiting(workspace: Workspace) -> int:
    """How many rows wait for a segment file."""
    with workspace.context.store.snapshot() as snapshot:
        return snapshot.fed() - snapshot.loaded()


@contextmanager
def open_engine(stated: EngineAddress) -> Iterator[Engine]:
    """An engine for the block.

    Raises:
        ConfigurationError: The extra is not installed, or the reference to its address leads nowhere.
    """
    require_extra()
    from onefold.adapters.duckdb.query_client import QueryProcess  # noqa: PLC0415  only where the extra is

    url, process = secret_text(stated.url, os.environ), QueryProcess()
    try:
        engine = _OPENERS[stated.kind](url, process, stated.prefix)
        try:
            yield engine
        finally:
            engine.close()
    except ImportError:
        raise ConfigurationError(
            f"an engine on {stated.kind} needs its extra: pip install 'onefold[{stated.kind}]'"
        ) from None
    finally:
        process.close()


def _postgres(url: str, process: QueryProcess, prefix: str) -> Engine:
    from onefold.adapters.postgres.engine import PostgresEngine  # noqa: PLC0415  only where the extra is

    return PostgresEngine(url, process, prefix=prefix)


def _clickhouse(url: str, process: QueryProcess, prefix: str) -> Engine:
    from onefold.adapters.sql_engines.clickhouse import KIND, ClickHouseSession  # noqa: PLC0415  as above
    from onefold.adapters.sql_engines.engine import MarkedEngine  # noqa: PLC0415  as above

    return MarkedEngine(KIND, ClickHouseSession(url), process, prefix=prefix)


def _spark(url: str, process: QueryProcess, prefix: str) -> Engine:
    from onefold.adapters.sql_engines.engine import MarkedEngine  # noqa: PLC0415  only where the extra is
    from onefold.adapters.sql_engines.spark import KIND, SparkConnectSession  # noqa: PLC0415  as above

    return MarkedEngine(KIND, SparkConnectSession(url), process, prefix=prefix)


def _snowflake(url: str, process: QueryProcess, prefix: str) -> Engine:
    from onefold.adapters.sql_engines.engine import MarkedEngine  # noqa: PLC0415  only where the extra is
    from onefold.adapters.sql_engines.snowflake import KIND, SnowflakeSession  # noqa: PLC0415  as above

    return MarkedEngine(KIND, SnowflakeSession(url), process, prefix=prefix)


def _bigquery(url: str, process: QueryProcess, prefix: str) -> Engine:
    from onefold.adapters.sql_engines.bigquery import KIND, BigQuerySession  # noqa: PLC0415  only where the extra is
    from onefold.adapters.sql_engines.engine import MarkedEngine  # noqa: PLC0415  as above

    return MarkedEngine(KIND, BigQuerySession(url), process, prefix=prefix)


_OPENERS: Mapping[str, Callable[[str, QueryProcess, str], Engine]] = {
    "postgres": _postgres,
    "clickhouse": _clickhouse,
    "spark": _spark,
    "snowflake": _snowflake,
    "bigquery": _bigquery,
}
"""By kind; importing what is not installed fails."""


def load_engine(
    workspace: Workspace, stated: EngineAddress, progress: Progress = lambda *_: None, *, anew: bool = False
) -> EngineLoaded:
    """Load what an engine lacks of the segment files, and erase from it who was erased from these.

    With `anew` it is emptied first and has afterwards what the files have, retention included.

    What retention took out of the files since is taken out of it.

    Raises:
        ConfigurationError: It cannot be used as it is configured.
        ConflictError: Somebody else loads it at the same time.
        UnavailableError: It does not answer; what was loaded stays, and the next load goes on there.
    """
    with open_engine(stated) as engine, _pinned(workspace) as segments:
        return load(engine, segments, stated.name, workspace.identity.id, progress, anew=anew)


def load(
    engine: Engine,
    segments: PinnedSegments,
    name: str,
    workspace: str,
    progress: Progress = lambda *_: None,
    *,
    anew: bool = False,
) -> EngineLoaded:
    """Load what an engine lacks of these segments; see `load_engine`."""
    engine.prepare(workspace)
    state = _held(engine, name)
    # Told by a table that is put last, so a load that is killed before that erases again.
    told = state.sequence > 0 and not _has(state, segments, upkeep.ERASURE.full_name)
    erased = 0
    if told and not anew and (gone := _gone(engine, segments, state.sequence)):
        erased = engine.erase(gone)
        state = _held(engine, name)
    anew = anew or not segments.continues(state)
    done = 0 if anew else state.sequence
    rows = 0
    for step in segments.steps(done):
        counts: list[int] = []
        engine.load(msgspec.structs.replace(step, parts=_counted(step.parts, counts)))
        rows += sum(counts)
        done = step.until
        progress(done, segments.loaded)
    if anew and not done:  # nothing is there any more
        engine.load(Step(0, 0, ()))
    emptied = anew and state.sequence > 0
    late = engine_retention.is_late(segments, state)
    expired = engine_retention.carry(engine, segments, state) if late and not anew else 0
    if told or emptied or (late and not anew):
        engine.compact()
    tables = 0
    for full_name, definition in segments.definitions.items():
        relation = _decode(definition)
        if relation != upkeep.RETENTION and relation.kind != "view" and not _has(state, segments, full_name):
            engine.put(relation, segments.rows(relation), {segment.name for segment in segments.of(full_name)})
            tables += 1
    if late:  # last of all, so a load that is killed before does it again
        engine.put(upkeep.RETENTION, segments.rows(upkeep.RETENTION), engine_retention.files(segments))
    for full_name in state.tables.keys() - segments.definitions.keys() - {upkeep.RETENTION.full_name}:
        schema, _, bare = full_name.partition(".")
        engine.drop(Relation(schema, bare, ()))
    return EngineLoaded(name, rows, tables, done, emptied, erased, expired)


def _held(engine: Engine, name: str) -> EngineState:
    state = engine.state()
    if state is None:
        raise ConfigurationError(f"the engine {name} was emptied by somebody else while it was loaded")
    return state


def _has(state: EngineState, segments: PinnedSegments, relation: str) -> bool:
    """Whether an engine has a relation that is no log from the same files."""
    return set(state.tables.get(relation, ())) == {segment.name for segment in segments.of(relation)}


def _gone(engine: Engine, segments: PinnedSegments, until: int) -> list[NodeId]:
    """Nodes that an engine has up to a sequence, and the segment files not any more."""
    if until > segments.loaded:  # an older backup was restored; who came after it was not erased
        return []
    from onefold.adapters.duckdb.changes import NAMING  # noqa: PLC0415  only where the extra is

    named = " UNION ".join(
        f"SELECT {column} AS node FROM {name} WHERE {column} IS NOT NULL"  # noqa: S608  our names
        for name, columns in NAMING.items()
        for column in columns
    )
    return segments.missing([engine.run(parse(named), _NODES_LIMITS)], until)


def engine_status(workspace: Workspace, stated: EngineAddress) -> EngineStatus:
    """How far an engine is."""
    with workspace.context.store.snapshot() as snapshot:
        loaded = snapshot.loaded()
    with open_engine(stated) as engine:
        state = engine.state()
    sequence = None if state is None else state.sequence
    return EngineStatus(stated.name, stated.kind, sequence, max(0, loaded - (sequence or 0)))


def _counted(parts: Iterable[tuple[Relation, pa.Table]], counts: list[int]) -> Iterator[tuple[Relation, pa.Table]]:
    for relation, rows in parts:
        counts.append(rows.num_rows)
        yield relation, rows


@contextmanager
def _pinned(workspace: Workspace) -> Iterator[PinnedSegments]:
    from onefold.adapters.duckdb.changes import pinned  # noqa: PLC0415  only where the extra is

    files = segment_files(workspace)
    with pinned(workspace.context.store, files) as segments:
        yield segments
