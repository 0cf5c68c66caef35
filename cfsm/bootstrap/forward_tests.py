"""Forward tests of a house: who is tested next, on which days, held to which promise."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING

import orjson

from cfsm.application.errors import Misconfigured
from cfsm.bootstrap.house import House
from cfsm.bootstrap.views import by_reaction
from cfsm.domain.aggregate import Recorded
from cfsm.domain.forward_test import ForwardTest, Source, Span
from cfsm.domain.lifecycle import State
from cfsm.domain.promise import DAY_MS, promise_of
from cfsm.domain.sequential_test import TestRules
from cfsm.domain.strategy import Strategy
from cfsm.domain.trades import Trade
from cfsm.domain.trading_mode import Mode
from cfsm.projections.forward_tests import UNDER_WAY, ForwardTestsView
from cfsm.projections.leaderboard import Contender, LeaderboardView
from cfsm.projections.runs import RunsView

if TYPE_CHECKING:  # imported where they are used
    from cfsm.application.factory import Factory
    from cfsm.workers.dry_runner import Pace

LOOK_SECONDS = 30.0
"""So often is looked who might be tested next."""

CANDIDATES = {
    "optimized": frozenset({State.OPTIMIZED}),
    "backtested": frozenset({State.OPTIMIZED, State.BACKTESTED}),
    "none": frozenset[State](),
}
LOOKS_PER_CANDLE = 4
"""In a replay a bot with an open trade looks so often at each of the shortest candles: it sees all four prices."""

DEFAULT_TIMEFRAME_MS = 300_000


class CannotTest(Exception):
    """This strategy cannot be given a forward test; the message says why."""


class Candidates:
    """Asks for the next forward test, of the best strategy that had none."""

    def __init__(self, house: House, factory: "Factory") -> None:
        self._house = house
        self._factory = factory
        self._looked_at = float("-inf")

    def request_next(self) -> None:
        """Ask for one, if somebody waits; seldom enough to cost nothing."""
        if monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = monotonic()
        for contender in waiting(self._house):
            try:
                request(self._house, self._factory, contender.name, why=f"place {contender.rank} of the leaderboard")
            except CannotTest:
                continue
            return


def waiting(house: House) -> list[Contender]:
    """Give the strategies that wait for a forward test, the best first."""
    states = CANDIDATES[house.settings.forward_test.candidates]
    if not states:
        return []
    with by_reaction():
        tested = house.view(ForwardTestsView).tested()
        contenders = house.view(LeaderboardView).top(None, house.proof_rules)
    return [each for each in contenders if each.state in states and each.id not in tested]


def request(
    house: House,
    factory: "Factory",
    strategy_name: str,
    *,
    why: str,
    source: Source | None = None,
    mode: Mode | None = None,
    span: Span | None = None,
    days: float | None = None,
) -> ForwardTest:
    """Ask for a strategy's next forward test; what is not given is as configured, ``days`` only without a ``span``.

    Raise CannotTest where there is nothing to hold it to or no day to test it on, ProductionRefused, TryAgain.
    """
    settings = house.settings.forward_test
    source, mode = source or Source(settings.source), mode or Mode(settings.mode)
    contender = _contender(house, strategy_name)
    span = span or (replay_span(house, days) if source is Source.REPLAY else _live_span(house, days))
    backtested = trades_of(house, contender.run_id)
    begin, end = (_ms(datetime.fromisoformat(text)) for text in (contender.backtest_start, contender.backtest_end))
    promise = promise_of(backtested, begin, max(end, begin + 1))
    proof = (contender.figures.get("parts") or {}).get("proof") or {}
    rules = TestRules(worse_error=settings.worse_error_percent / 100, edge_error=settings.edge_error_percent / 100)
    made: list[ForwardTest] = []

    def decide() -> Iterable[Recorded]:
        strategy = factory.get(Strategy, Strategy.id_of(strategy_name))
        _require_same_parameters(house, strategy, contender.run_id)
        number = _next_number(factory, strategy_name)
        made[:] = [
            ForwardTest.request(
                strategy_name=strategy_name,
                strategy_id=strategy.id,
                number=number,
                source=source,
                mode=mode,
                conditions=house.conditions,
                span=span,
                promise=promise,
                promised_by=contender.run_id,
                same_days_run_id=proof.get("run_id", "") if source is Source.REPLAY else "",
                rules=rules,
                why=why,
                stamp=factory.stamp(correlation=str(strategy.id)),
            )
        ]
        return made

    factory.transact(decide)
    return made[0]


def _require_same_parameters(house: House, strategy: Strategy, run_id: str) -> None:
    """Raise CannotTest where the backtest ran with other parameters than the bot would: a new one is on its way."""
    with by_reaction():
        theirs = house.view(RunsView).find(run_id).identity.get("parameters_hash")
    ours = strategy.parameters_hash or sha256(b"").hexdigest()
    if theirs and theirs != ours:
        raise CannotTest(f"{strategy.name} has other parameters since its last backtest: wait for the next one")


def _next_number(factory: "Factory", strategy_name: str) -> int:
    """Give the number of the next forward test. Raise CannotTest while the last one goes on."""
    number = 1
    while (test := factory.find(ForwardTest, ForwardTest.id_of(strategy_name, number))) is not None:
        if not test.is_over:
            raise CannotTest(f"{strategy_name} is in a forward test already: see `cfsm dryrun show {strategy_name}`")
        number += 1
    return number


def stop(house: House, strategy_name: str, why: str) -> bool:
    """Ask for the end of the forward test that a strategy is in; say whether it is in one."""
    with by_reaction():
        latest = house.view(ForwardTestsView).latest(strategy_name)
    if latest is None or latest.state not in UNDER_WAY:
        return False
    factory = house.factory

    def decide() -> Iterable[Recorded]:
        test = factory.get(ForwardTest, ForwardTest.id_of(strategy_name, latest.number))
        test.request_stop(why, factory.stamp(correlation=test.strategy_id))
        return [test]

    factory.transact(decide)
    return True


def replay_span(house: House, days: float | None = None, candles_ms: int = 0) -> Span:
    """Give the days of a replay: the first ones of the proof, which no selection sees. Raise CannotTest without one.

    ``days`` is as configured; ``candles_ms`` bounds it (0: not).
    """
    settings = house.settings.forward_test
    proof = house.division.proof
    if proof is None:
        raise CannotTest(
            "no days are held back: the data set has fewer than walk_forward.minimum_days days, or is not divided. "
            "Use one that is longer, or forward_test.source: live"
        )
    begin = _ms(_midnight(proof.first))
    wanted = max(1, round((settings.replay_days if days is None else days) * DAY_MS))
    longest = _ms(_midnight(proof.end)) - begin
    length = min(wanted, longest, candles_ms or longest)
    step = _base_ms(house) // LOOKS_PER_CANDLE
    return Span(begin_ms=begin, end_ms=begin + length, spread_bps=settings.spread_bps, seed=settings.seed, step_ms=step)


def _live_span(house: House, days: float | None) -> Span:
    begin = _ms(house.clock.now())
    wanted = house.settings.forward_test.live_days if days is None else days
    return Span(begin_ms=begin, end_ms=begin + max(1, round(wanted * DAY_MS)))


def trades_of(house: House, run_id: str) -> Sequence[Trade]:
    """Give the trades of a backtest's run. Raise CannotTest where they are not kept."""
    with by_reaction():
        run = house.view(RunsView).find(run_id)
    blob = run.blobs.get("trades")
    if blob is None:
        raise CannotTest(f"the trades of run {run_id[:8]} were not kept")
    return tuple(Trade(**facts) for facts in orjson.loads(house.blobs.get(blob)))


