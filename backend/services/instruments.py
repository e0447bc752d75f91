"""What this process measures of itself: requests, WebSocket clients, its pool. Each replica has its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy import QueuePool

REQUEST_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)
UNMATCHED = "unmatched"
"""The route of requests that no route answers: their paths are anybody's, and would be labels without end."""
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True)
class Reading:
    """What the parts of this process say of themselves, whenever they are asked."""

    ws_connections: Callable[[], int]
    ws_lag_s: Callable[[], float]
    ws_conflated: Callable[[], int]
    ws_overflowed: Callable[[], int]
    publish_failures: Callable[[], int]
    pool: QueuePool


class Instruments:
    """One process's own registry; nothing global, so that tests and several apps do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._durations = Histogram(
            "http_request_duration_seconds",
            "How long requests took, by route template.",
            ("method", "route"),
            buckets=REQUEST_BUCKETS_S,
            registry=self.registry,
        )
        # Looking a child up by its labels takes longer than counting does.
        self._counters: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def request(self, method: str, route: str | None, status: int, duration_s: float) -> None:
        """Count one answered request."""
        asked = (method if method in KNOWN_METHODS else "other", route or UNMATCHED, status)
        found = self._counters.get(asked)
        if found is None:
            found = self._requests.labels(*map(str, asked)), self._durations.labels(*asked[:2])
            self._counters[asked] = found
        found[0].inc()
        found[1].observe(duration_s)

    def watch(self, reading: Reading) -> None:
        """Show what these parts say of themselves with every scrape."""
        self.registry.register(_Gauges(reading))


class _Gauges:
    """A collector, as the registry wants it."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterator[Metric]:
        now = self._reading
        yield GaugeMetricFamily("aitrader_ws_connections", "Open WebSocket connections.", now.ws_connections())
        yield GaugeMetricFamily(
            "aitrader_ws_lag_seconds",
            "For how long the slowest client has not taken what waits for it.",
            now.ws_lag_s(),
        )
        dropped = CounterMetricFamily(
            "aitrader_ws_dropped", "Messages replaced by newer ones, and clients let go as too slow.", labels=["reason"]
        )
        dropped.add_metric(["conflated"], now.ws_conflated())
        dropped.add_metric(["overflow"], now.ws_overflowed())
        yield dropped
        failures = CounterMetricFamily(
            "aitrader_publish_failures", "Times that Redis did not take what was to be told.", labels=["process"]
        )
        failures.add_metric(["api"], now.publish_failures())
        yield failures
        pool = GaugeMetricFamily("aitrader_db_pool_connections", "Connections of the pool.", labels=["state"])
        pool.add_metric(["in_use"], now.pool.checkedout())
        pool.add_metric(["idle"], now.pool.checkedin())
        yield pool
