"""Work done ahead: a pure piece of the next batch, worked out on a thread while the store commits this one.

A commit waits for the disk and needs no Python, so the next batch can be prepared meanwhile, for nothing.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Prefetch(Generic[T]):
    """At most one call under way. Its result is a guess at what will be asked for: who takes it says for what.

    Attributes:
        early: Whether to start as soon as it is known what comes next. A thread would only take turns with us: it starts
            when we begin to wait for the disk.
    """

    early = False

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._key: Any = None
        self._results: list[T] = []

    def start(self, key: Any, call: Callable[[], T]) -> None:
        """Begin `call`, whose result answers to `key`; one that nobody took is forgotten."""
        self.take(None)
        self._key = key
        self._thread = threading.Thread(target=self._run, args=(call, self._results), name="ahead", daemon=True)
        self._thread.start()

    def take(self, key: Any) -> T | None:
        """The result for `key`, once it is there; None when there is none, it was for another key, or it failed.

        A failure is not reported: who gets None makes the call again, and fails in the right place.
        """
        if self._thread is None:
            return None
        self._thread.join()
        results = self._results
        matches = key == self._key
        self._thread, self._key, self._results = None, None, []
        return results[0] if results and matches else None

    @staticmethod
    def _run(call: Callable[[], T], results: list[T]) -> None:
        with contextlib.suppress(Exception):
            results.append(call())
