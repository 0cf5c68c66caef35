"""The factory's own figures of a list of trades, from daily equity. Ratios are fractions, not percent.

Freqtrade's figures are shown under Freqtrade's names; where it has a definition that is sound (drawdown,
profit factor, expectancy) ours is the same, and where it has not (Sharpe, Sortino, Calmar) ours is called
``…_daily`` or defined here. ``None`` means undefined; NaN and infinity never come out.

Plain Python with ``math.fsum``, no numpy: sums are rounded once, so that a figure is the same to the last bit
whatever the order of the trades, the processor or numpy's version (an audit compares them), and reading
commands do not wait for an import. Thousands of trades take milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import fsum, isfinite, sqrt
from typing import Any

from cfsm.domain.equity import equity_curve, ratio_or_none
from cfsm.domain.trades import Trade

DAYS_A_YEAR = 365
"""Crypto futures trade every day."""

TWO_POINTS = 2
"""Fewer returns than these have no spread."""

FLAT = 1e-12
"""Daily returns that spread less than this are one constant and the rounding of floats, not risk."""

LARGEST_SR = 1e6
"""No true Sharpe ratio is larger; one that is would drown the spread of all others."""


@dataclass(frozen=True, slots=True)
class ReturnMoments:
    """What the statistics of selection need of a series of returns.

    ``sr`` is the Sharpe ratio per observation (not annualised), ``skew`` is 0 and ``kurtosis`` 3 for normal
    returns.
    """

    sr: float
    observations: int
    skew: float
    kurtosis: float

    def __post_init__(self) -> None:
        if not all(map(isfinite, (self.sr, self.skew, self.kurtosis))) or self.observations < TWO_POINTS:
            raise ValueError(f"Not the moments of a series of returns: {self}")

    @classmethod
    def from_figures(cls, figures: Mapping[str, Any]) -> "ReturnMoments | None":
        """Take the moments out of figures that an event kept; None where they are undefined or beyond reason."""
        try:
            moments = cls(*(figures[name] for name in cls.__slots__))
        except (KeyError, TypeError, ValueError):
            return None
        return moments if abs(moments.sr) <= LARGEST_SR else None


@dataclass(frozen=True, slots=True)
class Drawdown:
    """How far the realised balance fell below its highest point before; all zero when nothing was lost.

    ``max_drawdown_abs`` is the deepest fall in stake currency and ``max_drawdown_account`` that same fall as
    a fraction of the highest balance before it, both as Freqtrade defines them; ``max_relative_drawdown`` is
    the largest fraction, which can be another, earlier fall. Fractions exceed 1 for an account below zero.
    """

    max_drawdown_abs: float
    max_drawdown_account: float
    max_relative_drawdown: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Every figure of a backtest that the factory decides by. Money is in stake currency.

    ``expectancy`` is the mean profit of a trade; ``fees_share`` what exchange fees took of the profits before
    fees; ``winrate``, ``profit_factor``, ``expectancy`` and ``expectancy_ratio`` as Freqtrade defines them,
    except that what it calls 0 or 100 where nothing was lost or traded is None.
    """

    days: int
    starting_balance: float
    final_balance: float
    profit_total_abs: float
    profit_total: float
    total_trades: int
    trade_count_long: int
    trade_count_short: int
    wins: int
    losses: int
    winrate: float | None
    profit_factor: float | None
    expectancy: float | None
    expectancy_ratio: float | None
    holding_avg_seconds: float | None
    fees_paid: float
    fees_share: float | None
    funding_fees: float
    max_drawdown_abs: float
    max_drawdown_account: float
    max_relative_drawdown: float
    moments: ReturnMoments | None
    sharpe_daily: float | None
    sortino_daily: float | None
    calmar: float | None

    def figures(self) -> dict[str, float | int | None]:
        """Give a flat mapping for events: the moments as ``sr``, ``observations``, ``skew``, ``kurtosis``."""
        flat = asdict(self)
        moments = flat.pop("moments") or dict.fromkeys(ReturnMoments.__slots__)
        return {**flat, **moments}


