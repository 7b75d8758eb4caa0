"""An open workspace: its files, and the parts that pipelines work with.

On disk a workspace is a folder of its own under the project's data folder: `log.db`, `profiles.db` and `keys.bin`
(its keys, wrapped by the project's root key). The keys of sources and readers stand in `keys.db` beside the workspaces.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import msgspec

from onefold import config
from onefold.adapters.sqlite import lease, occupancy
from onefold.adapters.sqlite.occupancy import Occupancy
from onefold.bootstrap import scratch
from onefold.bootstrap.opening import OpenLog, open_keys_and_log
from onefold.bootstrap.stores import STORE, address, open_store
from onefold.config import Project
from onefold.errors import NotFoundError, UnavailableError, UsageError, nearest
from onefold.governance.encryption import EntrySealer, NodeSealer
from onefold.identity.hashing import Hasher
from onefold.ingest.gate import Gate
from onefold.model import WorkspaceIdentity
from onefold.pipelines.audiences.evaluator import Evaluator
from onefold.pipelines.context import Context
from onefold.pipelines.maintenance import agreement
from onefold.pipelines.service import Service
from onefold.pipelines.stream import quarantine
from onefold.pipelines.stream.progress import Progress
from onefold.ports import Changes, Leases, ProfileStore
from onefold.profiles.computed import begun
from onefold.profiles.settings import ProfileSettings
from onefold.warehouse.feed import Feed

HERE = Path()
WAREHOUSE_LIBRARIES = ("duckdb", "fsspec", "numpy", "pyarrow", "zstandard")
"""What the extra `warehouse` installs."""
_COMMAND_LEASE_SECONDS = 30.0


def clock_us() -> int:
    """The time now, microseconds UTC."""
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class Workspace:
    """An open workspace: where its files are, which it is, its context, what seals its log, and the hold on its store.

    Its project is as it was when the workspace was opened.
    """

    directory: Path
    identity: WorkspaceIdentity
    context: Context
    entries: EntrySealer
    occupied: tuple[Occupancy, Occupancy]
    project: Project

    @property
    def service(self) -> Service:
        """What may be asked or said of it."""
        # Not above: what reads the files of a workspace's warehouse knows workspaces.
        from onefold.bootstrap.household_places import HouseholdPlaces  # noqa: PLC0415  as said
        from onefold.bootstrap.identity_evidence import EvidenceDesk  # noqa: PLC0415  as said
        from onefold.bootstrap.identity_planning import ProjectIdentity  # noqa: PLC0415  as said

        return Service(
            self.context,
            places=HouseholdPlaces(self),
            evidence=EvidenceDesk(self).pair,
            identity=ProjectIdentity(self),
        )

    def close(self) -> None:
        """Let go of its files."""
        self.context.log.close()
        self.context.store.close()
        for hold in self.occupied:
            hold.close()


def open_workspace(
    project: Project,
    name: str,
    *,
    start: bool = True,
    checked: bool = True,
    adopt: bool = False,
    progress: Progress | None = None,
) -> Workspace:
    """Open a workspace; made on first use if this is a start.

    Args:
        project: The project.
        name: The workspace.
        start: Whether this process may begin the workspace, or convert what it is alone with. Who only reads must not.
        checked: Whether log and store that do not belong together are refused.
        adopt: See `open_keys_and_log`.
        progress: Where its processor tells how far it is.

    Raises:
        ConfigurationError: The root key is missing, weak or readable by others; the workspace's keys or data are gone or
            another workspace's; log and store do not belong together; a restore was cut short.
        IntegrityError: The root key is not the one the workspace's keys were wrapped with.
        NotFoundError: The workspace was never begun, and this is no start.
        UnavailableError: Its files are being replaced, or a store does not answer.
    """
    settings = config.settings(project)
    opened = open_keys_and_log(project, name, start=start, adopt=adopt)
    hold = Occupancy(opened.directory, occupancy.STORE)
    try:
        store = _open_store(project, name, opened, hold, start=start)
    except BaseException:
        hold.close()
        opened.close()
        raise
    context = Context(
        name=name,
        log=opened.log,
        store=store,
        gate=Gate(settings.ingest),
        identity=settings.identity,
        hasher=Hasher(opened.keys.hashing),
        profiles=_with_epochs(settings.profiles, store),
        sealer=NodeSealer(opened.keys, os.urandom),
        clock_us=clock_us,
        rfm=project.rfm,
        progress=progress or Progress(),
        feed=feed_of(opened.entries),
    )
    workspace = Workspace(opened.directory, opened.identity, context, opened.entries, (hold, opened.occupied), project)
    try:
        if checked:
            agreement.require(context)
        if start:
            _claim_store(store, opened.identity)
            scratch.sweep(opened.directory)
    except BaseException:
        workspace.close()
        raise
    return workspace


def _with_epochs(profiles: ProfileSettings, store: ProfileStore) -> ProfileSettings:
    """The settings, with what the store knows of aggregates that were configured before and were gone meanwhile."""
    with store.snapshot() as snapshot:
        epochs = begun.epochs(snapshot.kept())
    return msgspec.structs.replace(profiles, epochs=epochs) if epochs else profiles


def feed_of(entries: EntrySealer) -> Feed | None:
    """What makes the warehouse's rows; None where the extra is not installed."""
    if any(find_spec(name) is None for name in WAREHOUSE_LIBRARIES):
        return None
    import zstandard  # noqa: PLC0415  only where the extra is

    def compress(rows: bytes) -> bytes:
        # Made each time: one is not for two threads at once, and costs a microsecond a chunk.
        return zstandard.ZstdCompressor(level=-1).compress(rows)

    def decompress(rows: bytes) -> bytes:
        try:
            return zstandard.ZstdDecompressor().decompress(rows)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error

    return Feed(seal=entries.seal_feed, unseal=entries.open_feed, compress=compress, decompress=decompress)


