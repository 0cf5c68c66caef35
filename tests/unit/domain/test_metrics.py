import json
import random
from datetime import timedelta
from math import isfinite, sqrt

import pytest
from hypothesis import given, settings

from cfsm.domain.equity import equity_curve
from cfsm.domain.metrics import ReturnMoments, annualised, drawdown, measure, return_moments, sortino_daily
from tests.fakes.trades import END, START, START_MS, a_trade, closed_on, trade_lists


def measured(*trades):
    return measure(trades, 1000.0, START, START + timedelta(days=10))


def test_a_mixed_list_of_trades_gives_the_figures_worked_out_by_hand():
    metrics = measured(
        closed_on(0, 100.0),
        closed_on(1, -50.0, is_short=True),
        closed_on(2, 0.0),
        closed_on(4, 30.0),
        closed_on(8, -0.5),
        closed_on(9, 0.5),
    )

    assert (metrics.days, metrics.total_trades, metrics.trade_count_long, metrics.trade_count_short) == (10, 6, 5, 1)
    assert (metrics.profit_total_abs, metrics.profit_total, metrics.final_balance) == (80.0, 0.08, 1080.0)
    assert (metrics.wins, metrics.losses, metrics.winrate) == (3, 2, 0.5)
    assert metrics.profit_factor == pytest.approx(130.5 / 50.5)
    assert metrics.expectancy == pytest.approx(80 / 6)
    assert metrics.expectancy_ratio == pytest.approx((1 + (130.5 / 3) / (50.5 / 2)) * 0.5 - 1)
    assert metrics.holding_avg_seconds == 3600.0
    assert metrics.max_drawdown_abs == 50.0
    assert metrics.max_drawdown_account == pytest.approx(50 / 1100)
    assert metrics.calmar == pytest.approx(0.08 / 10 * 365 / (50 / 1100))


def test_the_sharpe_ratio_is_of_daily_equity_and_annualised_by_365_days():
    metrics = measured(closed_on(0, 100.0), closed_on(1, -110.0))
    returns = [0.1, -0.1, *[0.0] * 8]
    spread = sqrt(0.02 / 9)

    assert metrics.moments.sr == pytest.approx(sum(returns) / 10 / spread, abs=1e-12)
    assert metrics.moments.observations == 10
    assert metrics.sharpe_daily == pytest.approx(metrics.moments.sr * sqrt(365))


def test_sortino_counts_losing_days_over_all_days():
    metrics = measured(closed_on(0, 100.0), closed_on(1, -22.0))

    assert metrics.sortino_daily == pytest.approx((0.1 - 0.02) / 10 / sqrt(0.02**2 / 10) * sqrt(365))


def test_without_trades_what_needs_them_is_none_and_the_rest_zero():
    metrics = measured()

    undefined = ("winrate", "profit_factor", "expectancy", "expectancy_ratio", "holding_avg_seconds", "fees_share")
    assert all(getattr(metrics, name) is None for name in undefined)
    assert (metrics.moments, metrics.sharpe_daily, metrics.sortino_daily, metrics.calmar) == (None, None, None, None)
    assert (metrics.profit_total, metrics.max_drawdown_account, metrics.final_balance) == (0.0, 0.0, 1000.0)


def test_where_nothing_was_lost_ratios_to_losses_are_none_not_infinite():
    metrics = measured(closed_on(0, 10.0), closed_on(3, 20.0))

    assert metrics.max_drawdown_account == metrics.max_drawdown_abs == 0.0
    assert (metrics.profit_factor, metrics.expectancy_ratio, metrics.sortino_daily, metrics.calmar) == (None,) * 4
    assert metrics.sharpe_daily > 0


def test_where_nothing_was_won_the_profit_factor_is_zero():
    metrics = measured(closed_on(0, -10.0))

    assert (metrics.profit_factor, metrics.expectancy_ratio, metrics.winrate) == (0.0, -1.0, 0.0)


def test_a_ruined_account_has_no_sharpe_ratio_but_a_drawdown():
    metrics = measured(closed_on(0, 5000.0), closed_on(1, -6500.0), closed_on(2, 900.0))

    assert (metrics.moments, metrics.sharpe_daily, metrics.sortino_daily) == (None, None, None)
    assert metrics.max_drawdown_account == pytest.approx(6500 / 6000)
    assert metrics.profit_total == pytest.approx(-0.6)


