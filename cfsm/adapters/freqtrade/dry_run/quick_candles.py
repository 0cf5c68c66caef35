"""Freqtrade's cleaning of candles, done in a fraction of the time where there is nothing to clean.

Freqtrade groups and resamples each pair's candles at every refresh; a replay refreshes as fast as the machine allows,
and spends a third of its time so. Candles that come from a gateway repeat those that are there and have no gaps: then
the result is known without grouping. Whatever is not so goes Freqtrade's own way. What comes out is the same to the
last bit; a contract test holds both against each other.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.enums import CandleType

_COLUMNS = ["date", "open", "high", "low", "close", "volume"]


def clean_quickly(stock: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
    """Give a function that does what ``clean_ohlcv_dataframe`` does, by itself where that is simple."""

    def clean(
        dataframe: pd.DataFrame,
        timeframe: str,
        pair: str,
        *,
        fill_missing: bool,
        drop_incomplete: bool,
        candle_type: CandleType = CandleType.SPOT,
    ) -> pd.DataFrame:
        found = None
        if candle_type is CandleType.FUTURES and list(dataframe.columns) == _COLUMNS:
            found = _without_repetitions(dataframe)
        if found is not None:
            if drop_incomplete:
                found = found.iloc[:-1].reset_index(drop=True)
            if len(found) and (not fill_missing or _has_no_gap(found, timeframe)):
                return found
        return stock(
            dataframe,
            timeframe,
            pair,
            fill_missing=fill_missing,
            drop_incomplete=drop_incomplete,
            candle_type=candle_type,
        )

    return clean


def install() -> None:
    """Let Freqtrade's exchange clean candles so, in this process."""
    from freqtrade.data.converter import converter  # noqa: PLC0415  a replay's own business
    from freqtrade.exchange import exchange  # noqa: PLC0415

    quick: Any = clean_quickly(converter.clean_ohlcv_dataframe)
    converter.clean_ohlcv_dataframe = quick
    exchange.clean_ohlcv_dataframe = quick


def _without_repetitions(dataframe: pd.DataFrame) -> pd.DataFrame | None:
    """Give the rows in order, each date once; None where rows of one date differ, or a number is none."""
    values = dataframe[_COLUMNS[1:]].to_numpy()
    if not len(values) or not np.isfinite(values).all():
        return None
    dates = dataframe["date"].astype("int64").to_numpy()
    order = np.argsort(dates, kind="stable")
    dates, values = dates[order], values[order]
    repeats = np.flatnonzero(dates[1:] == dates[:-1]) + 1
    if len(repeats) and not (values[repeats] == values[repeats - 1]).all():
        return None
    kept = np.delete(order, repeats)
    return dataframe.iloc[kept].reset_index(drop=True)


def _has_no_gap(dataframe: pd.DataFrame, timeframe: str) -> bool:
    from freqtrade.exchange import timeframe_to_msecs  # noqa: PLC0415  as above

    dates = dataframe["date"].dt.as_unit("ms").astype("int64").to_numpy()
    step = timeframe_to_msecs(timeframe)
    return bool((np.diff(dates) == step).all() and dates[0] % step == 0)
