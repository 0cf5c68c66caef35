"""Trades for tests: one that is right, changed as the test wants, and a strategy of hypothesis for lists of them."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from cfsm.domain.trades import Trade

DAY_MS = 86_400_000
START = datetime(2025, 1, 1, tzinfo=UTC)
END = datetime(2025, 3, 1, tzinfo=UTC)
START_MS = 1_735_689_600_000
END_MS = 1_740_787_200_000

_TRADE = Trade(
    pair="BTC/USDT:USDT",
    is_short=False,
    open_date=START_MS,
    close_date=START_MS + 3_600_000,
    open_rate=100.0,
    close_rate=110.0,
    amount=1.0,
    stake_amount=50.0,
    leverage=2.0,
    fee_open=0.0005,
    fee_close=0.0005,
    funding_fees=0.0,
    profit_abs=10.0,
    profit_ratio=0.2,
    exit_reason="roi",
)


def a_trade(**changes):
    return replace(_TRADE, **changes)


def closed_on(day, profit_abs, **changes):
    """A trade that closes at noon of this day (0 is the first of January 2025)."""
    closes = START_MS + day * DAY_MS + DAY_MS // 2
    return a_trade(open_date=closes - 3_600_000, close_date=closes, profit_abs=profit_abs, **changes)


def trade_lists():
    """Lists of trades within START and END, a starting balance of 1000 being ruined by some."""
    trades = st.builds(
        lambda opens, lasts, profit_abs, is_short, fee: a_trade(
            open_date=max(START_MS, opens - lasts),
            close_date=opens,
            profit_abs=profit_abs,
            is_short=is_short,
            fee_open=fee,
        ),
        st.integers(START_MS, END_MS),
        st.integers(0, 10 * DAY_MS),
        st.floats(-60, 100),
        st.booleans(),
        st.floats(0, 0.01),
    )
    return st.lists(trades, max_size=40)
