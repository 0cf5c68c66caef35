"""How far prices move within a candle: what a stop or a gain has to be measured against."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

import numpy as np

from cfsm.adapters.market_data.dataset import Dataset
from cfsm.adapters.market_data.series import CandleType, Series


def median_spans(dataset: Dataset, pair: str, timeframes: Sequence[str], first: date, end: date) -> dict[str, float]:
    """Give the median way from low to high, as a share of the close, of a pair's candles by timeframe.

    Only candles from ``first`` up to before ``end`` are looked at; a timeframe without any is left out.
    """
    spans = {}
    for timeframe in timeframes:
        series = Series(pair, timeframe, CandleType.FUTURES)
        if dataset.file(series) is None:
            continue
        candles = dataset.read(series)
        inside = (candles.dates_ms >= _milliseconds(first)) & (candles.dates_ms < _milliseconds(end))
        high, low, close = (candles.columns[name][inside] for name in ("high", "low", "close"))
        if len(close):
            spans[timeframe] = float(np.median((high - low) / close))
    return spans


def _milliseconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp() * 1000)
