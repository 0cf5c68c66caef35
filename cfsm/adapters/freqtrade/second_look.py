"""A second look at a strategy that passed the first: is its past the same when its future is not there?

Indicators and signals are compared on shortened histories; where callbacks take part in trading, trading on a history
that ends earlier must fill the same orders.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import pandas as pd
from freqtrade.constants import Config
from freqtrade.data.dataprovider import DataProvider
from freqtrade.resolvers import StrategyResolver
from freqtrade.strategy import IStrategy

from cfsm.adapters.freqtrade.causality import Causality
from cfsm.adapters.freqtrade.findings import finding, verdict_of
from cfsm.adapters.freqtrade.inspection import CALLBACKS, overrides
from cfsm.adapters.freqtrade.strategy_errors import describe, line_of
from cfsm.adapters.freqtrade.trial import Trial
from cfsm.adapters.freqtrade.workshop import Prepared
from cfsm.domain.evaluation import Finding, Verdict

_FEWEST_TRADES = 4
_CUTS = ((0.25, True), (0.5, False), (0.75, True))
"""Where among the entries (or the exits) shortened histories end."""

Fill = tuple[int, str, bool, bool, float, float]
"""When an order was filled, of which pair, whether it is short, an entry, at which price, with which leverage."""


class SecondLook:
    """Runs the strategy of a trial again, on less.

    ``config`` gives a configuration for one more load of the strategy, ``make`` a backtesting of such a one.
    """

    def __init__(
        self, backtesting: Any, config: Callable[[], Config], make: Callable[[Config], Any], prepared: Prepared
    ) -> None:
        self._backtesting = backtesting
        self._config = config
        self._make = make
        self._prepared = prepared

    def findings(
        self,
        data: Mapping[str, pd.DataFrame],
        entries: Mapping[str, Sequence[int]],
        trades: pd.DataFrame,
        start_ms: int,
    ) -> list[Finding]:
        """Give what the future changes in the past; ``trades`` were made from ``start_ms`` on."""
        step_ms = self._backtesting.timeframe_secs * 1000
        causality = Causality(self._fresh, self._analyse, step_ms, self._backtesting.required_startup)
        try:
            found = causality.findings(data, entries)
            if verdict_of(found) is not Verdict.ACCEPTED:
                return found
            return [*found, *self._of_trades(trades, tuple(data), start_ms, step_ms)]
        finally:
            self._prepared.candles.horizon_ms = None

    def _fresh(self) -> IStrategy:
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

    def _of_trades(self, whole: pd.DataFrame, pairs: Sequence[str], start_ms: int, step_ms: int) -> Iterator[Finding]:
        """Compare the fills with those of runs that end just after one of them, where callbacks could look ahead."""
        strategy = self._backtesting.strategylist[0]
        if len(whole) < _FEWEST_TRADES or not any(overrides(strategy, name) for name in CALLBACKS):
            return
        fills = sorted(_fills(whole))
        for end_ms in _ends(fills, step_ms):
            self._prepared.candles.horizon_ms = end_ms + step_ms  # the last candle opens at the end
            when = pd.Timestamp(end_ms, unit="ms")
            try:
                again = sorted(_fills(self._trades_again(pairs, start_ms)))
            except Exception as error:  # noqa: BLE001 (whatever it is, it is what is to be found)
                words = f"With a history that ends at {when:%Y-%m-%d %H:%M}: {describe(error)}"
                yield finding("SHORT_HISTORY", words, line_of(error.__traceback__))
                return
            example = _first_difference(_before(fills, end_ms), _before(again, end_ms))
            if example is not None:
                at = pd.Timestamp(example[0], unit="ms")
                words = f"The {'entry' if example[3] else 'exit'} in {example[1]} of {at:%Y-%m-%d %H:%M} is another one"
                yield finding("LOOKAHEAD", f"{words} when the candles after {when:%Y-%m-%d %H:%M} are taken away")
                return

    def _trades_again(self, pairs: Sequence[str], start_ms: int) -> pd.DataFrame:
        backtesting = self._make(self._config())
        trial = Trial(backtesting, pairs)
        # What is known of a time at that time: funding as it begins, and how many digits prices had that month.
        backtesting.futures_data = self._backtesting.futures_data
        backtesting.price_pair_prec = self._backtesting.price_pair_prec
        trial.analyse()
        return trial.trade(start_ms)


def _fills(trades: pd.DataFrame) -> Iterator[Fill]:
    """Give every order that was filled, of every trade."""
    rows = trades[["pair", "is_short", "leverage", "orders"]].itertuples(index=False, name=None)
    for pair, is_short, leverage, orders in rows:
        for order in orders:
            if order["order_filled_timestamp"]:
                filled_ms, price = int(order["order_filled_timestamp"]), float(order["safe_price"])
                yield filled_ms, pair, bool(is_short), bool(order["ft_is_entry"]), price, float(leverage)


def _ends(fills: Sequence[Fill], step_ms: int) -> Iterator[int]:
    """Give the times at which histories shall end: a candle after entries and after exits."""
    for share, after_entry in _CUTS:
        times = [fill[0] for fill in fills if fill[3] is after_entry]
        yield times[int(len(times) * share)] + step_ms


def _before(fills: Sequence[Fill], end_ms: int) -> list[Fill]:
    return [fill for fill in fills if fill[0] < end_ms]


def _first_difference(one: Sequence[Fill], other: Sequence[Fill]) -> Fill | None:
    for left, right in zip_longest(one, other):
        if left != right:
            return left or right  # one of them is a fill
    return None
