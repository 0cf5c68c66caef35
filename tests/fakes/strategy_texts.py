"""Texts of strategies for tests: one that is right, and the changes that make it wrong."""

NAME = "SampleStrategy"

RIGHT = """\
import talib.abstract as ta
from pandas import DataFrame

from freqtrade.strategy import IStrategy


class SampleStrategy(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1h"
    can_short = True
    minimal_roi = {"0": 0.04, "240": 0.01}
    stoploss = -0.08
    startup_candle_count = 120

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["fast"] = ta.EMA(dataframe, timeperiod=8)
        dataframe["slow"] = ta.EMA(dataframe, timeperiod=21)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        up = (dataframe["fast"] > dataframe["slow"]) & (dataframe["fast"].shift(1) <= dataframe["slow"].shift(1))
        down = (dataframe["fast"] < dataframe["slow"]) & (dataframe["fast"].shift(1) >= dataframe["slow"].shift(1))
        dataframe.loc[up, "enter_long"] = 1
        dataframe.loc[down, "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["fast"] < dataframe["slow"], "exit_long"] = 1
        dataframe.loc[dataframe["fast"] > dataframe["slow"], "exit_short"] = 1
        return dataframe
"""

INDICATORS = '        dataframe["fast"] = ta.EMA(dataframe, timeperiod=8)\n'


def right():
    return RIGHT.encode()


def changed(*pairs):
    """The right strategy with each first text replaced by the second; each must be there."""
    text = RIGHT
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text.encode()


def in_indicators(*lines):
    """The right strategy with these lines at the start of populate_indicators."""
    return changed((INDICATORS, "".join(f"        {line}\n" for line in lines) + INDICATORS))


def at_top(*lines):
    """The right strategy with these lines before everything."""
    return ("".join(f"{line}\n" for line in lines) + RIGHT).encode()


def with_method(*lines):
    """The right strategy with one more method, its lines not yet indented."""
    return (RIGHT + "\n" + "".join(f"    {line}\n" for line in lines)).encode()


def searchable(*, in_indicators=False):
    """The right strategy with a parameter ``x`` that its entries read, or its indicators."""
    used = [
        (INDICATORS, '        dataframe["fast"] = ta.EMA(dataframe, timeperiod=5 + self.x.value)\n')
        if in_indicators
        else ('dataframe.loc[up, "enter_long"] = 1', 'dataframe.loc[up.shift(self.x.value) == True, "enter_long"] = 1')
    ]
    return changed(
        ("import IStrategy\n", "import IntParameter, IStrategy\n"),
        ("    startup_candle_count", "    x = IntParameter(0, 10, default=3, space='buy')\n    startup_candle_count"),
        *used,
    )
