"""What Prometheus is told of the factory: every metric in one table, each read off an overview."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import cfsm
from cfsm.bootstrap.house import House
from cfsm.bootstrap.observing import Observer, Overview, WorkerNow

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

Sample = tuple[tuple[str, ...], float | None]
"""The labels' values and the value; None where it is not known, which is left out."""

MEGABYTE = 2**20


@dataclass(frozen=True)
class MetricSpec:
    """One metric: its name, whether it only grows, what it means, its labels, and where its values come from."""

    name: str
    kind: Literal["gauge", "counter"]
    meaning: str
    labels: tuple[str, ...]
    read: Callable[[Overview], Iterable[Sample]]

    @property
    def exposed_name(self) -> str:
        """Give the name as Prometheus sees it: that of a counter ends with ``_total``."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


def _one(value: Callable[[Overview], float | None]) -> Callable[[Overview], Iterable[Sample]]:
    return lambda overview: [((), value(overview))]


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _each(value: Callable[[WorkerNow], float | None]) -> Callable[[Overview], Iterable[Sample]]:
    return lambda overview: [((worker.name,), value(worker)) for worker in overview.workers]


def _tasks(overview: Overview) -> Iterator[Sample]:
    for kind, queue in overview.queues.items():
        yield (kind, "waiting"), queue.waiting
        yield (kind, "under_way"), queue.under_way


def _outcomes(what: str, overview: Overview) -> Iterator[Sample]:
    outcomes = overview.generations if what == "generations" else overview.evaluations
    yield ("requested",), outcomes.requested
    yield ("concluded",), outcomes.concluded
    yield ("failed",), outcomes.failed


METRICS: tuple[MetricSpec, ...] = (
    MetricSpec("cfsm_up", "gauge", "1 while a factory runs on the home.", (), _one(lambda o: o.is_running)),
    MetricSpec(
        "cfsm_start_time_seconds",
        "gauge",
        "When the factory started, in seconds since 1970.",
        (),
        _one(lambda o: o.factory.started_at.timestamp() if o.factory and o.factory.running else None),
    ),
    MetricSpec("cfsm_events", "counter", "Events in the log.", (), _one(lambda o: o.events)),
    MetricSpec(
        "cfsm_events_of_topic",
        "counter",
        "Events of each topic that the projections have taken in.",
        ("topic",),
        lambda o: [((topic,), count) for topic, count in o.topics.items()],
    ),
    MetricSpec(
        "cfsm_last_event_timestamp_seconds",
        "gauge",
        "When the last event was recorded, in seconds since 1970.",
        (),
        _one(lambda o: o.last_event_at.timestamp() if o.last_event_at else None),
    ),
    MetricSpec(
        "cfsm_projection_lag_events",
        "gauge",
        "Events that what is shown is behind the log.",
        (),
        _one(lambda o: o.events - o.shown_until),
    ),
    MetricSpec(
        "cfsm_strategies",
        "gauge",
        "Strategies in each state of the lifecycle.",
        ("state",),
        lambda o: [((state.value,), count) for state, count in o.pipeline.items()],
    ),
    MetricSpec(
        "cfsm_generations",
        "counter",
        "Strategies asked for: requested, concluded, failed.",
        ("outcome",),
        partial(_outcomes, "generations"),
    ),
    MetricSpec(
        "cfsm_evaluations",
        "counter",
        "Validations and backtests: requested, concluded, failed.",
        ("outcome",),
        partial(_outcomes, "evaluations"),
    ),
    MetricSpec("cfsm_tasks", "gauge", "Tasks that are due, by kind: waiting, or under way.", ("kind", "state"), _tasks),
    MetricSpec("cfsm_tasks_parked", "gauge", "Tasks that wait for a person.", (), _one(lambda o: len(o.parked))),
    MetricSpec(
        "cfsm_admission_refused",
        "gauge",
        "1 while the machine is too loaded for new work.",
        (),
        _one(lambda o: bool(o.waits_because)),
    ),
    MetricSpec(
        "cfsm_worker_health_score",
        "gauge",
        "How well a process is, from 100 down to 0.",
        ("worker",),
        _each(lambda w: w.health.score),
    ),
    MetricSpec(
        "cfsm_worker_up",
        "gauge",
        "1 while a process runs, or rests until it is needed.",
        ("worker",),
        _each(lambda w: w.state in {"running", "resting"}),
    ),
    MetricSpec(
        "cfsm_worker_silent_seconds",
        "gauge",
        "Time since a worker's loop gave a sign of life.",
        ("worker",),
        _each(lambda w: w.silent_seconds),
    ),
    MetricSpec(
        "cfsm_worker_lag_events",
        "gauge",
        "Events of the log that a worker has not taken in.",
        ("worker",),
        _each(lambda w: w.lag_events),
    ),
    MetricSpec(
        "cfsm_worker_tasks_done",
        "counter",
        "Tasks that a worker did since it started.",
        ("worker",),
        _each(lambda w: w.done),
    ),
    MetricSpec(
        "cfsm_worker_tasks_failed",
        "counter",
        "Attempts at tasks that failed since the worker started.",
        ("worker",),
        _each(lambda w: w.failed),
    ),
    MetricSpec(
        "cfsm_worker_restarts",
        "counter",
        "How often a process was started again since the factory started.",
        ("worker",),
        _each(lambda w: w.restarts),
    ),
    MetricSpec(
        "cfsm_worker_memory_bytes",
        "gauge",
        "Memory of a process, shared pages in parts (PSS).",
        ("worker",),
        _each(lambda w: _scaled(w.memory_mb, MEGABYTE)),
    ),
    MetricSpec(
        "cfsm_worker_cpu_seconds",
        "counter",
        "Processor time of a worker since it started.",
        ("worker",),
        _each(lambda w: w.cpu_seconds),
    ),
    MetricSpec(
        "cfsm_machine_memory_available_bytes",
        "gauge",
        "Memory that new work could take, the limit of the control group considered.",
        (),
        _one(lambda o: _scaled(o.machine.memory_available_mb, MEGABYTE)),
    ),
    MetricSpec(
        "cfsm_machine_disk_free_bytes",
        "gauge",
        "Free space under CFSM_HOME.",
        (),
        _one(lambda o: _scaled(o.machine.disk_free_mb, MEGABYTE)),
    ),
    MetricSpec(
        "cfsm_machine_cpu_ratio",
        "gauge",
        "Use of all cores, 0 to 1.",
        (),
        _one(lambda o: _scaled(o.machine.cpu_percent, 0.01)),
    ),
    MetricSpec(
        "cfsm_machine_pressure_ratio",
        "gauge",
        "Share of time in which some waited for a core (cpu), or all for memory (memory), 0 to 1.",
        ("resource",),
        lambda o: [
            (("cpu",), _scaled(o.machine.psi_cpu_some_percent, 0.01)),
            (("memory",), _scaled(o.machine.psi_memory_full_percent, 0.01)),
        ],
    ),
    MetricSpec(
        "cfsm_machine_temperature_celsius",
        "gauge",
        "Temperature of the processor, on machines that measure it.",
        (),
        _one(lambda o: o.machine.temperature_celsius),
    ),
)


def registry_of(house: House) -> "CollectorRegistry":
    """Give a registry whose every collection is a new look at the factory."""
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(house))
    return registry


def exposition(registry: "CollectorRegistry") -> bytes:
    """Give the metrics in Prometheus' text format. Raise TryAgain or Misconfigured, as looking does."""
    from prometheus_client import generate_latest

    return generate_latest(registry)


