"""Twenty strategies in the manner of those that people publish: indicators, callbacks, informative pairs, protections.

``STRATEGIES`` holds their sources by the name of their class.
"""

_HEAD = """\
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import talib.abstract as ta
from pandas import DataFrame
from technical import qtpylib

from freqtrade.persistence import Trade
from freqtrade.strategy import (
    BooleanParameter,
    DecimalParameter,
    IntParameter,
    IStrategy,
    informative,
    merge_informative_pair,
    stoploss_from_absolute,
    stoploss_from_open,
)


class {name}(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "{timeframe}"
    can_short = True
"""

_LEVERAGE = """
    def leverage(self, pair, current_time, current_rate, proposed_leverage, max_leverage, entry_tag, side, **kwargs):
        return min({leverage}, max_leverage)
"""

_BODIES = {
    "EmaCross": (
        "5m",
        """
    minimal_roi = {"0": 0.05, "60": 0.02, "240": 0.01}
    stoploss = -0.1
    startup_candle_count = 60

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["fast"] = ta.EMA(dataframe, timeperiod=12)
        dataframe["slow"] = ta.EMA(dataframe, timeperiod=50)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[qtpylib.crossed_above(dataframe["fast"], dataframe["slow"]), "enter_long"] = 1
        dataframe.loc[qtpylib.crossed_below(dataframe["fast"], dataframe["slow"]), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[qtpylib.crossed_below(dataframe["fast"], dataframe["slow"]), "exit_long"] = 1
        dataframe.loc[qtpylib.crossed_above(dataframe["fast"], dataframe["slow"]), "exit_short"] = 1
        return dataframe
""",
    ),
    "RsiReversion": (
        "5m",
        """
    minimal_roi = {"0": 0.02, "30": 0.01, "120": 0.004}
    stoploss = -0.06
    startup_candle_count = 30
    buy_rsi = IntParameter(15, 40, default=27, space="buy")
    sell_rsi = IntParameter(60, 90, default=73, space="sell")

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["rsi"] = ta.RSI(dataframe)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[qtpylib.crossed_above(dataframe["rsi"], self.buy_rsi.value), ["enter_long", "enter_tag"]] = (1, "dip")
        dataframe.loc[qtpylib.crossed_below(dataframe["rsi"], self.sell_rsi.value), ["enter_short", "enter_tag"]] = (1, "top")
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["rsi"] > self.sell_rsi.value, ["exit_long", "exit_tag"]] = (1, "hot")
        dataframe.loc[dataframe["rsi"] < self.buy_rsi.value, ["exit_short", "exit_tag"]] = (1, "cold")
        return dataframe
""",
    ),
    "BandBounce": (
        "15m",
        """
    minimal_roi = {"0": 0.03, "180": 0.01}
    stoploss = -0.05
    startup_candle_count = 40

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        bands = qtpylib.bollinger_bands(qtpylib.typical_price(dataframe), window=20, stds=2)
        dataframe["bb_lower"], dataframe["bb_mid"], dataframe["bb_upper"] = bands["lower"], bands["mid"], bands["upper"]
        dataframe["mfi"] = ta.MFI(dataframe)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[(dataframe["close"] < dataframe["bb_lower"]) & (dataframe["mfi"] < 30), "enter_long"] = 1
        dataframe.loc[(dataframe["close"] > dataframe["bb_upper"]) & (dataframe["mfi"] > 70), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["close"] > dataframe["bb_mid"], "exit_long"] = 1
        dataframe.loc[dataframe["close"] < dataframe["bb_mid"], "exit_short"] = 1
        return dataframe
""",
    ),
    "MacdTrailing": (
        "5m",
        """
    minimal_roi = {"0": 0.1}
    stoploss = -0.04
    trailing_stop = True
    trailing_stop_positive = 0.01
    trailing_stop_positive_offset = 0.02
    trailing_only_offset_is_reached = True
    startup_candle_count = 60

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        macd = ta.MACD(dataframe)
        dataframe["macd"], dataframe["signal"] = macd["macd"], macd["macdsignal"]
        dataframe["adx"] = ta.ADX(dataframe)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        strong = dataframe["adx"] > 25
        dataframe.loc[qtpylib.crossed_above(dataframe["macd"], dataframe["signal"]) & strong, "enter_long"] = 1
        dataframe.loc[qtpylib.crossed_below(dataframe["macd"], dataframe["signal"]) & strong, "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe
""",
    ),
    "Supertrend": (
        "5m",
        """
    minimal_roi = {"0": 0.2, "400": 0.05}
    stoploss = -0.2
    startup_candle_count = 30

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        atr = ta.ATR(dataframe, timeperiod=10).to_numpy()
        middle = ((dataframe["high"] + dataframe["low"]) / 2).to_numpy()
        close = dataframe["close"].to_numpy()
        upper, lower = middle + 3 * atr, middle - 3 * atr
        trend = np.ones(len(close))
        for i in range(1, len(close)):
            if close[i - 1] <= upper[i - 1]:
                upper[i] = np.fmin(upper[i], upper[i - 1])
            if close[i - 1] >= lower[i - 1]:
                lower[i] = np.fmax(lower[i], lower[i - 1])
            trend[i] = 1 if close[i] > upper[i - 1] else -1 if close[i] < lower[i - 1] else trend[i - 1]
        dataframe["trend"] = trend
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        turned = dataframe["trend"] != dataframe["trend"].shift(1)
        dataframe.loc[turned & (dataframe["trend"] == 1), "enter_long"] = 1
        dataframe.loc[turned & (dataframe["trend"] == -1), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["trend"] == -1, "exit_long"] = 1
        dataframe.loc[dataframe["trend"] == 1, "exit_short"] = 1
        return dataframe
""",
    ),
    "HeikinScalper": (
        "5m",
        """
    minimal_roi = {"0": 0.008, "15": 0.004, "45": 0.001}
    stoploss = -0.015
    startup_candle_count = 30

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        candles = qtpylib.heikinashi(dataframe)
        dataframe["ha_open"], dataframe["ha_close"] = candles["open"], candles["close"]
        stoch = ta.STOCHF(dataframe, fastk_period=5, fastd_period=3)
        dataframe["fastk"], dataframe["fastd"] = stoch["fastk"], stoch["fastd"]
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        green = dataframe["ha_close"] > dataframe["ha_open"]
        dataframe.loc[green & qtpylib.crossed_above(dataframe["fastk"], 20), "enter_long"] = 1
        dataframe.loc[~green & qtpylib.crossed_below(dataframe["fastk"], 80), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["fastk"] > 85, "exit_long"] = 1
        dataframe.loc[dataframe["fastk"] < 15, "exit_short"] = 1
        return dataframe
""",
    ),
    "DonchianBreakout": (
        "15m",
        """
    minimal_roi = {"0": 0.15, "720": 0.05, "2880": 0}
    stoploss = -0.07
    trailing_stop = True
    startup_candle_count = 100

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["top"] = dataframe["high"].rolling(96).max().shift(1)
        dataframe["bottom"] = dataframe["low"].rolling(96).min().shift(1)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["close"] > dataframe["top"], "enter_long"] = 1
        dataframe.loc[dataframe["close"] < dataframe["bottom"], "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe
""",
    ),
    "TimedStop": (
        "5m",
        """
    minimal_roi = {"0": 0.04}
    stoploss = -0.1
    use_custom_stoploss = True
    startup_candle_count = 40

    def custom_stoploss(self, pair, trade, current_time, current_rate, current_profit, after_fill, **kwargs):
        if current_time - timedelta(hours=4) > trade.open_date_utc:
            return -0.01
        if current_profit > 0.02:
            return stoploss_from_open(0.005, current_profit, is_short=trade.is_short, leverage=trade.leverage)
        return -0.1

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["cci"] = ta.CCI(dataframe, timeperiod=20)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[qtpylib.crossed_above(dataframe["cci"], -200), "enter_long"] = 1
        dataframe.loc[qtpylib.crossed_below(dataframe["cci"], 200), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["cci"] > 150, "exit_long"] = 1
        dataframe.loc[dataframe["cci"] < -150, "exit_short"] = 1
        return dataframe
""",
    ),
    "AtrStop": (
        "15m",
        """
    minimal_roi = {"0": 0.08, "600": 0.02}
    stoploss = -0.12
    use_custom_stoploss = True
    startup_candle_count = 60

    def custom_stoploss(self, pair, trade, current_time, current_rate, current_profit, after_fill, **kwargs):
        candles, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
        atr = candles["atr"].iat[-1]
        side = -1 if trade.is_short else 1
        return stoploss_from_absolute(
            current_rate - side * 2.5 * atr, current_rate, is_short=trade.is_short, leverage=trade.leverage
        )

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["atr"] = ta.ATR(dataframe)
        dataframe["ema"] = ta.EMA(dataframe, timeperiod=50)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[qtpylib.crossed_above(dataframe["close"], dataframe["ema"]), "enter_long"] = 1
        dataframe.loc[qtpylib.crossed_below(dataframe["close"], dataframe["ema"]), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe
""",
    ),
    "SteppedExit": (
        "5m",
        """
    minimal_roi = {"0": 0.3}
    stoploss = -0.08
    startup_candle_count = 40

    def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs):
        held = (current_time - trade.open_date_utc).total_seconds() / 3600
        if current_profit > 0.03:
            return "take_profit"
        if held > 6 and current_profit > 0.005:
            return "tired"
        if held > 24:
            return "unclog"
        return None

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["ewo"] = (ta.EMA(dataframe, timeperiod=5) - ta.EMA(dataframe, timeperiod=35)) / dataframe["close"] * 100
        dataframe["rsi"] = ta.RSI(dataframe, timeperiod=14)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[(dataframe["ewo"] < -1) & (dataframe["rsi"] < 35), "enter_long"] = 1
        dataframe.loc[(dataframe["ewo"] > 1) & (dataframe["rsi"] > 65), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe
""",
    ),
    "AveragingDown": (
        "15m",
        """
    minimal_roi = {"0": 0.02, "240": 0.01}
    stoploss = -0.25
    position_adjustment_enable = True
    max_entry_position_adjustment = 3
    startup_candle_count = 30

    def custom_stake_amount(self, pair, current_time, current_rate, proposed_stake, min_stake, max_stake, leverage,
                            entry_tag, side, **kwargs):
        return proposed_stake / 4

    def adjust_trade_position(self, trade, current_time, current_rate, current_profit, min_stake, max_stake,
                              current_entry_rate, current_exit_rate, current_entry_profit, current_exit_profit, **kwargs):
        if current_profit > -0.02 * trade.nr_of_successful_entries:
            return None
        first = trade.select_filled_orders(trade.entry_side)[0]
        return first.stake_amount

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["rsi"] = ta.RSI(dataframe)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[qtpylib.crossed_below(dataframe["rsi"], 25), "enter_long"] = 1
        dataframe.loc[qtpylib.crossed_above(dataframe["rsi"], 75), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["rsi"] > 60, "exit_long"] = 1
        dataframe.loc[dataframe["rsi"] < 40, "exit_short"] = 1
        return dataframe
""",
    ),
    "HourlyTrendFilter": (
        "5m",
        """
    minimal_roi = {"0": 0.04, "90": 0.015}
    stoploss = -0.05
    startup_candle_count = 100

    def informative_pairs(self):
        return [(pair, "1h") for pair in self.dp.current_whitelist()]

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        hourly = self.dp.get_pair_dataframe(pair=metadata["pair"], timeframe="1h")
        hourly["ema"] = ta.EMA(hourly, timeperiod=50)
        dataframe = merge_informative_pair(dataframe, hourly, self.timeframe, "1h", ffill=True)
        dataframe["rsi"] = ta.RSI(dataframe, timeperiod=7)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[(dataframe["close"] > dataframe["ema_1h"]) & qtpylib.crossed_above(dataframe["rsi"], 30), "enter_long"] = 1
        dataframe.loc[(dataframe["close"] < dataframe["ema_1h"]) & qtpylib.crossed_below(dataframe["rsi"], 70), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["rsi"] > 85, "exit_long"] = 1
        dataframe.loc[dataframe["rsi"] < 15, "exit_short"] = 1
        return dataframe
""",
    ),
    "BitcoinGuard": (
        "15m",
        """
    minimal_roi = {"0": 0.05, "300": 0.01}
    stoploss = -0.06
    startup_candle_count = 60

    @informative("1h", "BTC/{stake}:{stake}")
    def populate_indicators_btc_1h(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["rsi"] = ta.RSI(dataframe, timeperiod=14)
        return dataframe

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["willr"] = ta.WILLR(dataframe, timeperiod=21)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        guard = dataframe["btc_usdt_rsi_1h"]
        dataframe.loc[(guard > 45) & qtpylib.crossed_above(dataframe["willr"], -90), "enter_long"] = 1
        dataframe.loc[(guard < 55) & qtpylib.crossed_below(dataframe["willr"], -10), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["willr"] > -15, "exit_long"] = 1
        dataframe.loc[dataframe["willr"] < -85, "exit_short"] = 1
        return dataframe
""",
    ),
    "Protected": (
        "5m",
        """
    minimal_roi = {"0": 0.025, "60": 0.01}
    stoploss = -0.025
    startup_candle_count = 30

    @property
    def protections(self):
        return [
            {"method": "CooldownPeriod", "stop_duration_candles": 5},
            {"method": "MaxDrawdown", "lookback_period_candles": 288, "trade_limit": 20, "stop_duration_candles": 24,
             "max_allowed_drawdown": 0.1},
            {"method": "StoplossGuard", "lookback_period_candles": 144, "trade_limit": 4, "stop_duration_candles": 24,
             "only_per_pair": False},
            {"method": "LowProfitPairs", "lookback_period_candles": 288, "trade_limit": 4, "stop_duration_candles": 60,
             "required_profit": 0.01},
        ]

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["fast"] = ta.TEMA(dataframe, timeperiod=9)
        dataframe["slow"] = ta.TEMA(dataframe, timeperiod=30)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[qtpylib.crossed_above(dataframe["fast"], dataframe["slow"]), "enter_long"] = 1
        dataframe.loc[qtpylib.crossed_below(dataframe["fast"], dataframe["slow"]), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe
""",
    ),
    "ManyTrades": (
        "5m",
        """
    minimal_roi = {"0": 0.003}
    stoploss = -0.01
    startup_candle_count = 10

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["change"] = dataframe["close"].pct_change(3)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["change"] < -0.002, "enter_long"] = 1
        dataframe.loc[dataframe["change"] > 0.002, "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe
""",
    ),
    "LimitMaker": (
        "5m",
        """
    minimal_roi = {"0": 0.015, "120": 0.005}
    stoploss = -0.04
    startup_candle_count = 30
    unfilledtimeout = {"entry": 30, "exit": 30, "unit": "minutes"}

    def custom_entry_price(self, pair, trade, current_time, proposed_rate, entry_tag, side, **kwargs):
        return proposed_rate * (1.001 if side == "short" else 0.999)

    def custom_exit_price(self, pair, trade, current_time, proposed_rate, current_profit, exit_tag, **kwargs):
        return proposed_rate * (0.9995 if trade.is_short else 1.0005)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["vwap"] = qtpylib.rolling_vwap(dataframe, window=48)
        dataframe["std"] = dataframe["close"].rolling(48).std()
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["close"] < dataframe["vwap"] - 2 * dataframe["std"], "enter_long"] = 1
        dataframe.loc[dataframe["close"] > dataframe["vwap"] + 2 * dataframe["std"], "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["close"] > dataframe["vwap"], "exit_long"] = 1
        dataframe.loc[dataframe["close"] < dataframe["vwap"], "exit_short"] = 1
        return dataframe
""",
    ),
    "SlippageGuard": (
        "5m",
        """
    minimal_roi = {"0": 0.03, "100": 0.01}
    stoploss = -0.05
    startup_candle_count = 50

    def confirm_trade_entry(self, pair, order_type, amount, rate, time_in_force, current_time, entry_tag, side, **kwargs):
        candles, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
        last = candles.iloc[-1].squeeze()
        return bool(rate < last["close"] * 1.003) if side == "long" else bool(rate > last["close"] * 0.997)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["cmo"] = ta.CMO(dataframe, timeperiod=14)
        dataframe["ema"] = ta.EMA(dataframe, timeperiod=40)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[(dataframe["cmo"] < -50) & (dataframe["close"] < dataframe["ema"]), "enter_long"] = 1
        dataframe.loc[(dataframe["cmo"] > 50) & (dataframe["close"] > dataframe["ema"]), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["cmo"] > 30, "exit_long"] = 1
        dataframe.loc[dataframe["cmo"] < -30, "exit_short"] = 1
        return dataframe
""",
    ),
    "Ichimoku": (
        "15m",
        """
    minimal_roi = {"0": 0.1, "1440": 0.02}
    stoploss = -0.08
    startup_candle_count = 120

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        def middle(window):
            return (dataframe["high"].rolling(window).max() + dataframe["low"].rolling(window).min()) / 2

        dataframe["tenkan"], dataframe["kijun"] = middle(20), middle(60)
        dataframe["span_a"] = ((dataframe["tenkan"] + dataframe["kijun"]) / 2).shift(30)
        dataframe["span_b"] = middle(120).shift(30)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        top = dataframe[["span_a", "span_b"]].max(axis=1)
        bottom = dataframe[["span_a", "span_b"]].min(axis=1)
        over = qtpylib.crossed_above(dataframe["tenkan"], dataframe["kijun"])
        under = qtpylib.crossed_below(dataframe["tenkan"], dataframe["kijun"])
        dataframe.loc[over & (dataframe["close"] > top), "enter_long"] = 1
        dataframe.loc[under & (dataframe["close"] < bottom), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["close"] < dataframe["kijun"], "exit_long"] = 1
        dataframe.loc[dataframe["close"] > dataframe["kijun"], "exit_short"] = 1
        return dataframe
""",
    ),
    "KeltnerParameters": (
        "5m",
        """
    minimal_roi = {"0": 0.06, "200": 0.02}
    stoploss = -0.05
    startup_candle_count = 60
    buy_width = DecimalParameter(1.0, 3.0, default=2.2, space="buy")
    buy_length = IntParameter(10, 40, default=25, space="buy")
    buy_filter = BooleanParameter(default=True, space="buy")

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        for length in self.buy_length.range:
            dataframe[f"ema_{length}"] = ta.EMA(dataframe, timeperiod=length)
        dataframe["atr"] = ta.ATR(dataframe, timeperiod=20)
        dataframe["volume_mean"] = dataframe["volume"].rolling(30).mean()
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        middle = dataframe[f"ema_{self.buy_length.value}"]
        width = self.buy_width.value * dataframe["atr"]
        busy = dataframe["volume"] > dataframe["volume_mean"] if self.buy_filter.value else dataframe["volume"] > 0
        dataframe.loc[(dataframe["close"] > middle + width) & busy, "enter_long"] = 1
        dataframe.loc[(dataframe["close"] < middle - width) & busy, "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        middle = dataframe[f"ema_{self.buy_length.value}"]
        dataframe.loc[dataframe["close"] < middle, "exit_long"] = 1
        dataframe.loc[dataframe["close"] > middle, "exit_short"] = 1
        return dataframe
""",
    ),
    "DailyPivot": (
        "1h",
        """
    minimal_roi = {"0": 0.08, "1440": 0.03, "4320": 0}
    stoploss = -0.1
    trailing_stop = True
    trailing_stop_positive = 0.02
    trailing_stop_positive_offset = 0.04
    startup_candle_count = 60

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        day = dataframe["close"].rolling(24)
        dataframe["pivot"] = (day.max() + day.min() + dataframe["close"]).shift(1) / 3
        dataframe["sar"] = ta.SAR(dataframe)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        above = dataframe["close"] > dataframe["pivot"]
        dataframe.loc[above & (dataframe["sar"] < dataframe["close"]), "enter_long"] = 1
        dataframe.loc[~above & (dataframe["sar"] > dataframe["close"]), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[qtpylib.crossed_above(dataframe["sar"], dataframe["close"]), "exit_long"] = 1
        dataframe.loc[qtpylib.crossed_below(dataframe["sar"], dataframe["close"]), "exit_short"] = 1
        return dataframe
""",
    ),
}

STRATEGIES = {
    name: _HEAD.format(name=name, timeframe=timeframe) + body + _LEVERAGE.format(leverage=1.0 + number % 3)
    for number, (name, (timeframe, body)) in enumerate(_BODIES.items())
}
