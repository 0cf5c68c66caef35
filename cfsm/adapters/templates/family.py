"""What a family of predefined strategies is: a few pieces of code with holes, and how to draw what fills them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

Value = int | float | str | list[int]


@dataclass(frozen=True)
class Trailing:
    """A stop that follows the price: once it gained ``offset_percent``, it stays ``distance_percent`` behind."""

    distance_percent: float
    offset_percent: float


@dataclass(frozen=True)
class Risk:
    """When a trade ends whatever the signals say, in percent of price; the frame multiplies with the leverage.

    ``roi_percent`` maps minutes since the entry to the gain that is enough from then on.
    """

    leverage: float
    stop_percent: float
    roi_percent: Mapping[int, float]
    trailing: Trailing | None = None


@dataclass(frozen=True)
class Draft:
    """One strategy of a family, drawn: what fills the holes of its code.

    ``startup_candles`` is enough for the longest period that an optimizer may choose. ``cooldown_candles`` pass
    after a trade before the pair trades again.
    """

    timeframe: str
    values: Mapping[str, Value]
    risk: Risk
    startup_candles: int
    cooldown_candles: int


@dataclass(frozen=True)
class Family:
    """A way of trading. The code's pieces are ``string.Template`` texts, indented as they stand in the class.

    ``settings`` are class attributes; ``indicators`` add columns to ``dataframe``; ``entry`` defines the conditions
    ``long`` and ``short``, ``exit`` the conditions ``leave_long`` and ``leave_short``.
    """

    name: str
    idea: str
    settings: str
    indicators: str
    entry: str
    exit: str
    draw: Callable[[Random], Draft]


def around(rng: Random, low: int, high: int, step: int) -> tuple[int, list[int]]:
    """Draw a period, and the neighbours that an optimizer may try instead of it (the period among them)."""
    period = rng.randrange(low, high + 1, step)
    return period, [max(2, period - step), period, period + step]


def uniform(rng: Random, low: float, high: float, digits: int) -> float:
    """Draw a number of so many digits, both ends included."""
    return round(rng.uniform(low, high), digits)


def settled(*, rolling: int = 0, exponential: int = 0, wilder: int = 0) -> int:
    """Give the candles after which indicators no longer depend on where the data begins (to about 0.02 %).

    ``rolling`` windows need their own length, exponential averages five times it (weights fall by e per half
    period), Wilder's averages (RSI, ATR, ADX) ten times.
    """
    return max(rolling + 5, 5 * exponential, 10 * wilder)


def decreasing(rng: Random, minutes: Sequence[int], first: Sequence[float], last: float) -> dict[int, float]:
    """Draw a table of gains that shrinks from one of ``first`` to ``last`` percent over these minutes."""
    start = rng.choice(first)
    steps = max(1, len(minutes) - 1)
    return {at: round(start + (last - start) * place / steps, 2) for place, at in enumerate(minutes)}
