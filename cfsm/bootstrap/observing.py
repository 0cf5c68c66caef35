"""How the whole factory is at one moment, for those who look at it: ``cfsm status``, ``cfsm top``, the metrics."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cfsm.adapters.hardware import Gauge
from cfsm.adapters.pulse import BEAT_SECONDS, Sign, now_seconds, read_signs
from cfsm.adapters.supervisor.status import FactoryStatus, UnitState, UnitStatus
from cfsm.application.errors import TryAgain
from cfsm.bootstrap.house import House
from cfsm.bootstrap.supervision import supervision_of
from cfsm.bootstrap.workers import ROLES, gauge_of, refusal_of
from cfsm.domain.admission import Load
from cfsm.domain.health import Health, HealthRules, Vitals, health_of
from cfsm.domain.lifecycle import State
from cfsm.projections.health import HealthView, Outcomes, Parked
from cfsm.projections.reading import NotBuilt, Unreadable, read
from cfsm.projections.runs import Run, RunsView

if TYPE_CHECKING:
    from cfsm.projections.base import View

ViewKind = TypeVar("ViewKind", bound="View")

_AT_WORK = {UnitState.STARTING, UnitState.RUNNING, UnitState.STOPPING}


@dataclass(frozen=True, kw_only=True)
class WorkerNow:
    """One process of the factory."""

    name: str
    state: str
    health: Health
    doing: str
    waits_because: str
    last_error: str
    done: int
    failed: int
    done_within_hour: int
    failed_within_hour: int
    restarts: int
    """How often it was started again since the factory started."""
    deaths_within_hour: int
    lag_events: int | None
    silent_seconds: float | None
    memory_mb: float | None
    cpu_seconds: float | None
    cpu_percent: float | None
    """Of one core; of the process alone, without what the forge does for it."""
    pid: int | None


@dataclass(frozen=True)
class Queue:
    """The tasks of a kind that are not done."""

    waiting: int
    under_way: int


@dataclass(frozen=True)
class Work:
    """A task that somebody holds: of which kind, on what, who, and how far it is in words."""

    kind: str
    subject: str
    owner: str
    progress: str
    tries: int


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The factory at one moment. What is folded from events is as of ``shown_until``, the log's head is ``events``."""

    factory: FactoryStatus | None
    workers: Sequence[WorkerNow]
    pipeline: Mapping[State, int]
    queues: Mapping[str, Queue]
    parked: Sequence[Parked]
    work: Sequence[Work]
    runs: Sequence[Run]
    """The evaluations under way."""
    generations: Outcomes
    evaluations: Outcomes
    topics: Mapping[str, int]
    """How many events there were of each topic."""
    waits_because: str
    """Why nothing new starts now; empty where it may."""
    machine: Load
    events: int
    shown_until: int
    last_event_at: datetime | None
    is_stale: bool
    """Whether the projector is at work and has not come to the end."""

    @property
    def is_running(self) -> bool:
        """Say whether a factory runs on the home."""
        return self.factory is not None and self.factory.running


