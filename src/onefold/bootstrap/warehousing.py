"""The warehouse of a workspace: its feed, its loader, and the warehouse itself, where the extra is installed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from onefold import config
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.bootstrap import scratch
from onefold.bootstrap.promoting import promote
from onefold.bootstrap.retaining import RetentionStatus, retention_status, trimmer_of
from onefold.bootstrap.stores import STORE
from onefold.bootstrap.workspace import WAREHOUSE_LIBRARIES, Workspace, catch_up, choose, open_workspace
from onefold.config.secret import secret_text
from onefold.errors import ConfigurationError, ConflictError
from onefold.pipelines.maintenance import backfill as filling
from onefold.pipelines.maintenance import content as contents
from onefold.pipelines.maintenance import past
from onefold.pipelines.maintenance import reconcile as reconciling
from onefold.pipelines.maintenance.backfill import Backfilled
from onefold.pipelines.maintenance.reconcile import Reconciled
from onefold.pipelines.reading.profile_rows import profile_rows
from onefold.warehouse.promoted import Promoted
from onefold.warehouse.retention import RAW

if TYPE_CHECKING:  # only for who has the extra installed
    from onefold.adapters.duckdb.compaction import Compactor
    from onefold.adapters.duckdb.erasure import Eraser
    from onefold.adapters.duckdb.loader import Loader
    from onefold.adapters.duckdb.query_client import QueryProcess
    from onefold.adapters.duckdb.segments import SegmentFiles
    from onefold.adapters.duckdb.warehouse import DuckDbWarehouse

FOLDER = "warehouse"
SEGMENT_SUFFIX = ".segment"
ENOUGH_ROWS = 60_000
"""Rows that are loaded without waiting for more."""


def require_extra() -> None:
    """See that the warehouse's libraries are installed.

    Raises:
        ConfigurationError: They are not; the message tells what to install.
    """
    missing = [name for name in WAREHOUSE_LIBRARIES if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"the warehouse needs the extra (missing: {', '.join(missing)}): pip install 'onefold[warehouse]'"
        )


def segment_files(workspace: Workspace) -> SegmentFiles:
    """The segment files of a workspace: on the disk, or in the object store that the project states.

    Raises:
        ConfigurationError: A reference to a key of the store leads nowhere.
    """
    from onefold.adapters.duckdb.segments import SegmentFiles  # noqa: PLC0415  only where the extra is

    stated, folder = workspace.project.storage, workspace.directory / FOLDER
    if stated is None:
        return SegmentFiles(folder, workspace.entries)
    from onefold.adapters.duckdb.remote_segments import RemoteSegmentFiles  # noqa: PLC0415  as above
    from onefold.adapters.s3.bucket import Bucket  # noqa: PLC0415  as above

    prefix = f"{stated.prefix}/{workspace.identity.id}/"
    bucket = Bucket(
        stated.endpoint,
        stated.bucket,
        prefix.lstrip("/"),
        region=stated.region,
        access_key=secret_text(stated.access_key, os.environ),
        secret_key=secret_text(stated.secret_key, os.environ),
    )
    return RemoteSegmentFiles(folder, workspace.entries, bucket, cache_bytes=stated.cache_mb << 20)


def copy_segments(workspace: Workspace) -> None:
    """See that all segment files are on the disk, for whoever copies them; there has to be room for them."""
    files = segment_files(workspace)
    with workspace.context.store.snapshot() as snapshot:
        for segment in snapshot.segments():
            os.close(files.open(segment))


def warehouse_of(workspace: Workspace, process: QueryProcess | None = None) -> DuckDbWarehouse:
    """The warehouse of an open workspace; the caller closes it. Its queries run in `process`, or in one of its own.

    Raises:
        ConfigurationError: The extra is not installed.
    """
    require_extra()
    from onefold.adapters.duckdb.warehouse import DuckDbWarehouse  # noqa: PLC0415  as above

    context = workspace.context
    if context.feed is None:
        raise ConfigurationError(f"the workspace {context.name} has no warehouse")
    files = segment_files(workspace)
    profiler, kept_us = partial(profile_rows, context), workspace.project.retention_us.get(RAW)
    return DuckDbWarehouse(context.store, context.feed, files, profiler, process, context.log, kept_us)


def warehouse_opener(
    workspace: Workspace, leaving: ExitStack
) -> Callable[[], AbstractContextManager[DuckDbWarehouse]] | None:
    """What opens the warehouse of an open workspace for a block, again and again; None where the extra is not installed.

    All blocks share a process for queries, which begins with the first query and ends when `leaving` does.
    """
    if workspace.context.feed is None:
        return None
    from onefold.adapters.duckdb.query_client import QueryProcess  # noqa: PLC0415  only where the extra is

    process = QueryProcess()
    leaving.callback(process.close)
    return lambda: closing(warehouse_of(workspace, process))


def loader_of(workspace: Workspace) -> Loader | None:
    """The loader of an open workspace; None where the extra is not installed."""
    context = workspace.context
    if context.feed is None:
        return None
    from onefold.adapters.duckdb.loader import Loader  # noqa: PLC0415  only where the extra is

    files = segment_files(workspace)
    return Loader(context.store, context.feed, files, partial(profile_rows, context))


@contextmanager
def past_warehouse(workspace: Workspace, moment: datetime) -> Iterator[DuckDbWarehouse]:
    """The warehouse as it would be had nothing been received that happened after a moment; made for the block, and sealed."""
    from onefold.adapters.duckdb.loader import Loader  # noqa: PLC0415  only where the extra is
    from onefold.adapters.duckdb.segments import SegmentFiles  # noqa: PLC0415  as above
    from onefold.adapters.duckdb.warehouse import DuckDbWarehouse  # noqa: PLC0415  as above

    feed = workspace.context.feed
    assert feed is not None  # noqa: S101  who asks has a warehouse
    until_us = (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001  as the warehouse has times
    with scratch.folder(workspace.directory) as folder:
        store = SqliteProfileStore(folder / STORE, workspace.entries)
        try:
            then = past.replayed(workspace.context, store, until_us)
            files, profiler = SegmentFiles(folder / FOLDER, workspace.entries), partial(profile_rows, then)
            loader = Loader(store, feed, files, profiler)
            while loader.load():
                pass
            warehouse = DuckDbWarehouse(store, feed, files, profiler)
            try:
                yield warehouse
            finally:
                warehouse.close()
        finally:
            store.close()


def load_warehouse(workspace: Workspace, *, profiles: bool = True) -> int:
    """Load all that waits in the feed; the rows that were loaded.

    Without `profiles` those are left to a server, a worker or the first who asks for them.

    Raises:
        ConfigurationError: The extra is not installed.
    """
    require_extra()
    loader = loader_of(workspace)
    if loader is None:
        return 0
    total = 0
    while loaded := _patiently(loader, profiles=profiles):
        total += loaded
    compactor_of(workspace, loader).compact()
    trimmer_of(workspace, loader.files).trim()
    loader.sweep()
    return total


def retained(workspace: Workspace) -> list[RetentionStatus]:
    """What the warehouse keeps for how long.

    Raises:
        ConfigurationError: The extra is not installed, or `privacy.yaml` cannot be read.
    """
    require_extra()
    loader = loader_of(workspace)
    return [] if loader is None else retention_status(workspace, loader.files)


def compactor_of(workspace: Workspace, loader: Loader) -> Compactor:
    """What compacts the segments of an open workspace."""
    from onefold.adapters.duckdb.compaction import Compactor  # noqa: PLC0415  only where the extra is

    return Compactor(workspace.context.store, loader.files)


def eraser_of(workspace: Workspace) -> Eraser | None:
    """What erases nodes from the warehouse of an open workspace; None where the extra is not installed."""
    loader = loader_of(workspace)
    if loader is None or workspace.context.feed is None:
        return None
    from onefold.adapters.duckdb.erasure import Eraser  # noqa: PLC0415  only where the extra is

    files = segment_files(workspace)
    return Eraser(workspace.context.store, workspace.context.feed, files, loader, workspace.context.clock_us)


def reconcile(workspace: Workspace) -> Reconciled:
    """Compare what the store says of each person with what the warehouse says, and keep what was found.

    Raises:
        ConfigurationError: The extra is not installed.
    """
    warehouse = warehouse_of(workspace)
    try:
        began = time.monotonic()
        found = reconciling.reconcile(workspace.context, warehouse)
        reconciling.record(warehouse, found, workspace.context.clock_us(), time.monotonic() - began)
        return found
    finally:
        warehouse.close()


def content(workspace: Workspace) -> contents.Content | None:
    """A hash of what the warehouse says, loaded first; None where the extra is not installed."""
    if workspace.context.feed is None:
        return None
    load_warehouse(workspace)
    warehouse = warehouse_of(workspace)
    try:
        return contents.content(warehouse)
    finally:
        warehouse.close()


def load_backlog(workspace: Workspace) -> int:
    """Load what waits in the feed if that is much, profiles apart; the rows that were loaded."""
    if workspace.context.feed is None:
        return 0
    with workspace.context.store.snapshot() as snapshot:
        waiting = snapshot.fed() - snapshot.loaded()
    return load_warehouse(workspace, profiles=False) if waiting >= ENOUGH_ROWS else 0


def backfill_traits(workspace: Workspace) -> Backfilled:
    """Fill in the past of computed traits that are new.

    Raises:
        ConfigurationError: The extra is not installed, or was not when events were processed.
        ConflictError: Another process fills in the same.
    """
    if not filling.waiting(workspace.context):
        return Backfilled(0, 0, 0)
    warehouse = warehouse_of(workspace)
    try:
        return filling.backfill(workspace.context, warehouse)
    finally:
        warehouse.close()


def _patiently(loader: Loader, *, profiles: bool) -> int:
    for _ in range(10):
        try:
            return loader.load(profiles=profiles)
        except ConflictError:
            continue
    return loader.load(profiles=profiles)


@contextmanager
def open_warehouse(
    directory: Path,
    workspace: str | None = None,
    *,
    process: bool = True,
    load: bool = False,
    promoted: Sequence[Promoted] | None = None,
) -> Iterator[DuckDbWarehouse]:
    """A project's warehouse for the block.

    Args:
        directory: The project.
        workspace: Which of its workspaces; None for the only one.
        process: Whether what waits in the log is processed first, where no other process does it.
        load: Whether what waits in the feed is loaded first. What is not loaded counts as changed just now.
        promoted: Properties of events that are to have columns; None leaves those that have as they are.

    Raises:
        ConfigurationError: The extra is not installed.
    """
    require_extra()
    project = config.read_project(directory)
    opened = open_workspace(project, choose(project, workspace), start=process)
    try:
        if process:
            catch_up(opened)
        if promoted is not None:
            promote(opened, promoted)
        if load:
            load_warehouse(opened)
        warehouse = warehouse_of(opened)
        try:
            yield warehouse
        finally:
            warehouse.close()
    finally:
        opened.close()
