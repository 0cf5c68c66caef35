"""Wires everything: the only place that knows the settings, the adapters and the workers together."""

import getpass
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import time
from functools import cached_property, partial
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.clock import SystemClock
from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.application.ports import Notifier
from cfsm.application.tasks import POLICY, TaskKind
from cfsm.domain.evaluation import Conditions, Limits
from cfsm.domain.retention import RetentionRules, Summary
from cfsm.domain.selection import ProofRules

if TYPE_CHECKING:  # imported where they are used: a question about the past needs few of them
    from cfsm.adapters.event_store.opening import StoreTerms
    from cfsm.adapters.freqtrade.client import ForgeEngine
    from cfsm.adapters.market_data.store import DatasetStore
    from cfsm.adapters.supervisor.units import RestartPolicy, UnitSpec
    from cfsm.application.factory import Factory
    from cfsm.application.ports import Bell
    from cfsm.domain.log import Log
    from cfsm.projections.base import Projection, View
    from cfsm.projections.projector import Projector
    from cfsm.projections.strategies import StrategiesView
    from cfsm.settings import Settings
    from cfsm.workers.base import Equipment, Worker

ROLES = ("projector", "coordinator", "generator", "validator", "backtester", "cleaner")
"""The workers, in the order in which they start."""

CATCH_UP_SECONDS = 10.0
"""How long a question waits for a running projector to reach the head of the log."""

LOOK_SECONDS = 0.02
"""How often it looks."""


def find_home(environ: Mapping[str, str]) -> Path:
    """Give the factory's folder: CFSM_HOME, else cfsm under the XDG state directory."""
    if environ.get("CFSM_HOME"):
        return Path(environ["CFSM_HOME"]).expanduser()
    state = environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "cfsm"


