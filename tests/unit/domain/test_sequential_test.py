"""The declared error rates, by simulation: lives of trades with clusters, skew and common shocks; fixed seeds."""

import random

import pytest

from cfsm.domain.promise import DAY_MS, promise_of
from cfsm.domain.sequential_test import TestRules as Rules
from cfsm.domain.sequential_test import edge, evidence_of, worse_rate, worse_returns
from cfsm.domain.trades import Trade

LIVES = 120
HOUR_MS = 3_600_000
MEAN = 0.004


def trade(open_date, hold_ms, profit_ratio):
    return Trade(
        pair="BTC/USDT:USDT",
        is_short=False,
        open_date=int(open_date),
        close_date=int(open_date + hold_ms),
        open_rate=1.0,
        close_rate=1.0,
        amount=1.0,
        stake_amount=1.0,
        leverage=1.0,
        fee_open=0.0,
        fee_close=0.0,
        funding_fees=0.0,
        profit_abs=profit_ratio,
        profit_ratio=profit_ratio,
        exit_reason="roi",
    )


def life(seed, *, days=60, mean=MEAN, rate=6.0, together=0.6):
    """Draw trades: one to three at a time share a shock; losses end at a stop; now and then there is a windfall."""
    rng = random.Random(seed)
    trades, now = [], 0.0
    while True:
        now += rng.expovariate(rate / 2 / DAY_MS)
        if now > days * DAY_MS:
            return trades
        shock = rng.gauss(0, 1)
        for _ in range(rng.choice((1, 2, 3))):
            own = together * shock + (1 - together**2) ** 0.5 * rng.gauss(0, 1)
            windfall = 0.02 if rng.random() < 0.05 else -0.001
            profit = max(-0.03, mean + 0.02 * own + windfall)
            trades.append(trade(now + rng.random() * HOUR_MS, rng.expovariate(1 / (4 * HOUR_MS)), profit))


def promised(seed, **how):
    return promise_of(life(seed, **how), 0, 60 * DAY_MS)


def share(decide, **how):
    """Give the share of lives, each with a promise of its own, for which the decision is yes."""
    yes = 0
    for seed in range(LIVES):
        trades = life(f"forward {seed}", **how)
        yes += decide(evidence_of(promised(f"back {seed}"), trades, 0, 60 * DAY_MS, Rules()))
    return yes / LIVES


def test_who_keeps_the_promise_is_retired_no_more_often_than_declared():
    assert share(lambda evidence: evidence.is_worse) <= Rules().worse_error


def test_trades_that_share_their_shocks_do_not_raise_the_error_rate():
    assert share(lambda evidence: evidence.is_worse, together=0.95) <= Rules().worse_error


def test_who_has_no_edge_is_confirmed_no_more_often_than_declared():
    assert share(lambda evidence: evidence.has_edge, mean=0.0) <= Rules().edge_error


def test_who_loses_instead_is_mostly_found_out():
    assert share(lambda evidence: evidence.is_worse, mean=-MEAN) >= 0.5


def test_who_trades_three_times_more_seldom_is_found_out():
    assert share(lambda evidence: evidence.is_worse, rate=2.0) >= 0.9


def test_who_keeps_the_promise_is_mostly_confirmed_to_have_an_edge():
    assert share(lambda evidence: evidence.has_edge) >= 0.7


def test_looking_often_finds_no_more_than_looking_once():
    promise, trades = promised(1), life("forward", mean=-MEAN)
    looks = [evidence_of(promise, trades, 0, day * DAY_MS, Rules()).worse_returns for day in range(60)]

    assert looks == sorted(looks)


def test_a_promise_of_few_trades_is_held_against_nobody():
    few = promise_of(life(1)[:5], 0, 60 * DAY_MS)

    evidence = evidence_of(few, life(2, mean=-0.05), 0, 60 * DAY_MS, Rules())

    assert not evidence.is_worse
    assert evidence.worse_returns == evidence.worse_rate == 1.0


def test_trades_that_are_still_open_count_as_trades():
    promise = promised(1)
    opened = [int(day * DAY_MS / 8) for day in range(80)]

    silent = evidence_of(promise, [], 0, 10 * DAY_MS, Rules())
    busy = evidence_of(promise, [], 0, 10 * DAY_MS, Rules(), still_open_ms=opened)

    assert silent.worse_rate > busy.worse_rate


def test_no_trade_at_all_is_found_out_by_the_frequency_alone():
    evidence = evidence_of(promised(1), [], 0, 30 * DAY_MS, Rules())

    assert evidence.is_worse
    assert evidence.worse_returns == 1.0


def test_a_likelihood_ratio_is_walds():
    """By hand: 3 trades in 2 days where at least 6 a day are promised: exp(12 * 2/3 - 3 ln 3)."""
    promise = promised(1)
    plain = type(promise)(**promise.as_mapping() | {"rate_floor": 6.0, "dispersion": 1.0})

    assert worse_rate(plain, [0.01, 0.02, 0.03], 2.0) == pytest.approx(2980.958 / 27, rel=1e-6)


def test_one_windfall_does_not_buy_off_the_evidence():
    promise = promised(1)
    losing = [-0.02] * 60

    assert worse_returns(promise, losing) == worse_returns(promise, [*losing, 5.0])
    assert worse_returns(promise, [5.0, *losing]) == worse_returns(promise, [promise.return_cap, *losing])


def test_the_mean_return_is_counted_as_the_promises_is():
    promise = promised(1)
    lone = [trade(day * DAY_MS, HOUR_MS, profit) for day, profit in enumerate([0.01, 5.0])]

    evidence = evidence_of(promise, lone, 0, 10 * DAY_MS, Rules())

    assert promise.return_cap < 5.0
    assert evidence.return_mean == pytest.approx((0.01 + promise.return_cap) / 2)


def test_a_loss_that_no_bet_survives_ends_the_hope_of_an_edge():
    promise = promised(1)

    assert edge(promise, [0.02] * 50) > 1
    assert edge(promise, [0.02] * 50 + [-1.0]) == 0.0
