"""Housekeeping: what the worker does for a workspace beside processing and loading, now and then, in a thread of its own.

Every night store and warehouse are compared, person by person, and segments with an evaluation of everybody; where
identity.yaml says how, records are matched, and those that are new or changed every quarter of an hour. RFM definitions are
run as often as they say. After an erasure, which takes with it the tables that models made, they are built again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from onefold.bootstrap.identity_matching import match_records
from onefold.bootstrap.modelling import build_models
from onefold.bootstrap.rfm import run_definition
from onefold.bootstrap.segment_rows import SegmentRows
from onefold.bootstrap.warehousing import reconcile, warehouse_of, warehouse_opener
from onefold.bootstrap.workspace import Workspace
from onefold.errors import OnefoldError
from onefold.pipelines.audiences.service import Audiences
from onefold.pipelines.batch.models import RUNS
from onefold.pipelines.maintenance.reconcile import Compared
from onefold.rfm import Definition
from onefold.warehouse.upkeep import ERASURE, RECONCILIATION

_log = logging.getLogger("onefold.housekeeping")

LOOK_SECONDS = 60.0
RETRY_US = 600_000_000
"""When an RFM definition that could not be run is tried again."""
MATCH_US = 900_000_000
"""Between two runs over the records that are new or changed."""
NIGHT = timedelta(hours=2)
"""After midnight, UTC: when what is done every night is due."""


class Reconciliations:
    """What reconciliations of a workspace found."""

    def __init__(self, workspace: Workspace) -> None:
        self._rows = SegmentRows(workspace, RECONCILIATION.full_name)

    def latest(self) -> Compared | None:
        """The latest; None where there was none."""
        row = max(self._rows.all(), key=lambda row: row["ran_at"], default=None)
        return None if row is None else Compared(_micros(row["ran_at"]), row["people"], row["differing"])


class Housekeeping:
    """What there is to do for one workspace, whose models are in a folder."""

    def __init__(self, workspace: Workspace, directory: Path) -> None:
        self._workspace = workspace
        self._directory = directory
        self._reconciled = Reconciliations(workspace)
        self._erasures = SegmentRows(workspace, ERASURE.full_name)
        # A night that passed before this process began was another's: matching again would find the same.
        self._matched_us = workspace.context.clock_us()
        self._looked_us = self._matched_us
        self._seen: dict[int, int] | None = None
        self._tried_us: dict[str, int] = {}

    def due(self) -> list[Callable[[], None]]:
        """What should be done now."""
        found: list[Callable[[], None]] = []
        if self._models_are_gone():
            found.append(self._build)
        now_us = self._workspace.context.clock_us()
        if self._unscored():
            found.append(self._score)
        latest = self._reconciled.latest()
        if latest is None or latest.at_us < _night_us(now_us):
            found.append(self._reconcile)
        if self._workspace.project.matching is not None and self._matched_us < _night_us(now_us):
            found.append(self._match)
        elif self._grew(now_us):
            found.append(self._match_new)
        compared = Audiences(self._workspace.context).compared()
        if self._segments_apply() and (compared is None or compared.at_us < _night_us(now_us)):
            found.append(self._reconcile_segments)
        return found

    def _unscored(self) -> list[Definition]:
        """The RFM definitions that it is time to run, without those that were tried just now."""
        now_us = self._workspace.context.clock_us()
        due = Audiences(self._workspace.context).scores_due()
        return [one for one in due if now_us >= self._tried_us.get(one.fingerprint, -RETRY_US) + RETRY_US]

    def _score(self) -> None:
        warehouse = warehouse_of(self._workspace)
        try:
            for definition in self._unscored():
                self._tried_us[definition.fingerprint] = self._workspace.context.clock_us()
                run, _ = run_definition(self._workspace, warehouse, definition)
                more = {"workspace": self._workspace.context.name, "rfm": definition.name, "people": run.people}
                _log.info("people scored", extra=more)
        finally:
            warehouse.close()

    def _match(self) -> None:
        self._matched_us = self._looked_us = self._workspace.context.clock_us()  # once a night, also where it fails
        run = match_records(self._workspace)
        more = {"workspace": self._workspace.context.name, "run": run.id, "changed": run.changed + run.withdrawn}
        _log.info("records matched", extra=more)

    def _grew(self, now_us: int) -> bool:
        """Whether anything was processed since records were matched the last time, some minutes ago."""
        matching = self._workspace.project.matching
        # By the weighted model every run is one over all records.
        if matching is None or matching.model != "learned" or now_us - self._looked_us < MATCH_US:
            return False
        with self._workspace.context.store.snapshot() as snapshot:
            return snapshot.offsets() != self._seen

    def _match_new(self) -> None:
        self._looked_us = self._workspace.context.clock_us()
        with self._workspace.context.store.snapshot() as snapshot:
            self._seen = snapshot.offsets()  # what is processed while it runs is the next one's
        run = match_records(self._workspace, incremental=True)
        more = {"workspace": self._workspace.context.name, "run": run.id, "changed": run.changed + run.withdrawn}
        _log.info("new records matched", extra=more)

    def _segments_apply(self) -> bool:
        with self._workspace.context.store.snapshot() as snapshot:
            return snapshot.evaluation().active

    def _reconcile_segments(self) -> None:
        with ExitStack() as leaving:
            warehouse = warehouse_opener(self._workspace, leaving)
            found = Audiences(self._workspace.context, warehouse=warehouse).reconcile()
        if found.differing:
            more = {"workspace": self._workspace.context.name, "differing": found.differing}
            _log.warning("segments differ; `onefold segment reconcile` shows where", extra=more)

    def _models_are_gone(self) -> bool:
        """Whether an erasure took the models' tables, and nobody has built them since."""
        with self._workspace.context.store.snapshot() as snapshot:
            if RUNS.full_name in snapshot.relations():
                return False
        return any(f'"{RUNS.full_name}"' in row["tables"] for row in self._erasures.all())

    def _build(self) -> None:
        warehouse = warehouse_of(self._workspace)
        try:
            built = len(list(build_models(self._directory, warehouse, [])))
        finally:
            warehouse.close()
        _log.info(
            "models built again after an erasure", extra={"workspace": self._workspace.context.name, "models": built}
        )

    def _reconcile(self) -> None:
        found = reconcile(self._workspace)
        if found.differing and not found.moving:
            more = {"workspace": self._workspace.context.name, "differing": found.differing}
            _log.warning("store and warehouse differ; `onefold reconcile` shows where", extra=more)


