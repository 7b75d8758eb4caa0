"""What the edge counts and times, for Prometheus. No label ever holds a person, a key or a raw path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as MetricCollector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Figures(Protocol):
    """The part of a workspace that is read at each scrape."""

    def accounts(self) -> list[dict[str, object]]:
        """Per source: received, stored, duplicate, rejected, suppressed, pending."""
        ...

    def counts(self) -> Mapping[str, int]:
        """How many nodes, people, edges, judgements, open dead letters, stored events."""
        ...

    def lag(self) -> Mapping[int, int]:
        """Entries that wait to be processed, by partition of the log."""
        ...


class Measures:
    """One server's metrics, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "onefold_http_requests_total", "Answers given.", ["route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "onefold_http_request_seconds",
            "Time from request to answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._entries = Counter(
            "onefold_collect_entries_total", "Items appended to the log.", ["workspace"], registry=self.registry
        )
        # Looking a labelled child up costs more than counting, and there are only as many as routes times statuses.
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._by_workspace: dict[str, Counter] = {}

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answer. `route` is a template from our own table."""
        children = self._children.get((route, status))
        if children is None:
            children = (self._requests.labels(route, str(status)), self._seconds.labels(route))
            self._children[route, status] = children
        children[0].inc()
        children[1].observe(seconds)

    def appended(self, workspace: str, entries: int) -> None:
        """Count items acknowledged."""
        child = self._by_workspace.get(workspace)
        if child is None:
            child = self._by_workspace[workspace] = self._entries.labels(workspace)
        child.inc(entries)

    def watch(self, workspaces: Mapping[str, Figures]) -> None:
        """Read these workspaces' figures at each scrape."""
        self.registry.register(_Watcher(workspaces))

    def text(self, workspace: str | None) -> bytes:
        """All metrics in Prometheus' words; with a workspace, nothing that is labelled with another."""
        if workspace is None:
            return generate_latest(self.registry)
        seen = CollectorRegistry()
        seen.register(_Within(self.registry, workspace))
        return generate_latest(seen)


SOURCES_MAX = 200
"""Sources with metrics of their own, per workspace; the rest are summed up as `(other)`."""


class _Within(MetricCollector):
    """What one workspace may see of all metrics."""

    def __init__(self, registry: CollectorRegistry, workspace: str) -> None:
        self._registry = registry
        self._workspace = workspace

    def describe(self) -> Iterable[Metric]:
        """Nothing, as below."""
        return []

    def collect(self) -> Iterable[Metric]:
        for metric in self._registry.collect():
            metric.samples = [s for s in metric.samples if s.labels.get("workspace") in (None, self._workspace)]
            yield metric


class _Watcher(MetricCollector):
    def __init__(self, workspaces: Mapping[str, Figures]) -> None:
        self._workspaces = workspaces

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry must not read the stores when it is built."""
        return []

    def collect(self) -> Iterable[Metric]:
        items = CounterMetricFamily(
            "onefold_pipeline_items", "Items by what became of them.", labels=["workspace", "source", "outcome"]
        )
        lag = GaugeMetricFamily("onefold_pipeline_lag_entries", "Received, not yet processed.", labels=["workspace"])
        held = GaugeMetricFamily("onefold_store_rows", "What the profile store holds.", labels=["workspace", "kind"])
        behind = GaugeMetricFamily(
            "onefold_log_lag", "Entries of the log that wait to be processed.", labels=["workspace", "partition"]
        )
        for name, workspace in self._workspaces.items():
            pending = 0
            totals: dict[tuple[str, str], float] = {}
            for place, account in enumerate(workspace.accounts()):
                source = str(account["source"]) if place < SOURCES_MAX else "(other)"
                pending += _number(account["pending"])
                for outcome in ("received", "stored", "duplicate", "rejected", "suppressed"):
                    at = (source, outcome)
                    totals[at] = totals.get(at, 0) + _number(account[outcome])
            for (source, outcome), total in totals.items():
                items.add_metric([name, source, outcome], total)
            lag.add_metric([name], pending)
            for partition, waiting in workspace.lag().items():
                behind.add_metric([name, str(partition)], waiting)
            for kind, count in workspace.counts().items():
                held.add_metric([name, kind], count)
        return [items, lag, behind, held]


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
