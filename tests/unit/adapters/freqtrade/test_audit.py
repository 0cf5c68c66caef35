import numpy as np
import pytest

from cfsm.adapters.freqtrade.audit import Bars, Funding, Rules, audit

PAIR = "BTC/USDT:USDT"
OTHER = "ETH/USDT:USDT"
HOUR = 3_600_000
START = 1_735_689_600_000
FEE = 0.0005


def at(hour):
    return START + hour * HOUR


TIMES = np.array([at(hour) for hour in range(24)])
OPENS = np.full(24, 100.0)
BARS = {
    PAIR: Bars(TIMES, OPENS, np.full(24, 95.0), np.full(24, 105.0)),
    OTHER: Bars(TIMES, OPENS, np.full(24, 95.0), np.full(24, 105.0)),
}
FUNDING = {
    PAIR: Funding(np.array([at(8), at(16)]), np.array([0.01, 0.02])),
    OTHER: Funding(np.array([at(8), at(16)]), np.array([0.01, 0.02])),
}
RULES = Rules(
    start_ms=at(0),
    end_ms=at(23),
    wallet=1000.0,
    max_open_trades=2,
    fee=FEE,
    max_leverage={PAIR: 50.0, OTHER: 50.0},
    liquidation_price=lambda pair, rate, short, amount, stake, leverage: (
        rate * (1 + (0.9 if short else -0.9) / leverage)
    ),
)


def order(hour, price, amount, *, entry):
    return {
        "ft_is_entry": entry,
        "order_filled_timestamp": at(hour),
        "amount": amount,
        "safe_price": price,
    }


def long(**changes):
    """100 in at 100 with leverage 2, out at 104 ten hours later: fees 1e-3 of it all, one funding payment of 0.01 a unit."""
    profit = 2.0 * (104 * (1 - FEE) - 100 * (1 + FEE)) - 0.02
    trade = {
        "pair": PAIR,
        "is_short": False,
        "is_open": False,
        "open_timestamp": at(2),
        "close_timestamp": at(12),
        "open_rate": 100.0,
        "close_rate": 104.0,
        "amount": 2.0,
        "stake_amount": 100.0,
        "max_stake_amount": 100.0,
        "leverage": 2.0,
        "fee_open": FEE,
        "fee_close": FEE,
        "funding_fees": -0.02,
        "profit_abs": profit,
        "profit_ratio": profit / (200 * (1 + FEE)) * 2,
        "orders": [order(2, 100.0, 2.0, entry=True), order(12, 104.0, 2.0, entry=False)],
    }
    return trade | changes


def short(**changes):
    profit = 2.0 * (100 * (1 - FEE) - 96 * (1 + FEE)) + 0.02
    return (
        long(
            is_short=True,
            close_rate=96.0,
            funding_fees=0.02,
            profit_abs=profit,
            profit_ratio=profit / (200 * (1 - FEE)) * 2,
            orders=[order(2, 100.0, 2.0, entry=True), order(12, 96.0, 2.0, entry=False)],
        )
        | changes
    )


def adjusted():
    """In at 100 and 98, half out at 104, the rest at 103, without leverage."""
    average = (100 + 98) / 2
    first = 104 * (1 - FEE) - average * (1 + FEE) - (0.01 * 2)
    second = 103 * (1 - FEE) - average * (1 + FEE) - (0.02 * 1)
    bought = (100 + 98) * (1 + FEE)
    return long(
        leverage=1.0,
        stake_amount=average,
        max_stake_amount=198.0,
        close_timestamp=at(17),
        funding_fees=-0.04,
        profit_abs=first + second,
        profit_ratio=(first + second) / bought,
        orders=[
            order(2, 100.0, 1.0, entry=True),
            order(5, 98.0, 1.0, entry=True),
            order(10, 104.0, 1.0, entry=False),
            order(17, 103.0, 1.0, entry=False),
        ],
    )


@pytest.mark.parametrize("trade", [long(), short(), adjusted()], ids=["long", "short", "adjusted"])
def test_honest_trades_have_no_fault(trade):
    assert audit([trade], BARS, FUNDING, RULES) == []


