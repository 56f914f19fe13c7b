"""Counts and times of requests for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from hybridmatte.server.counts import Counts
from hybridmatte.server.workers import Workers

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)  # upper bounds of the classes of times


class Metrics:
    """The metrics of one service."""

    def __init__(self, workers: Workers, counts: Counts) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_Counted(workers, counts))
        self.seconds = Histogram(
            "hybridmatte_request_seconds",
            "Time from the headers of a request, once its options are checked, to its answer.",
            ["command"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.received = Counter("hybridmatte_received_bytes", "Bytes of bodies.", registry=self.registry)
        self.sent = Counter("hybridmatte_sent_bytes", "Bytes of results.", registry=self.registry)
        self._watch("hybridmatte_requests_waiting", "Requests that wait for a worker.", lambda: workers.n_waiting)
        self._watch("hybridmatte_requests_working", "Requests under way.", lambda: workers.n_busy)
        self._watch("hybridmatte_workers", "Workers that are ready.", lambda: len(workers.workers))

    def _watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        Gauge(name, text, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self.registry)


class _Counted(Collector):
    """What other parts of the service count."""

    def __init__(self, workers: Workers, counts: Counts) -> None:
        self._workers, self._counts = workers, counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        told = "Answers by command and status; other paths are page, health, methods, metrics, openapi.json and other."
        answers = CounterMetricFamily("hybridmatte_requests", told, labels=["command", "status"])
        for (name, status), number in self._counts.n_answers.items():
            answers.add_metric([name, str(status)], number)
        yield answers
        told = "Workers that died or were killed."
        yield CounterMetricFamily("hybridmatte_worker_deaths", told, value=self._workers.n_deaths)
