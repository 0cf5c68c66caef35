"""Scalping: take small gains from pullbacks that end, in lively candles, with the larger direction."""

from random import Random

from cfsm.adapters.templates.family import Draft, Family, Risk, decreasing, settled, uniform

_IDEA = "Take small gains, quickly: enter when a pullback ends, with the larger direction, in lively candles."

_SETTINGS = """
    pullback = IntParameter(5, 45, default=$pullback, space="buy")
    atr_min = DecimalParameter(0.05, 0.8, decimals=2, default=$atr_min, space="buy")
    volume_factor = DecimalParameter(0.5, 3.0, decimals=1, default=$volume_factor, space="buy")
    overrun = IntParameter(65, 98, default=$overrun, space="sell")
"""

_INDICATORS = """
        dataframe["direction_fast"] = ta.EMA(dataframe, timeperiod=$fast)
        dataframe["direction_slow"] = ta.EMA(dataframe, timeperiod=$slow)
        dataframe["oscillator"] = $oscillator
        dataframe["atr_percent"] = ta.ATR(dataframe, timeperiod=$atr_period) / dataframe["close"] * 100
        dataframe["volume_mean"] = dataframe["volume"].rolling($volume_period).mean()
"""

_ENTRY = """
        oscillator = dataframe["oscillator"]
        up = dataframe["direction_fast"] > dataframe["direction_slow"]
        down = dataframe["direction_fast"] < dataframe["direction_slow"]
        lively = dataframe["atr_percent"] > self.atr_min.value
        busy = dataframe["volume"] > dataframe["volume_mean"] * self.volume_factor.value
        long = up & lively & busy & qtpylib.crossed_above(oscillator, self.pullback.value)
        short = down & lively & busy & qtpylib.crossed_below(oscillator, 100 - self.pullback.value)
"""

_EXIT = """
        oscillator = dataframe["oscillator"]
        leave_long = oscillator > self.overrun.value
        leave_short = oscillator < 100 - self.overrun.value
"""


def _draw(rng: Random) -> Draft:
    fast, slow = rng.randrange(12, 31, 3), rng.randrange(60, 91, 10)
    atr_period = rng.choice([10, 14])
    volume_period = rng.choice([20, 30])
    # RSI swings less than the stochastic oscillator: its levels lie nearer to the middle.
    if rng.choice(["STOCHF", "RSI"]) == "STOCHF":
        period, pullback, overrun = rng.randint(8, 14), rng.randint(8, 14), rng.randint(85, 92)
        oscillator = f'ta.STOCHF(dataframe, fastk_period={period})["fastd"]'
    else:
        period, pullback, overrun = rng.randint(9, 12), rng.randint(32, 38), rng.randint(70, 78)
        oscillator = f"ta.RSI(dataframe, timeperiod={period})"
    return Draft(
        timeframe="5m",
        values={
            "fast": fast,
            "slow": slow,
            "oscillator": oscillator,
            "pullback": pullback,
            "overrun": overrun,
            "atr_period": atr_period,
            "atr_min": uniform(rng, 0.25, 0.35, 2),
            "volume_period": volume_period,
            "volume_factor": uniform(rng, 1.2, 1.8, 1),
        },
        risk=Risk(
            leverage=rng.choice([2.0, 3.0]),
            stop_percent=uniform(rng, 1.0, 1.8, 1),
            roi_percent=decreasing(rng, [0, 30, 90], [1.5, 2.0, 2.5], 0.5),
        ),
        startup_candles=settled(rolling=volume_period, exponential=slow, wilder=max(atr_period, period)),
        cooldown_candles=rng.randint(3, 8),
    )


SCALPING = Family("scalping", _IDEA, _SETTINGS, _INDICATORS, _ENTRY, _EXIT, _draw)
