"""The realised balance day by day and month by month.

Losers that are still open are invisible until they close. Sums are rounded once (``math.fsum``), so that a
balance is the same to the last bit whatever the order of the trades.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from math import fsum, isfinite

from cfsm.domain.trades import LARGEST, Trade

DAY_MS = 86_400_000
MAX_DAYS = 36_600
SMALLEST_BALANCE = 1e-9

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class EquityCurve:
    """The realised balance at the end of every UTC day of a range, in stake currency."""

    starting_balance: float
    first_day: date
    balances: tuple[float, ...]

    def rows(self) -> Iterator[tuple[date, float]]:
        """Give each day with its balance, in order."""
        for place, balance in enumerate(self.balances):
            yield self.first_day + timedelta(days=place), balance

    def daily_returns(self) -> tuple[float, ...] | None:
        """Give each day's profit as a fraction of the balance before it.

        None if the account was ruined (a balance of zero or less): a return on nothing is undefined.
        """
        if min(self.balances) <= 0:
            return None
        before = (self.starting_balance, *self.balances[:-1])
        return tuple((now - then) / then for then, now in zip(before, self.balances, strict=True))


@dataclass(frozen=True, slots=True)
class Month:
    """One row of the monthly table; ``profit_ratio`` is on the balance at the month's beginning."""

    month: str
    total_trades: int
    wins: int
    profit_abs: float
    profit_ratio: float | None
    balance: float


def equity_curve(trades: Sequence[Trade], starting_balance: float, start: datetime, end: datetime) -> EquityCurve:
    """Give the starting balance plus the profits realised by the end of each UTC day, every day present.

    The last day is the one before ``end`` where ``end`` is a midnight: a trade that closes on the last
    candle's opening at midnight belongs to the day that it ends. Raise ValueError if a trade closes outside
    the range, if the range is empty, longer than 36,600 days or without a time zone, or if the balance is not
    positive.
    """
    if not SMALLEST_BALANCE <= starting_balance <= LARGEST:
        raise ValueError(f"The starting balance is {starting_balance}, not a positive number")
    start_ms, end_ms = _milliseconds(start), _milliseconds(end)
    first, last = start_ms // DAY_MS, (end_ms - 1) // DAY_MS
    if not first <= last < first + MAX_DAYS:
        raise ValueError(f"The range from {start} to {end} is not one of 1 to {MAX_DAYS} days")
    profits: list[list[float]] = [[] for _ in range(first, last + 1)]
    for trade in trades:
        if not start_ms <= trade.close_date <= end_ms:
            raise ValueError(f"A trade closes at {trade.close_date} ms, outside {start} to {end}")
        profits[min(trade.close_date // DAY_MS, last) - first].append(trade.profit_abs)
    balances = accumulate(map(fsum, profits), initial=starting_balance)
    next(balances)
    return EquityCurve(starting_balance, (_EPOCH + timedelta(days=first)).date(), tuple(balances))


def monthly_table(trades: Sequence[Trade], curve: EquityCurve) -> tuple[Month, ...]:
    """Give one row for every UTC month of the curve of these trades; a trade counts where it closed."""
    last_day = curve.first_day + timedelta(days=len(curve.balances) - 1)
    closed: dict[str, list[float]] = {f"{day:%Y-%m}": [] for day, _ in curve.rows()}
    for trade in trades:
        day = min((_EPOCH + trade.close_date * _MILLISECOND).date(), last_day)
        closed[f"{day:%Y-%m}"].append(trade.profit_abs)
    at_end = {f"{day:%Y-%m}": balance for day, balance in curve.rows()}
    rows: list[Month] = []
    before = curve.starting_balance
    for month, profits in closed.items():
        gained = fsum(profits)
        wins = sum(profit > 0 for profit in profits)
        rows.append(Month(month, len(profits), wins, gained, ratio_or_none(gained, before), at_end[month]))
        before = at_end[month]
    return tuple(rows)


def ratio_or_none(part: float, whole: float) -> float | None:
    """Give the quotient; None where it is undefined or, by next to nothing, overflows."""
    return part / whole if whole > 0 and isfinite(part / whole) else None


def _milliseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return (moment - _EPOCH) // _MILLISECOND
