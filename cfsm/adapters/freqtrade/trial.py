"""A strategy run over a part of the history: all of it is analysed, the last of it is traded on.

What a strategy does shows on a few dozen entries; a validation need not trade through months to see it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pandas as pd
from freqtrade.persistence import LocalTrade

from cfsm.adapters.freqtrade.findings import finding
from cfsm.adapters.freqtrade.inspection import Broken

_FIRST_PARTS = ((1000, 6), (4000, None))
"""Candles of each pair, and how many pairs at most, of the parts that are tried before the whole."""

_ENTRIES_TRADED = 50
_FEWEST_CANDLES_TRADED = 200
_LOADED_WITH_CANDLES = (
    *("timerange", "detail_data", "futures_data", "funding_fee_timeframe_secs", "price_pair_prec", "available_pairs"),
)


Fill = tuple[int, str, bool, bool, float, float]
"""When an order was filled, of which pair, whether it is short, an entry, at which price, with which leverage."""


@dataclass(frozen=True)
class Part:
    """A part of the history, by when its first and its last candle open; ``is_whole`` where nothing is left out."""

    start_ms: int
    end_ms: int
    pairs: tuple[str, ...]
    is_whole: bool

    @property
    def timerange(self) -> str:
        """The part as Freqtrade writes it."""
        return f"{self.start_ms // 1000}-{self.end_ms // 1000}"


def latest(span: tuple[int, int], step_ms: int, pairs: Sequence[str], candles: int, most_pairs: int) -> Part:
    """Give the latest candles of some pairs."""
    start_ms, end_ms = span
    first_ms = max(start_ms, end_ms - candles * step_ms)
    return Part(first_ms, end_ms, tuple(pairs[:most_pairs]), is_whole=False)


def parts(span: tuple[int, int], step_ms: int, pairs: Sequence[str]) -> Iterator[Part]:
    """Give ever larger parts of a span: the latest candles of some pairs first, all candles of all pairs last."""
    start_ms, end_ms = span
    for candles, most_pairs in _FIRST_PARTS:
        first_ms = end_ms - candles * step_ms
        if first_ms > start_ms:
            yield Part(first_ms, end_ms, tuple(pairs[:most_pairs]), is_whole=False)
    yield Part(start_ms, end_ms, tuple(pairs), is_whole=True)


class Trial:
    """One run of the strategy of this backtesting, which is new, over these candles."""

    def __init__(self, backtesting: Any, data: Mapping[str, pd.DataFrame]) -> None:
        self.strategy = backtesting.strategylist[0]
        self.data = data
        self.fills: list[Fill] = []
        self._backtesting = backtesting
        self._indicators: Mapping[str, pd.DataFrame] = {}
        self._analysed: dict[str, pd.DataFrame] = {}

    @classmethod
    def of_pairs(cls, backtesting: Any, pairs: Sequence[str]) -> Self:
        """Give a trial over the candles of these pairs."""
        loaded, _ = backtesting.load_bt_data()
        return cls(backtesting, {pair: loaded[pair] for pair in pairs if pair in loaded})

    def again(self, backtesting: Any, data: Mapping[str, pd.DataFrame]) -> "Trial":
        """Give a trial of another backtesting over other candles, with the same funding and precision of prices."""
        for name in _LOADED_WITH_CANDLES:
            setattr(backtesting, name, getattr(self._backtesting, name))
        return Trial(backtesting, data)

    def analyse(self) -> None:
        """Compute indicators and signals."""
        self._backtesting._set_strategy(self.strategy)  # noqa: SLF001 (as `backtest_one_strategy` begins)
        self._indicators = self.strategy.advise_all_indicators(self.data)
        for pair, indicators in self._indicators.items():
            self._analysed[pair] = self.strategy.ft_advise_signals(indicators.copy(), {"pair": pair})
        self.strategy.ft_advise_signals = self._signals_again

    def start_of_trading(self, entries: Mapping[str, Sequence[int]]) -> int:
        """Give from when on, in milliseconds, there are enough of these entries (rows of each pair) to trade on."""
        times = sorted(
            _opens_ms(self.data[pair].iloc[row]) for pair, rows in entries.items() if pair in self.data for row in rows
        )
        latest = max(_opens_ms(frame.iloc[-1]) for frame in self.data.values())
        latest -= _FEWEST_CANDLES_TRADED * self._step_ms
        return min(times[-_ENTRIES_TRADED], latest) if len(times) > _ENTRIES_TRADED else 0

    def trade(self, start_ms: int = 0, end_ms: int | None = None) -> pd.DataFrame:
        """Trade on the candles that open between these times, and give the trades as Freqtrade has them."""
        startup = self._backtesting.required_startup
        first = start_ms - startup * self._step_ms
        processed = {pair: _between(frame, first, end_ms) for pair, frame in self._indicators.items()}
        traded = [frame["date"].iloc[startup:] for frame in processed.values() if len(frame) > startup]
        if not traded:
            raise Broken(finding("STARTUP_LONG", f"{startup} startup candles leave none to trade on"))
        results = self._backtesting.backtest(
            processed=processed,
            start_date=min(dates.iloc[0] for dates in traded).to_pydatetime(),
            end_date=max(dates.iloc[-1] for dates in traded).to_pydatetime(),
        )
        self.fills = sorted(_fills([*LocalTrade.bt_trades, *LocalTrade.bt_trades_open]))
        trades: pd.DataFrame = results["results"]
        return trades

    @property
    def _step_ms(self) -> int:
        return int(self._backtesting.timeframe_secs * 1000)

    def _signals_again(self, dataframe: pd.DataFrame, metadata: Mapping[str, Any]) -> pd.DataFrame:
        """Give the signals that are known already for these candles."""
        return _between(self._analysed[metadata["pair"]], _opens_ms(dataframe.iloc[0]), _opens_ms(dataframe.iloc[-1]))


def _fills(trades: Sequence[LocalTrade]) -> Iterator[Fill]:
    for trade in trades:
        for order in trade.orders:
            if order.order_filled_date is not None:
                filled_ms = int(order.order_filled_utc.timestamp() * 1000)
                is_entry = order.ft_order_side == trade.entry_side
                yield filled_ms, trade.pair, trade.is_short, is_entry, order.safe_price, trade.leverage


def _between(frame: pd.DataFrame, first_ms: int, last_ms: int | None) -> pd.DataFrame:
    dates = frame["date"]
    first = int(dates.searchsorted(_moment(first_ms), "left"))
    stop = len(frame) if last_ms is None else int(dates.searchsorted(_moment(last_ms), "right"))
    return frame.iloc[first:stop].reset_index(drop=True)


def _moment(ms: int) -> pd.Timestamp:
    return pd.Timestamp(ms, unit="ms", tz="UTC")


def _opens_ms(row: "pd.Series[Any]") -> int:
    return int(row["date"].timestamp() * 1000)
