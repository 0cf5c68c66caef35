"""Breakout: enter when the price leaves the channel of its recent past on volume."""

from random import Random

from cfsm.adapters.templates.family import Draft, Family, Risk, Trailing, around, decreasing, settled, uniform

_IDEA = "Enter when the close leaves the channel of the candles before it, on volume; leave by a shorter channel."

_SETTINGS = """
    channel_period = CategoricalParameter($channel_choices, default=$channel, space="buy")
    volume_factor = DecimalParameter(0.8, 3.0, decimals=1, default=$volume_factor, space="buy")
    atr_min = DecimalParameter(0.0, 1.0, decimals=2, default=$atr_min, space="buy")
    exit_period = CategoricalParameter($exit_choices, default=$exit_period, space="sell")
"""

_INDICATORS = """
        for period in sorted({*self.channel_period.range, *self.exit_period.range}):
            # Shifted: the channel of the candles before this one.
            dataframe[f"upper_{period}"] = dataframe["$top"].rolling(period).max().shift(1)
            dataframe[f"lower_{period}"] = dataframe["$bottom"].rolling(period).min().shift(1)
        dataframe["volume_mean"] = dataframe["volume"].rolling($volume_period).mean()
        dataframe["atr_percent"] = ta.ATR(dataframe, timeperiod=$atr_period) / dataframe["close"] * 100
"""

_ENTRY = """
        close = dataframe["close"]
        upper = dataframe[f"upper_{self.channel_period.value}"]
        lower = dataframe[f"lower_{self.channel_period.value}"]
        busy = dataframe["volume"] > dataframe["volume_mean"] * self.volume_factor.value
        lively = dataframe["atr_percent"] > self.atr_min.value
        long = qtpylib.crossed_above(close, upper) & busy & lively
        short = qtpylib.crossed_below(close, lower) & busy & lively
"""

_EXIT = """
        close = dataframe["close"]
        leave_long = close < dataframe[f"lower_{self.exit_period.value}"]
        leave_short = close > dataframe[f"upper_{self.exit_period.value}"]
"""


def _draw(rng: Random) -> Draft:
    timeframe = rng.choice(["15m", "1h"])
    minutes = {"15m": 15, "1h": 60}[timeframe]
    channel, channel_choices = around(rng, *{"15m": (60, 120, 12), "1h": (24, 54, 6)}[timeframe])
    exit_period, exit_choices = around(rng, *{"15m": (20, 40, 4), "1h": (10, 20, 2)}[timeframe])
    volume_period = rng.choice([20, 30, 40])
    atr_period = rng.choice([10, 14, 20])
    top, bottom = rng.choice([("high", "low"), ("close", "close")])
    return Draft(
        timeframe=timeframe,
        values={
            "channel": channel,
            "channel_choices": channel_choices,
            "exit_period": exit_period,
            "exit_choices": exit_choices,
            "top": top,
            "bottom": bottom,
            "volume_period": volume_period,
            "volume_factor": uniform(rng, *{"15m": (1.5, 2.4), "1h": (1.0, 1.8)}[timeframe], 1),
            "atr_period": atr_period,
            "atr_min": uniform(rng, 0.1, 0.3, 2),
        },
        risk=Risk(
            leverage=rng.choice([1.0, 2.0, 3.0]),
            stop_percent=uniform(rng, 1.5, 4.0, 1),
            roi_percent=decreasing(rng, [0, 20 * minutes, 80 * minutes], [5.0, 6.5, 8.0], 1.5),
            trailing=rng.choice([None, Trailing(uniform(rng, 0.7, 1.4, 1), uniform(rng, 1.6, 3.0, 1))]),
        ),
        startup_candles=settled(
            rolling=max(channel_choices[-1], exit_choices[-1], volume_period) + 1, wilder=atr_period
        ),
        cooldown_candles=rng.randint(1, 4),
    )


BREAKOUT = Family("breakout", _IDEA, _SETTINGS, _INDICATORS, _ENTRY, _EXIT, _draw)