def _open_store(project: Project, name: str, opened: OpenLog, hold: Occupancy, *, start: bool) -> ProfileStore:
    alone = start and hold.try_alone()
    if not alone:
        hold.share()
    if not alone and address(project) is None and not (opened.directory / STORE).exists():
        raise NotFoundError(f"Nothing of {name} was processed yet: start `onefold serve` or `onefold process`.")
    store = open_store(project, name, opened.directory, opened.entries, change=alone)
    if alone:
        hold.share()
    return store


def _claim_store(store: ProfileStore, identity: WorkspaceIdentity) -> None:
    with store.snapshot() as snapshot:
        known = snapshot.identity()
    if known is None:
        with store.transaction() as transaction:
            transaction.write(Changes(offsets={}, identity=identity))


def choose(project: Project, workspace: str | None) -> str:
    """The workspace a command means.

    Raises:
        UsageError: The project has several and none was named, or it has none of that name.
    """
    if workspace is None and len(project.workspaces) == 1:
        return project.workspaces[0]
    if workspace in project.workspaces:
        return str(workspace)
    names = ", ".join(project.workspaces)
    if workspace is not None:
        raise UsageError(
            f"There is no workspace `{workspace}`{nearest(workspace, project.workspaces) or '.'} There are: {names}."
        )
    raise UsageError(f"This project's workspaces are: {names}. Name one with --workspace.")


@contextmanager
def opened(
    directory: Path, workspace: str | None, *, start: bool = True, checked: bool = True, adopt: bool = False
) -> Iterator[Workspace]:
    """Open a project's workspace for one command. See `open_workspace`."""
    project = config.read_project(directory)
    found = open_workspace(project, choose(project, workspace), start=start, checked=checked, adopt=adopt)
    try:
        yield found
    finally:
        found.close()


@contextmanager
def reader(directory: Path, workspace: str | None) -> Iterator[Service]:
    """The service of a workspace for a command that reads, and appends at most: it begins and converts nothing."""
    with opened(directory, workspace, start=False) as found:
        yield found.service


def catch_up(workspace: Workspace) -> bool:
    """Process what is waiting, and evaluate audiences, unless another process does; False in that case."""
    return all(done >= 0 for done in work_off(workspace, evaluating=True))


def work_off(workspace: Workspace, *, evaluating: bool = False) -> Iterator[int]:
    """Process what is waiting, batch by batch, giving the entries of each; a single -1 when another process does it.

    With `evaluating`, audiences are brought up to date at the end. Without, that is left to the next who processes.
    """
    leases = workspace.context.store.leases
    if leases is not None:
        yield from _work_off_leased(workspace, leases, evaluating=evaluating)
        return
    holding = lease.held(workspace.directory)
    try:
        holding.__enter__()
    except UnavailableError:
        yield -1
        return
    try:
        while done := quarantine.advance(workspace.context).read:
            yield done
        if evaluating:
            Evaluator(workspace.context).drain()
    finally:
        holding.__exit__(None, None, None)


def _work_off_leased(workspace: Workspace, leases: Leases, *, evaluating: bool) -> Iterator[int]:
    """The same beside workers: with any of them alive, the work is theirs."""
    worker, context = worker_name(), workspace.context
    try:
        while True:
            partitions = context.log.ends()
            held = leases.renew(worker, partitions, seconds=_COMMAND_LEASE_SECONDS)
            if held.keys() != partitions.keys():
                yield -1
                return
            done = quarantine.advance(context, leased=held).read
            if not done:
                if evaluating:
                    Evaluator(context).drain()
                return
            yield done
    finally:
        leases.release(worker)


def worker_name() -> str:
    """A name no other worker has: machine, process, and something random, because processes are numbered anew."""
    return f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"


def pending(workspace: Workspace) -> int:
    """Entries that wait to be processed."""
    with workspace.context.store.snapshot() as snapshot:
        offsets = snapshot.offsets()
    return sum(workspace.context.log.waiting(offsets).values())
