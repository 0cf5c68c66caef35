"""Freqtrade's figures without its data frames are Freqtrade's figures, to the last bit."""

import random
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from freqtrade.data import metrics
from freqtrade.optimize.optimize_reports.optimize_reports import generate_daily_stats, generate_trading_stats

from cfsm.adapters.freqtrade.raw_results import TRADE_COLUMNS, Settings
from cfsm.adapters.freqtrade.statistics import Columns, Span, statistics_of
from cfsm.domain.evaluation import Conditions

START = datetime(2025, 1, 1, tzinfo=UTC)
SETTINGS = Settings("5m", 0, 3, can_short=True, fee=0.0005)
WALLET = 1000.0


def drawn(seed):
    """Columns of closed trades: few or many, close together or not, with or without losses, ties and shorts."""
    draw = random.Random(seed)
    count = draw.choice([0, 1, 2, 3, 10, 100, 700])
    candles = 40 * 288 // draw.choice([1, 50])
    profits = [
        *(lambda: draw.gauss(0, 5), lambda: draw.choice([0.0, 1.0, -1.0])),
        *(lambda: abs(draw.gauss(0, 5)), lambda: -1.5, lambda: 0.0),
    ][seed % 5]
    opened = [int(START.timestamp() * 1000) + draw.randrange(candles) * 300_000 for _ in range(count)]
    minutes = [draw.randrange(300) * 5 for _ in range(count)]
    rows = sorted(zip(opened, minutes, strict=True), key=lambda row: row[0] + row[1] * 60_000)
    columns = {name: [1.0] * count for name in TRADE_COLUMNS}
    columns["profit_abs"] = [round(profits(), 8) for _ in range(count)]
    columns["profit_ratio"] = [profit / draw.choice([90.0, 100.0]) for profit in columns["profit_abs"]]
    columns["stake_amount"] = [100 + draw.random() for _ in range(count)]
    columns["is_short"] = [draw.random() < 0.5 for _ in range(count)]
    columns["open_timestamp"] = [row[0] for row in rows]
    columns["trade_duration"] = [row[1] for row in rows]
    columns["close_timestamp"] = [row[0] + row[1] * 60_000 for row in rows]
    columns["orders"] = [[{"cost": draw.random() * 100} for _ in range(2)] for _ in range(count)]
    return columns


def of_freqtrade(columns, span):
    """The figures that Freqtrade's own functions give."""
    trades = pd.DataFrame({name: column for name, column in columns.items() if name != "orders"})
    trades = trades.astype({"profit_abs": "float64", "profit_ratio": "float64", "trade_duration": "int64"})
    trades["is_short"] = trades["is_short"].astype(bool)
    trades["close_date"] = pd.to_datetime(trades["close_timestamp"], unit="ms", utc=True)
    dates = (span.start, span.end, WALLET)
    expectancy, expectancy_ratio = metrics.calculate_expectancy(trades)
    figures = {
        **generate_daily_stats(trades),
        **generate_trading_stats(trades),
        "expectancy": expectancy,
        "expectancy_ratio": expectancy_ratio,
        "sortino": metrics.calculate_sortino(trades, *dates),
        "sharpe": metrics.calculate_sharpe(trades, *dates),
        "calmar": metrics.calculate_calmar(trades, *dates),
        "sqn": metrics.calculate_sqn(trades, WALLET),
        "p_value": metrics.calculate_p_value(trades, WALLET),
        "cagr": metrics.calculate_cagr(span.days, WALLET, WALLET + sum(trades["profit_abs"].tolist())),
        "profit_total_abs": trades["profit_abs"].sum(),
        "profit_total_long_abs": trades.loc[~trades["is_short"], "profit_abs"].sum(),
        "profit_total_short_abs": trades.loc[trades["is_short"], "profit_abs"].sum(),
        **(of_freqtrade_where_traded(trades) if len(trades) else {}),
    }
    return {name: value for name, value in figures.items() if isinstance(value, bool | int | float | str)}


def of_freqtrade_where_traded(trades):
    worst = metrics.calculate_max_drawdown(trades, starting_balance=WALLET)
    relative = metrics.calculate_max_drawdown(trades, starting_balance=WALLET, relative=True)
    lowest, highest = metrics.calculate_csum(trades, WALLET)
    return {
        "profit_mean": trades["profit_ratio"].mean(),
        "profit_median": trades["profit_ratio"].median(),
        "avg_stake_amount": trades["stake_amount"].mean(),
        "max_drawdown_account": worst.relative_account_drawdown,
        "max_relative_drawdown": relative.relative_account_drawdown,
        "max_drawdown_abs": worst.drawdown_abs,
        "drawdown_start_ts": worst.high_date.timestamp() * 1000,
        "drawdown_end_ts": worst.low_date.timestamp() * 1000,
        "drawdown_duration_s": (worst.low_date - worst.high_date).total_seconds(),
        "max_drawdown_low": worst.low_value,
        "max_drawdown_high": worst.high_value,
        "csum_min": lowest,
        "csum_max": highest,
    }


@pytest.mark.filterwarnings("ignore")  # of numpy and scipy, about too few numbers
@pytest.mark.parametrize("days", [0, 1, 45])
@pytest.mark.parametrize("seed", range(40))
def test_figures_are_those_of_freqtrade(seed, days):
    columns, span = drawn(seed), Span(START, START + timedelta(days=days))

    ours = statistics_of(Columns(columns), span, Conditions(dataset="any"), SETTINGS, 0.1, pairs=3)

    expected = of_freqtrade(columns, span)
    assert {name: (value, ours.get(name)) for name, value in expected.items() if value != ours.get(name)} == {}
    assert ours["total_trades"] == len(columns["pair"])


def test_a_column_that_is_no_numbers_is_refused():
    columns = drawn(4) | {"max_rate": ["high"]}

    with pytest.raises(ValueError, match="high"):
        Columns(columns)
