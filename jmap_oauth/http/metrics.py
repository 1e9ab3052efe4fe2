"""Figures about the requests of this process, for Prometheus.

They are counted in plain numbers on the event loop, which costs a tenth of prometheus-client's own counters and their
locks, and turned into its form when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from jmap_oauth.http.exchange import Exchange

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram of durations, in seconds."""


class Metrics(Collector):
    """What is counted. `in_flight` and `refused` (credentials that were no good) are counted where they happen.

    Labels are statuses, names of methods that exist and names of errors: no client can add one.
    """

    def __init__(self, client_refusals: Callable[[], Mapping[str, int]] = dict) -> None:
        self._client_refusals = client_refusals
        self.in_flight = 0
        self.refused = 0
        self._streams = 0
        self._statuses: Counter[int] = Counter()
        self._calls: Counter[str] = Counter()
        self._durations = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    @contextmanager
    def streaming(self, exchange: Exchange) -> Iterator[None]:
        """Count a stream until the end of the block, apart from the requests that are to be answered soon."""
        exchange.is_stream = True
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def observe(self, exchange: Exchange, seconds: float) -> None:
        """Count a request that has ended. How long a client listened says nothing of how fast the server is."""
        self._statuses[exchange.status] += 1
        if exchange.is_stream:
            return
        self._durations[bisect_left(BOUNDS, seconds)] += 1
        self._seconds += seconds
        for name in exchange.calls:
            self._calls[name] += 1

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        yield _counter("jmap_http_requests", "Requests answered, by status", "status", self._statuses)
        yield _counter("jmap_method_calls", "Method calls, by method", "method", self._calls)
        yield CounterMetricFamily(
            "jmap_authentication_failures", "Requests with credentials that were refused", value=self.refused
        )
        yield _counter("jmap_client_refusals", "Clients refused, by error", "error", self._client_refusals())
        in_flight = self.in_flight - self._streams
        yield GaugeMetricFamily("jmap_http_requests_in_flight", "Requests being answered", value=in_flight)
        yield GaugeMetricFamily("jmap_event_streams", "Event streams that are open", value=self._streams)
        bounds = [*map(str, BOUNDS), "+Inf"]
        buckets = list(zip(bounds, accumulate(self._durations), strict=True))
        name, help = "jmap_http_request_duration_seconds", "Time from the headers to the end of the answer"
        yield HistogramMetricFamily(name, help, buckets=buckets, sum_value=self._seconds)


def _counter(name: str, help: str, label: str, counts: Mapping[int, int] | Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, help, labels=[label])
    for value, count in counts.items():
        family.add_metric([str(value)], count)
    return family
