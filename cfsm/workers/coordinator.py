"""The clock -> what is due by the calendar: generations, backtests again, the daily cleaning."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import ClassVar

from cfsm.application.ports import Clock, Misconfigured
from cfsm.domain.aggregate import Recorded, id_of
from cfsm.domain.generation import Generation
from cfsm.domain.housekeeping import Cleaning
from cfsm.domain.lifecycle import State
from cfsm.domain.retention import Summary
from cfsm.domain.strategy import Strategy
from cfsm.workers.base import Equipment, Worker

BACKTESTED = {State.BACKTESTED, State.OPTIMIZED, State.DRY_RUN}


@dataclass(frozen=True)
class Calendar:
    """What is due when. Zero or None switches a part off."""

    generation_seconds: float
    strategy_types: Sequence[str]
    seed: int
    max_strategies: int
    backtest_seconds: float
    cleaning_time: time | None


class CoordinatorWorker(Worker):
    """Asks for what the calendar says.

    Each slot of the calendar has its own key, and asking twice under one key is asking once: a coordinator that was
    killed, or two of them, or a clock that jumps back, repeat nothing. What was missed while the factory was down is
    caught up once.
    """

    name: ClassVar[str] = "coordinator"

    def __init__(
        self, equipment: Equipment, clock: Clock, calendar: Calendar, summaries: Callable[[], Sequence[Summary]]
    ) -> None:
        super().__init__(equipment)
        if not calendar.strategy_types:
            raise Misconfigured("generation.strategy_types is empty: name at least one family")
        self._clock = clock
        self._calendar = calendar
        self._summaries = summaries
        self._asked: dict[str, str] = {}

    def step(self) -> bool:
        """Ask for what is due and was not asked for."""
        now = self._clock.now()
        self._generation(now)
        self._backtests(now)
        self._cleaning(now)
        return False

    def _is_new(self, what: str, slot: str) -> bool:
        """Say whether the slot was not seen by this process yet: the event store is asked once a slot."""
        if self._asked.get(what) == slot:
            return False
        self._asked[what] = slot
        return True

    def _generation(self, now: datetime) -> None:
        slot = _slot(now, self._calendar.generation_seconds)
        if slot is None or not self._is_new("generation", slot):
            return
        alive = sum(summary.state is not State.RETIRED for summary in self._summaries())
        if alive >= self._calendar.max_strategies:
            words = f"{alive} strategies are in service and retention.max_strategies is {self._calendar.max_strategies}"
            self.notifier.status(f"generation paused: {words}")
            self.log.info("generation paused", why=words)
            return
        number = int(id_of("draw", slot).int % 2**31)
        types = self._calendar.strategy_types
        key = f"calendar/{slot}"

        def decide() -> Iterable[Recorded]:
            if self.factory.find(Generation, Generation.id_of(key)) is not None:
                return []
            return [
                Generation.request(
                    key,
                    strategy_type=types[number % len(types)],
                    mode="single",
                    model="",
                    seed=self._calendar.seed + number,
                    why=f"due at {slot}",
                    stamp=self.factory.stamp(),
                )
            ]

        self.factory.transact(decide)

    def _backtests(self, now: datetime) -> None:
        slot = _slot(now, self._calendar.backtest_seconds)
        if slot is None or not self._is_new("backtests", slot):
            return
        oldest = now - timedelta(seconds=self._calendar.backtest_seconds)
        for summary in self._summaries():
            last = summary.last_backtest
            if summary.state in BACKTESTED and last is not None and last <= oldest:
                self.factory.transact(lambda name=summary.name: self._again(name, slot))  # type: ignore[misc]  # bound now

    def _again(self, name: str, slot: str) -> Iterable[Recorded]:
        strategy = self.factory.get(Strategy, Strategy.id_of(name))
        strategy.request_backtest(f"due at {slot}", self.factory.stamp(correlation=str(strategy.id)))
        return [strategy]

    def _cleaning(self, now: datetime) -> None:
        at = self._calendar.cleaning_time
        if at is None:
            return
        local = now.astimezone()
        due = local.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
        slot = (due if due <= local else due - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
        if not self._is_new("cleaning", slot):
            return

        def decide() -> Iterable[Recorded]:
            if self.factory.find(Cleaning, Cleaning.id_of(slot)) is not None:
                return []
            return [Cleaning.request(slot, f"due at {slot}", self.factory.stamp())]

        self.factory.transact(decide)


def _slot(now: datetime, seconds: float) -> str | None:
    """Give the slot of the calendar that ``now`` lies in, or None where the part is switched off."""
    if not seconds:
        return None
    start = now.timestamp() // seconds * seconds
    return datetime.fromtimestamp(start, now.tzinfo).isoformat(timespec="seconds")
