"""What is due by the calendar, and asking for it: generations, backtests again, optimisations, the daily cleaning.

Each slot of the calendar has its own key, and asking twice under one key is asking once: whoever was killed, or two of
them, or a clock that jumps back, repeat nothing. What was missed while nobody asked is caught up once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from cfsm.application.errors import Misconfigured
from cfsm.application.factory import Factory
from cfsm.application.tasks import TaskKind
from cfsm.domain.aggregate import Recorded
from cfsm.domain.generation import Generation
from cfsm.domain.housekeeping import Cleaning
from cfsm.domain.lifecycle import State
from cfsm.domain.naming import id_of
from cfsm.domain.optimization import Order
from cfsm.domain.retention import Summary
from cfsm.domain.strategy import Strategy

BACKTESTED = {State.BACKTESTED, State.OPTIMIZED, State.DRY_RUN}


@dataclass(frozen=True)
class OptimizationPlan:
    """Which strategies are optimised by themselves: once each, the best first, so many ``at_once``.

    The gate is a score out of sample of at least ``min_score``, with at least ``minimum_trades`` trades.
    """

    order: Order
    min_score: float
    minimum_trades: int
    at_once: int = 1

    def lets_through(self, summary: Summary) -> bool:
        """Say whether a strategy is above the gate and was never optimised."""
        return (
            summary.state is State.BACKTESTED
            and not summary.is_optimization_asked
            and summary.is_out_of_sample
            and summary.total_trades >= self.minimum_trades
            and summary.score is not None
            and summary.score >= self.min_score
        )


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
    optimization: OptimizationPlan | None = None


class Reminder:
    """Asks for what the calendar says."""

    def __init__(self, factory: Factory, calendar: Calendar, summaries: Callable[[], Sequence[Summary]]) -> None:
        if not calendar.strategy_types:
            raise Misconfigured("generation.strategy_types is empty: name at least one family")
        self._factory = factory
        self._calendar = calendar
        self._summaries = summaries

    def why_paused(self) -> str:
        """Say why no strategy may be asked for now; empty where one may."""
        alive = len(self._summaries())
        limit = self._calendar.max_strategies
        if alive < limit:
            return ""
        return f"generation paused: {alive} strategies are in service and retention.max_strategies is {limit}"

    def generation(self, now: datetime) -> None:
        """Ask for the strategy of the slot that ``now`` lies in."""
        slot = slot_of(now, self._calendar.generation_seconds)
        if slot is None:
            return
        turn = int(now.timestamp() // self._calendar.generation_seconds)
        types = self._calendar.strategy_types
        key = f"calendar/{slot}"

        def decide() -> Iterable[Recorded]:
            if self._factory.find(Generation, Generation.id_of(key)) is not None:
                return []
            return [
                Generation.request(
                    key,
                    strategy_type=types[turn % len(types)],
                    mode=self._calendar.mode,
                    model="",
                    seed=self._calendar.seed + id_of("draw", slot).int % 2**31,
                    why=f"due at {slot}",
                    stamp=self._factory.stamp(),
                )
            ]

        self._factory.transact(decide)

    def backtests(self, before: datetime) -> None:
        """Ask for a backtest of each strategy in service whose last one was before this moment, or at it.

        The key of a backtest is the one before it: it is asked for once, however late that came.
        """
        for summary in self._summaries():
            last = summary.last_backtest
            if summary.state in BACKTESTED and last is not None and last <= before:
                why = f"the last one was at {last.isoformat(timespec='seconds')}"
                self._factory.transact(lambda name=summary.name, why=why: self._again(name, why))  # type: ignore[misc]  # bound now

    def old_enough(self, now: datetime) -> datetime:
        """Give the moment at which the last backtest of whoever is due now was made."""
        return now - timedelta(seconds=self._calendar.backtest_seconds)

    def _again(self, name: str, why: str) -> Iterable[Recorded]:
        strategy = self._factory.get(Strategy, Strategy.id_of(name))
        strategy.request_backtest(why, self._factory.stamp(correlation=str(strategy.id)))
        return [strategy]

    def optimizations(self) -> None:
        """Ask for the optimisation of the best strategies above the gate, as far as there is room for more."""
        plan = self._calendar.optimization
        if plan is None:
            return
        chosen = [summary for summary in self._summaries() if plan.lets_through(summary)]
        if not chosen:
            return
        self._factory.plan()
        under_way = sum(task["kind"] == TaskKind.OPTIMIZE for task in self._factory.store.overview())
        chosen.sort(key=lambda summary: (-(summary.score or 0.0), summary.name))
        for summary in chosen[: max(0, plan.at_once - under_way)]:
            self._factory.transact(lambda summary=summary: self._optimize(summary, plan))  # type: ignore[misc]  # bound now

    def _optimize(self, summary: Summary, plan: OptimizationPlan) -> Iterable[Recorded]:
        strategy = self._factory.get(Strategy, Strategy.id_of(summary.name))
        if not strategy.optimization_orders and strategy.state is State.BACKTESTED:
            why = f"its score out of sample is {summary.score:.2f}, the gate {plan.min_score:g}"
            strategy.request_optimization(why, plan.order, self._factory.stamp(correlation=str(strategy.id)))
        return [strategy]

    def cleaning(self, now: datetime) -> None:
        """Ask for the cleaning of the last day whose time has come."""
        slot = day_of(now, self._calendar.cleaning_time)
        if slot is None:
            return

        def decide() -> Iterable[Recorded]:
            if self._factory.find(Cleaning, Cleaning.id_of(slot)) is not None:
                return []
            return [Cleaning.request(slot, f"due at {slot}", self._factory.stamp())]

        self._factory.transact(decide)


def slot_of(now: datetime, seconds: float) -> str | None:
    """Give the slot of the calendar that ``now`` lies in, or None where the part is switched off."""
    if not seconds:
        return None
    return start_of_slot(now, seconds).isoformat(timespec="seconds")


def start_of_slot(now: datetime, seconds: float) -> datetime:
    """Give the moment at which the slot began that ``now`` lies in."""
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, now.tzinfo)


def day_of(now: datetime, at: time | None) -> str | None:
    """Give the last day whose time ``at`` has come, by the local clock: each day has it once."""
    if at is None:
        return None
    local = now.astimezone().replace(tzinfo=None)
    due = datetime.combine(local.date(), at)
    return (due if due <= local else due - timedelta(days=1)).isoformat(timespec="minutes")