def timeframe_ms_of(house: House, strategy: Strategy) -> int:
    """Give the length of a strategy's candles, as its last backtest had them."""
    from cfsm.adapters.market_data.series import timeframe_ms

    timeframe = _contender(house, strategy.name).timeframe
    return timeframe_ms(timeframe) if timeframe else DEFAULT_TIMEFRAME_MS


def pace_of(house: House) -> "Pace":
    """Give how often bots are looked at."""
    from cfsm.workers.dry_runner import Pace

    settings = house.settings.forward_test
    return Pace(
        look_seconds=settings.look_seconds,
        observe_seconds=settings.observe_seconds,
        stall_seconds=settings.stall_seconds,
    )


def _contender(house: House, strategy_name: str) -> Contender:
    with by_reaction():
        contenders = house.view(LeaderboardView).top(None, house.proof_rules, include_retired=True)
    found = next((each for each in contenders if each.name == strategy_name), None)
    if found is None or not found.run_id:
        raise CannotTest(f"{strategy_name} has no backtest that a forward test could be held to")
    return found


def _base_ms(house: House) -> int:
    from cfsm.adapters.market_data.series import timeframe_ms

    dataset = house.datasets.open(house.conditions.dataset)
    shortest = next((each for each in dataset.timeframes if dataset.pairs_with(each) == dataset.pairs), None)
    if shortest is None:
        raise Misconfigured(f"dataset {dataset.name} has no timeframe that every pair has candles of")
    return timeframe_ms(shortest)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
