"""Freqtrade's own figures of a list of trades, under Freqtrade's names, by Freqtrade's own definitions.

What its report holds beside figures (tables per pair and tag, periodic breakdowns, echoes of the configuration) is
left out: that is most of the time that a report takes. Most of the rest is data frames: the figures are computed here
from plain columns, in the order in which pandas adds, so that they are the same to the last bit.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
from freqtrade.constants import DATETIME_PRINT_FORMAT
from freqtrade.data import metrics
from freqtrade.util import format_duration
from pandas.core import nanops  # type: ignore[attr-defined]  # its stubs leave it out

from cfsm.adapters.freqtrade.raw_results import Settings
from cfsm.domain.evaluation import Conditions

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
_DAY_MS = 86_400_000
_UNDEFINED = -100.0

_COUNTED = (
    "rejected_signals",
    "timedout_entry_orders",
    "timedout_exit_orders",
    "canceled_trade_entries",
    "canceled_entry_orders",
    "replaced_entry_orders",
)


@dataclass(frozen=True)
class Span:
    """From which candle to which the strategy was backtested."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """Whole days, at least one, as Freqtrade counts them."""
        return (self.end - self.start).days or 1


_FLOATS = (
    *("stake_amount", "max_stake_amount", "amount", "leverage", "funding_fees", "profit_ratio", "profit_abs"),
    *("open_rate", "close_rate", "min_rate", "max_rate", "fee_open", "fee_close"),
    *("initial_stop_loss_abs", "initial_stop_loss_ratio", "stop_loss_abs", "stop_loss_ratio"),
)
_WHOLE = ("open_timestamp", "close_timestamp", "trade_duration")


class Columns:
    """Trades by columns. Raise ValueError, TypeError or OverflowError where what should be numbers is none."""

    def __init__(self, trades: Mapping[str, Sequence[Any]]) -> None:
        floats: dict[str, Floats] = {name: np.array(trades[name], dtype=np.float64) for name in _FLOATS}
        whole: dict[str, Whole] = {name: np.array(trades[name], dtype=np.int64) for name in _WHOLE}
        self.profit, self.ratio, self.stake = (floats[name] for name in ("profit_abs", "profit_ratio", "stake_amount"))
        self.minutes, self.close_ms = whole["trade_duration"], whole["close_timestamp"]
        self.is_short: npt.NDArray[np.bool_] = np.array(trades["is_short"], dtype=bool)
        self.orders = trades["orders"]

    def __len__(self) -> int:
        return len(self.profit)


def statistics_of(
    trades: Columns, span: Span, conditions: Conditions, settings: Settings, market_change: float, pairs: int
) -> dict[str, Any]:
    """Give the figures of these trades; NaN and infinity become None."""
    wallet = conditions.dry_run_wallet
    fall = _Fall(trades, wallet) if len(trades) else None
    figures = {
        **_profits(trades, wallet),
        **_ratios(trades, span, wallet, fall),
        **_times(trades, span),
        **_daily(trades),
        **_trading(trades),
        **_drawdown(trades, wallet, fall),
        **{name: getattr(settings, name) for name in _COUNTED},
        "market_change": market_change,
        "stake_amount": conditions.stake_amount,
        "stake_currency": conditions.stake_currency,
        "starting_balance": wallet,
        "dry_run_wallet": wallet,
        "final_balance": wallet + sum(trades.profit.tolist()),
        "max_open_trades": pairs if settings.max_open_trades < 0 else min(settings.max_open_trades, pairs),
        "max_open_trades_setting": settings.max_open_trades,
        "timeframe": settings.timeframe,
        "timeframe_detail": conditions.timeframe_detail or "",
        "timerange": conditions.timerange,
        "enable_protections": conditions.enable_protections,
        "trading_mode": "futures",
        "margin_mode": "isolated",
    }
    return dict(_plain(figures))


def _profits(trades: Columns, wallet: float) -> dict[str, Any]:
    profit, ratio, short = trades.profit, trades.ratio, trades.is_short
    winning, losing = profit[profit > 0].sum(), profit[profit < 0].sum()
    total, of_longs, of_shorts = profit.sum(), profit[~short].sum(), profit[short].sum()
    return {
        "total_trades": len(trades),
        "trade_count_long": int((~short).sum()),
        "trade_count_short": int(short.sum()),
        "total_volume": sum([sum([order["cost"] for order in orders]) for orders in trades.orders]),
        "avg_stake_amount": nanops.nanmean(trades.stake) if len(trades) else 0,
        "profit_mean": nanops.nanmean(ratio) if len(trades) else 0,
        "profit_median": nanops.nanmedian(ratio) if len(trades) else 0,
        "profit_total": total / wallet,
        "profit_total_long": of_longs / wallet,
        "profit_total_short": of_shorts / wallet,
        "profit_total_abs": total,
        "profit_total_long_abs": of_longs,
        "profit_total_short_abs": of_shorts,
        "profit_factor": winning / abs(losing) if losing else 0.0,
    }


def _ratios(trades: Columns, span: Span, wallet: float, fall: "_Fall | None") -> dict[str, Any]:
    final = wallet + sum(trades.profit.tolist())
    expectancy, expectancy_ratio = _expectancy(trades.profit)
    figures = {
        "cagr": metrics.calculate_cagr(span.days, wallet, final),
        "expectancy": expectancy,
        "expectancy_ratio": expectancy_ratio,
    }
    nothing = {"sortino": 0, "sharpe": 0, "calmar": 0.0, "sqn": 0.0, "p_value": 1.0}
    if fall is None:
        return figures | nothing
    returns = trades.profit / wallet
    losses = trades.profit[trades.profit < 0] / wallet
    mean = returns.sum() / span.days
    if span.start == span.end:
        annual = {name: nothing[name] for name in ("sortino", "sharpe", "calmar")}
    else:
        annual = {
            "sortino": _annual(mean, _deviation(losses, 0)),
            "sharpe": _annual(mean, _deviation(returns, 0)),
            "calmar": _annual(trades.profit.sum() / wallet / span.days * 100, fall.account),
        }
    return figures | annual | {"sqn": _sqn(returns), "p_value": _p_value(returns)}


def _expectancy(profit: Floats) -> tuple[float, float]:
    """Do what `calculate_expectancy` does."""
    count = len(profit)
    if not count:
        return 0.0, 100.0
    won, lost = profit[profit > 0], profit[profit < 0]
    average_win = won.sum() / len(won) if len(won) else 0
    average_loss = abs(lost.sum()) / len(lost) if len(lost) else 0
    winrate = len(won) / count
    expectancy = winrate * average_win - len(lost) / count * average_loss
    return expectancy, (1 + average_win / average_loss) * winrate - 1 if average_loss > 0 else 100.0


def _deviation(values: Floats, freedom: int) -> float:
    """Give what `Series.std` gives."""
    deviation: float = nanops.nanstd(values, ddof=freedom) if len(values) else math.nan
    return deviation


def _annual(mean: float, denominator: float) -> float:
    ratio: float = metrics._calculate_annualized_ratio(mean, denominator)  # noqa: SLF001 (Freqtrade has no other)
    return ratio


def _sqn(returns: Floats) -> float:
    """Do what `calculate_sqn` does."""
    deviation = _deviation(returns, 1)
    if deviation == 0 or math.isnan(deviation):
        return _UNDEFINED
    number: float = math.sqrt(len(returns)) * (nanops.nanmean(returns) / deviation)
    return round(number, 4)


def _p_value(returns: Floats) -> float:
    """Do what `calculate_p_value` does."""
    if len(returns) < 2 or _deviation(returns, 1) == 0:  # noqa: PLR2004 (one has no spread)
        return 1.0
    return float(metrics.stats.ttest_1samp(returns, popmean=0)[1])


def _times(trades: Columns, span: Span) -> dict[str, Any]:
    return {
        "backtest_start": span.start.strftime(DATETIME_PRINT_FORMAT),
        "backtest_start_ts": int(span.start.timestamp() * 1000),
        "backtest_end": span.end.strftime(DATETIME_PRINT_FORMAT),
        "backtest_end_ts": int(span.end.timestamp() * 1000),
        "backtest_days": span.days,
        "trades_per_day": round(len(trades) / span.days, 2),
    }


def _daily(trades: Columns) -> dict[str, Any]:
    """Give what `generate_daily_stats` gives, but for the list of the days."""
    if not len(trades):
        return dict.fromkeys(
            ("backtest_best_day", "backtest_worst_day", "backtest_best_day_abs", "backtest_worst_day_abs"), 0
        ) | dict.fromkeys(("winning_days", "draw_days", "losing_days"), 0)
    ratios = _sums_by_day(trades.close_ms, trades.ratio).tolist()
    profits = np.round(_sums_by_day(trades.close_ms, trades.profit), 10).tolist()
    return {
        "backtest_best_day": max(ratios),
        "backtest_worst_day": min(ratios),
        "backtest_best_day_abs": max(profits),
        "backtest_worst_day_abs": min(profits),
        "winning_days": sum(profit > 0 for profit in profits),
        "draw_days": sum(profit == 0 for profit in profits),
        "losing_days": sum(profit < 0 for profit in profits),
    }


def _sums_by_day(close_ms: Whole, values: Floats) -> Floats:
    """Give the sum of each day from the first to the last, added in the order in which pandas adds."""
    order = close_ms.argsort(kind="stable")
    days = close_ms[order] // _DAY_MS
    begins = np.flatnonzero(np.concatenate([[True], days[1:] != days[:-1]]))
    sums: Floats = np.zeros(days[-1] - days[0] + 1)
    sums[days[begins] - days[0]] = np.add.reduceat(values[order], begins)
    return sums


def _trading(trades: Columns) -> dict[str, Any]:
    """Give what `generate_trading_stats` gives; durations by their seconds."""
    count, ratio = len(trades), trades.ratio
    wins, losses = int((ratio > 0).sum()), int((ratio < 0).sum())
    figures = {
        "wins": wins,
        "losses": losses,
        "draws": int((ratio == 0).sum()),
        "winrate": wins / count if count else 0,
    }
    if not count:
        return figures | {"max_consecutive_wins": 0, "max_consecutive_losses": 0}
    streaks = {True: 0, False: 0}
    for is_win, trades_in_row in groupby((ratio > 0).tolist()):
        streaks[is_win] = max(streaks[is_win], len(list(trades_in_row)))
    won, lost = trades.minutes[ratio > 0], trades.minutes[ratio < 0]
    return {
        **figures,
        "holding_avg_s": _mean_duration(trades.minutes).total_seconds(),
        **_holding("winner", won),
        **_holding("loser", lost),
        "max_consecutive_wins": streaks[True],
        "max_consecutive_losses": streaks[False],
    }


def _holding(whose: str, minutes: Whole) -> dict[str, Any]:
    durations = {
        "min": timedelta(minutes=int(minutes.min())) if len(minutes) else timedelta(),
        "max": timedelta(minutes=int(minutes.max())) if len(minutes) else timedelta(),
        "avg": _mean_duration(minutes),
    }
    figures: dict[str, Any] = {}
    for kind, duration in durations.items():
        figures[f"{whose}_holding_{kind}"] = format_duration(duration)
        figures[f"{whose}_holding_{kind}_s"] = duration.total_seconds()
    return figures


def _mean_duration(minutes: Whole) -> timedelta:
    return timedelta(minutes=round(nanops.nanmean(minutes))) if len(minutes) else timedelta()


class _Fall:
    """The deepest fall of the balance from its highest, as `calculate_max_drawdown` finds it."""

    def __init__(self, trades: Columns, wallet: float) -> None:
        order = trades.close_ms.astype("datetime64[ms]").argsort(kind="quicksort")  # the order in which pandas sorts
        self._close_ms = trades.close_ms[order]
        cumulative = trades.profit[order].cumsum()
        highs = np.maximum(0, np.maximum.accumulate(cumulative))
        relative = (wallet + highs - (wallet + cumulative)) / (wallet + highs)
        self._cumulative, self._highs = np.insert(cumulative, 0, 0.0), np.insert(highs, 0, 0.0)
        self._falls = np.insert(cumulative - highs, 0, 0.0)
        self._relative = np.insert(relative, 0, 0.0)
        self._low = int(self._falls.argmin())
        self._high = int(self._highs[: self._low + 1].argmax())
        self.account = float(self._relative[self._low])

    def figures(self) -> dict[str, Any]:
        """Give the figures of the deepest fall."""
        high, low = self._moment(self._high), self._moment(self._low)
        return {
            "max_drawdown_account": self.account,
            "max_relative_drawdown": self._relative[int(self._relative.argmax())],
            "max_drawdown_abs": abs(self._falls[self._low]),
            "drawdown_start": high.strftime(DATETIME_PRINT_FORMAT),
            "drawdown_start_ts": high.timestamp() * 1000,
            "drawdown_end": low.strftime(DATETIME_PRINT_FORMAT),
            "drawdown_end_ts": low.timestamp() * 1000,
            "drawdown_duration_s": (low - high).total_seconds(),
            "max_drawdown_low": self._cumulative[self._low],
            "max_drawdown_high": self._cumulative[self._high],
        }

    def _moment(self, place: int) -> datetime:
        return datetime.fromtimestamp(int(self._close_ms[max(place - 1, 0)]) / 1000, UTC)


def _drawdown(trades: Columns, wallet: float, fall: _Fall | None) -> dict[str, Any]:
    if fall is None:
        return dict.fromkeys(_DRAWDOWN, 0.0) | {"drawdown_start": "", "drawdown_end": ""}
    sums = trades.profit.cumsum()
    return {**fall.figures(), "csum_min": sums.min() + wallet, "csum_max": sums.max() + wallet}


_DRAWDOWN = (
    "max_drawdown_account",
    "max_relative_drawdown",
    "max_drawdown_abs",
    "drawdown_start_ts",
    "drawdown_end_ts",
    "drawdown_duration_s",
    "max_drawdown_low",
    "max_drawdown_high",
    "csum_min",
    "csum_max",
)


def _plain(figures: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give the figures that are numbers or words; durations have a twin in seconds."""
    for name, value in figures.items():
        plain = value.item() if hasattr(value, "item") else value
        if isinstance(plain, float) and not math.isfinite(plain):
            plain = None
        if plain is None or isinstance(plain, bool | int | float | str):
            yield name, plain
