"""Figures for Prometheus, counted as records become durable. It decides nothing and keeps no job's name.

Labels are few and bounded: a label for each job would grow without an end.
"""

from collections import Counter as Counts
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kala_server.core.model import records as r
from kala_server.core.model.job import RunState, Trigger
from kala_server.core.state.state import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LATENESS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)
_APPEND = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

Gauges = Callable[[], dict[str, tuple[str, float]]]
"""Asked at each scrape: what is so now, by name, with what it means."""


class Meter(Protocol):
    """Is told of every batch of records that has become durable."""

    def kept(self, records: Sequence[r.Record], state: State, seconds: float) -> None:
        """Count the records, which the state knows of already; they took so long to be durable."""
        ...


class Unmetered:
    """A meter that counts nothing."""

    def kept(self, records: Sequence[r.Record], state: State, seconds: float) -> None:
        """Do nothing."""


class Metrics:
    """The figures of one server."""

    def __init__(self, gauges: Gauges) -> None:
        self._registry = CollectorRegistry()
        runs = Counter(
            "kala_runs",
            "Runs that ended and slots that were skipped, by state",
            ["state"],
            registry=self._registry,
        )
        self._runs = {state: runs.labels(state) for state in RunState if state.final}
        self._lateness = Histogram(
            "kala_start_lateness_seconds",
            "From the time that a slot was due to the start of its run",
            buckets=_LATENESS,
            registry=self._registry,
        )
        self._appends = Histogram(
            "kala_store_append_seconds",
            "From the decision to the end of the sync, for each batch",
            buckets=_APPEND,
            registry=self._registry,
        )
        self._registry.register(_Now(gauges))

    def kept(self, records: Sequence[r.Record], state: State, seconds: float) -> None:
        """Count a batch."""
        self._appends.observe(seconds)
        over: Counts[RunState] = Counts()
        for record in records:
            if isinstance(record, r.RunFinished):
                over[record.state] += 1
            elif isinstance(record, r.SlotsSkipped):
                over[RunState.SKIPPED] += record.count
            elif isinstance(record, r.RunStarted):
                self._started(record, state)
        for ended, count in over.items():
            self._runs[ended].inc(count)

    def text(self) -> bytes:
        """Return everything in Prometheus' format."""
        return generate_latest(self._registry)

    def _started(self, record: r.RunStarted, state: State) -> None:
        run = state.runs.get(record.run_id)
        if run is not None and run.trigger is Trigger.SCHEDULE and run.started_at == record.at:
            self._lateness.observe(max(0.0, (record.at - run.scheduled_at).total_seconds()))


class _Now(Collector):
    """Gauges that are looked up when they are asked for."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        for name, (meaning, value) in self._gauges().items():
            yield GaugeMetricFamily(name, meaning, value=value)
