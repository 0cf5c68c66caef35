"""Momentum: go with a move that has begun to accelerate."""

from random import Random

from cfsm.adapters.templates.family import Draft, Family, Risk, Trailing, around, decreasing, settled, uniform

_IDEA = "Go with a move when MACD turns its way, the rate of change is large enough and an oscillator agrees."

_SETTINGS = """
    roc_period = CategoricalParameter($roc_choices, default=$roc_period, space="buy")
    roc_min = DecimalParameter(0.1, 3.0, decimals=2, default=$roc_min, space="buy")
    strength_min = IntParameter(50, 70, default=$strength_min, space="buy")
    exit_strength = IntParameter(30, 50, default=$exit_strength, space="sell")
"""

_INDICATORS = """
        macd = ta.MACD(dataframe, fastperiod=$macd_fast, slowperiod=$macd_slow, signalperiod=$macd_signal)
        dataframe["macd_histogram"] = macd["macdhist"]
        dataframe["strength"] = ta.$oscillator(dataframe, timeperiod=$strength_period)
        for period in self.roc_period.range:
            dataframe[f"roc_{period}"] = ta.ROC(dataframe, timeperiod=period)
"""

_ENTRY = """
        histogram, strength = dataframe["macd_histogram"], dataframe["strength"]
        roc = dataframe[f"roc_{self.roc_period.value}"]
        least, firm = self.roc_min.value, self.strength_min.value
        long = qtpylib.crossed_above(histogram, 0) & (roc > least) & (strength > firm)
        short = qtpylib.crossed_below(histogram, 0) & (roc < -least) & (strength < 100 - firm)
"""

_EXIT = """
        histogram, strength = dataframe["macd_histogram"], dataframe["strength"]
        leave_long = (histogram < 0) & (strength < self.exit_strength.value)
        leave_short = (histogram > 0) & (strength > 100 - self.exit_strength.value)
"""


def _draw(rng: Random) -> Draft:
    timeframe = rng.choice(["15m", "1h"])
    minutes = {"15m": 15, "1h": 60}[timeframe]
    macd_fast, macd_slow, macd_signal = rng.choice([(8, 21, 5), (12, 26, 9), (10, 30, 7), (6, 18, 5)])
    roc_period, roc_choices = around(rng, 6, 18, 3)
    strength_period = rng.choice([10, 14, 20])
    return Draft(
        timeframe=timeframe,
        values={
            "macd_fast": macd_fast,
            "macd_slow": macd_slow,
            "macd_signal": macd_signal,
            "oscillator": rng.choice(["RSI", "MFI"]),
            "strength_period": strength_period,
            "strength_min": rng.randint(50, 54),
            "exit_strength": rng.randint(42, 48),
            "roc_period": roc_period,
            "roc_choices": roc_choices,
            "roc_min": uniform(rng, *{"15m": (0.6, 1.2), "1h": (0.4, 0.9)}[timeframe], 2),
        },
        risk=Risk(
            leverage=rng.choice([1.0, 2.0, 3.0]),
            stop_percent=uniform(rng, 1.5, 4.0, 1),
            roi_percent=decreasing(rng, [0, 16 * minutes, 64 * minutes], [4.0, 5.0, 6.5], 1.2),
            trailing=rng.choice([None, Trailing(uniform(rng, 0.6, 1.2, 1), uniform(rng, 1.4, 2.6, 1))]),
        ),
        startup_candles=settled(rolling=roc_choices[-1], exponential=macd_slow + macd_signal, wilder=strength_period),
        cooldown_candles=rng.randint(1, 4),
    )


MOMENTUM = Family("momentum", _IDEA, _SETTINGS, _INDICATORS, _ENTRY, _EXIT, _draw)
