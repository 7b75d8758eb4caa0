"""Figures of workspaces for the metrics: what the stores say, or what they said last when they do not answer.

Metrics are looked at most when something is down. So a store that fails or hangs costs a scrape no more than two seconds,
what is known is shown all the same, and its age beside it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as MetricCollector

from onefold.audiences.progress import Compared as SegmentsCompared
from onefold.governance.checks import CheckResult
from onefold.model import results
from onefold.pipelines.maintenance.reconcile import Compared

READ_SECONDS = 2.0
"""A store that has not answered by then is not waited for."""
CHECKS_MAX = 500
"""Data-quality checks with a metric of their own, per workspace."""
SOURCES_MAX = 200
"""Sources with metrics of their own, per workspace; the rest are summed up as `(other)`."""

_KINDS = ("nodes", "people", "edges", "judgements", "dead_letters", "events")

T = TypeVar("T")
_log = logging.getLogger("onefold.figures")


class Readable(Protocol):
    """The part of a workspace that is read at each scrape."""

    def accounts(self) -> list[results.Account]:
        """Per source: received, stored, duplicate, rejected, suppressed, pending, and findings by code."""
        ...

    def counts(self) -> results.Counts:
        """How much the store holds."""
        ...

    def quality(self) -> list[CheckResult]:
        """The latest result of each data-quality check."""
        ...

    def reconciled(self) -> Compared | None:
        """What the latest comparison of store and warehouse found."""
        ...

    def segments_compared(self) -> SegmentsCompared | None:
        """What the latest reconciliation of segments found."""
        ...

    def lag(self) -> Mapping[int, int]:
        """Entries that wait to be processed, by partition of the log."""
        ...


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread of its own: where every thread of the pool waits for a store, probes must not wait, too."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(result: T | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type] # no error, so it is a T

    def run() -> None:
        try:
            result, error = work(), None
        except Exception as raised:  # noqa: BLE001  handed to who waits
            result, error = None, raised
        try:
            loop.call_soon_threadsafe(finish, result, error)
        except RuntimeError:
            # The server ended meanwhile: nobody waits.
            _log.debug("a look outlived its server")

    threading.Thread(target=run, name="look", daemon=True).start()
    return await done


class Look(Generic[T]):
    """A look that may hang: at most one is under way, however many ask."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._running: asyncio.Task[T] | None = None

    async def again(self, seconds: float) -> T:
        """The result.

        Raises:
            TimeoutError: It was not there within `seconds`; the look goes on.
            Exception: What the look raised.
        """
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(in_thread(self._work))
        done, _ = await asyncio.wait({self._running}, timeout=seconds)
        if not done:
            raise TimeoutError
        return self._running.result()


