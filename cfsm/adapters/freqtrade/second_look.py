"""A second look at a strategy that passed the first: is its past the same when its future is not there?

Indicators and signals are compared on shortened histories; where callbacks take part in trading, the same orders must
be filled before prices begin to be quite others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any

import pandas as pd
from freqtrade.constants import Config
from freqtrade.data.dataprovider import DataProvider
from freqtrade.resolvers import StrategyResolver
from freqtrade.strategy import IStrategy

from cfsm.adapters.freqtrade.backtesting import StageClock
from cfsm.adapters.freqtrade.callbacks import CALLBACKS, overrides
from cfsm.adapters.freqtrade.causality import Causality
from cfsm.adapters.freqtrade.findings import finding, verdict_of
from cfsm.adapters.freqtrade.source_lines import line_of_columns
from cfsm.adapters.freqtrade.trial import Fill, Trial
from cfsm.adapters.freqtrade.warm_candles import bent
from cfsm.adapters.freqtrade.workshop import Prepared
from cfsm.domain.evaluation import Finding, Stage, Verdict

_FEWEST_FILLS = 4
_ABOUT_SO_MANY_LOOKS = 40
_LOOKS = (
    *((0.15, True, 1, 1 / 3), (0.25, True, 1, 3.0)),
    *((0.35, True, 4, 1 / 3), (0.45, True, 4, 3.0)),
    *((0.3, False, 1, 1 / 3), (0.5, False, 1, 3.0)),
)
"""Where among the entries (or the exits), and how many candles later, another future begins, and what it is times."""


class SecondLook:
    """Runs the strategy of a trial again, on less.

    ``config`` gives a configuration for one more load of the strategy, ``make`` a backtesting of such a one.
    """

    def __init__(
        self,
        backtesting: Any,
        config: Callable[[], Config],
        make: Callable[[Config, StageClock], Any],
        prepared: Prepared,
        source: bytes,
        clock: StageClock,
    ) -> None:
        self._backtesting = backtesting
        self._config = config
        self._make = make
        self._prepared = prepared
        self._source = source
        self._clock = clock

    def findings(
        self, trial: Trial, entries: Mapping[str, Sequence[int]], start_ms: int, closeness: int = 1
    ) -> list[Finding]:
        """Give what the future changes in the past of a trial that traded from ``start_ms`` on."""
        step_ms = self._backtesting.timeframe_secs * 1000
        causality = self.causality(closeness)
        candles = self._prepared.candles
        self._clock.enter(Stage.GENERATING_REPORT, _ABOUT_SO_MANY_LOOKS * closeness)
        try:
            found = causality.findings(trial.data, entries)
            if verdict_of(found) is not Verdict.ACCEPTED:
                return found
            return [*found, *self._of_trades(trial, start_ms, step_ms)]
        finally:
            candles.horizon_ms = candles.beyond = None

    def causality(self, closeness: int = 1) -> Causality:
        """Give what looks at indicators and signals, so many times as closely, anew for each use."""
        step_ms, startup = self._backtesting.timeframe_secs * 1000, self._backtesting.required_startup
        where = partial(line_of_columns, self._source)
        return Causality(self._fresh, self._analyse, step_ms, startup, where, closeness)

    def _fresh(self) -> IStrategy:
        self._clock.advance(1)
        config = self._config()
        strategy: IStrategy = StrategyResolver.load_strategy(config)
        config["startup_candle_count"] = strategy.startup_candle_count
        strategy.wallets = self._backtesting.wallets
        self._give_data_provider(strategy)
        strategy.ft_bot_start()
        return strategy

    def _give_data_provider(self, strategy: IStrategy) -> None:
        strategy.dp = DataProvider(strategy.config, self._prepared.exchange)
        strategy.dp.add_pairlisthandler(self._backtesting.pairlists)

    def _analyse(
        self, strategy: IStrategy, pair: str, candles: pd.DataFrame, horizon_ms: int
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        self._prepared.candles.horizon_ms = horizon_ms
        self._give_data_provider(strategy)
        indicators: pd.DataFrame = strategy.advise_indicators(candles, {"pair": pair}).copy()
        return indicators, strategy.ft_advise_signals(indicators.copy(), {"pair": pair})

    def _of_trades(self, trial: Trial, start_ms: int, step_ms: int) -> Iterator[Finding]:
        """Compare the fills with those of runs where the future is another one, which only callbacks could see."""
        strategy = self._backtesting.strategylist[0]
        if len(trial.fills) < _FEWEST_FILLS or not any(overrides(strategy, name) for name in CALLBACKS):
            return
        fills = trial.fills
        for end_ms, factor in _futures(fills, step_ms):
            again = self._fills_again(trial, start_ms, end_ms, factor)
            example = _first_difference(_before(fills, end_ms), _before(again, end_ms))
            if example is not None:
                at, when = (pd.Timestamp(moment, unit="ms") for moment in (example[0], end_ms))
                words = f"The {'entry' if example[3] else 'exit'} in {example[1]} of {at:%Y-%m-%d %H:%M} is another one"
                yield finding("LOOKAHEAD", f"{words} when prices are others from {when:%Y-%m-%d %H:%M} on")
                return

    def _fills_again(self, trial: Trial, start_ms: int, end_ms: int, factor: float) -> Sequence[Fill]:
        """Trade up to a candle from which on prices go to so many times what they are."""
        candles = self._prepared.candles
        candles.horizon_ms, candles.beyond = end_ms, factor
        changed = pd.Timestamp(end_ms, unit="ms", tz="UTC")
        data = {
            pair: bent(frame, int(frame["date"].searchsorted(changed, "left")), factor)
            for pair, frame in trial.data.items()
        }
        other = trial.again(self._make(self._config(), StageClock(lambda *_: None)), data)
        other.analyse()
        other.trade(start_ms, end_ms)
        return other.fills


def _futures(fills: Sequence[Fill], step_ms: int) -> Iterator[tuple[int, float]]:
    """Give when another future shall begin, and what prices are times in it."""
    for share, of_entries, later, factor in _LOOKS:
        times = [fill[0] for fill in fills if fill[3] is of_entries]
        if times:
            yield times[int(len(times) * share)] + later * step_ms, factor


def _before(fills: Sequence[Fill], end_ms: int) -> list[Fill]:
    return [fill for fill in fills if fill[0] < end_ms]


def _first_difference(one: Sequence[Fill], other: Sequence[Fill]) -> Fill | None:
    for left, right in zip_longest(one, other):
        if left != right:
            return left or right  # one of them is a fill
    return None
