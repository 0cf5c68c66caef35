"""How each function of the catalogue is computed in a strategy: lines that fill columns of the dataframe."""

from collections.abc import Mapping

TALIB_OF_SERIES: Mapping[str, str] = {
    "ema": "EMA",
    "wma": "WMA",
    "dema": "DEMA",
    "tema": "TEMA",
    "kama": "KAMA",
    "rsi": "RSI",
    "cmo": "CMO",
    "roc": "ROC",
    "mom": "MOM",
}
TALIB_OF_CANDLES: Mapping[str, str] = {
    "atr": "ATR",
    "natr": "NATR",
    "adx": "ADX",
    "plus_di": "PLUS_DI",
    "minus_di": "MINUS_DI",
    "cci": "CCI",
    "willr": "WILLR",
    "mfi": "MFI",
    "sar": "SAR",
}
TALIB_WITH_OUTPUTS: Mapping[str, tuple[str, str]] = {
    "macd": ("MACD", "macd"),
    "macd_signal": ("MACD", "macdsignal"),
    "macd_hist": ("MACD", "macdhist"),
    "bb_upper": ("BBANDS", "upperband"),
    "bb_middle": ("BBANDS", "middleband"),
    "bb_lower": ("BBANDS", "lowerband"),
    "aroon_up": ("AROON", "aroonup"),
    "aroon_down": ("AROON", "aroondown"),
    "stoch_k": ("STOCH", "slowk"),
    "stoch_d": ("STOCH", "slowd"),
}
"""Functions whose TA-Lib function gives several outputs, computed once per settings."""

WITH_GAPS = frozenset({"zscore", "vwap", "bb_width"})
"""Functions that divide, and may give no value in mid-series."""


def series(column: str) -> str:
    """Give the code of a column."""
    return f'dataframe["{column}"]'


def talib_call(function: str, settings: tuple[float, ...], column: str | None) -> str:
    """Give a call of TA-Lib on the dataframe; ``column`` is its input where that is not fixed."""
    arguments = ["dataframe", *_talib_settings(function, settings)]
    if column is not None and column != "close":
        arguments.append(f'price="{column}"')
    return f"ta.{function}({', '.join(arguments)})"


def _talib_settings(function: str, settings: tuple[float, ...]) -> list[str]:
    if function == "MACD":
        names = ("fastperiod", "slowperiod", "signalperiod")
        return [f"{name}={value:.0f}" for name, value in zip(names, settings, strict=True)]
    if function == "BBANDS":
        period, deviations = settings
        # Reals must be written as reals: TA-Lib refuses whole numbers for deviations.
        return [f"timeperiod={period:.0f}", f"nbdevup={deviations!r}", f"nbdevdn={deviations!r}"]
    if function == "STOCH":
        period, smooth, signal = (*settings, 3.0)[:3]
        return [f"fastk_period={period:.0f}", f"slowk_period={smooth:.0f}", f"slowd_period={signal:.0f}"]
    if function == "SAR":
        acceleration, maximum = settings
        return [f"acceleration={acceleration!r}", f"maximum={maximum!r}"]
    return [f"timeperiod={settings[0]:.0f}"]


def window(function: str, settings: tuple[float, ...], columns: tuple[str, ...]) -> str:
    """Give the code of a function that pandas computes over a window."""
    value = series(columns[0]) if columns else ""
    period = f"{settings[0]:.0f}" if settings else ""
    rolling = f"{value}.rolling({period})"
    keltner = f"ta.EMA(dataframe, timeperiod={period})"
    distance = f"{settings[-1]!r} * ta.ATR(dataframe, timeperiod={period})" if settings else ""
    code = {
        "sma": f"{rolling}.mean()",
        "stddev": f"{rolling}.std()",
        "zscore": f"({value} - {rolling}.mean()) / {rolling}.std()",
        "highest": f"{rolling}.max()",
        "lowest": f"{rolling}.min()",
        "donchian_upper": f'dataframe["high"].rolling({period}).max()',
        "donchian_lower": f'dataframe["low"].rolling({period}).min()',
        "change": f"{value} - {value}.shift({period})",
        "pct_change": f"{value} / {value}.shift({period}) - 1",
        "bb_width": f"2 * {settings[-1] if settings else 2!r} * {rolling}.std(ddof=0) / {rolling}.mean()",
        "kc_upper": f"{keltner} + {distance}",
        "kc_lower": f"{keltner} - {distance}",
        "vwap": f"(qtpylib.typical_price(dataframe) * {series('volume')}).rolling({period}).sum()"
        f" / {series('volume')}.rolling({period}).sum()",
    }
    return code[function]