class House:
    """A factory's home with everything that is in it, each made when it is first asked for."""

    def __init__(
        self, path: Path, environ: Mapping[str, str], file: Path | None = None, profile: str | None = None
    ) -> None:
        self.path = path.absolute()
        self.environ = environ
        self.file = file
        self.profile = profile

    @classmethod
    def at(cls, path: Path | None, *, file: Path | None, profile: str | None, environ: Mapping[str, str]) -> "House":
        """Give the house at a path, or at the environment's home. Nothing is made or read yet."""
        return cls(path or find_home(environ), environ, file, profile)

    # What is configured

    @cached_property
    def settings(self) -> "Settings":
        """The settings. Raise ConfigurationError, which names every problem."""
        from cfsm.settings import load

        return load(self.path, file=self.file, profile=self.profile, environ=self.environ)

    @cached_property
    def clock(self) -> SystemClock:
        """The machine's clock."""
        return SystemClock()

    @property
    def run_folder(self) -> Path:
        """Where sockets lie."""
        from cfsm.adapters.event_store.opening import run_folder

        return run_folder(self.path, self.environ)

    # What is kept

    @cached_property
    def factory(self) -> "Factory":
        """The factory, as the person at the terminal."""
        return self.open_factory(f"{_user()}@{socket.gethostname()}")

    def open_factory(self, actor: str) -> "Factory":
        """Open the factory under an actor's name; only what the settings let happen by itself is planned."""
        from cfsm.adapters.event_store.opening import open_factory

        return open_factory(self.path, self.store_terms, actor=actor, clock=self.clock, policy=self._policy())

    def open_bell(self) -> "Bell":
        """Give a bell that rings when something is recorded."""
        from cfsm.adapters.event_store.opening import open_bell

        return open_bell(self.path, self.store_terms)

    @cached_property
    def store_terms(self) -> "StoreTerms":
        """How the event store is reached."""
        from cfsm.adapters.event_store.opening import StoreTerms

        store = self.settings.store
        password = store.password.get_secret_value() if store.password else None
        file = Path(store.password_file) if store.password_file else None
        return StoreTerms(**{**store.model_dump(), "password": password, "password_file": file})

    def _policy(self) -> dict[str, TaskKind]:
        off = set()
        if not self.settings.generation.auto_validation:
            off.add(TaskKind.VALIDATE)
        if not self.settings.backtest.auto_backtest:
            off.add(TaskKind.BACKTEST)
        return {topic: kind for topic, kind in POLICY.items() if kind not in off}

    @cached_property
    def blobs(self) -> BlobFolder:
        """The blobs."""
        return BlobFolder(self.path / "blobs")

    @cached_property
    def datasets(self) -> "DatasetStore":
        """The candles."""
        from cfsm.adapters.market_data.store import DatasetStore

        return DatasetStore(self.path / "data")

    # What is shown

    @property
    def projections_folder(self) -> Path:
        """Where projections lie."""
        return self.path / "projections"

    def view(self, kind: "type[View]") -> Any:
        """Give a view as it is now: brought up to date here, or by the projector that is at work.

        Where the disk takes nothing it is folded in memory.
        """
        from cfsm.projections.files import InUse
        from cfsm.projections.projector import CannotWrite, Projector
        from cfsm.projections.reading import fold, read

        view = read(kind, self.projections_folder)
        log = self.factory.store
        head = log.head()
        try:
            with Projector(kind.projection, self.projections_folder) as projector:
                projector.catch_up(log)
        except InUse:
            _wait_for(view, head, self.open_bell)
        except CannotWrite:
            return view if _has_reached(view, head) else fold(kind, log)
        return view

    @property
    def strategies(self) -> "StrategiesView":
        """The strategies as they are now."""
        from cfsm.projections.strategies import StrategiesView

        view: StrategiesView = self.view(StrategiesView)
        return view

    @property
    def proof_rules(self) -> ProofRules:
        """When the leaderboard calls a strategy proven."""
        selection = self.settings.selection
        return ProofRules(
            minimum_trades=selection.minimum_trades,
            deflated_probability=selection.deflated_probability,
            out_of_sample_required=selection.out_of_sample_required,
        )

    # What runs

    @property
    def conditions(self) -> Conditions:
        """Under which conditions strategies are evaluated."""
        backtest = self.settings.backtest
        return Conditions(
            dataset=self.settings.market_data.dataset,
            timerange=backtest.timerange or "",
            pairs=backtest.pairs,
            timeframe=backtest.timeframe,
            timeframe_detail=backtest.timeframe_detail,
            tradable_balance_ratio=backtest.tradable_balance_ratio,
            enable_protections=backtest.enable_protections,
            stake_currency=backtest.stake_currency,
            stake_amount=backtest.stake_amount,
            dry_run_wallet=backtest.dry_run_wallet,
            max_open_trades=backtest.max_open_trades,
            fee=backtest.fee,
        )

    @property
    def limits(self) -> Limits:
        """How much one evaluation may use."""
        backtest = self.settings.backtest
        return Limits(
            wall_seconds=backtest.timeout_seconds, cpu_seconds=backtest.timeout_seconds, memory_mb=backtest.memory_mb
        )

    @property
    def forge_socket(self) -> Path:
        """Where the forge listens."""
        return self.run_folder / "forge.sock"

    @cached_property
    def engine(self) -> "ForgeEngine":
        """The engine of the factory that runs here."""
        from cfsm.adapters.freqtrade.client import ForgeEngine

        return ForgeEngine(self.forge_socket)

    def is_forge_ready(self) -> bool:
        """Say whether the forge answers."""
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            peer.connect(str(self.forge_socket))
        except OSError:
            return False
        finally:
            peer.close()
        return True

    def summaries(self) -> Sequence[Summary]:
        """What a cleaning knows of the strategies in service. Raise TryAgain or Misconfigured, as those below."""
        with _by_reaction():
            return self.strategies.summaries()

    def name_of_code(self, normalised_hash: str) -> str | None:
        """Give the first strategy that has this code, in service or not."""
        with _by_reaction():
            return self.strategies.name_of_code(normalised_hash)

    def name_of_result(self, result_hash: str) -> str | None:
        """Give the first strategy whose last backtest made these trades, in service or not."""
        with _by_reaction():
            return self.strategies.name_of_result(result_hash)


def build_worker(
    house: House, role: str, instance: int, notifier: Notifier, is_stopping: Callable[[], bool]
) -> "Worker":
    """Give the worker of a role, wired. Raise Misconfigured."""
    from cfsm.workers.base import Equipment, Terms

    name = role if instance == 1 else f"{role}-{instance}"
    workers = house.settings.workers
    factory = house.open_factory(f"{name}@{socket.gethostname()}")
    equipment = Equipment(
        factory=factory,
        bell=house.open_bell(),
        notifier=notifier,
        terms=Terms(workers.lease_seconds, workers.max_attempts, workers.retry_seconds),
        is_stopping=is_stopping,
        refusal=refusal_of(house, factory),
    )
    return BUILDERS[role](house, equipment)


def refusal_of(house: House, factory: "Factory") -> Callable[[], str]:
    """Give what tells why the workers of this machine may not take on tasks now; empty where they may."""
    from cfsm.adapters.hardware import Gauge
    from cfsm.domain.admission import AdmissionRules
    from cfsm.workers.admission import Admission

    settings = house.settings.admission.model_dump()
    gauge = Gauge(house.path, settings.pop("window_seconds"))
    return Admission(
        gauge.load, AdmissionRules(**settings), lambda: any(task["claimed"] for task in factory.store.overview())
    ).refusal


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
    from cfsm.workers.coordinator import Calendar, CoordinatorWorker

    settings = house.settings
    calendar = Calendar(
        generation_seconds=settings.generation.interval_seconds,
        strategy_types=settings.generation.strategy_types,
        seed=settings.generation.seed,
        max_strategies=settings.retention.max_strategies,
        backtest_seconds=settings.backtest.interval_seconds if settings.backtest.auto_backtest else 0,
        cleaning_time=time.fromisoformat(settings.retention.cleaning_time)
        if settings.retention.cleanup_old_strategies
        else None,
    )
    return CoordinatorWorker(equipment, house.clock, calendar, house.summaries)


