"""The worker of each role, wired."""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import time
from functools import partial
from typing import TYPE_CHECKING

from cfsm.application.ports import Notifier, Processes
from cfsm.application.tasks import TaskKind
from cfsm.bootstrap.house import House
from cfsm.bootstrap.views import catch_up, projector_of
from cfsm.domain.admission import AdmissionRules
from cfsm.domain.optimization import BetterRules
from cfsm.domain.retention import RetentionRules

if TYPE_CHECKING:  # imported where they are used: a process runs one role
    from cfsm.adapters.hardware import Gauge
    from cfsm.application.factory import Factory
    from cfsm.application.ports import HyperoptEngine, Sampler
    from cfsm.domain.hyperopt import Dimension
    from cfsm.workers.base import Equipment, Worker
    from cfsm.workers.calendar import Calendar
    from cfsm.workers.optimizer import OptimizerWorker

BACKTESTER, COORDINATOR, PROJECTOR = "backtester", "coordinator", "projector"
SCALED = {
    "backtester": TaskKind.BACKTEST,
    "cleaner": TaskKind.CLEAN,
    "optimizer": TaskKind.OPTIMIZE,
    "gateway": TaskKind.FORWARD_TEST,
}
"""The roles of which more or fewer run, with the tasks that say how many."""

HELPERS = frozenset({"gateway"})
"""Those of them whose tasks another role claims: bots ask the gateway."""

LIGHT_ROLES = frozenset({"generator", "cleaner"})
LIGHT_KINDS = frozenset(
    kind.value for kind in (TaskKind.GENERATE, TaskKind.OPINION, TaskKind.CLEAN, TaskKind.FORWARD_TEST)
)
"""What nobody waits for: what takes no time worth speaking of (rendering a template, retiring by rules), and bots,
which give way to everybody and may run for weeks. What models write takes their server's time: the generator then
waits for others, and others do not wait for it."""


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
        refusal=refusal_of(house, factory, is_light=role in _light_roles(house)),
        pulse=PulseFile(house.run_folder, worker_name(role, instance)),
    )
    return BUILDERS[role](house, equipment)


def _light_roles(house: House) -> frozenset[str]:
    return LIGHT_ROLES - {"generator"} if house.settings.generation.models else LIGHT_ROLES


def worker_name(role: str, instance: int) -> str:
    """Give the name of a worker of a role, as its events, its log and the supervisor know it."""
    return role if instance == 1 else f"{role}-{instance}"


def least_instances(house: House) -> Mapping[str, int]:
    """Give how many workers of each role always run on this machine; a coordinator calls those on demand."""
    workers = house.settings.workers
    counts: dict[str, int] = workers.instances.model_dump()
    return {**counts, **dict.fromkeys(workers.on_demand, 0)} if counts[COORDINATOR] else counts


def most_instances(house: House) -> Mapping[str, int]:
    """Give how many workers of each role run at most; of more than the least the coordinator decides."""
    from cfsm.adapters.control_group import usable_cores

    counts: dict[str, int] = house.settings.workers.instances.model_dump()
    if not counts[BACKTESTER] or not counts[COORDINATOR]:
        return counts
    wanted = house.settings.workers.backtester_most
    most = usable_cores() if wanted is None else wanted
    return {**counts, BACKTESTER: max(counts[BACKTESTER], most)}


def processes_of(house: House, notifier: Notifier) -> Processes | None:
    """Give the processes under whoever supervises this one; None where nobody does who can be asked."""
    from cfsm.adapters.supervisor.processes import MARK

    most = most_instances(house)
    if MARK in house.environ:
        from cfsm.adapters.supervisor.orders import SupervisedProcesses

        return SupervisedProcesses(house.path, notifier.notify, worker_name, most)
    if house.environ.get("CFSM_SUPERVISION") == "systemd":
        from cfsm.adapters.units.reserves import ReservesOfSystemd

        return ReservesOfSystemd(house.path, house.run_folder, worker_name, least_instances(house), most)
    return None


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
    from cfsm.workers.admission import Admission

    here = f"@{socket.gethostname()}"

    def is_anyone_at_work() -> bool:
        return not is_light and any(
            task["claimed"] and task["owner"].endswith(here) and task["kind"] not in LIGHT_KINDS
            for task in factory.store.overview()
        )

    return Admission((gauge or gauge_of(house)).load, admission_rules_of(house), is_anyone_at_work).refusal


def admission_rules_of(house: House) -> AdmissionRules:
    """Give when new work may not start on this machine."""
    return AdmissionRules(**house.settings.admission.model_dump(exclude={"window_seconds"}))


