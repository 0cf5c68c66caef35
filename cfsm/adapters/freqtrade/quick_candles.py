"""The analysed candles that callbacks ask for, quick: how many of a pair's are shown is worked out when they are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
from freqtrade.data import dataprovider
from freqtrade.enums import CandleType

from cfsm.adapters.freqtrade.skipping import PairRows


class Shown(dict[str, int]):
    """How many candles of each pair the data provider shows, as Freqtrade's loop would have it by now."""

    def __init__(self, rows: Mapping[str, PairRows], startup: int) -> None:
        super().__init__()
        self._rows = rows
        self._startup = startup
        self._candle = -1
        self._order: list[str] = []
        self._place = 0

    def reach(self, candle: int, order: list[str], place: int) -> None:
        """Stand at a pair of a candle; the pairs before it in the order have reached the candle, the others not."""
        self._candle, self._order, self._place = candle, order, place

    def get(self, pair: str, default: Any = None) -> Any:
        """Give how many candles of a pair are shown; nothing where it has not begun."""
        rows = self._rows.get(pair)
        if rows is None:
            return default
        has_been = pair in self._order[: self._place + 1]
        row = min(self._candle - (not has_been) - rows.first_candle, len(rows) - 1)
        return self._startup + row + 1 if row >= 0 else default


def quick_get_analyzed_dataframe(self: Any, pair: str, timeframe: str) -> tuple[pd.DataFrame, datetime]:
    """Do what `DataProvider.get_analyzed_dataframe` does in a backtest."""
    cached = self._DataProvider__cached_pairs
    key = (pair, timeframe, self._config.get("candle_type_def", CandleType.SPOT))
    shown = self._DataProvider__slice_index.get(pair)
    if key not in cached or shown is None:
        found: tuple[pd.DataFrame, datetime] = _GET_ANALYZED_DATAFRAME(self, pair, timeframe)
        return found
    frame, date = cached[key]
    return frame._slice(slice(max(0, shown - _MOST), min(shown, len(frame)))), date  # noqa: SLF001 (as `iloc` does)


_MOST = dataprovider.MAX_DATAFRAME_CANDLES
_GET_ANALYZED_DATAFRAME = dataprovider.DataProvider.get_analyzed_dataframe