def test_no_trades_have_no_fault():
    assert audit([], BARS, FUNDING, RULES) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"profit_abs": 42.0}, "profit is 42.0; its orders give 7.7"),
        ({"profit_ratio": 0.9}, "profit ratio is 0.9"),
        ({"funding_fees": 5.0}, "funding fees are 5.0; the funding rates give -0.02"),
        ({"fee_open": 0.0}, "fees are not 0.0005"),
        ({"fee_close": -0.01}, "fees are not 0.0005"),
        ({"leverage": 150.0}, "leverage is 150.0; 50.0 is the most"),
        ({"leverage": 0.5}, "leverage is 0.5"),
        ({"max_stake_amount": 1.0}, "stake is 1.0"),
        ({"is_open": True}, "not closed"),
        ({"pair": "XRP/USDT:USDT"}, "pair was not among those traded"),
        ({"orders": []}, "lacks an entry or an exit"),
        ({"orders": "none"}, "not closed"),
        ({"orders": [order(2, 100.0, 2.0, entry=True)]}, "lacks an entry or an exit"),
        ({"orders": [{"ft_is_entry": True}]}, "not all filled"),
        ({"close_timestamp": at(13)}, "other times"),
        ({"open_timestamp": at(3)}, "other times"),
    ],
)
def test_an_edited_trade_is_found(changes, words):
    (fault,) = audit([long(**changes)], BARS, FUNDING, RULES)

    assert words in fault


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        ([order(2, 94.9, 2.0, entry=True), order(12, 104.0, 2.0, entry=False)], "outside of its candle"),
        ([order(2, 100.0, 2.0, entry=True), order(12, 105.1, 2.0, entry=False)], "outside of its candle"),
        ([order(2, 100.0, 2.0, entry=True), order(12, float("nan"), 2.0, entry=False)], "no positive"),
        ([order(2, 100.0, 1.0, entry=True), order(12, 104.0, 2.0, entry=False)], "more or less"),
        ([order(2, 100.0, float("inf"), entry=True), order(12, 104.0, 2.0, entry=False)], "no positive"),
        ([order(2, 100.0, -2.0, entry=True), order(12, 104.0, -2.0, entry=False)], "no positive"),
        ([order(2.5, 100.0, 2.0, entry=True), order(12, 104.0, 2.0, entry=False)], "where no candle opens"),
        ([order(14, 100.0, 2.0, entry=True), order(12, 104.0, 2.0, entry=False)], "out of order"),
    ],
)
def test_a_fill_that_the_candles_do_not_allow_is_found(orders, words):
    (fault,) = audit([long(orders=orders)], BARS, FUNDING, RULES)

    assert words in fault


def test_a_fill_outside_of_the_time_that_was_traded_is_found():
    orders = [order(2, 100.0, 2.0, entry=True), order(23, 104.0, 2.0, entry=False)]
    rules = Rules(**{**RULES.__dict__, "end_ms": at(20)})

    (fault,) = audit([long(orders=orders, close_timestamp=at(23))], BARS, FUNDING, rules)

    assert "outside of the time" in fault


def test_a_trade_that_outlives_its_liquidation_is_found():
    low = np.full(24, 95.0)
    low[6] = 50.0
    bars = BARS | {PAIR: Bars(TIMES, OPENS, low, np.full(24, 105.0))}

    (fault,) = audit([long()], bars, FUNDING, RULES)

    assert "liquidation price of 55 (to 50)" in fault


def test_a_short_that_outlives_its_liquidation_is_found():
    high = np.full(24, 105.0)
    high[2] = 160.0
    bars = BARS | {PAIR: Bars(TIMES, OPENS, np.full(24, 95.0), high)}

    (fault,) = audit([short()], bars, FUNDING, RULES)

    assert "liquidation price of 145 (to 160)" in fault


def test_a_trade_that_closes_on_the_candle_of_its_liquidation_is_honest():
    low = np.full(24, 95.0)
    low[12] = 50.0
    bars = BARS | {PAIR: Bars(TIMES, OPENS, low, np.full(24, 105.0))}

    assert audit([long()], bars, FUNDING, RULES) == []


def test_two_trades_in_one_pair_at_once_are_found():
    assert "two trades in BTC/USDT:USDT are open at once" in audit([long(), short()], BARS, FUNDING, RULES)


def test_more_trades_than_allowed_at_once_are_found():
    rules = Rules(**{**RULES.__dict__, "max_open_trades": 1})

    assert audit([long(), long(pair=OTHER)], BARS, FUNDING, rules) == [
        "2 trades are open at once; max_open_trades is 1"
    ]


def test_a_trade_may_open_on_the_candle_on_which_another_closes():
    rules = Rules(**{**RULES.__dict__, "max_open_trades": 1})
    orders = [order(12, 100.0, 2.0, entry=True), order(22, 104.0, 2.0, entry=False)]
    later = long(
        pair=OTHER,
        open_timestamp=at(12),
        close_timestamp=at(22),
        orders=orders,
    )

    assert audit([long(), later], BARS, FUNDING | {OTHER: FUNDING[PAIR]}, rules)[0].startswith("trade 2")  # its funding
    paid = {PAIR: FUNDING[PAIR], OTHER: Funding(np.array([at(16)]), np.array([0.01]))}
    assert audit([long(), later], BARS, paid, rules) == []


def test_more_money_at_stake_than_the_wallet_holds_is_found():
    rules = Rules(**{**RULES.__dict__, "wallet": 150.0})

    (fault,) = audit([long(), long(pair=OTHER)], BARS, FUNDING, rules)

    assert "more is at stake than the wallet holds (50.00 too much)" in fault


def test_only_the_first_few_faults_are_told():
    assert len(audit([long(profit_abs=42.0)] * 50, BARS, FUNDING, RULES)) == 5