def measure(trades: Sequence[Trade], starting_balance: float, start: datetime, end: datetime) -> Metrics:
    """Give every figure of a backtest's trades; ``start`` and ``end`` are inclusive and have a time zone.

    Raise ValueError where ``equity_curve`` does.
    """
    curve = equity_curve(trades, starting_balance, start, end)
    returns = curve.daily_returns()
    moments = return_moments(returns) if returns else None
    fall = drawdown(trades, starting_balance)
    profits = [trade.profit_abs for trade in trades]
    won = [profit for profit in profits if profit > 0]
    lost = [profit for profit in profits if profit < 0]
    profit_total_abs = fsum(profits)
    profit_total = profit_total_abs / starting_balance
    shorts = sum(trade.is_short for trade in trades)
    return Metrics(
        days=len(curve.balances),
        starting_balance=starting_balance,
        final_balance=curve.balances[-1],
        profit_total_abs=profit_total_abs,
        profit_total=profit_total,
        total_trades=len(trades),
        trade_count_long=len(trades) - shorts,
        trade_count_short=shorts,
        wins=len(won),
        losses=len(lost),
        winrate=ratio_or_none(len(won), len(trades)),
        profit_factor=ratio_or_none(fsum(won), -fsum(lost)),
        expectancy=ratio_or_none(profit_total_abs, len(trades)),
        expectancy_ratio=expectancy_ratio(won, lost, len(trades)),
        holding_avg_seconds=ratio_or_none(sum(t.close_date - t.open_date for t in trades) / 1000, len(trades)),
        fees_paid=fsum(trade.fees_paid for trade in trades),
        fees_share=fees_share(trades),
        funding_fees=fsum(trade.funding_fees for trade in trades),
        **asdict(fall),
        moments=moments,
        sharpe_daily=annualised(moments.sr) if moments else None,
        sortino_daily=sortino_daily(returns) if returns else None,
        calmar=ratio_or_none(profit_total * DAYS_A_YEAR / len(curve.balances), fall.max_drawdown_account),
    )


def return_moments(returns: Sequence[float]) -> ReturnMoments | None:
    """Give mean over standard deviation (T - 1 degrees), skewness m3 / m2^1.5 and kurtosis m4 / m2^2.

    None for fewer than two returns and for returns that do not vary. Definitions as in Bailey and Lopez de
    Prado, "The Sharpe Ratio Efficient Frontier" (2012); the risk-free rate is taken as zero.
    """
    count = len(returns)
    if count < TWO_POINTS:
        return None
    mean = fsum(returns) / count
    deviations = [value - mean for value in returns]
    m2, m3, m4 = (fsum(deviation**power for deviation in deviations) / count for power in (2, 3, 4))
    spread = sqrt(m2 * count / (count - 1))
    if spread <= FLAT:
        return None
    return ReturnMoments(mean / spread, count, m3 / m2**1.5, m4 / m2**2)


def annualised(sr: float) -> float:
    """Give the annual Sharpe ratio of a daily one: times the square root of 365 (Lo, 2002, i.i.d. returns)."""
    return sr * sqrt(DAYS_A_YEAR)


def sortino_daily(returns: Sequence[float]) -> float | None:
    """Give mean over downside deviation, annualised: the root of the mean of squared losses over all days.

    Sortino and Price, "Performance Measurement in a Downside Risk Framework" (1994), with a target of zero.
    None where no day lost.
    """
    downside = sqrt(fsum(min(value, 0.0) ** 2 for value in returns) / len(returns)) if returns else 0.0
    if downside <= FLAT:
        return None
    return annualised(fsum(returns) / len(returns) / downside)


def drawdown(trades: Sequence[Trade], starting_balance: float) -> Drawdown:
    """Give the falls of the balance from trade to trade, in closing order (then in the list's order)."""
    balance = high = starting_balance
    deepest = account = relative = 0.0
    for trade in sorted(trades, key=lambda trade: trade.close_date):
        balance += trade.profit_abs
        high = max(high, balance)
        fall = high - balance
        relative = max(relative, fall / high)
        if fall > deepest:
            deepest, account = fall, fall / high
    return Drawdown(deepest, account, relative)


def expectancy_ratio(won: Sequence[float], lost: Sequence[float], total_trades: int) -> float | None:
    """Give (1 + mean win / mean loss) x winrate - 1, as Freqtrade; None where nothing was lost."""
    if not lost:
        return None
    reward_to_risk = ratio_or_none(fsum(won) / len(won) if won else 0.0, -fsum(lost) / len(lost))
    return None if reward_to_risk is None else (1 + reward_to_risk) * len(won) / total_trades - 1


def fees_share(trades: Sequence[Trade]) -> float | None:
    """Give all exchange fees over the profits, before fees, of the trades that gained before fees."""
    before_fees = [trade.profit_abs + trade.fees_paid for trade in trades]
    return ratio_or_none(fsum(trade.fees_paid for trade in trades), fsum(gain for gain in before_fees if gain > 0))
