"""Names: which candles a file holds, in Freqtrade's layout of a data folder."""

import re
from dataclasses import dataclass
from enum import StrEnum

FUTURES_FOLDER = "futures"
_FILE_NAME = re.compile(r"^(?P<pair>[\w-]+?)-(?P<timeframe>\d+[a-zA-Z]{1,2})-(?P<kind>[a-zA-Z_]+)\.(?P<ending>\w+)$")
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_EPOCH_MONDAY_MS = 4 * 86_400_000  # 1970-01-05: weekly candles open on Mondays


class CandleType(StrEnum):
    """The kinds of candles that a futures backtest reads."""

    FUTURES = "futures"
    MARK = "mark"
    FUNDING_RATE = "funding_rate"


@dataclass(frozen=True, order=True)
class Series:
    """Candles of one pair, one timeframe and one kind; one file."""

    pair: str
    timeframe: str
    candle_type: CandleType

    @property
    def file_name(self) -> str:
        """The file's name inside the folder ``futures``."""
        return f"{re.sub(r'[/ .@$+:]', '_', self.pair)}-{self.timeframe}-{self.candle_type}.feather"

    @property
    def step_ms(self) -> int:
        """Milliseconds from one candle to the next."""
        return timeframe_ms(self.timeframe)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns beside ``date``, in Freqtrade's current layout."""
        if self.candle_type is CandleType.FUNDING_RATE:
            return ("funding_rate",)
        return ("open", "high", "low", "close", "volume")

    def __str__(self) -> str:
        return f"{self.pair} {self.timeframe} {self.candle_type}"


def mark_of(pair: str) -> Series:
    """Name the mark candles without which Freqtrade charges no funding."""
    return Series(pair, "1h", CandleType.MARK)


def funding_of(pair: str) -> Series:
    """Name the funding rates; the file says 1h, though exchanges settle every 8, 4 or 1 hours."""
    return Series(pair, "1h", CandleType.FUNDING_RATE)


def series_of(file_name: str) -> Series | None:
    """Tell what a file of the folder ``futures`` holds, or None if a futures backtest does not read it."""
    match = _FILE_NAME.match(file_name)
    if not match or match["ending"] != "feather" or match["kind"] not in set(CandleType):
        return None
    if match["timeframe"][-1] not in _UNIT_MS:
        return None
    pair = match["pair"].replace("_", "/", 1).replace("_", ":", 1)
    return Series(pair, match["timeframe"], CandleType(match["kind"]))


def timeframe_ms(timeframe: str) -> int:
    """Give a timeframe's length in milliseconds. Raise ValueError unless it is like 5m, 1h, 1d, 1w."""
    number, unit = timeframe[:-1], timeframe[-1:]
    if unit not in _UNIT_MS or not number.isdecimal() or int(number) == 0:
        raise ValueError(f"{timeframe!r} is no timeframe: write it like 5m, 1h, 1d, 1w")
    return int(number) * _UNIT_MS[unit]


def grid_offset_ms(timeframe: str) -> int:
    """Give the remainder that a candle's opening time leaves when divided by the timeframe."""
    return _EPOCH_MONDAY_MS % timeframe_ms(timeframe) if timeframe.endswith("w") else 0
