"""What Prometheus reads: one registry per application, so that two in one process never mix."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0)


class Metrics:
    """Counters and timings of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.answers = Counter(
            "parley_answers", "Ad requests by reason code.", ["reason"], registry=self.registry
        )
        self.events = Counter(
            "parley_events", "Events by type and verdict.", ["type", "verdict"],
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "parley_request_seconds",
            "Time from the first byte of a request to the end of its answer.",
            ["method", "route", "status"],
            buckets=_BUCKETS,
            registry=self.registry,
        )

        self._reasons: dict[str, Counter] = {}
        self._routes: dict[tuple[str, str, int], Histogram] = {}

    def answered(self, reason: str) -> None:
        """Count an ad request by its reason code, one of a fixed set."""
        # Finding a labelled child costs more than counting with it.
        counter = self._reasons.get(reason)
        if counter is None:
            counter = self._reasons[reason] = self.answers.labels(reason)
        counter.inc()

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record one answered request. `route` is a template, never a path with ids in it."""
        known = method if method in ("GET", "POST", "DELETE", "OPTIONS", "HEAD") else "other"
        timing = self._routes.get((known, route, status))
        if timing is None:
            timing = self._seconds.labels(known, route, str(status))
            self._routes[known, route, status] = timing
        timing.observe(seconds)

    def text(self) -> bytes:
        """Return everything in the text format."""
        return generate_latest(self.registry)