class Figures(MetricCollector):
    """The figures of all workspaces as last read."""

    def __init__(self, services: Mapping[str, Readable], monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: dict[str, dict[str, tuple[Any, float]]] = {name: {} for name in services}
        self._looks = [Look(partial(self._read, name, one)) for name, one in services.items()]

    async def refresh(self) -> None:
        """Read all figures anew, as far as the stores give them in time."""
        await asyncio.gather(*(look.again(READ_SECONDS) for look in self._looks), return_exceptions=True)

    def _read(self, name: str, service: Readable) -> None:
        for figure in ("accounts", "counts", "lag", "quality", "reconciled", "segments_compared"):
            try:
                value = getattr(service, figure)()
            except Exception as error:  # noqa: BLE001  whatever a store dies of, the other figures are read
                _log.warning(
                    "figure not read", extra={"workspace": name, "kind": figure, "reason": type(error).__name__}
                )
                continue
            self._known[name][figure] = (value, self._monotonic())

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry must not ask for figures when it is built."""
        return []

    def collect(self) -> Iterable[Metric]:
        """What is known."""
        items = CounterMetricFamily(
            "onefold_pipeline_items", "Items by what became of them.", labels=["workspace", "source", "outcome"]
        )
        lag = GaugeMetricFamily("onefold_pipeline_lag_entries", "Received, not yet processed.", labels=["workspace"])
        held = GaugeMetricFamily("onefold_store_rows", "What the profile store holds.", labels=["workspace", "kind"])
        behind = GaugeMetricFamily(
            "onefold_log_lag", "Entries of the log that wait to be processed.", labels=["workspace", "partition"]
        )
        findings = CounterMetricFamily(
            "onefold_findings", "Events with a finding, by its code.", labels=["workspace", "source", "code"]
        )
        failed = GaugeMetricFamily(
            "onefold_check_failed",
            "1 where a data-quality check failed or warned in its latest run, else 0.",
            labels=["workspace", "relation", "check", "severity"],
        )
        ran = GaugeMetricFamily(
            "onefold_check_ran_timestamp_seconds", "When data-quality checks ran last.", labels=["workspace"]
        )
        differing = GaugeMetricFamily(
            "onefold_reconcile_differing_people",
            "People of whom store and warehouse say something different, as the latest comparison found; 0 is right.",
            labels=["workspace"],
        )
        reconciled = GaugeMetricFamily(
            "onefold_reconcile_ran_timestamp_seconds",
            "When store and warehouse were last compared.",
            labels=["workspace"],
        )
        segments = GaugeMetricFamily(
            "onefold_segment_reconcile_differing_people",
            "People whose segments are not those that an evaluation of everybody gives, as the latest found; 0 is right.",
            labels=["workspace"],
        )
        segments_at = GaugeMetricFamily(
            "onefold_segment_reconcile_ran_timestamp_seconds", "When that was.", labels=["workspace"]
        )
        age = GaugeMetricFamily(
            "onefold_figures_age_seconds",
            "How old the figures are; none, if never read.",
            labels=["workspace", "figure"],
        )
        now = self._monotonic()
        for name, known in self._known.items():
            read = known.copy()
            for figure, (_, at) in read.items():
                age.add_metric([name, figure], now - at)
            if "accounts" in read:
                pending, totals = _totals(read["accounts"][0])
                lag.add_metric([name], pending)
                for (source, outcome), total in totals.items():
                    items.add_metric([name, source, outcome], total)
                for (source, code), total in _findings(read["accounts"][0]).items():
                    findings.add_metric([name, source, code], total)
            for partition, waiting in read["lag"][0].items() if "lag" in read else ():
                behind.add_metric([name, str(partition)], waiting)
            for kind in _KINDS if "counts" in read else ():
                held.add_metric([name, kind], getattr(read["counts"][0], kind))
            checked = read["quality"][0] if "quality" in read else []
            for result in checked[:CHECKS_MAX]:
                failed.add_metric([name, result.relation, result.check, result.severity], result.status != "passed")
            if checked:
                ran.add_metric([name], max(result.at_us for result in checked) / 1_000_000)
            compared = read["reconciled"][0] if "reconciled" in read else None
            if compared is not None:
                differing.add_metric([name], compared.differing)
                reconciled.add_metric([name], compared.at_us / 1_000_000)
            evaluated = read["segments_compared"][0] if "segments_compared" in read else None
            if evaluated is not None:
                segments.add_metric([name], evaluated.differing)
                segments_at.add_metric([name], evaluated.at_us / 1_000_000)
        return [items, findings, lag, behind, held, failed, ran, differing, reconciled, segments, segments_at, age]


def _totals(accounts: list[results.Account]) -> tuple[int, dict[tuple[str, str], int]]:
    """How many items are pending, and how many had which outcome, by source."""
    pending = 0
    totals: dict[tuple[str, str], int] = {}
    for position, account in enumerate(accounts):
        source = _label(position, account)
        pending += account.pending
        for outcome in ("received", "stored", "duplicate", "rejected", "suppressed"):
            at = (source, outcome)
            totals[at] = totals.get(at, 0) + getattr(account, outcome)
    return pending, totals


def _findings(accounts: list[results.Account]) -> dict[tuple[str, str], int]:
    """How many events have which finding, by source and code; the codes are a closed list."""
    totals: dict[tuple[str, str], int] = {}
    for position, account in enumerate(accounts):
        for code, count in account.findings.items():
            at = (_label(position, account), code)
            totals[at] = totals.get(at, 0) + count
    return totals


def _label(position: int, account: results.Account) -> str:
    return account.source if position < SOURCES_MAX else "(other)"
