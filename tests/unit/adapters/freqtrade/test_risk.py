"""What trades say of a strategy's risk."""

import numpy as np
import pytest

from cfsm.adapters.freqtrade.audit import Bars
from cfsm.adapters.freqtrade.risk import perfect_prices, risks_of
from cfsm.domain.metrics import measure
from tests.fakes.trades import END, START, closed_on

PAIR = "BTC/USDT:USDT"
TIMES = np.arange(20) * 3_600_000


def trade(profit, **changes):
    return closed_on(3, profit, **changes)


def codes(trades):
    return [found.code for found in risks_of(trades, measure(trades, 1000.0, START, END))]


def fills(price, *, is_short=False, reason="exit_signal", side="entry"):
    return [
        {
            "pair": PAIR,
            "is_short": is_short,
            "exit_reason": reason,
            "orders": [{"ft_is_entry": side == "entry", "order_filled_timestamp": int(time), "safe_price": price}],
        }
        for time in TIMES
    ]


BARS = {PAIR: Bars(TIMES, np.full(20, 100.0), np.full(20, 95.0), np.full(20, 105.0))}


def test_ordinary_trades_are_no_risk():
    assert codes([trade(profit) for profit in (10.0, -5.0, 8.0, 6.0)]) == []
    assert codes([]) == []


def test_profit_of_one_trade_is_told():
    assert codes([trade(100.0), trade(-5.0), trade(3.0)]) == ["ONE_TRADE"]


def test_leverage_beyond_any_stop_and_liquidations_are_faults():
    assert "LEVERAGE" in codes([trade(10.0, leverage=50.0), trade(5.0)])
    assert "LIQUIDATION" in codes([trade(-10.0, exit_reason="liquidation"), trade(20.0), trade(15.0)])


def test_profits_that_go_into_fees_are_told():
    small = [trade(profit, fee_open=0.01, fee_close=0.01) for profit in (1.0, 1.0, -1.0, 1.0)]

    assert "FEES" in codes(small)


@pytest.mark.parametrize(
    "rows",
    [
        fills(95.0),
        fills(105.0, is_short=True),
        fills(105.0, side="exit"),
        fills(95.0, is_short=True, side="exit"),
    ],
    ids=["long entries", "short entries", "long exits", "short exits"],
)
def test_orders_that_are_always_filled_at_the_best_price_are_found(rows):
    assert [found.code for found in perfect_prices(rows, BARS)] == ["PERFECT_PRICES"]


@pytest.mark.parametrize(
    "rows",
    [
        fills(100.0),
        fills(97.0),
        fills(105.0),
        fills(95.0)[:5],
        fills(105.0, side="exit", reason="roi"),
    ],
    ids=["at the open", "inside", "at the worst", "few", "at a price that was set before"],
)
def test_other_fills_are_not(rows):
    assert list(perfect_prices(rows, BARS)) == []


def test_an_entry_at_the_open_that_was_also_the_low_is_ordinary():
    bars = {PAIR: Bars(TIMES, np.full(20, 95.0), np.full(20, 95.0), np.full(20, 105.0))}

    assert list(perfect_prices(fills(95.0), bars)) == []
