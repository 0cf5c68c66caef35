"""Mean reversion: buy what fell too far in a market without direction, and sell what rose too far."""

from random import Random

from cfsm.adapters.templates.family import Draft, Family, Risk, around, decreasing, settled, uniform

_IDEA = "In a market without direction, go back with the price from beyond its bands to their middle."

_SETTINGS = """
    band_period = CategoricalParameter($band_choices, default=$band, space="buy")
    band_width = DecimalParameter(1.5, 3.0, decimals=1, default=$band_width, space="buy")
    stretched = IntParameter(15, 40, default=$stretched, space="buy")
    adx_max = IntParameter(15, 50, default=$adx_max, space="buy")
    exit_share = DecimalParameter(0.0, 1.0, decimals=2, default=$exit_share, space="sell")
"""

_INDICATORS = """
        price = $price
        for period in self.band_period.range:
            dataframe[f"middle_{period}"] = price.rolling(period).mean()
            dataframe[f"deviation_{period}"] = price.rolling(period).std()
        dataframe["oscillator"] = ta.$oscillator(dataframe, timeperiod=$oscillator_period)
        dataframe["adx"] = ta.ADX(dataframe, timeperiod=$adx_period)
"""

_ENTRY = """
        close = dataframe["close"]
        middle = dataframe[f"middle_{self.band_period.value}"]
        width = dataframe[f"deviation_{self.band_period.value}"] * self.band_width.value
        # Lowest and highest of the last candles: the close may turn a little after the oscillator.
        low = dataframe["oscillator"].rolling($patience).min() < self.stretched.value
        high = dataframe["oscillator"].rolling($patience).max() > 100 - self.stretched.value
        aimless = dataframe["adx"] < self.adx_max.value
        long = aimless & low & qtpylib.$turn_up(close, middle - width)
        short = aimless & high & qtpylib.$turn_down(close, middle + width)
"""

_EXIT = """
        close = dataframe["close"]
        middle = dataframe[f"middle_{self.band_period.value}"]
        beyond = dataframe[f"deviation_{self.band_period.value}"] * self.exit_share.value
        leave_long = close > middle + beyond
        leave_short = close < middle - beyond
"""


# MFI goes to its extremes more often than RSI, and five minutes more often than fifteen.
_STRETCHED = {("5m", "RSI"): (20, 25), ("5m", "MFI"): (11, 16), ("15m", "RSI"): (25, 32), ("15m", "MFI"): (14, 22)}


def _draw(rng: Random) -> Draft:
    timeframe = rng.choice(["5m", "15m"])
    minutes = {"5m": 5, "15m": 15}[timeframe]
    band, band_choices = around(rng, 20, 50, 5)
    oscillator = rng.choice(["RSI", "MFI"])
    oscillator_period, adx_period = rng.choice([10, 14]), rng.choice([14, 20])
    turn_up, turn_down = rng.choice([("crossed_above", "crossed_below"), ("crossed_below", "crossed_above")])
    return Draft(
        timeframe=timeframe,
        values={
            "price": rng.choice(['dataframe["close"]', "qtpylib.typical_price(dataframe)"]),
            "band": band,
            "band_choices": band_choices,
            "band_width": uniform(rng, *{"5m": (2.4, 2.8), "15m": (1.9, 2.3)}[timeframe], 1),
            "oscillator": oscillator,
            "oscillator_period": oscillator_period,
            "stretched": rng.randint(*_STRETCHED[timeframe, oscillator]),
            "patience": rng.randint(2, 4),
            "adx_period": adx_period,
            "adx_max": rng.randint(24, 34),
            "exit_share": uniform(rng, 0.0, 0.4, 2),
            "turn_up": turn_up,
            "turn_down": turn_down,
        },
        risk=Risk(
            leverage=rng.choice([1.0, 2.0, 3.0]),
            stop_percent=uniform(rng, 1.5, 3.5, 1),
            roi_percent=decreasing(rng, [0, 12 * minutes, 48 * minutes], [2.0, 2.5, 3.0], 0.5),
        ),
        startup_candles=settled(rolling=band_choices[-1], wilder=max(oscillator_period, 2 * adx_period)),
        cooldown_candles=rng.randint(2, 6),
    )


MEAN_REVERSION = Family("mean_reversion", _IDEA, _SETTINGS, _INDICATORS, _ENTRY, _EXIT, _draw)
