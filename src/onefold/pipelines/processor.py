"""The processor: the loop that keeps the profile store up with the log."""

from __future__ import annotations

import logging
import threading

from onefold.errors import UnavailableError
from onefold.pipelines import stream
from onefold.pipelines.parts import Parts

_log = logging.getLogger("onefold.processor")

POLL_SECONDS = 0.05
"""How long an entry appended by another process may wait unseen."""
BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)


class Processor:
    """Runs `stream.advance` on a thread until stopped. An unavailable store is waited for; nothing is skipped."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.failure: str | None = None

    def start(self) -> None:
        """Begin processing."""
        self._thread = threading.Thread(target=self._run, name=f"processor-{self._parts.name}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Tell it that the log grew; it need not wait for its next look."""
        self._wake.set()

    def stop(self, timeout_seconds: float = 20.0) -> None:
        """Finish the batch under way, then end."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                worked = stream.advance(self._parts)
            except UnavailableError as error:
                self.failure = str(error)
                _log.warning("store unavailable", extra={"workspace": self._parts.name, "error": self.failure})
                self._stop.wait(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
                failures += 1
                continue
            except Exception as error:  # noqa: BLE001  readiness has to show it, and the thread to live on
                self.failure = f"{type(error).__name__} while processing; see the log."
                _log.exception("batch failed", extra={"workspace": self._parts.name})
                self._stop.wait(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
                failures += 1
                continue
            self.failure, failures = None, 0
            if worked.read:
                _log.debug("batch", extra={"workspace": self._parts.name, "entries": worked.read})
            else:
                self._wake.wait(POLL_SECONDS)
                self._wake.clear()
