"""What the program measures of itself, for Prometheus to read."""

import asyncio
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
PAUSE = 0.05


class Measures:
    """Histograms, counters and gauges, in a registry of their own for each program."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.ingest = self._histogram("ingest_seconds", "From request to answer", FAST)
        self.evaluation = self._histogram("evaluation_seconds", "One pass over what arrived", FAST)
        self.transaction = self._histogram(
            "transaction_seconds", "One batch down the main path", FAST
        )
        self.detection = self._histogram("detection_seconds", "From arrival to the commit", SLOW)
        self.notification = self._histogram("notification_seconds", "From promise to receipt", SLOW)
        self.loop_lag = self._histogram("loop_lag_seconds", "How late the event loop woke", FAST)
        self.sent = self._counter("notifications_total", "Attempts to tell", ["outcome"])
        self.gauges: dict[str, Gauge] = {}

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"langyan_{name}", about, buckets=buckets, registry=self.registry)

    def _counter(self, name: str, about: str, labels: list[str]) -> Counter:
        return Counter(f"langyan_{name}", about, labels, registry=self.registry)

    def gauge(self, name: str, about: str, value: float, **labels: str) -> None:
        """Set the gauge `langyan_<name>`."""
        if name not in self.gauges:
            self.gauges[name] = Gauge(
                f"langyan_{name}", about, list(labels), registry=self.registry
            )
        gauge = self.gauges[name].labels(**labels) if labels else self.gauges[name]
        gauge.set(value)

    def observe_send(self, event: str, seconds: float) -> None:
        """Take note of what the sender tells: an outcome, or how long a message had waited."""
        if event == "waited":
            self.notification.observe(seconds)
        else:
            self.sent.labels(event).inc()

    async def watch_the_loop(self) -> None:
        """Measure, until cancelled, how much later than asked the event loop wakes us."""
        while True:
            asked = time.perf_counter() + PAUSE
            await asyncio.sleep(PAUSE)
            self.loop_lag.observe(max(0.0, time.perf_counter() - asked))