def test_fees_are_set_against_the_profits_before_fees():
    fee = {"fee_open": 0.01, "fee_close": 0.01, "open_rate": 100.0, "close_rate": 100.0}

    metrics = measured(closed_on(0, 8.0, **fee), closed_on(1, -1.0, **fee), closed_on(2, -9.0, **fee))

    assert metrics.fees_paid == pytest.approx(6.0)
    assert metrics.fees_share == pytest.approx(6.0 / (10.0 + 1.0))


def test_funding_fees_are_summed_with_their_sign():
    assert measured(
        closed_on(0, 1.0, funding_fees=-0.5), closed_on(1, 1.0, funding_fees=0.2)
    ).funding_fees == pytest.approx(-0.3)


def test_the_deepest_fall_in_money_need_not_be_the_deepest_in_percent():
    trades = [closed_on(0, -300.0), closed_on(1, 9300.0), closed_on(2, -1000.0)]

    fall = drawdown(trades, 1000.0)

    assert (fall.max_drawdown_abs, fall.max_drawdown_account, fall.max_relative_drawdown) == (1000.0, 0.1, 0.3)


def test_of_two_falls_equally_deep_the_first_counts_as_with_freqtrade():
    trades = [closed_on(0, -100.0), closed_on(1, 1100.0), closed_on(2, -100.0)]

    assert drawdown(trades, 1000.0).max_drawdown_account == pytest.approx(0.1)


def test_drawdown_follows_the_order_of_closing_not_of_the_list():
    late_win, early_loss = closed_on(5, 50.0), closed_on(1, -40.0)

    assert drawdown([late_win, early_loss], 1000.0).max_drawdown_account == pytest.approx(0.04)


@pytest.mark.parametrize("returns", [[], [0.01], [0.0] * 30, [0.01] * 30, [0.01 + 1e-16, 0.01]])
def test_returns_that_do_not_vary_have_no_moments(returns):
    assert return_moments(returns) is None


def test_a_balance_growing_by_equal_percents_is_a_constant_and_not_a_miracle():
    balance, trades = 1000.0, []
    for day in range(10):
        trades.append(closed_on(day, balance * 0.01))
        balance *= 1.01

    assert measured(*trades).sharpe_daily is None


def test_moments_of_two_points_are_known():
    moments = return_moments([0.0, 0.02])

    assert (moments.observations, moments.skew) == (2, 0.0)
    assert (moments.sr, moments.kurtosis) == (pytest.approx(1 / sqrt(2)), pytest.approx(1.0))


def test_moments_of_a_lopsided_series_are_those_worked_out_by_hand():
    moments = return_moments([0.0, 0.0, 0.0, 1.0])

    assert (moments.sr, moments.observations) == (pytest.approx(0.5), 4)
    assert (moments.skew, moments.kurtosis) == (pytest.approx(2 / sqrt(3)), pytest.approx(7 / 3))


def test_sortino_of_nothing_is_none():
    assert sortino_daily([]) is None


@pytest.mark.parametrize("broken", [(float("nan"), 10, 0.0, 3.0), (0.1, 1, 0.0, 3.0), (0.1, 10, 0.0, float("inf"))])
def test_moments_are_finite_and_of_two_observations_or_more(broken):
    with pytest.raises(ValueError, match="Not the moments"):
        ReturnMoments(*broken)


def test_figures_are_flat_survive_json_and_give_the_moments_back():
    metrics = measured(closed_on(0, 100.0), closed_on(1, -110.0))

    figures = json.loads(json.dumps(metrics.figures(), allow_nan=False))

    assert figures["sharpe_daily"] == metrics.sharpe_daily
    assert not any(isinstance(value, dict | list) for value in figures.values())
    assert ReturnMoments.from_figures(figures) == metrics.moments


def test_figures_without_moments_say_so():
    figures = measured().figures()

    assert [figures[name] for name in ("sr", "observations", "skew", "kurtosis")] == [None] * 4
    assert ReturnMoments.from_figures(figures) is None
    assert ReturnMoments.from_figures({}) is None


KEPT = {"sr": 0.1, "observations": 365, "skew": -0.2, "kurtosis": 4.0, "sharpe": 6.05}


@pytest.mark.parametrize("missing", ["sr", "observations", "skew", "kurtosis"])
def test_moments_of_which_one_is_missing_or_undefined_are_none(missing):
    assert ReturnMoments.from_figures(KEPT) == ReturnMoments(0.1, 365, -0.2, 4.0)
    assert ReturnMoments.from_figures({**KEPT, missing: None}) is None
    assert ReturnMoments.from_figures({name: value for name, value in KEPT.items() if name != missing}) is None