def _projector(house: House, equipment: "Equipment") -> "Worker":
    from cfsm.projections.registry import all_projections
    from cfsm.workers.projector import ProjectorWorker

    projectors = [_projector_of(each, house.projections_folder) for each in all_projections()]
    log = equipment.factory.store
    return ProjectorWorker(equipment, [partial(_catch_up, projector, log) for projector in projectors])


def _projector_of(projection: "type[Projection]", folder: Path) -> "Projector":
    """Take the right to write a projection; a question that brings it up to date, or a rebuild, has it for a while."""
    from structlog import get_logger

    from cfsm.projections.files import InUse
    from cfsm.projections.projector import Projector

    note = get_logger("projector").info
    deadline = monotonic() + CATCH_UP_SECONDS
    while True:
        try:
            with _by_reaction():
                return Projector(projection, folder, note)
        except InUse as error:
            if monotonic() > deadline:
                raise TryAgain(str(error)) from error
        sleep(LOOK_SECONDS)


def _catch_up(projector: "Projector", log: "Log", progress: Callable[[int, int], None]) -> int:
    with _by_reaction():
        return projector.catch_up(log, progress=progress)


@contextmanager
def _by_reaction() -> Iterator[None]:
    """Turn what a projection says into the reaction that a worker knows."""
    from cfsm.projections.base import CannotFold
    from cfsm.projections.fold import LogUnreadable
    from cfsm.projections.projector import CannotWrite
    from cfsm.projections.reading import NotBuilt, Unreadable

    try:
        yield
    except (CannotWrite, LogUnreadable, NotBuilt, Unreadable) as error:
        raise TryAgain(str(error)) from error
    except CannotFold as error:
        raise Misconfigured(str(error)) from error


BUILDERS: Mapping[str, Callable[[House, "Equipment"], "Worker"]] = {
    "generator": _generator,
    "validator": _validator,
    "backtester": _backtester,
    "cleaner": _cleaner,
    "coordinator": _coordinator,
    "projector": _projector,
}


def restart_policy(house: House) -> "RestartPolicy":
    """Give when the embedded supervisor starts a worker again that ended."""
    from cfsm.adapters.supervisor.units import RestartPolicy

    workers = house.settings.workers
    return RestartPolicy(
        first_delay_seconds=workers.restart_backoff_first_seconds,
        longest_delay_seconds=workers.restart_backoff_most_seconds,
    )


def units(house: House) -> "list[UnitSpec]":
    """Give what the embedded supervisor runs: the forge, and the workers, which stop before it."""
    from cfsm.adapters.freqtrade.client import forge_command
    from cfsm.adapters.supervisor.units import UnitSpec

    workers = house.settings.workers
    counts = workers.instances.model_dump()
    environ = {**house.environ, "CFSM_HOME": str(house.path), "PYTHONUNBUFFERED": "1"}
    common = [sys.executable, "-m", "cfsm", "--home", str(house.path)]
    if house.file:
        common += ["--config", str(house.file.absolute())]
    if house.profile:
        common += ["--profile", house.profile]
    names = {
        (role, number): role if counts[role] == 1 else f"{role}-{number}"
        for role in ROLES
        for number in range(1, counts[role] + 1)
    }
    specs = [
        UnitSpec(
            name=name,
            argv=(*common, "worker", role, "--instance", str(number)),
            environ=environ,
            watchdog_seconds=workers.watchdog_seconds,
            start_timeout_seconds=workers.start_timeout_seconds,
            stop_timeout_seconds=workers.stop_timeout_seconds,
        )
        for (role, number), name in names.items()
    ]
    forge = UnitSpec(
        name="forge",
        argv=tuple(forge_command(house.forge_socket, house.path / "data")),
        environ=environ,
        watchdog_seconds=workers.watchdog_seconds,
        start_timeout_seconds=workers.start_timeout_seconds,
        stop_timeout_seconds=workers.stop_timeout_seconds,
        stop_after=tuple(names.values()),
    )
    return [forge, *specs]


def _wait_for(view: "View", head: int, open_bell: "Callable[[], Bell]") -> None:
    deadline = monotonic() + CATCH_UP_SECONDS
    bell = open_bell()
    try:
        while monotonic() < deadline:
            if _has_reached(view, head):
                return
            bell.wait(LOOK_SECONDS)
    finally:
        bell.close()
    raise TryAgain("the projector is at work and has not reached the last event yet")


def _has_reached(view: "View", head: int) -> bool:
    from cfsm.projections.reading import NotBuilt, Unreadable

    try:
        return view.position >= head
    except (NotBuilt, Unreadable):
        return False


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"
