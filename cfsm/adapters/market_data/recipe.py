"""The recipe of a synthetic market: everything that its candles depend on."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from cfsm.adapters.market_data.markets import split_pair
from cfsm.adapters.market_data.series import timeframe_ms

MODEL_VERSION = 1
"""Raised whenever a recipe would give other candles than before."""

STEP_MS = 300_000
STEPS_PER_HOUR = 12
STEPS_PER_DAY = 288

DEFAULT_PAIRS = (
    "BTC/USDT:USDT",
    "ETH/USDT:USDT",
    "SOL/USDT:USDT",
    "XRP/USDT:USDT",
    "BNB/USDT:USDT",
    "DOGE/USDT:USDT",
)
DEFAULT_TIMEFRAMES = ("5m", "15m", "1h", "4h", "1d")
DEFAULT_START, DEFAULT_END = date(2025, 1, 1), date(2025, 5, 1)
DEFAULT_SEED = 1


@dataclass(frozen=True)
class Recipe:
    """What a synthetic market is made from; ``end`` is the first day without candles, days are UTC.

    Raise ValueError if no market can be made from it.
    """

    seed: int = DEFAULT_SEED
    pairs: tuple[str, ...] = DEFAULT_PAIRS
    timeframes: tuple[str, ...] = DEFAULT_TIMEFRAMES
    start: date = DEFAULT_START
    end: date = DEFAULT_END

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"the seed is {self.seed}: it must not be negative")
        if self.end <= self.start:
            raise ValueError(f"the market would end ({self.end}) before it begins ({self.start})")
        if not self.pairs or len(set(self.pairs)) != len(self.pairs):
            raise ValueError("name at least one pair, and each once")
        for pair in self.pairs:
            split_pair(pair)
        if not self.timeframes:
            raise ValueError("name at least one timeframe")
        day_ms = STEPS_PER_DAY * STEP_MS
        for timeframe in self.timeframes:
            if timeframe_ms(timeframe) % STEP_MS or day_ms % timeframe_ms(timeframe):
                raise ValueError(f"no {timeframe} candles can be made: take a multiple of 5m that divides a day")

    @property
    def steps(self) -> int:
        """The number of five-minute candles of each pair."""
        return (self.end - self.start).days * STEPS_PER_DAY

    @property
    def series_count(self) -> int:
        """The number of series that are made: each pair's timeframes, marks and funding rates."""
        return len(self.pairs) * (len(self.timeframes) + 2)

    @property
    def facts(self) -> dict[str, Any]:
        """The recipe as it stands in ``dataset.json``, with the version of the model."""
        return {
            "model_version": MODEL_VERSION,
            "seed": self.seed,
            "pairs": list(self.pairs),
            "timeframes": list(self.timeframes),
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
        }

    @property
    def start_ms(self) -> int:
        """When the first candle opens, in milliseconds since the epoch."""
        return int(datetime.combine(self.start, time(), UTC).timestamp() * 1000)
