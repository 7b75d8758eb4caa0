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

    def watch(self, figures: MetricCollector) -> None:
        """Show these figures, too."""
        self.registry.register(figures)

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
