"""What the edge counts and times, for Prometheus. No label ever holds a person, a key or a raw path."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector as MetricCollector

from onefold.serving.connections import Reason

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


class Connections(Protocol):
    """What is read of connections at each scrape."""

    closed: dict[Reason, int]

    def counts(self) -> Mapping[str, int]:
        """Connections by what they do."""
        ...


class Measures:
    """One server's metrics, in a registry of its own.

    Counting happens on the event loop alone and so needs no lock: the library's own counters take four a request, which
    was a twentieth of what collecting one costs.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counts = _Counts()
        self.registry.register(self._counts)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answer. `route` is a template from our own table."""
        counts = self._counts
        answer = (route, status)
        counts.answers[answer] = counts.answers.get(answer, 0) + 1
        times = counts.times.get(route)
        if times is None:
            times = counts.times[route] = [0] * (len(_SECONDS) + 1)
        times[bisect_left(_SECONDS, seconds)] += 1
        counts.seconds[route] = counts.seconds.get(route, 0.0) + seconds

    def appended(self, workspace: str, entries: int) -> None:
        """Count items acknowledged."""
        self._counts.entries[workspace] = self._counts.entries.get(workspace, 0) + entries

    def watch(self, workspaces: Mapping[str, Figures]) -> None:
        """Read these workspaces' figures at each scrape."""
        self.registry.register(_Watcher(workspaces))

    def watch_connections(self, connections: Connections) -> None:
        """Read the state of connections at each scrape."""
        self.registry.register(_ConnectionWatcher(connections))

    def text(self, workspace: str | None) -> bytes:
        """All metrics in Prometheus' words; with a workspace, nothing that is labelled with another."""
        if workspace is None:
            return generate_latest(self.registry)
        seen = CollectorRegistry()
        seen.register(_Within(self.registry, workspace))
        return generate_latest(seen)


class _Counts(MetricCollector):
    """What was counted: answers by route and status, times by route and bucket, entries by workspace."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, int], int] = {}
        self.times: dict[str, list[int]] = {}
        self.seconds: dict[str, float] = {}
        self.entries: dict[str, int] = {}

    def collect(self) -> Iterable[Metric]:
        # Copies, each made in one step: this runs in another thread than the counting.
        answers = CounterMetricFamily("onefold_http_requests", "Answers given.", labels=["route", "status"])
        for (route, status), count in self.answers.copy().items():
            answers.add_metric([route, str(status)], count)
        times = HistogramMetricFamily("onefold_http_request_seconds", "Time from request to answer.", labels=["route"])
        for route, seconds in self.seconds.copy().items():  # a route has buckets before it has seconds
            bounds = [*map(str, _SECONDS), "+Inf"]
            below = accumulate(self.times[route].copy())
            times.add_metric([route], list(zip(bounds, below, strict=True)), seconds)
        entries = CounterMetricFamily("onefold_collect_entries", "Items appended to the log.", labels=["workspace"])
        for workspace, count in self.entries.copy().items():
            entries.add_metric([workspace], count)
        return [answers, times, entries]


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


class _ConnectionWatcher(MetricCollector):
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def collect(self) -> Iterable[Metric]:
        held = GaugeMetricFamily("onefold_http_connections", "Open connections by what they do.", labels=["state"])
        for state, count in self._connections.counts().items():
            held.add_metric([state], count)
        closed = CounterMetricFamily(
            "onefold_http_connections_closed", "Connections that the server closed, by reason.", labels=["reason"]
        )
        for reason, count in self._connections.closed.copy().items():
            closed.add_metric([reason], count)
        return [held, closed]


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
