"""The loader of a process that processes: a thread that loads the feed of a workspace while the stream goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from onefold.bootstrap.retaining import retention_of, trimmer_of
from onefold.bootstrap.warehousing import ENOUGH_ROWS, backfill_traits, compactor_of, loader_of
from onefold.bootstrap.workspace import Workspace
from onefold.errors import ConfigurationError, ConflictError, OnefoldError
from onefold.warehouse.standing import settled

_log = logging.getLogger("onefold.warehouse")

LOOK_SECONDS = 1.0
"""How often it looks whether enough waits."""
TRIM_SECONDS = 3600.0
"""How often it looks for what is older than the project keeps it."""
PATIENCE_SECONDS = 30.0
"""How long rows wait for more before they are loaded all the same. Readers see them meanwhile."""


class LoaderThread:
    """Loads as soon as there is enough, or what there is has waited long enough. Of several workers one does it."""

    def __init__(self, workspace: Workspace, leads: Callable[[], bool]) -> None:
        """Nothing runs yet, and nothing will without the extra; `leads` is whether this worker is the one."""
        self._workspace = workspace
        self._leads = leads
        self._fillable = True
        self._trimmed_at = -TRIM_SECONDS
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        if self._workspace.context.feed is not None:
            name = f"loader-{self._workspace.context.name}"
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the load under way, then end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        loaded_at, swept = time.monotonic(), False
        loader = None
        while not self._stop.wait(LOOK_SECONDS):
            patient = time.monotonic() < loaded_at + PATIENCE_SECONDS
            try:
                self._fill_in()
                self._trim()
                # With patience at an end also profiles are worked out that a load in a backlog has left.
                if not self._leads() or (patient and self._waiting() < ENOUGH_ROWS):
                    continue
                if self._settled():
                    loaded_at = time.monotonic()
                    continue
                loader = loader or loader_of(self._workspace)  # its libraries take a moment and some memory
                if loader is None:
                    return
                if not swept:
                    loader.sweep()
                    swept = True
                while not self._stop.is_set() and loader.load(profiles=self._idle()):
                    pass
                compactor_of(self._workspace, loader).compact()
            except ConflictError:
                continue
            except OnefoldError as error:
                _log.warning("not loaded", extra={"workspace": self._workspace.context.name, "error": str(error)})
            except Exception:  # noqa: BLE001  the stream goes on without, and the feed waits
                _log.exception("loading failed", extra={"workspace": self._workspace.context.name})
            loaded_at = time.monotonic()

    def _trim(self) -> None:
        """Take out what is older than it is kept, now and again."""
        if self._trimmed_at + TRIM_SECONDS > time.monotonic() or not self._leads():
            return
        self._trimmed_at = time.monotonic()
        loader = loader_of(self._workspace) if retention_of(self._workspace) else None
        if loader is not None:
            trimmer_of(self._workspace, loader.files).trim()

    def _fill_in(self) -> None:
        """See to the past of computed traits that are new; where that is not possible, say so once."""
        if not self._fillable or not self._leads():
            return
        try:
            done = backfill_traits(self._workspace)
        except ConfigurationError as error:
            self._fillable = False
            _log.warning("traits wait", extra={"workspace": self._workspace.context.name, "error": str(error)})
            return
        if done.aggregates:
            _log.info("traits filled in", extra={"workspace": self._workspace.context.name, "entries": done.events})

    def _idle(self) -> bool:
        """Whether the stream has caught up: profiles cost as much as it does, and take turns with it."""
        context = self._workspace.context
        with context.store.snapshot() as snapshot:
            offsets = snapshot.offsets()
        return not any(context.log.waiting(offsets).values())

    def _settled(self) -> bool:
        with self._workspace.context.store.snapshot() as snapshot:
            return settled(snapshot)

    def _waiting(self) -> int:
        with self._workspace.context.store.snapshot() as snapshot:
            return snapshot.fed() - snapshot.loaded()
