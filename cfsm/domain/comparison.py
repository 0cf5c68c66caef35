"""Backtests side by side: do they gain on the same days, are they in the same trades, which are worth having?"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt

from cfsm.domain.equity import EquityCurve, ratio_or_none
from cfsm.domain.metrics import FLAT, TWO_POINTS, return_moments
from cfsm.domain.selection import probabilistic_sharpe
from cfsm.domain.trades import Trade

Interval = tuple[int, int]
"""From when to when, in milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """Pearson's correlation of daily returns, over the days that both curves have; None where it is undefined."""

    value: float | None
    days: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far two lists of trades are the same.

    ``same_entries`` counts the trades that begin with the same candle in the same pair and direction,
    ``same_trades`` those that end with the same one too. ``entries_share`` is the former over all different entries
    of both, ``time_share`` the time that both are in a trade of the same pair and direction over the time that at
    least one of them is: 0 for nothing in common, 1 for the same, None where there are no trades.
    """

    same_entries: int
    same_trades: int
    entries_share: float | None
    time_share: float | None


ONE_BET = 0.7
"""A correlation of daily returns, or a share of the time in the same trades, from which on two are one bet."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How far two strategies are one: correlation of their daily returns, share of time in the same trades."""

    correlation: float | None
    time_share: float | None

    @property
    def is_one_bet(self) -> bool:
        """Say whether having both is having one twice."""
        return any(each is not None and each >= ONE_BET for each in (self.correlation, self.time_share))

    def in_words(self) -> str:
        """Give both measures."""
        shown = ["unknown" if each is None else f"{each:.2f}" for each in (self.correlation, self.time_share)]
        return f"correlation {shown[0]}, share of time in the same trades {shown[1]}"


def correlation(one: EquityCurve, other: EquityCurve) -> Correlation:
    """Give the correlation of the daily returns of the days in common.

    Undefined for fewer than two days, for returns that do not vary, and for an account that was ruined.
    """
    first, second = _returns_by_day(one), _returns_by_day(other)
    days = sorted(first.keys() & second.keys())
    return Correlation(_pearson([first[day] for day in days], [second[day] for day in days]), len(days))


def overlap(one: Sequence[Trade], other: Sequence[Trade]) -> Overlap:
    """Give how far the trades are the same."""
    entries = Counter(map(_entry, one)), Counter(map(_entry, other))
    whole = Counter(map(_entry_and_exit, one)), Counter(map(_entry_and_exit, other))
    same = (entries[0] & entries[1]).total()
    return Overlap(
        same_entries=same,
        same_trades=(whole[0] & whole[1]).total(),
        entries_share=ratio_or_none(same, (entries[0] | entries[1]).total()),
        time_share=_time_share(one, other),
    )


def better_probability(one: EquityCurve, other: EquityCurve) -> float | None:
    """Give the probability that the first gains more than the other in the mean of the days that both have.

    It is the probabilistic Sharpe ratio of the differences of their daily returns, against zero; None where these are
    undefined or do not vary.
    """
    first, second = _returns_by_day(one), _returns_by_day(other)
    moments = return_moments([first[day] - second[day] for day in sorted(first.keys() & second.keys())])
    return None if moments is None else probabilistic_sharpe(moments)


@dataclass(frozen=True, slots=True)
class Selected:
    """Whether one of several strategies is worth having beside the better ones, and why not."""

    name: str
    is_chosen: bool
    why: str


def select(ranked: Sequence[tuple[str, float | None]], likeness: Callable[[str, str], Likeness]) -> list[Selected]:
    """Choose from strategies that are given with their daily Sharpe ratios, best first, and say of each why.

    One that lost is not chosen, nor one that is like a better one that was: they would be one bet.
    """
    chosen: list[str] = []
    verdicts: list[Selected] = []
    for name, sharpe_daily in ranked:
        twin = next((better for better in chosen if likeness(better, name).is_one_bet), None)
        if sharpe_daily is None or sharpe_daily <= 0:
            verdicts.append(Selected(name, is_chosen=False, why="it gains nothing"))
        elif twin is not None:
            verdicts.append(
                Selected(name, is_chosen=False, why=f"one bet with {twin}: {likeness(twin, name).in_words()}")
            )
        else:
            why = "the best" if not chosen else "it gains on other days than those before it"
            verdicts.append(Selected(name, is_chosen=True, why=why))
            chosen.append(name)
    return verdicts


def _entry(trade: Trade) -> tuple[str, bool, int]:
    return (trade.pair, trade.is_short, trade.open_date)


def _entry_and_exit(trade: Trade) -> tuple[str, bool, int, int]:
    return (*_entry(trade), trade.close_date)


def _returns_by_day(curve: EquityCurve) -> Mapping[int, float]:
    first = curve.first_day.toordinal()
    return dict(enumerate(curve.daily_returns() or (), start=first))


def _pearson(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    count = len(xs)
    if count < TWO_POINTS:
        return None
    mean_x, mean_y = fsum(xs) / count, fsum(ys) / count
    spread_x = sqrt(fsum((x - mean_x) ** 2 for x in xs) / count)
    spread_y = sqrt(fsum((y - mean_y) ** 2 for y in ys) / count)
    if min(spread_x, spread_y) <= FLAT:
        return None
    together = fsum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / count
    return max(-1.0, min(1.0, together / (spread_x * spread_y)))


def _time_share(one: Sequence[Trade], other: Sequence[Trade]) -> float | None:
    held = _held(one), _held(other)
    together = sum(_common_ms(held[0][where], held[1][where]) for where in held[0].keys() & held[1].keys())
    alone = sum(_length_ms(intervals) for side in held for intervals in side.values())
    return ratio_or_none(together, alone - together)


def _held(trades: Iterable[Trade]) -> Mapping[tuple[str, bool], list[Interval]]:
    """Give when each pair was held in each direction: intervals in order that do not overlap."""
    held: dict[tuple[str, bool], list[Interval]] = {}
    for trade in sorted(trades, key=lambda trade: trade.open_date):
        intervals = held.setdefault((trade.pair, trade.is_short), [])
        if intervals and trade.open_date <= intervals[-1][1]:
            intervals[-1] = (intervals[-1][0], max(intervals[-1][1], trade.close_date))
        else:
            intervals.append((trade.open_date, trade.close_date))
    return held


def _length_ms(intervals: Iterable[Interval]) -> int:
    return sum(end - begin for begin, end in intervals)


def _common_ms(one: Sequence[Interval], other: Sequence[Interval]) -> int:
    common, left, right = 0, 0, 0
    while left < len(one) and right < len(other):
        begin, end = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        common += max(0, end - begin)
        if one[left][1] <= other[right][1]:
            left += 1
        else:
            right += 1
    return common
