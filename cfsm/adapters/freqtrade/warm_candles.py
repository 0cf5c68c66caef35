"""Candles that Freqtrade loads from files, kept in memory, so that a run finds them there instead.

`serve` puts a dataset in the place of the files: Freqtrade's own loading code then slices what is here. What it gets
is what it would have read, to the last bit; a candle series with gaps, where slicing and filling do not commute, is
left to Freqtrade.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import freqtrade.optimize.backtesting
import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.data import dataprovider
from freqtrade.data.btanalysis import get_tick_size_over_time
from freqtrade.data.history import history_utils, load_pair_history
from freqtrade.enums import CandleType
from freqtrade.exchange import timeframe_to_seconds
from numpy import format_float_positional

_PRICES = ("open", "high", "low", "close")
_CANDLES_BENT = 8
Key = tuple[str, str, str]
"""Pair, timeframe and Freqtrade's candle type."""


class WarmCandles:
    """The candles of one folder in Freqtrade's layout, loaded once each.

    ``gapless`` says of a key whether its file has a candle for every step, which only then is kept.
    """

    def __init__(self, datadir: Path, gapless: Callable[[Key], bool]) -> None:
        self.datadir = datadir
        self._gapless = gapless
        self._frames: dict[Key, pd.DataFrame] = {}
        self._decimals: dict[Key, pd.DataFrame] = {}
        self._origins: dict[int, tuple[Key, int]] = {}
        self.horizon_ms: int | None = None
        """When set, what is served ends with the candles that are closed by then."""
        self.beyond: float | None = None
        """When set too, the candles after those are there, with prices that go to so many times what they are."""

    def __contains__(self, key: Key) -> bool:
        return key in self._frames

    def get(self, key: Key) -> pd.DataFrame | None:
        """Give the candles of this key, all of them, if they are kept."""
        return self._frames.get(key)

    def load(self, key: Key, *, counting_decimals: bool) -> None:
        """Keep the candles of this key, and how many decimals their prices have, if they are not kept yet."""
        if not self._gapless(key):
            return
        if key not in self._frames:
            pair, timeframe, candle_type = key
            self._frames[key] = load_pair_history(
                pair,
                timeframe,
                self.datadir,
                data_format="feather",
                candle_type=CandleType.from_string(candle_type),
                fill_up_missing=candle_type != CandleType.FUNDING_RATE,
            )
        if counting_decimals and key not in self._decimals:
            self._decimals[key] = count_decimals(self._frames[key])

    def bytes_held(self) -> int:
        """Give how much memory the candles take."""
        frames: Iterator[pd.DataFrame] = iter([*self._frames.values(), *self._decimals.values()])
        return sum(int(frame.memory_usage(index=False).sum()) for frame in frames)

    def serve(self) -> None:
        """Let Freqtrade, in this process, load candles from here."""
        history_utils.load_pair_history = self._load_pair_history
        dataprovider.load_pair_history = self._load_pair_history
        freqtrade.optimize.backtesting.get_tick_size_over_time = self._tick_size_over_time

    def _load_pair_history(self, pair: str, timeframe: str, datadir: Path, **options: Any) -> pd.DataFrame:
        frame = self._whole_history(pair, timeframe, datadir, **options)
        if self.horizon_ms is None:
            return frame
        last = pd.Timestamp(self.horizon_ms - timeframe_to_seconds(timeframe) * 1000, unit="ms", tz="UTC")
        known = int(frame["date"].searchsorted(last, "right"))
        if self.beyond is not None:
            return bent(frame, known, self.beyond)
        part = frame.iloc[:known]
        if id(frame) in self._origins:
            self._origins[id(part)] = self._origins[id(frame)]
        return part

    def _whole_history(self, pair: str, timeframe: str, datadir: Path, **options: Any) -> pd.DataFrame:
        key = (pair, timeframe, str(options.get("candle_type", CandleType.SPOT)))
        if key not in self._frames or datadir != self.datadir or options.get("drop_incomplete"):
            loaded: pd.DataFrame = load_pair_history(pair, timeframe, datadir, **options)
            return loaded
        frame = self._frames[key]
        timerange: TimeRange | None = options.get("timerange")
        if timerange is None:
            return frame.copy()
        start, stop = bounds(frame["date"], timerange, timeframe, options.get("startup_candles", 0))
        part = frame.iloc[start:stop].reset_index(drop=True)
        self._origins[id(part)] = (key, start)
        return part

    def _tick_size_over_time(self, candles: pd.DataFrame) -> "pd.Series[float]":
        key, start = self._origins.get(id(candles), (None, 0))
        if key is None or key not in self._decimals:
            ticks: pd.Series[float] = get_tick_size_over_time(candles)
            return ticks
        decimals = self._decimals[key].iloc[start : start + len(candles)]
        complete = True
        for name in decimals.columns:
            column = decimals[name]
            complete = complete and not bool(column.isna().any())
            # Pandas counts characters in whole numbers, unless one count of the column is missing.
            whole = not column.isna().any() if name != "max_count" else complete
            candles[name] = column.to_numpy().astype("int64" if whole else "float64")
        monthly = candles.set_index("date")["max_count"].resample("MS").max()
        return 1 / 10**monthly


def bent(candles: pd.DataFrame, first: int, factor: float) -> pd.DataFrame:
    """Give candles whose prices, within a few candles from this row on, go to so many times what they are."""
    changed = candles.copy()
    steps = np.minimum(np.arange(1, len(candles) - first + 1) / _CANDLES_BENT, 1.0)
    for name in (*_PRICES, "volume"):
        values = changed[name].to_numpy(dtype="float64", copy=True)
        values[first:] *= factor**steps
        changed[name] = values
    return changed


def bounds(dates: "pd.Series[Any]", timerange: TimeRange, timeframe: str, startup: int) -> tuple[int, int]:
    """Give the first row that `trim_dataframe` would keep, and the first that it would not."""
    moved = timerange.copy()
    if startup > 0:
        moved.subtract_start(timeframe_to_seconds(timeframe) * startup)
    start = int(dates.searchsorted(pd.Timestamp(moved.startdt), "left")) if moved.starttype == "date" else 0
    stop = int(dates.searchsorted(pd.Timestamp(moved.stopdt), "right")) if moved.stoptype == "date" else len(dates)
    return start, stop


def count_decimals(candles: pd.DataFrame) -> pd.DataFrame:
    """Give the columns that `get_tick_size_over_time` adds to candles: decimals per price, NaN where there are none.

    The same numbers as Freqtrade's, counted once for every distinct price.
    """
    known: dict[float, float] = {}
    columns = {}
    for name in _PRICES:
        for price in pd.unique(candles[name]).tolist():
            if price not in known:
                known[price] = _decimals(price)
        columns[f"{name}_count"] = candles[name].map(known).astype("float64")
    counted = pd.DataFrame(columns)
    counted["max_count"] = counted.max(axis=1)
    return counted


def _decimals(price: float) -> float:
    text = format_float_positional(price, precision=14, unique=False, fractional=False, trim="-")
    _, point, decimals = text.partition(".")
    return float(len(decimals)) if point and decimals.strip("0") else math.nan