class Observer:
    """Looks at a home again and again; it records nothing there, and any number of them may look."""

    def __init__(self, house: House) -> None:
        self._house = house

    def look(self, *, wait: bool = False) -> Overview:
        """Give how the factory is; with ``wait`` a projector at work is given the time to come to the end."""
        house = self._house
        factory = supervision_of(house).status()
        if factory is None or not factory.running:  # else its workers plan, and its projector comes to the end
            house.factory.plan()
            wait = True
        health, is_stale = self._view(HealthView, wait=wait)
        runs, _ = self._view(RunsView, wait=wait)
        tasks = house.factory.store.overview()
        head = house.factory.store.head()
        last_event_at = health.last_event_at()
        return Overview(
            factory=factory,
            workers=self._workers(factory, head),
            pipeline=health.pipeline(),
            queues=_queues(tasks),
            parked=health.parked(),
            work=[
                Work(task["kind"], task["subject"], task["owner"], task["progress"], task["tries"])
                for task in tasks
                if task["claimed"]
            ],
            runs=runs.active(),
            generations=health.generations(),
            evaluations=health.evaluations(),
            topics=health.events_by_topic(),
            waits_because=self._refusal(),
            machine=self._gauge.load(),
            events=head,
            shown_until=health.position,
            last_event_at=datetime.fromisoformat(last_event_at) if last_event_at else None,
            is_stale=is_stale,
        )

    @cached_property
    def _gauge(self) -> Gauge:
        return gauge_of(self._house)

    @cached_property
    def _refusal(self) -> Callable[[], str]:
        return refusal_of(self._house, self._house.factory, gauge=self._gauge)

    def _view(self, kind: type[ViewKind], *, wait: bool) -> tuple[ViewKind, bool]:
        """Give a view and whether it lags behind; one that nobody keeps up to date is brought up to date here."""
        view = read(kind, self._house.projections_folder)
        if not wait:
            with suppress(NotBuilt, Unreadable):
                return view, view.position < self._house.factory.store.head()
        try:
            return self._house.view(kind), False
        except TryAgain:
            return view, True

    def _workers(self, factory: FactoryStatus | None, head: int) -> list[WorkerNow]:
        signs = read_signs(self._house.run_folder)
        if factory is None or not factory.running:
            found = {name: sign for name, sign in signs.items() if _is_alive(sign)}
            return [self._worker(_unit_of(sign), sign, head) for name, sign in found.items()]
        units = sorted(factory.units, key=lambda unit: _place_of(unit.name))
        return [self._worker(unit, _sign_of(unit, signs), head) for unit in units]

    def _worker(self, unit: UnitStatus, sign: Sign | None, head: int) -> WorkerNow:
        silent_seconds = None if sign is None else max(0.0, now_seconds() - sign.at)
        lag = None if sign is None or sign.position is None else max(0, head - sign.position)
        deaths = sum(at >= now_seconds() - 3600 for at in sign.deaths) if sign else unit.restarts
        vitals = Vitals(
            is_wanted=unit.state is not UnitState.RESTING,
            is_running=unit.state in _AT_WORK,
            trouble=unit.reason or unit.state.value,
            silent_seconds=silent_seconds,
            lag_events=lag,
            done=sign.done_within_hour if sign else 0,
            failed=sign.failed_within_hour if sign else 0,
            restarts=deaths,
            memory_mb=sign.memory_mb if sign else None,
        )
        return WorkerNow(
            name=unit.name,
            state=unit.state.value,
            health=health_of(vitals, self._rules),
            doing=unit.status or unit.reason,
            waits_because=sign.waits_because if sign else "",
            last_error=sign.last_error if sign else "",
            done=sign.done if sign else 0,
            failed=sign.failed if sign else 0,
            done_within_hour=vitals.done,
            failed_within_hour=vitals.failed,
            restarts=unit.restarts,
            deaths_within_hour=deaths,
            lag_events=lag,
            silent_seconds=silent_seconds,
            memory_mb=sign.memory_mb if sign else unit.memory_mb,
            cpu_seconds=sign.cpu_seconds if sign else None,
            cpu_percent=sign.cpu_percent if sign else None,
            pid=unit.pid,
        )

    @cached_property
    def _rules(self) -> HealthRules:
        settings = self._house.settings
        hung = float(settings.workers.watchdog_seconds)
        return HealthRules(
            silent_seconds=min(2 * BEAT_SECONDS, hung / 2),
            hung_seconds=hung,
            lag_events=settings.monitoring.lag_events,
            memory_mb=settings.monitoring.worker_memory_mb,
        )


def _queues(tasks: Sequence[Mapping[str, object]]) -> dict[str, Queue]:
    due = [task for task in tasks if task["state"] == "open"]
    return {
        kind: Queue(
            sum(task["kind"] == kind and not task["claimed"] for task in due),
            sum(task["kind"] == kind and bool(task["claimed"]) for task in due),
        )
        for kind in dict.fromkeys(str(task["kind"]) for task in due)
    }


def _place_of(name: str) -> tuple[int, str]:
    """Give where a process stands in a list: in the order in which the workers start, the forge last."""
    role = name.rstrip("0123456789").rstrip("-@")
    return (ROLES.index(role) if role in ROLES else len(ROLES), name)


def _sign_of(unit: UnitStatus, signs: Mapping[str, Sign]) -> Sign | None:
    """Give the sign of the process that runs now, not of one before it."""
    sign = signs.get(unit.name)
    return sign if sign is not None and sign.pid == unit.pid else None


def _unit_of(sign: Sign) -> UnitStatus:
    """Give the state of a worker that runs without a supervisor that is known here."""
    since = datetime.now(UTC) - timedelta(seconds=now_seconds() - sign.started_at)
    return UnitStatus(sign.name, UnitState.RUNNING, since, sign.pid, len(sign.deaths), sign.doing, "", "", None)


def _is_alive(sign: Sign) -> bool:
    return not sign.has_ended and sign.at <= now_seconds() and Path(f"/proc/{sign.pid}").exists()
