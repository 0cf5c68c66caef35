"""The clock -> what is due by the calendar: generations, backtests again, the daily cleaning."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import ClassVar

from cfsm.application.ports import Clock, Misconfigured
from cfsm.domain.aggregate import Recorded
from cfsm.domain.generation import Generation
from cfsm.domain.housekeeping import Cleaning
from cfsm.domain.lifecycle import State
from cfsm.domain.naming import id_of
from cfsm.domain.retention import Summary
from cfsm.domain.strategy import Strategy
from cfsm.workers.base import Equipment, Worker

BACKTESTED = {State.BACKTESTED, State.OPTIMIZED, State.DRY_RUN}

LOOK_SECONDS = 60.0
"""How often is looked who is old enough for another backtest, and whether there is room again for strategies."""


@dataclass(frozen=True)
class Calendar:
    """What is due when. Zero or None switches a part off."""

    generation_seconds: float
    strategy_types: Sequence[str]
    mode: str
    seed: int
    max_strategies: int
    backtest_seconds: float
    cleaning_time: time | None


class CoordinatorWorker(Worker):
    """Asks for what the calendar says.

    Each slot of the calendar has its own key, and asking twice under one key is asking once: a coordinator that was
    killed, or two of them, or a clock that jumps back, repeat nothing. What was missed while the factory was down is
    caught up once. A backtest's key is the one before it: it is due so long after that one, however late that came.
    """

    name: ClassVar[str] = "coordinator"

    def __init__(
        self,
        equipment: Equipment,
        clock: Clock,
        calendar: Calendar,
        summaries: Callable[[], Sequence[Summary]],
        upkeep: Sequence[Callable[[], None]] = (),
    ) -> None:
        """Each of ``upkeep`` is called at every step and looks after the processes, as often as it likes."""
        super().__init__(equipment)
        if not calendar.strategy_types:
            raise Misconfigured("generation.strategy_types is empty: name at least one family")
        self._clock = clock
        self._calendar = calendar
        self._summaries = summaries
        self._upkeep = upkeep
        self._asked: dict[str, str] = {}
        """The last slot of each part that needs no more asking by this process: the event store is asked once."""
        self._paused = ""

    def step(self) -> bool:
        """Ask for what is due and was not asked for."""
        now = self._clock.now()
        calendar = self._calendar
        self._once("generation", _slot(now, calendar.generation_seconds), lambda slot: self._generation(now, slot))
        self._once("look", _slot(now, min(calendar.backtest_seconds, LOOK_SECONDS)), lambda _: self._backtests(now))
        self._once("cleaning", _day(now, calendar.cleaning_time), self._cleaning)
        for each in self._upkeep:
            each()
        self.say(self._paused or "idle")
        return False

    def _once(self, part: str, slot: str | None, ask: Callable[[str], object]) -> None:
        """Ask once a slot; again, if it failed or was given up as False."""
        if slot is not None and self._asked.get(part) != slot and ask(slot) is not False:
            self._asked[part] = slot

    def _generation(self, now: datetime, slot: str) -> bool:
        if not self._has_room(now):
            return False
        calendar = self._calendar
        turn = int(now.timestamp() // calendar.generation_seconds)
        types = calendar.strategy_types
        key = f"calendar/{slot}"

        def decide() -> Iterable[Recorded]:
            if self.factory.find(Generation, Generation.id_of(key)) is not None:
                return []
            return [
                Generation.request(
                    key,
                    strategy_type=types[turn % len(types)],
                    mode=calendar.mode,
                    model="",
                    seed=calendar.seed + id_of("draw", slot).int % 2**31,
                    why=f"due at {slot}",
                    stamp=self.factory.stamp(),
                )
            ]

        self.factory.transact(decide)
        return True

    def _has_room(self, now: datetime) -> bool:
        """Say whether one more strategy may be made; where not, it is looked again a minute later."""
        look = _slot(now, LOOK_SECONDS)
        if self._paused and self._asked.get("room") == look:
            return False
        alive = len(self._summaries())
        limit = self._calendar.max_strategies
        before = self._paused
        self._paused = ""
        if alive >= limit:
            self._paused = (
                f"generation paused: {alive} strategies are in service and retention.max_strategies is {limit}"
            )
            self._asked["room"] = str(look)
        if bool(before) != bool(self._paused):
            self.log.info(self._paused or "generation goes on: there is room again")
        return not self._paused

    def _backtests(self, now: datetime) -> None:
        age = timedelta(seconds=self._calendar.backtest_seconds)
        for summary in self._summaries():
            last = summary.last_backtest
            if summary.state in BACKTESTED and last is not None and last + age <= now:
                why = f"the last one was at {last.isoformat(timespec='seconds')}"
                self.factory.transact(lambda name=summary.name, why=why: self._again(name, why))  # type: ignore[misc]  # bound now

    def _again(self, name: str, why: str) -> Iterable[Recorded]:
        strategy = self.factory.get(Strategy, Strategy.id_of(name))
        strategy.request_backtest(why, self.factory.stamp(correlation=str(strategy.id)))
        return [strategy]

    def _cleaning(self, slot: str) -> None:
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


def _day(now: datetime, at: time | None) -> str | None:
    """Give the last day whose time ``at`` has come, by the local clock: each day has it once."""
    if at is None:
        return None
    local = now.astimezone().replace(tzinfo=None)
    due = datetime.combine(local.date(), at)
    return (due if due <= local else due - timedelta(days=1)).isoformat(timespec="minutes")
