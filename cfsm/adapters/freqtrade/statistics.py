"""Freqtrade's own figures of a list of trades, under Freqtrade's names, by Freqtrade's own functions.

What its report holds beside figures (tables per pair and tag, periodic breakdowns, echoes of the configuration) is
left out: that is most of the time that a report takes.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from freqtrade.constants import DATETIME_PRINT_FORMAT
from freqtrade.data import metrics
from freqtrade.optimize.optimize_reports.optimize_reports import generate_daily_stats, generate_trading_stats

from cfsm.adapters.freqtrade.raw_results import Settings
from cfsm.domain.evaluation import Conditions

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


def statistics_of(
    trades: pd.DataFrame, span: Span, conditions: Conditions, settings: Settings, market_change: float, pairs: int
) -> dict[str, Any]:
    """Give the figures of these trades, a frame as Freqtrade makes it; NaN and infinity become None."""
    wallet = conditions.dry_run_wallet
    figures = {
        **_profits(trades, wallet),
        **_ratios(trades, span, wallet),
        **_times(trades, span),
        **generate_daily_stats(trades),
        **generate_trading_stats(trades),
        **_drawdown(trades, wallet),
        **{name: getattr(settings, name) for name in _COUNTED},
        "market_change": market_change,
        "stake_amount": conditions.stake_amount,
        "stake_currency": conditions.stake_currency,
        "starting_balance": wallet,
        "dry_run_wallet": wallet,
        "final_balance": wallet + sum(trades["profit_abs"].tolist()),
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


def _profits(trades: pd.DataFrame, wallet: float) -> dict[str, Any]:
    profit, ratio = trades["profit_abs"], trades["profit_ratio"]
    short = trades["is_short"]
    winning, losing = profit[profit > 0].sum(), profit[profit < 0].sum()
    return {
        "total_trades": len(trades),
        "trade_count_long": int((~short).sum()),
        "trade_count_short": int(short.sum()),
        "total_volume": sum(_cost_by_trade(trades)),
        "avg_stake_amount": trades["stake_amount"].mean() if len(trades) else 0,
        "profit_mean": ratio.mean() if len(trades) else 0,
        "profit_median": ratio.median() if len(trades) else 0,
        "profit_total": profit.sum() / wallet,
        "profit_total_long": profit[~short].sum() / wallet,
        "profit_total_short": profit[short].sum() / wallet,
        "profit_total_abs": profit.sum(),
        "profit_total_long_abs": profit[~short].sum(),
        "profit_total_short_abs": profit[short].sum(),
        "profit_factor": winning / abs(losing) if losing else 0.0,
    }


def _cost_by_trade(trades: pd.DataFrame) -> Iterator[float]:
    for orders in trades["orders"]:
        yield sum(order["cost"] for order in orders)


def _ratios(trades: pd.DataFrame, span: Span, wallet: float) -> dict[str, Any]:
    final = wallet + sum(trades["profit_abs"].tolist())
    expectancy, expectancy_ratio = metrics.calculate_expectancy(trades)
    return {
        "cagr": metrics.calculate_cagr(span.days, wallet, final),
        "expectancy": expectancy,
        "expectancy_ratio": expectancy_ratio,
        "sortino": metrics.calculate_sortino(trades, span.start, span.end, wallet),
        "sharpe": metrics.calculate_sharpe(trades, span.start, span.end, wallet),
        "calmar": metrics.calculate_calmar(trades, span.start, span.end, wallet),
        "sqn": metrics.calculate_sqn(trades, wallet),
        "p_value": metrics.calculate_p_value(trades, wallet),
    }


def _times(trades: pd.DataFrame, span: Span) -> dict[str, Any]:
    return {
        "backtest_start": span.start.strftime(DATETIME_PRINT_FORMAT),
        "backtest_start_ts": int(span.start.timestamp() * 1000),
        "backtest_end": span.end.strftime(DATETIME_PRINT_FORMAT),
        "backtest_end_ts": int(span.end.timestamp() * 1000),
        "backtest_days": span.days,
        "trades_per_day": round(len(trades) / span.days, 2),
    }


def _drawdown(trades: pd.DataFrame, wallet: float) -> dict[str, Any]:
    nothing = dict.fromkeys(_DRAWDOWN, 0.0) | {"drawdown_start": "", "drawdown_end": ""}
    try:
        worst = metrics.calculate_max_drawdown(trades, value_col="profit_abs", starting_balance=wallet)
        relative = metrics.calculate_max_drawdown(
            trades, value_col="profit_abs", starting_balance=wallet, relative=True
        )
    except ValueError:  # no trades
        return nothing
    lowest, highest = metrics.calculate_csum(trades, wallet)
    return {
        "max_drawdown_account": worst.relative_account_drawdown,
        "max_relative_drawdown": relative.relative_account_drawdown,
        "max_drawdown_abs": worst.drawdown_abs,
        "drawdown_start": worst.high_date.strftime(DATETIME_PRINT_FORMAT),
        "drawdown_start_ts": worst.high_date.timestamp() * 1000,
        "drawdown_end": worst.low_date.strftime(DATETIME_PRINT_FORMAT),
        "drawdown_end_ts": worst.low_date.timestamp() * 1000,
        "drawdown_duration_s": (worst.low_date - worst.high_date).total_seconds(),
        "max_drawdown_low": worst.low_value,
        "max_drawdown_high": worst.high_value,
        "csum_min": lowest,
        "csum_max": highest,
    }


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