def _generator(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.adapters.templates import render
    from cfsm.bootstrap.studio import studio
    from cfsm.workers.generator import GeneratorWorker

    return GeneratorWorker(equipment, render, house.blobs, house.name_of_code, studio(house))


def _validator(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.workers.validator import ValidatorWorker

    return ValidatorWorker(
        equipment, house.engine, house.is_forge_ready, house.blobs, house.conditions, house.validation_limits
    )


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
        wants_opinions=bool(house.settings.generation.models) and house.settings.generation.opinions,
    )


def _optimizer(house: House, equipment: "Equipment") -> "Worker":
    engines = [house.new_engine() for _ in range(house.parallel_trials)]
    return optimizer_with(house, equipment, engines, house.is_forge_ready)


def optimizer_with(
    house: House,
    equipment: "Equipment",
    engines: "Sequence[HyperoptEngine]",
    is_engine_ready: Callable[[], bool] = lambda: True,
) -> "OptimizerWorker":
    """Give the worker that seeks better parameters, with these engines."""
    from cfsm.workers.optimizer import OptimizerWorker

    optimization = house.settings.optimization
    return OptimizerWorker(
        equipment,
        engines,
        is_engine_ready,
        house.blobs,
        house.conditions,
        house.limits,
        division=lambda: house.division,
        data_label=house.datasets.open(house.conditions.dataset).kind.value,
        open_search=_open_search,
        rules=BetterRules(probability=optimization.better_probability, minimum_trades=optimization.minimum_trades),
    )


def _open_search(dimensions: "Sequence[Dimension]", seed: int) -> "Sampler":
    from cfsm.adapters.optuna_search import OptunaSearch  # an optimizer that waits for work does without it

    return OptunaSearch(dimensions, seed)


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
    return CoordinatorWorker(equipment, house.clock, calendar, house.summaries, _upkeep(house, equipment))


def calendar_of(house: House) -> "Calendar":
    """Give what is due when."""
    from cfsm.workers.calendar import Calendar, OptimizationPlan

    settings = house.settings
    return Calendar(
        generation_seconds=settings.generation.interval_seconds,
        strategy_types=settings.generation.strategy_types,
        mode=settings.generation.mode,
        seed=settings.generation.seed,
        max_strategies=settings.retention.max_strategies,
        backtest_seconds=settings.backtest.interval_seconds if settings.backtest.auto_backtest else 0,
        cleaning_time=time.fromisoformat(settings.retention.cleaning_time)
        if settings.retention.cleanup_old_strategies
        else None,
        optimization=OptimizationPlan(
            order=house.optimization_order,
            min_score=settings.selection.min_backtest_score,
            minimum_trades=settings.selection.minimum_trades,
            at_once=settings.workers.instances.optimizer,
        )
        if settings.optimization.auto_optimization
        else None,
    )


def _upkeep(house: House, equipment: "Equipment") -> Callable[[], None]:
    """Give what the coordinator does for the processes: more or fewer by what waits, a projector that stands still."""
    from cfsm.adapters.pulse import read_sign
    from cfsm.domain.admission import Refused, admit
    from cfsm.domain.scaling import ScalingRules
    from cfsm.workers.scaling import Scaler, StallWatch, Upkeep

    processes = processes_of(house, equipment.notifier)
    if processes is None:
        return lambda: None
    store, gauge, admission = equipment.factory.store, gauge_of(house), admission_rules_of(house)
    least, most = least_instances(house), most_instances(house)
    idle_seconds = house.settings.workers.reserve_idle_seconds

    def shortage() -> Refused | None:
        answer = admit(gauge.load(), admission)
        return answer if isinstance(answer, Refused) else None

    def position() -> int | None:
        sign = read_sign(house.run_folder, PROJECTOR)
        return None if sign is None or sign.has_ended else sign.position

    scalers = [
        Scaler(
            role,
            kind,
            ScalingRules(least=least[role], most=most[role], idle_seconds=idle_seconds),
            processes,
            tasks=store.overview,
            shortage=shortage,
            claims=role not in HELPERS,
        )
        for role, kind in SCALED.items()
        if least[role] < most[role]
    ]
    watch = StallWatch(PROJECTOR, processes, position=position, head=store.head)
    return Upkeep([*scalers, watch])


def _projector(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.projections.registry import all_projections
    from cfsm.workers.projector import ProjectorWorker

    projectors = [projector_of(each, house.projections_folder) for each in all_projections()]
    log = equipment.factory.store
    return ProjectorWorker(equipment, [partial(catch_up, projector, log) for projector in projectors])


def _metrics(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.adapters.metrics_endpoint import MetricsEndpoint
    from cfsm.bootstrap.metrics import exposition, registry_of
    from cfsm.workers.metrics import MetricsWorker

    registry = registry_of(house)
    return MetricsWorker(
        equipment, MetricsEndpoint(house.settings.monitoring.metrics_port, lambda: exposition(registry))
    )


def _gateway(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.bootstrap.market import gateway_of
    from cfsm.workers.gateway import GatewayWorker

    return GatewayWorker(equipment, gateway_of(house))


def _dry_runner(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.bootstrap.forward_tests import Candidates, pace_of, timeframe_ms_of, trades_of
    from cfsm.bootstrap.market import bots_of
    from cfsm.workers.dry_runner import DryRunner

    return DryRunner(
        equipment,
        bots_of(house),
        house.blobs,
        slots=house.settings.forward_test.max_bots,
        pace=pace_of(house),
        plan=Candidates(house, equipment.factory).request_next,
        trades_of=partial(trades_of, house),
        timeframe_ms=partial(timeframe_ms_of, house),
    )


BUILDERS: Mapping[str, Callable[[House, "Equipment"], "Worker"]] = {
    "projector": _projector,
    "coordinator": _coordinator,
    "generator": _generator,
    "validator": _validator,
    "backtester": _backtester,
    "optimizer": _optimizer,
    "cleaner": _cleaner,
    "metrics": _metrics,
    "gateway": _gateway,
    "dry_runner": _dry_runner,
}
ROLES = tuple(BUILDERS)
"""The workers, in the order in which they start."""
