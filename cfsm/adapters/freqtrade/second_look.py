"""A second look at a strategy that passed the first: is its past the same when its future is not there?

Indicators and signals are compared on shortened histories; where callbacks take part in trading, a whole backtest
that ends earlier must make the same trades.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from itertools import zip_longest
from typing import Any

import pandas as pd
from freqtrade.constants import Config
from freqtrade.data.dataprovider import DataProvider
from freqtrade.persistence import LocalTrade
from freqtrade.resolvers import StrategyResolver
from freqtrade.strategy import IStrategy

from cfsm.adapters.freqtrade.backtesting import StageClock
from cfsm.adapters.freqtrade.causality import Causality
from cfsm.adapters.freqtrade.fast_backtesting import make_backtesting
from cfsm.adapters.freqtrade.findings import finding, verdict_of
from cfsm.adapters.freqtrade.inspection import CALLBACKS, overrides
from cfsm.adapters.freqtrade.strategy_errors import describe, line_of
from cfsm.adapters.freqtrade.workshop import Prepared
from cfsm.domain.evaluation import Finding, Verdict

_ENTRY = ("pair", "is_short", "open_timestamp", "open_rate", "leverage")
_EXIT = ("close_timestamp", "close_rate", "exit_reason")
_FEWEST_TRADES = 4
_CUTS = (0.2, 0.5, 0.8)


class SecondLook:
    """Runs the strategy of a backtest again, on less."""

    def __init__(self, backtesting: Any, pristine: Config, prepared: Prepared, *, stock: bool) -> None:
        self._backtesting = backtesting
        self._pristine = pristine
        self._prepared = prepared
        self._stock = stock

    def findings(
        self, data: Mapping[str, pd.DataFrame], entries: Mapping[str, Sequence[int]], trades: pd.DataFrame
    ) -> list[Finding]:
        """Give what the future changes in the past."""
        step_ms = self._backtesting.timeframe_secs * 1000
        causality = Causality(self._fresh, self._analyse, step_ms, self._backtesting.required_startup)
        try:
            found = causality.findings(data, entries)
            if verdict_of(found) is not Verdict.ACCEPTED:
                return found
            return [*found, *self._of_trades(trades, step_ms)]
        finally:
            self._prepared.candles.horizon_ms = None

    def _fresh(self) -> IStrategy:
        config = deepcopy(self._pristine)
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

    def _of_trades(self, whole: pd.DataFrame, step_ms: int) -> list[Finding]:
        """Compare the trades with those of backtests that end just after an entry, where callbacks could look ahead."""
        strategy = self._backtesting.strategylist[0]
        if len(whole) < _FEWEST_TRADES or not any(overrides(strategy, name) for name in CALLBACKS):
            return []
        opens = whole["open_timestamp"].sort_values()
        for share in _CUTS:
            end_ms = int(opens.iloc[int(len(opens) * share)]) + step_ms
            self._prepared.candles.horizon_ms = end_ms + step_ms  # the last candle opens at the end
            when = pd.Timestamp(end_ms, unit="ms")
            try:
                cut = self._trades_again()
            except Exception as error:  # noqa: BLE001 (whatever it is, it is what is to be found)
                words = f"With a history that ends at {when:%Y-%m-%d %H:%M}: {describe(error)}"
                return [finding("SHORT_HISTORY", words, line_of(error.__traceback__))]
            example = _first_difference(_past(whole, end_ms), _past(cut, end_ms))
            if example is not None:
                words = (
                    f"The trade in {example[0]} of {pd.Timestamp(example[2], unit='ms'):%Y-%m-%d %H:%M} is another one"
                )
                return [finding("LOOKAHEAD", f"{words} when the candles after {when:%Y-%m-%d %H:%M} are taken away")]
        return []

    def _trades_again(self) -> pd.DataFrame:
        config = deepcopy(self._pristine)
        clock = StageClock(lambda *_: None)
        backtesting = make_backtesting(config, self._prepared.exchange, clock, stock=self._stock)
        data, timerange = backtesting.load_bt_data()
        backtesting.price_pair_prec = self._backtesting.price_pair_prec  # a month cut short may show fewer digits
        strategy = backtesting.strategylist[0]
        backtesting.backtest_one_strategy(strategy, data, timerange)
        trades: pd.DataFrame = backtesting.all_bt_content[strategy.get_strategy_name()]["results"]
        LocalTrade.reset_trades()
        return trades


def _past(trades: pd.DataFrame, end_ms: int) -> list[tuple[Any, ...]]:
    """Give what of these trades was known before a time: their entries, and the exits that had come."""
    past = trades.loc[trades["open_timestamp"] < end_ms, [*_ENTRY, *_EXIT]].sort_values(["open_timestamp", "pair"])
    closed = (past["close_timestamp"] < end_ms).tolist()
    rows = past.itertuples(index=False, name=None)
    return [row if over else row[: len(_ENTRY)] for row, over in zip(rows, closed, strict=True)]


def _first_difference(one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> tuple[Any, ...] | None:
    for left, right in zip_longest(one, other):
        if left != right:
            return left or right  # one of them is a trade
    return None
