"""What Prometheus reads: one registry per application, so that two in one process never mix.

Requests are counted in plain numbers and put into Prometheus' form when somebody looks: counting happens for every
request, looking every few seconds. One event loop counts, so nothing needs a lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0)
_LIMITS = [*map(floatToGoString, _BUCKETS), "+Inf"]
_METHODS = frozenset({"GET", "POST", "DELETE", "OPTIONS", "HEAD"})


class Timing:
    """How long the requests of one route took.

    Attributes:
        counts: Requests by bucket, each in one; the last takes what is over all of them.
        seconds: Sum.
    """

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BUCKETS) + 1)
        self.seconds = 0.0


class Metrics(Collector):
    """Counters and timings of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "parley_events", "Events by type and verdict.", ["type", "verdict"],
            registry=self.registry,
        )  # fmt: skip
        self._answers: dict[str, int] = {}
        self._routes: dict[tuple[str, str, int], Timing] = {}
        self.registry.register(self)

    def answered(self, reason: str) -> None:
        """Count an ad request by its reason code, one of a fixed set."""
        self._answers[reason] = self._answers.get(reason, 0) + 1

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record one answered request. `route` is a template, never a path with ids in it."""
        timing = self._routes.get((method, route, status))
        if timing is None:
            known = method if method in _METHODS else "other"
            timing = self._routes.setdefault((known, route, status), Timing())
        timing.counts[bisect_left(_BUCKETS, seconds)] += 1
        timing.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """Return what was counted, as Prometheus takes it."""
        answers = CounterMetricFamily(
            "parley_answers", "Ad requests by reason code.", labels=["reason"]
        )
        for reason, count in self._answers.items():
            answers.add_metric([reason], count)
        yield answers
        seconds = HistogramMetricFamily(
            "parley_request_seconds",
            "Time from the first byte of a request to the end of its answer.",
            labels=["method", "route", "status"],
        )
        for (method, route, status), timing in self._routes.items():
            buckets = list(zip(_LIMITS, map(float, accumulate(timing.counts)), strict=True))
            seconds.add_metric([method, route, str(status)], buckets, timing.seconds)
        yield seconds

    def text(self) -> bytes:
        """Return everything in the text format."""
        return generate_latest(self.registry)
