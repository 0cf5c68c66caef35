from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import fsum, nan

import pytest
from hypothesis import given, settings

from cfsm.domain.equity import equity_curve, monthly_table, ratio_or_none
from tests.fakes.trades import DAY_MS, END, END_MS, START, START_MS, a_trade, closed_on, trade_lists


def test_every_day_of_the_range_is_there():
    curve = equity_curve([], 1000.0, START, END)

    assert curve.first_day == date(2025, 1, 1)
    assert curve.balances == (1000.0,) * 59
    assert [day for day, _ in curve.rows()][-1] == date(2025, 2, 28)


def test_profits_count_on_the_utc_day_of_closing():
    almost = START_MS + DAY_MS - 1
    trades = [
        a_trade(close_date=almost, profit_abs=10.0),
        a_trade(close_date=almost + 1, profit_abs=-5.0),
        closed_on(3, 7.0),
    ]

    curve = equity_curve(trades, 1000.0, START, datetime(2025, 1, 5, tzinfo=UTC))

    assert curve.balances == (1010.0, 1005.0, 1005.0, 1012.0)


def test_a_close_on_the_last_candle_at_midnight_belongs_to_the_day_that_ends():
    curve = equity_curve([a_trade(close_date=END_MS, profit_abs=5.0)], 1000.0, START, END)

    assert len(curve.balances) == 59
    assert curve.balances[-2:] == (1000.0, 1005.0)


def test_a_range_that_ends_within_a_day_has_that_day():
    curve = equity_curve([], 1000.0, START + timedelta(hours=7), START + timedelta(days=1, minutes=5))

    assert len(curve.balances) == 2


def test_a_range_within_one_day_is_one_day():
    assert len(equity_curve([], 1000.0, START, START + timedelta(minutes=5)).balances) == 1


def test_other_time_zones_are_turned_into_utc():
    tokyo = datetime.fromisoformat("2025-01-01T09:00:00+09:00")

    assert equity_curve([], 1.0, tokyo, END).first_day == date(2025, 1, 1)


def test_returns_are_on_the_balance_of_the_day_before():
    curve = equity_curve([closed_on(0, 100.0), closed_on(2, -110.0)], 1000.0, START, START + timedelta(days=3))

    assert curve.daily_returns() == pytest.approx((0.1, 0.0, -0.1))


@pytest.mark.parametrize("loss", [-1000.0, -1500.0])
def test_a_ruined_account_has_no_returns_even_if_it_recovers(loss):
    curve = equity_curve([closed_on(0, loss), closed_on(2, 9000.0)], 1000.0, START, END)

    assert curve.daily_returns() is None


@pytest.mark.parametrize(
    ("trades", "balance", "start", "end", "complaint"),
    [
        ([a_trade(close_date=END_MS + 1)], 1000.0, START, END, "outside"),
        ([a_trade(open_date=0, close_date=START_MS - 1)], 1000.0, START, END, "outside"),
        ([], 1000.0, END, START, "not one of 1 to"),
        ([], 1000.0, START, START, "not one of 1 to"),
        ([], 1000.0, START, START.replace(year=2200), "not one of 1 to"),
        ([], 1000.0, START.replace(tzinfo=None), END, "no time zone"),
        ([], 0.0, START, END, "not a positive number"),
        ([], nan, START, END, "not a positive number"),
        ([], 5e-324, START, END, "not a positive number"),
    ],
)
def test_what_has_no_curve_is_refused(trades, balance, start, end, complaint):
    with pytest.raises(ValueError, match=complaint):
        equity_curve(trades, balance, start, end)


@settings(deadline=None, max_examples=60)
@given(trade_lists())
def test_the_order_of_the_trades_changes_no_bit(trades):
    curve = equity_curve(trades, 1000.0, START, END)

    assert equity_curve(trades[::-1], 1000.0, START, END) == curve
    assert curve.balances[-1] == pytest.approx(1000.0 + fsum(trade.profit_abs for trade in trades))


def test_the_monthly_table_has_every_month_and_what_it_gained():
    trades = [closed_on(2, 100.0), closed_on(3, -20.0), closed_on(70, 54.0)]
    curve = equity_curve(trades, 1000.0, START, datetime(2025, 4, 1, tzinfo=UTC))

    january, february, march = monthly_table(trades, curve)

    assert (january.month, january.total_trades, january.wins, january.balance) == ("2025-01", 2, 1, 1080.0)
    assert january.profit_ratio == pytest.approx(0.08)
    assert (february.month, february.total_trades, february.profit_abs, february.profit_ratio) == (
        "2025-02",
        0,
        0.0,
        0.0,
    )
    assert (march.month, march.profit_ratio) == ("2025-03", pytest.approx(0.05))


def test_a_close_on_the_last_midnight_counts_in_the_month_that_ends():
    trades = [a_trade(close_date=END_MS, profit_abs=0.5), closed_on(58, 0.0)]

    rows = monthly_table(trades, equity_curve(trades, 1000.0, START, END))

    assert [(row.month, row.total_trades, row.wins) for row in rows] == [("2025-01", 0, 0), ("2025-02", 2, 1)]


def test_an_account_with_next_to_nothing_left_is_not_ruined():
    curve = equity_curve([closed_on(0, -999.5)], 1000.0, START, END)

    assert curve.daily_returns()[0] == pytest.approx(-0.9995)


def test_the_month_after_ruin_has_no_ratio():
    trades = [closed_on(2, -1000.0), closed_on(40, 10.0)]

    _, february = monthly_table(trades, equity_curve(trades, 1000.0, START, END))

    assert (february.profit_abs, february.profit_ratio) == (10.0, None)


@settings(deadline=None, max_examples=60)
@given(trade_lists())
def test_the_monthly_table_adds_up_to_the_curve(trades):
    curve = equity_curve(trades, 1000.0, START, END)

    rows = monthly_table(trades, curve)

    assert sum(row.total_trades for row in rows) == len(trades)
    assert rows[-1].balance == curve.balances[-1]
    assert all(after.balance - before.balance == pytest.approx(after.profit_abs) for before, after in pairwise(rows))


@pytest.mark.parametrize(("part", "whole"), [(1.0, 0.0), (0.0, 0.0), (1.0, -1.0), (1e18, 5e-324)])
def test_an_undefined_quotient_is_none(part, whole):
    assert ratio_or_none(part, whole) is None
