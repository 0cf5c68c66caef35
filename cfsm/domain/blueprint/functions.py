"""The catalogue: which functions a blueprint may use, their arguments, and how many candles each needs.

Warm-up factors: a window of n needs n candles. What exponential smoothing (2/(n+1)) remembers of its start is
exp(-8) after 4 n, Wilder's (1/n) exp(-7) after 7 n; smoothed twice it takes 10 n. MACD is a small difference of
averages, and needs 6 n for an error of its own size.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

MAX_PERIOD = 400


class Kind(StrEnum):
    """What an expression gives: one number for all candles, a number per candle, or yes and no per candle."""

    NUMBER = "number"
    SERIES = "series"
    CONDITION = "condition"


@dataclass(frozen=True)
class Setting:
    """A number in a call: it must be written as a number, within bounds."""

    name: str
    default: float
    low: float = 1
    high: float = MAX_PERIOD
    is_whole: bool = True


@dataclass(frozen=True)
class Function:
    """A function: its series (the column that stands for one left out, or None), settings, warm-up, result.

    ``warm_up`` gives candles from the settings in order.
    """

    series: tuple[str | None, ...]
    settings: tuple[Setting, ...]
    warm_up: Callable[[Sequence[float]], float]
    meaning: str
    result: Kind = Kind.SERIES


def _period(default: int, low: int = 2) -> Setting:
    return Setting("period", default, low)


def _window(numbers: Sequence[float]) -> float:
    return numbers[0]


def _smoothed(numbers: Sequence[float]) -> float:
    return 4 * numbers[0]


def _wilder(numbers: Sequence[float]) -> float:
    return 7 * numbers[0]


def _twice(numbers: Sequence[float]) -> float:
    return 10 * numbers[0]


def _sum(numbers: Sequence[float]) -> float:
    return sum(numbers)


def _none(_: Sequence[float]) -> float:
    return 0


_CLOSE = ("close",)
_MACD = (Setting("fast", 12, 2), Setting("slow", 26, 3), Setting("signal", 9, 2))
_BANDS = (_period(20), Setting("deviations", 2.0, 0.1, 10, is_whole=False))


def _macd(numbers: Sequence[float]) -> float:
    return 6 * max(numbers[0], numbers[1]) + 3 * numbers[2]


def _candle(default: int, warm_up: Callable[[Sequence[float]], float], meaning: str) -> Function:
    return Function((), (_period(default),), warm_up, meaning)


def _of(default: int, warm_up: Callable[[Sequence[float]], float], meaning: str) -> Function:
    return Function(_CLOSE, (_period(default),), warm_up, meaning)


FUNCTIONS: Mapping[str, Function] = {
    "sma": _of(20, _window, "simple moving average"),
    "ema": _of(20, _smoothed, "exponential moving average"),
    "wma": _of(20, _window, "weighted moving average"),
    "dema": _of(20, _twice, "double exponential moving average"),
    "tema": _of(20, _twice, "triple exponential moving average"),
    "kama": _of(20, _smoothed, "Kaufman's adaptive moving average"),
    "rsi": _of(14, _wilder, "relative strength index, 0 to 100"),
    "cmo": _of(14, _wilder, "Chande momentum oscillator, -100 to 100"),
    "roc": _of(10, _window, "rate of change in percent"),
    "mom": _of(10, _window, "momentum: the change over the period"),
    "stddev": _of(20, _window, "standard deviation"),
    "zscore": _of(20, _window, "distance from the mean in standard deviations"),
    "highest": _of(20, _window, "highest value of the last candles, this one included"),
    "lowest": _of(20, _window, "lowest value of the last candles, this one included"),
    "donchian_upper": _candle(20, _window, "highest high of the last candles, this one included"),
    "donchian_lower": _candle(20, _window, "lowest low of the last candles, this one included"),
    "change": Function(_CLOSE, (_period(1, 1),), _window, "difference to the value so many candles before"),
    "pct_change": Function(_CLOSE, (_period(1, 1),), _window, "relative change, 0.01 is one percent"),
    "atr": _candle(14, _wilder, "average true range, in price"),
    "natr": _candle(14, _wilder, "average true range in percent of the price"),
    "adx": _candle(14, _twice, "strength of the trend, 0 to 100"),
    "plus_di": _candle(14, _wilder, "positive directional indicator"),
    "minus_di": _candle(14, _wilder, "negative directional indicator"),
    "cci": _candle(20, _window, "commodity channel index"),
    "willr": _candle(14, _window, "Williams %R, -100 to 0"),
    "mfi": _candle(14, _window, "money flow index, 0 to 100"),
    "aroon_up": _candle(25, _window, "Aroon up, 0 to 100"),
    "aroon_down": _candle(25, _window, "Aroon down, 0 to 100"),
    "vwap": _candle(48, _window, "volume-weighted average price of the last candles"),
    "stoch_k": Function((), (_period(14), Setting("smooth", 3)), _sum, "slow stochastic %K, 0 to 100"),
    "stoch_d": Function(
        (), (_period(14), Setting("smooth", 3), Setting("signal", 3)), _sum, "slow stochastic %D, 0 to 100"
    ),
    "macd": Function(_CLOSE, _MACD, _macd, "MACD line"),
    "macd_signal": Function(_CLOSE, _MACD, _macd, "MACD signal line"),
    "macd_hist": Function(_CLOSE, _MACD, _macd, "MACD histogram"),
    "bb_upper": Function(_CLOSE, _BANDS, _window, "upper Bollinger band"),
    "bb_middle": Function(_CLOSE, _BANDS, _window, "middle Bollinger band"),
    "bb_lower": Function(_CLOSE, _BANDS, _window, "lower Bollinger band"),
    "bb_width": Function(_CLOSE, _BANDS, _window, "width of the Bollinger bands, relative to the middle"),
    "kc_upper": Function((), _BANDS, _wilder, "upper Keltner channel (EMA and ATR)"),
    "kc_lower": Function((), _BANDS, _wilder, "lower Keltner channel (EMA and ATR)"),
    "sar": Function(
        (),
        (
            Setting("acceleration", 0.02, 0.001, 0.5, is_whole=False),
            Setting("maximum", 0.2, 0.01, 1, is_whole=False),
        ),
        lambda _: 100,
        "parabolic stop and reverse, in price",
    ),
    "abs": Function((None,), (), _none, "size without sign"),
    "min": Function((None, None), (), _none, "the smaller of two"),
    "max": Function((None, None), (), _none, "the larger of two"),
    "rising": Function(_CLOSE, (_period(1, 1),), _window, "above its value so many candles before", Kind.CONDITION),
    "falling": Function(_CLOSE, (_period(1, 1),), _window, "below its value so many candles before", Kind.CONDITION),
    "crossed_above": Function((None, None), (), lambda _: 1, "the first crosses above the second", Kind.CONDITION),
    "crossed_below": Function((None, None), (), lambda _: 1, "the first crosses below the second", Kind.CONDITION),
}

ELEMENTWISE = frozenset(name for name, function in FUNCTIONS.items() if function.result is Kind.CONDITION) | {
    "abs",
    "min",
    "max",
}
"""Functions of this candle and those before it that need no column of their own."""

ALIASES: Mapping[str, str] = {
    "ma": "sma",
    "mean": "sma",
    "average": "sma",
    "std": "stddev",
    "stdev": "stddev",
    "highest_high": "highest",
    "rolling_max": "highest",
    "lowest_low": "lowest",
    "rolling_min": "lowest",
    "bollinger_upper": "bb_upper",
    "bollinger_middle": "bb_middle",
    "bollinger_lower": "bb_lower",
    "bbands_upper": "bb_upper",
    "bbands_lower": "bb_lower",
    "bb_mid": "bb_middle",
    "keltner_upper": "kc_upper",
    "keltner_lower": "kc_lower",
    "macd_histogram": "macd_hist",
    "macdsignal": "macd_signal",
    "macdhist": "macd_hist",
    "momentum": "mom",
    "psar": "sar",
    "cross_above": "crossed_above",
    "crosses_above": "crossed_above",
    "crossover": "crossed_above",
    "cross_below": "crossed_below",
    "crosses_below": "crossed_below",
    "crossunder": "crossed_below",
}

COLUMNS: Mapping[str, str] = {
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "volume",
    "price": "close",
    "hour": "hour",
    "weekday": "weekday",
}
"""What a column's name means; ``hour`` (0 to 23, UTC) and ``weekday`` (0 is Monday) are the candle's start."""