class HousekeepingThread:
    """Does what is due. Of several workers one does it."""

    def __init__(self, workspace: Workspace, directory: Path, leads: Callable[[], bool]) -> None:
        """Nothing runs yet, and nothing will without the extra; `leads` is whether this worker is the one."""
        self._workspace = workspace
        self._directory = directory
        self._leads = leads
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        if self._workspace.context.feed is not None:
            name = f"housekeeping-{self._workspace.context.name}"
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish what is under way, then end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        keeping = Housekeeping(self._workspace, self._directory)
        while not self._stop.wait(LOOK_SECONDS):
            try:
                for work in keeping.due() if self._leads() else ():
                    if not self._stop.is_set():
                        work()
            except OnefoldError as error:
                _log.warning("not done", extra={"workspace": self._workspace.context.name, "error": str(error)})
            except Exception:  # noqa: BLE001  the stream goes on without, and it is tried again
                _log.exception("housekeeping failed", extra={"workspace": self._workspace.context.name})


def _night_us(now_us: int) -> int:
    """When the latest night's work was due."""
    now = datetime.fromtimestamp(now_us / 1e6, UTC)
    due = now.replace(hour=0, minute=0, second=0, microsecond=0) + NIGHT
    return int((due if due <= now else due - timedelta(days=1)).timestamp()) * 1_000_000


def _micros(at: Any) -> int:
    return int(at.replace(tzinfo=UTC).timestamp() * 1_000_000)
