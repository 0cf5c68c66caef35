"""A strategy run over a part of the history: all of it is analysed, the last of it is traded on.

What a strategy does shows on a few dozen entries; a validation need not trade through months to see it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cfsm.adapters.freqtrade.findings import finding
from cfsm.adapters.freqtrade.inspection import Broken

_FIRST_PARTS = ((1000, 6), (4000, None))
"""Candles of each pair, and how many pairs at most, of the parts that are tried before the whole."""

_ENTRIES_TRADED = 60
_FEWEST_CANDLES_TRADED = 200


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


def parts(span: tuple[int, int], step_ms: int, pairs: Sequence[str]) -> Iterator[Part]:
    """Give ever larger parts of a span: the latest candles of some pairs first, all candles of all pairs last."""
    start_ms, end_ms = span
    for candles, most_pairs in _FIRST_PARTS:
        first_ms = end_ms - candles * step_ms
        if first_ms > start_ms:
            yield Part(first_ms, end_ms, tuple(pairs[:most_pairs]), is_whole=False)
    yield Part(start_ms, end_ms, tuple(pairs), is_whole=True)


class Trial:
    """One run of the strategy of this backtesting, which is new, over the candles of some pairs."""

    def __init__(self, backtesting: Any, pairs: Sequence[str]) -> None:
        self.strategy = backtesting.strategylist[0]
        self._backtesting = backtesting
        loaded, _ = backtesting.load_bt_data()
        self.data: dict[str, pd.DataFrame] = {pair: loaded[pair] for pair in pairs if pair in loaded}
        self._indicators: Mapping[str, pd.DataFrame] = {}
        self._analysed: dict[str, pd.DataFrame] = {}

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

    def trade(self, start_ms: int = 0) -> pd.DataFrame:
        """Trade on the candles from this time on, and give the trades as Freqtrade has them."""
        startup = self._backtesting.required_startup
        first = pd.Timestamp(start_ms - startup * self._step_ms, unit="ms", tz="UTC")
        processed = {pair: _since(frame, first) for pair, frame in self._indicators.items()}
        traded = [frame["date"].iloc[startup:] for frame in processed.values() if len(frame) > startup]
        if not traded:
            raise Broken(finding("STARTUP_LONG", f"{startup} startup candles leave none to trade on"))
        results = self._backtesting.backtest(
            processed=processed,
            start_date=min(dates.iloc[0] for dates in traded).to_pydatetime(),
            end_date=max(dates.iloc[-1] for dates in traded).to_pydatetime(),
        )
        trades: pd.DataFrame = results["results"]
        return trades

    @property
    def _step_ms(self) -> int:
        return int(self._backtesting.timeframe_secs * 1000)

    def _signals_again(self, dataframe: pd.DataFrame, metadata: Mapping[str, Any]) -> pd.DataFrame:
        """Give the signals that are known already for these candles."""
        return _since(self._analysed[metadata["pair"]], dataframe["date"].iloc[0])


def _since(frame: pd.DataFrame, first: pd.Timestamp) -> pd.DataFrame:
    return frame.iloc[int(frame["date"].searchsorted(first, "left")) :].reset_index(drop=True)


def _opens_ms(row: "pd.Series[Any]") -> int:
    return int(row["date"].timestamp() * 1000)
