"""The worker of each role, wired."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import time
from functools import partial
from typing import TYPE_CHECKING

from cfsm.application.ports import Notifier
from cfsm.application.tasks import TaskKind
from cfsm.bootstrap.house import House
from cfsm.bootstrap.views import catch_up, projector_of
from cfsm.domain.retention import RetentionRules

if TYPE_CHECKING:  # imported where they are used: a process runs one role
    from cfsm.adapters.hardware import Gauge
    from cfsm.application.factory import Factory
    from cfsm.workers.base import Equipment, Worker
    from cfsm.workers.calendar import Calendar

LIGHT_ROLES = frozenset({"generator", "cleaner"})
LIGHT_KINDS = frozenset({TaskKind.GENERATE.value, TaskKind.CLEAN.value})
"""What takes no time worth speaking of: rendering a template, retiring by rules."""


def build_worker(
    house: House, role: str, instance: int, notifier: Notifier, is_stopping: Callable[[], bool]
) -> "Worker":
    """Give the worker of a role, wired. Raise Misconfigured."""
    from cfsm.adapters.pulse import PulseFile
    from cfsm.workers.base import Equipment, Terms

    workers = house.settings.workers
    factory = house.open_factory(f"{worker_name(role, instance)}@{socket.gethostname()}")
    equipment = Equipment(
        factory=factory,
        bell=house.open_bell(),
        notifier=notifier,
        terms=Terms(workers.lease_seconds, workers.max_attempts, workers.retry_seconds),
        is_stopping=is_stopping,
        refusal=refusal_of(house, factory, is_light=role in LIGHT_ROLES),
        pulse=PulseFile(house.run_folder, worker_name(role, instance)),
    )
    return BUILDERS[role](house, equipment)


def worker_name(role: str, instance: int) -> str:
    """Give the name of a worker of a role, as its events, its log and the supervisor know it."""
    return role if instance == 1 else f"{role}-{instance}"


def gauge_of(house: House) -> "Gauge":
    """Give what measures this machine."""
    from cfsm.adapters.hardware import Gauge

    return Gauge(house.path, house.settings.admission.window_seconds)


def refusal_of(
    house: House, factory: "Factory", *, is_light: bool = False, gauge: "Gauge | None" = None
) -> Callable[[], str]:
    """Give what tells why a worker of this machine may not take on tasks now; empty where it may.

    A light one, whose tasks take no time worth speaking of, waits for no other.
    """
    from cfsm.domain.admission import AdmissionRules
    from cfsm.workers.admission import Admission

    rules = AdmissionRules(**house.settings.admission.model_dump(exclude={"window_seconds"}))
    here = f"@{socket.gethostname()}"

    def is_anyone_at_work() -> bool:
        return not is_light and any(
            task["claimed"] and task["owner"].endswith(here) and task["kind"] not in LIGHT_KINDS
            for task in factory.store.overview()
        )

    return Admission((gauge or gauge_of(house)).load, rules, is_anyone_at_work).refusal


def _generator(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.adapters.templates import render
    from cfsm.workers.generator import GeneratorWorker

    return GeneratorWorker(equipment, render, house.blobs, house.name_of_code)


def _validator(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.workers.validator import ValidatorWorker

    return ValidatorWorker(equipment, house.engine, house.is_forge_ready, house.blobs, house.conditions, house.limits)


def _backtester(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.workers.backtester import BacktesterWorker

    return BacktesterWorker(
        equipment,
        house.engine,
        house.is_forge_ready,
        house.blobs,
        house.conditions,
        house.limits,
        division=lambda: house.division,
        data_label=house.datasets.open(house.conditions.dataset).kind.value,
        name_of_result=house.name_of_result,
    )


def _cleaner(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.workers.cleaner import CleanerWorker

    retention = house.settings.retention
    rules = RetentionRules(
        max_strategies=retention.max_strategies,
        max_strategy_age_days=retention.max_strategy_age_days,
        min_backtest_score=house.settings.selection.min_backtest_score,
    )
    return CleanerWorker(equipment, rules, house.summaries)


def _coordinator(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.workers.coordinator import CoordinatorWorker

    calendar = calendar_of(house)
    if house.environ.get("CFSM_SUPERVISION") == "systemd":  # its timers ask: `cfsm due`
        calendar = replace(calendar, generation_seconds=0, backtest_seconds=0, cleaning_time=None)
    return CoordinatorWorker(equipment, house.clock, calendar, house.summaries)


def calendar_of(house: House) -> "Calendar":
    """Give what is due when."""
    from cfsm.workers.calendar import Calendar

    settings = house.settings
    return Calendar(
        generation_seconds=settings.generation.interval_seconds,
        strategy_types=settings.generation.strategy_types,
        seed=settings.generation.seed,
        max_strategies=settings.retention.max_strategies,
        backtest_seconds=settings.backtest.interval_seconds if settings.backtest.auto_backtest else 0,
        cleaning_time=time.fromisoformat(settings.retention.cleaning_time)
        if settings.retention.cleanup_old_strategies
        else None,
    )


def _projector(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.projections.registry import all_projections
    from cfsm.workers.projector import ProjectorWorker

    projectors = [projector_of(each, house.projections_folder) for each in all_projections()]
    log = equipment.factory.store
    return ProjectorWorker(equipment, [partial(catch_up, projector, log) for projector in projectors])


BUILDERS: Mapping[str, Callable[[House, "Equipment"], "Worker"]] = {
    "projector": _projector,
    "coordinator": _coordinator,
    "generator": _generator,
    "validator": _validator,
    "backtester": _backtester,
    "cleaner": _cleaner,
}
ROLES = tuple(BUILDERS)
"""The workers, in the order in which they start."""
