"""Candles that Freqtrade loads from files, kept in memory, so that a run finds them there instead.

`serve` puts a dataset in the place of the files: Freqtrade's own loading code then slices what is here. What it gets
is what it would have read, to the last bit; a candle series with gaps, where slicing and filling do not commute, is
left to Freqtrade.
"""

import math
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from freqtrade.exchange import Exchange, timeframe_to_seconds
from numpy import format_float_positional

_PRICES = ("open", "high", "low", "close")
_CANDLES_BENT = 8
_NAMES = pd.StringDtype("python", na_value=np.nan)
"""How names of columns are kept, as most who ask for candles want them."""
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
        self._funding: dict[str, pd.DataFrame] = {}
        self._origins: dict[int, _Origin] = {}
        self._names: dict[tuple[str, ...], pd.Index[str]] = {}
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
            frame = load_pair_history(
                pair,
                timeframe,
                self.datadir,
                data_format="feather",
                candle_type=CandleType.from_string(candle_type),
                fill_up_missing=candle_type != CandleType.FUNDING_RATE,
            )
            frame.columns = pd.Index(list(frame.columns), dtype=_NAMES)
            self._frames[key] = frame
        if counting_decimals and key not in self._decimals:
            self._decimals[key] = count_decimals(self._frames[key])
        self._combine_whole(key[0])

    def _combine_whole(self, pair: str) -> None:
        """Combine funding rates and mark prices of a pair, once both are here."""
        rates = self._frames.get((pair, "1h", CandleType.FUNDING_RATE.value))
        marks = self._frames.get((pair, "1h", CandleType.MARK.value))
        if rates is not None and marks is not None and pair not in self._funding:
            self._funding[pair] = Exchange.combine_funding_and_mark(funding_rates=rates, mark_rates=marks)

    def funding(self, pair: str) -> pd.DataFrame | None:
        """Give the funding of a pair for all time, as Freqtrade combines it, if it is kept."""
        return self._funding.get(pair)

    def bytes_held(self) -> int:
        """Give how much memory the candles take."""
        frames: Iterator[pd.DataFrame] = iter(
            [*self._frames.values(), *self._decimals.values(), *self._funding.values()]
        )
        return sum(int(frame.memory_usage(index=False).sum()) for frame in frames)

    def serve(self) -> None:
        """Let Freqtrade, in this process, load candles from here."""
        self._names = {}
        history_utils.load_pair_history = self._load_pair_history
        dataprovider.load_pair_history = self._load_pair_history
        freqtrade.optimize.backtesting.get_tick_size_over_time = self._tick_size_over_time
        Exchange.combine_funding_and_mark = staticmethod(self._combine_funding_and_mark)

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
            return self._renamed(frame.copy())
        start, stop = bounds(frame["date"], timerange, timeframe, options.get("startup_candles", 0))
        part = self._renamed(frame.iloc[start:stop].reset_index(drop=True))
        self._origins[id(part)] = _Origin(weakref.ref(part), key, start)
        return part

    def _renamed(self, part: pd.DataFrame) -> pd.DataFrame:
        """Give a frame of our own the names of its columns as pandas, in this process, keeps text."""
        names = tuple(part.columns)
        if names not in self._names:
            self._names[names] = pd.Index(list(names))
        part.columns = self._names[names]
        return part

    def _origin_of(self, part: pd.DataFrame) -> "_Origin | None":
        origin = self._origins.get(id(part))
        return origin if origin is not None and origin.part() is part else None

    def _combine_funding_and_mark(
        self, funding_rates: pd.DataFrame, mark_rates: pd.DataFrame, futures_funding_rate: int | None = None
    ) -> pd.DataFrame:
        origins = [self._origin_of(frame) for frame in (funding_rates, mark_rates)]
        pair = origins[0].key[0] if origins[0] else ""
        whole = self._funding.get(pair)
        known = whole is not None and origins[1] is not None and origins[1].key[0] == pair
        if not known or whole is None or futures_funding_rate is not None or funding_rates.empty or mark_rates.empty:
            combined: pd.DataFrame = _COMBINE_FUNDING_AND_MARK(funding_rates, mark_rates, futures_funding_rate)
            return combined
        first = max(frame["date"].iloc[0] for frame in (funding_rates, mark_rates))
        last = min(frame["date"].iloc[-1] for frame in (funding_rates, mark_rates))
        start, stop = whole["date"].searchsorted(first, "left"), whole["date"].searchsorted(last, "right")
        return self._renamed(whole.iloc[int(start) : int(stop)].reset_index(drop=True))

    def _tick_size_over_time(self, candles: pd.DataFrame) -> "pd.Series[float]":
        origin = self._origin_of(candles)
        if origin is None or origin.key not in self._decimals or candles.empty:
            ticks: pd.Series[float] = get_tick_size_over_time(candles)
            return ticks
        decimals = self._decimals[origin.key].iloc[origin.start : origin.start + len(candles)]
        complete = True
        for name in decimals.columns:
            column = decimals[name].to_numpy()
            whole = not np.isnan(column).any()
            complete = complete and whole
            # Pandas counts characters in whole numbers, unless one count of the column is missing.
            candles[name] = column.astype("int64" if whole and (complete or name != "max_count") else "float64")
        return 1 / 10 ** _monthly_maximum(candles)


@dataclass(frozen=True)
class _Origin:
    """Where a part that was served comes from."""

    part: "weakref.ref[pd.DataFrame]"
    key: Key
    start: int


_COMBINE_FUNDING_AND_MARK = Exchange.combine_funding_and_mark


def _monthly_maximum(candles: pd.DataFrame) -> "pd.Series[float]":
    """Give what ``candles.set_index("date")["max_count"].resample("MS").max()`` gives of candles without gaps."""
    dates = candles["date"]
    first, last = dates.iloc[0], dates.iloc[-1]
    months = pd.date_range(first.normalize().replace(day=1), last, freq="MS", name="date").as_unit(dates.dt.unit)
    begins = dates.searchsorted(months, "left")
    begins[0] = 0
    counts = candles["max_count"].to_numpy()
    return pd.Series(np.fmax.reduceat(counts, begins), index=months, name="max_count")


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
