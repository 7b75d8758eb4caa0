"""The processor: the loop that keeps the profile store up with the log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from onefold.errors import ConflictError, LeaseLostError, OnefoldError, UnavailableError
from onefold.pipelines.context import Context
from onefold.pipelines.maintenance import agreement
from onefold.pipelines.stream import parts, process, quarantine
from onefold.ports import Leases

_log = logging.getLogger("onefold.processor")

POLL_SECONDS = 0.05
"""How long an entry appended by another process may wait unseen."""
GATHER_SECONDS = 0.05
"""How long entries gather after a small batch. At 2,000 events a second that takes a third off the server's processor time
(0.54 of a core without, 0.41 with 0.02 s, 0.36 with this, 0.34 with 0.1 s), which look-ups then have."""
GATHERED_ENTRIES = 1_000
"""A batch of so many is large: there may be a backlog, and nothing waits."""
BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
LEASE_SECONDS = 10.0
"""How long a worker that fell silent keeps its partitions."""
ASK_SECONDS = 0.2
"""How soon a worker without any partition asks for some, the first time; each time twice as long, up to a renewal. Those
who hold them give a newcomer its share when they renew."""
SMALLEST_BATCH = 100
AGREED_SECONDS = 1.0
"""How long log and store are taken for the right ones, once that was seen."""


_ONE_AT_A_TIME = threading.Lock()
"""Of a worker's workspaces one at a time looks for the entry that ended its predecessor: else all were suspects."""


class Work:
    """What one worker may process: all of it, or the partitions it has leases for."""

    def __init__(self, context: Context, leases: Leases | None, worker: str, monotonic: Callable[[], float]) -> None:
        self._context = context
        self._leases = leases
        self._worker = worker
        self._monotonic = monotonic
        self._held: dict[int, int] = {}
        self._agreed_until = 0.0
        self._renew_at = 0.0
        self._ask_seconds = ASK_SECONDS
        self.batch = process.BATCH_ENTRIES

    def advance(self) -> process.BatchResult:
        """Process a batch. Where another worker came between, a smaller one next, until it goes well again.

        Raises:
            ConfigurationError: Log and store do not belong together.
            UnavailableError: A store does not answer, or the batch has to be done again.
        """
        if self._monotonic() >= self._agreed_until:
            agreement.require(self._context)
            self._agreed_until = self._monotonic() + AGREED_SECONDS
        progress = self._context.progress
        if self._leases is not None and self._monotonic() >= self._renew_at:
            self.renew()
        leased = None if self._leases is None else self._held
        if progress.part:
            try:
                with _ONE_AT_A_TIME:
                    return parts.advance(self._context, leased)
            finally:
                progress.ends()
        progress.begins(self.batch)
        try:
            worked = quarantine.advance(self._context, batch=self.batch, leased=leased)
        except LeaseLostError:
            # It may have taken longer than a lease lasts, and at the same size would again, for ever.
            self._renew_at = 0.0
            self._shrink()
            raise
        except ConflictError:
            self._shrink()
            raise
        finally:
            progress.ends()
        self.batch = min(process.BATCH_ENTRIES, self.batch * 2)
        return worked

    def _shrink(self) -> None:
        self.batch = max(SMALLEST_BATCH, self.batch // 4)

    def renew(self) -> None:
        """Say that this worker lives, and learn what it may work on."""
        if self._leases is not None:
            asked = self._monotonic()
            self._held = self._leases.renew(self._worker, self._context.log.ends(), seconds=LEASE_SECONDS)
            if self._held:
                self._ask_seconds = ASK_SECONDS
                self._renew_at = asked + LEASE_SECONDS / 3
            else:
                self._renew_at = asked + self._ask_seconds
                self._ask_seconds = min(LEASE_SECONDS / 3, self._ask_seconds * 2)

    @property
    def leads(self) -> bool:
        """Whether what has to be done by one worker alone is this one's: it holds the first partition, as far as it knows."""
        if self._leases is None:
            return True
        return 0 in self._held and self._monotonic() < self._renew_at + LEASE_SECONDS * 2 / 3

    def release(self) -> None:
        """Give the partitions back."""
        if self._leases is not None:
            self._held = {}
            self._leases.release(self._worker)


class Processor:
    """Runs `quarantine.advance` on a thread until stopped. An unavailable store is waited for; nothing is skipped."""

    def __init__(
        self,
        context: Context,
        *,
        leases: Leases | None = None,
        worker: str = "",
        monotonic: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """A processor of all partitions, or of those it gets `leases` for under the name `worker`.

        `monotonic` is the clock by which leases are renewed.
        """
        self._context = context
        self._work = Work(context, leases, worker, monotonic)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        # Until the entry is found that ended its predecessor, which may take some more workers.
        self.failure: str | None = parts.LOOKING if context.progress.part else None

    @property
    def leads(self) -> bool:
        """Whether this worker does what one has to do alone: it is the only one, or holds the first partition."""
        return self._work.leads

    def start(self) -> None:
        """Begin processing."""
        self._thread = threading.Thread(target=self._run, name=f"processor-{self._context.name}", daemon=True)
        self._thread.start()

    def stop(self, timeout_seconds: float = 20.0) -> None:
        """Finish the batch under way, then end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                worked = self._work.advance()
            except (ConflictError, LeaseLostError) as error:
                _log.info("batch given up", extra={"workspace": self._context.name, "error": str(error)})
                self._stop.wait(min(1.0, 0.01 * 2**failures))
                failures += 1
                continue
            except UnavailableError as error:
                self.failure = str(error)
                _log.warning("store unavailable", extra={"workspace": self._context.name, "error": self.failure})
                self._stop.wait(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
                failures += 1
                continue
            except OnefoldError as error:
                self.failure = str(error)
                _log.error("processing refused", extra={"workspace": self._context.name, "error": self.failure})
                self._stop.wait(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
                failures += 1
                continue
            except Exception as error:  # noqa: BLE001  readiness has to show it, and the thread to live on
                self.failure = f"{type(error).__name__} while processing; see the log."
                _log.exception("batch failed", extra={"workspace": self._context.name})
                self._stop.wait(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
                failures += 1
                continue
            self.failure, failures = parts.LOOKING if self._context.progress.part else None, 0
            if worked.read:
                _log.debug("batch", extra={"workspace": self._context.name, "entries": worked.read})
                if worked.read < GATHERED_ENTRIES:
                    self._stop.wait(GATHER_SECONDS)
            else:
                self._stop.wait(POLL_SECONDS)
        try:
            self._work.release()
        except UnavailableError:
            _log.warning("leases left to expire", extra={"workspace": self._context.name})
