"""Trend: follow a direction that two averages and the directional index agree on."""

from random import Random

from cfsm.adapters.templates.family import Draft, Family, Risk, Trailing, around, decreasing, settled, uniform

_IDEA = "Follow a trend that two moving averages and the directional index agree on, until it bends."

_SETTINGS = """
    fast_period = CategoricalParameter($fast_choices, default=$fast, space="buy")
    slow_period = CategoricalParameter($slow_choices, default=$slow, space="buy")
    adx_min = IntParameter(10, 40, default=$adx_min, space="buy")
    exit_adx_max = IntParameter(5, 25, default=$exit_adx_max, space="sell")
"""

_INDICATORS = """
        for period in sorted({*self.fast_period.range, *self.slow_period.range}):
            dataframe[f"average_{period}"] = ta.$average(dataframe, timeperiod=period)
        dataframe["adx"] = ta.ADX(dataframe, timeperiod=$adx_period)
        dataframe["plus_di"] = ta.PLUS_DI(dataframe, timeperiod=$adx_period)
        dataframe["minus_di"] = ta.MINUS_DI(dataframe, timeperiod=$adx_period)
"""

_ENTRY = """
        close = dataframe["close"]
        fast = dataframe[f"average_{self.fast_period.value}"]
        slow = dataframe[f"average_{self.slow_period.value}"]
        strong = dataframe["adx"] > self.adx_min.value
        rising = (fast > slow) & (dataframe["plus_di"] > dataframe["minus_di"])
        falling = (fast < slow) & (dataframe["plus_di"] < dataframe["minus_di"])
        long = strong & rising & qtpylib.crossed_above($mover, $line)
        short = strong & falling & qtpylib.crossed_below($mover, $line)
"""

_EXIT = """
        close = dataframe["close"]
        slow = dataframe[f"average_{self.slow_period.value}"]
        tired = dataframe["adx"] < self.exit_adx_max.value
        leave_long = qtpylib.crossed_below(close, slow) | (tired & (close < slow))
        leave_short = qtpylib.crossed_above(close, slow) | (tired & (close > slow))
"""


def _draw(rng: Random) -> Draft:
    timeframe = rng.choice(["15m", "1h"])
    minutes = {"15m": 15, "1h": 60}[timeframe]
    average = rng.choice(["EMA", "DEMA", "WMA"])
    fast, fast_choices = around(rng, *{"15m": (18, 36, 6), "1h": (8, 20, 2)}[timeframe])
    slow, slow_choices = around(rng, *{"15m": (72, 84, 6), "1h": (36, 72, 6)}[timeframe])
    mover, line = rng.choice([("close", "fast"), ("fast", "slow")])
    adx_period = rng.choice([10, 14, 18])
    leverage = rng.choice([1.0, 2.0, 3.0])
    stop = uniform(rng, 2.0, 5.0, 1)
    return Draft(
        timeframe=timeframe,
        values={
            "average": average,
            "fast": fast,
            "fast_choices": fast_choices,
            "slow": slow,
            "slow_choices": slow_choices,
            "mover": mover,
            "line": line,
            "adx_period": adx_period,
            "adx_min": rng.randint(*{"15m": (24, 32), "1h": (18, 26)}[timeframe]),
            "exit_adx_max": rng.randint(8, 14),
        },
        risk=Risk(
            leverage=leverage,
            stop_percent=stop,
            roi_percent=decreasing(rng, [0, 24 * minutes, 96 * minutes], [6.0, 8.0, 10.0], 2.0),
            trailing=Trailing(uniform(rng, 0.8, 2.0, 1), uniform(rng, 2.2, 4.0, 1)),
        ),
        startup_candles=settled(exponential=slow_choices[-1], wilder=adx_period),
        cooldown_candles=rng.randint(1, 4),
    )


TREND = Family("trend", _IDEA, _SETTINGS, _INDICATORS, _ENTRY, _EXIT, _draw)
