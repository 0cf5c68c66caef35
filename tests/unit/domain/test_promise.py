import pytest

from cfsm.domain.promise import DAY_MS, Promise, bundles_of, promise_of
from tests.unit.domain.test_sequential_test import HOUR_MS, life, trade


def test_a_backtest_without_trades_promises_nothing():
    promise = promise_of([], 0, DAY_MS)

    assert promise.trades == 0
    assert promise.rate == 0
    assert not promise.is_testable


def test_figures_are_those_of_the_trades():
    trades = [trade(day * DAY_MS, HOUR_MS, ratio) for day, ratio in enumerate((0.01, -0.02, 0.03, 0.03, -0.01))]

    promise = promise_of(trades, 0, 10 * DAY_MS)

    assert promise.return_mean == pytest.approx(0.008)
    assert promise.rate == 0.5
    assert promise.bundle_seconds == 3600
    assert promise.return_worst == -0.02


def test_the_floor_lies_below_the_mean_the_more_so_the_fewer_trades_there_are():
    few, many = promise_of(life(1, days=20), 0, 20 * DAY_MS), promise_of(life(1, days=200), 0, 200 * DAY_MS)

    assert few.return_floor < few.return_mean
    assert few.return_mean - few.return_floor > many.return_mean - many.return_floor
    assert few.rate - few.rate_floor > many.rate - many.rate_floor


def test_a_single_windfall_is_no_promise():
    trades = [trade(day * DAY_MS, HOUR_MS, 0.01 if day % 2 else -0.01) for day in range(40)]

    lucky = promise_of([*trades, trade(41 * DAY_MS, HOUR_MS, 9.0)], 0, 50 * DAY_MS)

    assert lucky.return_cap == 0.01


def test_trades_that_close_together_are_one_witness():
    trades = [trade(0, HOUR_MS, 0.01), trade(1, HOUR_MS, 0.03), trade(DAY_MS, HOUR_MS, 0.05)]

    bundles = bundles_of(trades, 3600)

    assert [(bundle.trades, pytest.approx(bundle.mean)) for bundle in bundles] == [(2, 0.02), (1, 0.05)]


def test_the_order_in_which_trades_are_given_is_no_matter():
    trades = life(3)

    assert promise_of(trades, 0, 60 * DAY_MS) == promise_of(trades[::-1], 0, 60 * DAY_MS)


def test_no_loss_goes_beyond_the_stake():
    assert bundles_of([trade(0, 1, -1.28)], 60)[0].mean == -1.0


def test_plain_data_comes_back_whole():
    promise = promise_of(life(4), 0, 60 * DAY_MS)

    assert Promise.from_mapping(promise.as_mapping()) == promise
