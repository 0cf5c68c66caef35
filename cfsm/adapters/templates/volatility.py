"""Volatility: wait until it contracts, and go with the move that ends the quiet."""

from random import Random

from cfsm.adapters.templates.family import Draft, Family, Risk, Trailing, decreasing, settled, uniform

_IDEA = "Wait until Bollinger's bands lie inside Keltner's channel, and go with the move that frees them."

_SETTINGS = """
    keltner_factor = DecimalParameter(1.0, 2.5, decimals=1, default=$keltner_factor, space="buy")
    squeeze_candles = IntParameter(2, 12, default=$squeeze_candles, space="buy")
    push_min = DecimalParameter(0.0, 1.0, decimals=2, default=$push_min, space="buy")
    exit_push = DecimalParameter(-0.5, 0.5, decimals=2, default=$exit_push, space="sell")
"""

_INDICATORS = """
        middle = ta.$average(dataframe, timeperiod=$period)
        deviation = dataframe["close"].rolling($period).std()
        dataframe["middle"] = middle
        dataframe["half_width"] = $deviations * deviation
        dataframe["atr"] = ta.ATR(dataframe, timeperiod=$atr_period)
        # How far the price is from its middle, in average ranges, and smoothed.
        distance = (dataframe["close"] - middle) / dataframe["atr"]
        dataframe["push"] = distance.ewm(span=$push_period, adjust=False).mean()
"""

_ENTRY = """
        squeezed = dataframe["half_width"] < self.keltner_factor.value * dataframe["atr"]
        was_quiet = squeezed.shift(1, fill_value=False).rolling(self.squeeze_candles.value).sum()
        freed = ~squeezed & (was_quiet >= self.squeeze_candles.value)
        push = dataframe["push"]
        long = freed & (push > self.push_min.value) & (push > push.shift(1))
        short = freed & (push < -self.push_min.value) & (push < push.shift(1))
"""

_EXIT = """
        push = dataframe["push"]
        leave_long = qtpylib.crossed_below(push, self.exit_push.value)
        leave_short = qtpylib.crossed_above(push, -self.exit_push.value)
"""


def _draw(rng: Random) -> Draft:
    timeframe = rng.choice(["15m", "1h"])
    minutes = {"15m": 15, "1h": 60}[timeframe]
    period = rng.randrange(16, 31, 2)
    atr_period = rng.choice([10, 14, 20])
    push_period = rng.randint(3, 8)
    return Draft(
        timeframe=timeframe,
        values={
            "average": rng.choice(["SMA", "EMA"]),
            "period": period,
            "deviations": uniform(rng, 1.8, 2.2, 1),
            "atr_period": atr_period,
            "push_period": push_period,
            "keltner_factor": uniform(rng, 1.4, 1.8, 1),
            "squeeze_candles": rng.randint(*{"15m": (7, 12), "1h": (4, 8)}[timeframe]),
            "push_min": uniform(rng, 0.3, 0.8, 2),
            "exit_push": uniform(rng, -0.2, 0.1, 2),
        },
        risk=Risk(
            leverage=rng.choice([1.0, 2.0, 3.0]),
            stop_percent=uniform(rng, 1.5, 4.0, 1),
            roi_percent=decreasing(rng, [0, 24 * minutes, 96 * minutes], [4.0, 5.0, 7.0], 1.0),
            trailing=Trailing(uniform(rng, 0.7, 1.4, 1), uniform(rng, 1.6, 3.0, 1)),
        ),
        startup_candles=settled(rolling=period, exponential=period + push_period, wilder=atr_period),
        cooldown_candles=rng.randint(1, 6),
    )


VOLATILITY = Family("volatility", _IDEA, _SETTINGS, _INDICATORS, _ENTRY, _EXIT, _draw)
