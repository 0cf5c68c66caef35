"""Indicators that libraries compute row by row through pandas, quick: the same numbers."""

import pandas as pd
from technical import qtpylib
from technical.vendor.qtpylib import indicators

_MODULES = (indicators, qtpylib)
"""`freqtrade.vendor.qtpylib` takes what is here when it is imported, which only strategies do."""
_PRICES = ("open", "high", "low", "close")


def quick_heikinashi(bars: pd.DataFrame) -> pd.DataFrame:
    """Do what `qtpylib.heikinashi` does."""
    is_plain = all(bars.get(name) is not None and bars[name].dtype == "float64" for name in _PRICES)
    if not is_plain or not len(bars) or not bars.index.equals(pd.RangeIndex(len(bars))):
        original: pd.DataFrame = _HEIKINASHI(bars)
        return original
    close = (bars["open"] + bars["high"] + bars["low"] + bars["close"]) / 4
    first = bars[["open", "close"]].to_numpy()[0].tolist()
    opens = [(first[0] + first[1]) / 2]
    for closed in close.tolist()[:-1]:
        opens.append((opens[-1] + closed) / 2)
    opened = pd.Series(opens, index=bars.index)
    high = pd.concat([bars["high"], opened, close], axis=1).max(axis=1)
    low = pd.concat([bars["low"], opened, close], axis=1).min(axis=1)
    return pd.DataFrame(index=bars.index, data={"open": opened, "high": high, "low": low, "close": close})


_HEIKINASHI = indicators.heikinashi

REPLACED = tuple((module, "heikinashi", quick_heikinashi) for module in _MODULES)
"""The places where the quick ones are put."""