def test_moments_of_fewer_than_two_observations_are_none():
    assert ReturnMoments.from_figures({**KEPT, "observations": 1}) is None


def test_freqtrades_sharpe_is_never_taken_for_ours():
    assert ReturnMoments.from_figures({**KEPT, "sr": None}) is None


def test_a_sharpe_ratio_beyond_reason_does_not_count():
    assert ReturnMoments.from_figures({**KEPT, "sr": -1e9}) is None


@settings(deadline=None, max_examples=150)
@given(trade_lists())
def test_no_figure_is_ever_nan_or_infinite(trades):
    figures = measure(trades, 1000.0, START, END).figures()

    assert all(value is None or isfinite(value) for value in figures.values())


@settings(deadline=None, max_examples=60)
@given(trade_lists())
def test_money_times_a_power_of_two_scales_out_of_every_ratio(trades):
    larger = [a_trade(open_date=t.open_date, close_date=t.close_date, profit_abs=t.profit_abs * 8) for t in trades]
    smaller = [a_trade(open_date=t.open_date, close_date=t.close_date, profit_abs=t.profit_abs) for t in trades]

    ours, theirs = measure(smaller, 1000.0, START, END), measure(larger, 8000.0, START, END)

    for name in ("sharpe_daily", "sortino_daily", "calmar", "max_drawdown_account", "profit_factor", "winrate"):
        assert getattr(ours, name) == getattr(theirs, name)


@settings(deadline=None, max_examples=60)
@given(trade_lists())
def test_the_order_of_trades_closed_at_different_times_changes_no_bit(trades):
    apart = list({trade.close_date: trade for trade in trades}.values())

    assert measure(apart, 1000.0, START, END) == measure(apart[::-1], 1000.0, START, END)


def test_extreme_but_legal_trades_overflow_nothing():
    trades = [
        closed_on(day, 1e18 if day % 2 else -1e18, amount=1e18, open_rate=1e18, leverage=1e18) for day in range(9)
    ]

    assert all(value is None or isfinite(value) for value in measured(*trades).figures().values())


@pytest.mark.slow
def test_what_bears_freqtrades_names_is_what_freqtrade_gives():
    pandas = pytest.importorskip("pandas")
    theirs = pytest.importorskip("freqtrade.data.metrics")
    draw = random.Random(7)
    for _ in range(40):
        trades = [closed_on(day, draw.uniform(-60, 65)) for day in range(draw.randint(3, 50))]
        frame = pandas.DataFrame(
            {
                "profit_abs": [trade.profit_abs for trade in trades],
                "close_date": pandas.to_datetime([trade.close_date for trade in trades], unit="ms", utc=True),
            }
        )
        fall = theirs.calculate_max_drawdown(frame, starting_balance=1000.0)
        largest = theirs.calculate_max_drawdown(frame, starting_balance=1000.0, relative=True)
        expectancy, expectancy_ratio = theirs.calculate_expectancy(frame)

        ours = measure(trades, 1000.0, START, START + timedelta(days=60))

        assert ours.max_drawdown_abs == pytest.approx(fall.drawdown_abs)
        assert ours.max_drawdown_account == pytest.approx(fall.relative_account_drawdown)
        assert ours.max_relative_drawdown == pytest.approx(largest.relative_account_drawdown)
        assert ours.expectancy == pytest.approx(expectancy)
        assert ours.expectancy_ratio == pytest.approx(expectancy_ratio) or ours.losses == 0


@pytest.mark.slow
def test_moments_are_those_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    draw = random.Random(3)
    returns = [draw.gauss(0.001, 0.02) ** 3 for _ in range(400)]

    moments = return_moments(returns)

    assert moments.skew == pytest.approx(stats.skew(returns))
    assert moments.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False))
    assert annualised(moments.sr) == pytest.approx(stats.tmean(returns) / stats.tstd(returns) * sqrt(365))


def test_a_day_of_many_trades_is_one_observation():
    trades = [a_trade(close_date=START_MS + hour * 3_600_000, profit_abs=1.0) for hour in range(1, 24)]

    assert equity_curve(trades, 1000.0, START, START + timedelta(days=2)).daily_returns() == pytest.approx((0.023, 0.0))