class _Collector:
    def __init__(self, house: House) -> None:
        self._observer = Observer(house)
        self._profile = house.settings.profile

    def describe(self) -> Iterable["Metric"]:
        return []  # looking at the factory belongs to a collection

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        overview = self._observer.look()
        info = GaugeMetricFamily("cfsm_build_info", BUILD_INFO, labels=["version", "profile"])
        info.add_metric([cfsm.__version__, self._profile], 1)
        yield info
        families: Mapping[str, type[GaugeMetricFamily | CounterMetricFamily]]
        families = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}
        for spec in METRICS:
            family = families[spec.kind](spec.name, spec.meaning, labels=spec.labels)
            for labels, value in spec.read(overview):
                if value is not None:
                    family.add_metric(list(labels), float(value))
            yield family


BUILD_INFO = "1, with the version and the profile as labels."


def names() -> frozenset[str]:
    """Give the name of every metric, as Prometheus sees it."""
    return frozenset({"cfsm_build_info", *(spec.exposed_name for spec in METRICS)})


def reference() -> str:
    """Give the reference page of the metrics."""
    rows = [("cfsm_build_info", "gauge", "version, profile", BUILD_INFO)]
    rows += [(spec.exposed_name, spec.kind, ", ".join(spec.labels), spec.meaning) for spec in METRICS]
    table = "\n".join(f"| `{name}` | {kind} | {labels} | {meaning} |" for name, kind, labels, meaning in rows)
    return f"{_HEAD}\n| metric | kind | labels | meaning |\n|---|---|---|---|\n{table}\n"


_HEAD = """\
# Metrics

What Prometheus is told of a factory; `cfsm metrics` prints it. How to serve and show it is in
[Monitor the factory](../how-to/monitor.md). Made from the code; do not edit.

```sh
cfsm metrics | grep cfsm_strategies
```

A value that is not known, as the temperature of a machine without a sensor, is left out.
"""
