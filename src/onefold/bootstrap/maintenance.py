"""Maintenance of a workspace: verify, preview, rebuild, repair."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from onefold.adapters.sqlite import backup as backups
from onefold.adapters.sqlite import lease
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.bootstrap import scratch
from onefold.bootstrap.stores import STORE
from onefold.bootstrap.warehousing import FOLDER
from onefold.bootstrap.workspace import Workspace
from onefold.errors import ConfigurationError, UsageError
from onefold.pipelines.audiences.carrying import carry_over
from onefold.pipelines.context import Context
from onefold.pipelines.maintenance import agreement
from onefold.pipelines.maintenance import preview as previewing
from onefold.pipelines.maintenance import rebuild as rebuilding
from onefold.pipelines.stream import process, quarantine
from onefold.ports import Changes, Tally

BEFORE = "profiles.before.db"
FOLDER_BEFORE = "warehouse.before"


@contextmanager
def _scratch_store(workspace: Workspace) -> Iterator[SqliteProfileStore]:
    """An empty store beside the real one; gone afterwards."""
    with scratch.folder(workspace.directory) as folder:
        store = SqliteProfileStore(folder / STORE, workspace.entries)
        try:
            yield store
        finally:
            store.close()


def verify(workspace: Workspace) -> rebuilding.Verified:
    """Recompute the state from the log on the side and compare hashes, unless log and store do not belong together."""
    context = workspace.context
    if wrong := [d.message for d in agreement.disagreements(context)] or agreement.holes(context.log):
        return rebuilding.Verified("", "", 0, tuple(wrong))
    with _scratch_store(workspace) as fresh:
        return rebuilding.verify(context, fresh)


def preview(workspace: Workspace) -> previewing.Difference:
    """Process the log again on the side under today's configuration and compare who is who."""
    with _scratch_store(workspace) as fresh:
        rebuilding.verify(workspace.context, fresh)
        return previewing.compare(workspace.context.store, fresh)


def since(workspace: Workspace, time_us: int) -> tuple[process.BatchResult, list[Tally]]:
    """Process what was received at `time_us` or later on the side, under today's configuration: what became of it.

    Events are compared with each other only: one that was received before and again since does not count as a repeat.
    """
    context = workspace.context
    begin = context.log.offsets_at(time_us)
    with _scratch_store(workspace) as fresh:
        with fresh.transaction() as transaction:
            transaction.write(Changes(offsets=begin))
        worked = quarantine.drain(rebuilding.onto(context, fresh))
        with fresh.snapshot() as snapshot:
            return worked, snapshot.tallies()


def rebuild(workspace: Workspace, *, accept_loss: bool = False) -> rebuilding.Verified:
    """Recompute the store from the log and put it in place; the store before stays beside it until the next rebuild.

    The workspace's store is closed afterwards. Collectors may go on meanwhile.

    Raises:
        ConfigurationError: The store knows what the log does not, and `accept_loss` is not said.
        UnavailableError: Another process has the store open.
    """
    _in_a_file(workspace, "stop the workers, drop the workspace's schema, run `onefold migrate`, start the workers")
    context = workspace.context
    if not accept_loss and (wrong := _would_forget(context)):
        raise ConfigurationError(
            f"{'; '.join(wrong)}. A rebuild would forget what the store knows beyond this log; `onefold rebuild "
            "--accept-loss` does it all the same"
        )
    store, _ = workspace.occupied
    store.alone("A rebuild")
    with lease.held(workspace.directory), scratch.folder(workspace.directory) as folder:
        fresh = SqliteProfileStore(folder / STORE, workspace.entries)
        done = rebuilding.verify(context, fresh, until=context.log.ends(), feeding=True)
        with fresh.transaction() as transaction:
            transaction.write(Changes(offsets={}, identity=workspace.identity))
        carry_over(context.store, fresh)
        fresh.close()
        context.store.close()
        backups.swap(folder / STORE, workspace.directory / STORE, aside=workspace.directory / BEFORE)
        _set_aside(workspace.directory / FOLDER, workspace.directory / FOLDER_BEFORE)
    return done


def _set_aside(folder: Path, aside: Path) -> None:
    """Move the files that the store before names to where nobody removes them; the new store's are made anew."""
    shutil.rmtree(aside, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        folder.rename(aside)


def _would_forget(context: Context) -> list[str]:
    """Why a store made anew from the log would lack what this one knows."""
    found = [d.message for d in agreement.disagreements(context) if d.kind != "unreachable"]
    return found or agreement.holes(context.log)


class Repaired(msgspec.Struct, frozen=True):
    """What `repair` found and did.

    Attributes:
        resumed: The offset of each partition that was moved over entries the log lost.
        left: What is still wrong, in sentences.
    """

    resumed: dict[int, int]
    left: tuple[str, ...]


def repair(workspace: Workspace, *, accept_loss: bool) -> Repaired:
    """Bring log and store together again as far as that loses nothing; with `accept_loss` also over what the log lost.

    Opening the workspace has brought back entries that no reader found, and removed what killed commands left.

    Raises:
        UnavailableError: Another process is processing this workspace.
    """
    context, resumed = workspace.context, dict[int, int]()
    if accept_loss:
        with lease.held(workspace.directory), context.store.transaction() as transaction:
            checkpoints = transaction.checkpoints()
            resumed = agreement.resume(context.log, checkpoints)
            if resumed:
                transaction.write(Changes(offsets=resumed, at_us=context.clock_us()))
    return Repaired(resumed, tuple(d.message for d in agreement.disagreements(context)))


def _in_a_file(workspace: Workspace, otherwise: str) -> None:
    if workspace.context.store.capabilities.remote:
        raise UsageError(f"The profile store is in PostgreSQL: {otherwise}.")
