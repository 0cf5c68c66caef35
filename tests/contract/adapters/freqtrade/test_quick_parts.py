"""Every quick part gives what Freqtrade's original gives, to the last digit."""

from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pandas as pd
import pytest

from cfsm.domain.evaluation import Conditions, Job
from tests.fakes.strategy_texts import NAME, right

pytestmark = pytest.mark.filterwarnings("ignore")  # of pandas, on behalf of Freqtrade and technical

NOW = datetime(2025, 6, 1, tzinfo=UTC)
DRAWS = 300


@pytest.fixture
def draw(request):
    return Random(request.node.name)


@pytest.fixture(scope="module")
def prepared(datasets, tmp_path_factory):
    from cfsm.adapters.freqtrade.workshop import Workshop

    workshop = Workshop(datasets, tmp_path_factory.mktemp("scratch"))
    job = Job("quick", NAME, right(), Conditions(dataset="synthetic"))
    list(workshop.prepare(job, lambda *_: None))
    return workshop.prepared(job)


def drawn_trade(draw, **changes):
    from freqtrade.enums import TradingMode
    from freqtrade.persistence import LocalTrade

    rate = round(draw.uniform(0.01, 70_000), draw.randint(0, 6)) or 1.0
    values = {
        "id": 1,
        "pair": "BTC/USDT:USDT",
        "open_rate": rate,
        "open_date": NOW,
        "stake_amount": 100.0,
        "amount": round(draw.uniform(0.001, 500), 3),
        "fee_open": 0.0005,
        "fee_close": draw.choice([0.0005, 0.0004, 0.0]),
        "is_short": draw.random() < 0.5,
        "leverage": draw.choice([1.0, 2.0, 3.0, 12.5]),
        "trading_mode": TradingMode.FUTURES,
        "price_precision": draw.choice([0.1, 0.01, 1e-05]),
        "precision_mode_price": 4,
        "precision_mode": 4,
        "amount_precision": 0.001,
        "contract_size": 1.0,
        "funding_fees": draw.choice([None, 0.0, draw.uniform(-3, 3)]),
    }
    return LocalTrade(**values | changes)


def test_profits(draw):
    from cfsm.adapters.freqtrade.quick_trades import quick_calc_close_trade_value, quick_calc_profit_ratio

    for _ in range(DRAWS):
        trade = drawn_trade(draw)
        rate = trade.open_rate * draw.uniform(0.8, 1.2)

        assert quick_calc_profit_ratio(trade, rate) == trade.calc_profit_ratio(rate)
        assert quick_calc_close_trade_value(trade, rate, 1.5) == trade.calc_close_trade_value(rate, 1.5)


def test_stops(draw):
    from cfsm.adapters.freqtrade.quick_trades import quick_adjust_stop_loss

    for _ in range(DRAWS):
        seed = draw.random()
        one, other = drawn_trade(Random(seed)), drawn_trade(Random(seed))
        steps = [(one.open_rate, -draw.choice([0.01, 0.1]), True, False)]
        near = [1.0, 1 + 1e-9, 1 - 1e-9, draw.uniform(0.97, 1.03), draw.uniform(0.97, 1.03)]
        steps += [(one.open_rate * draw.choice(near), -0.05, False, draw.random() < 0.1) for _ in range(10)]
        for price, distance, initial, refresh in steps:
            one.adjust_stop_loss(price, distance, initial, refresh)
            quick_adjust_stop_loss(other, price, distance, initial, refresh)

            assert vars(one) == vars(other)


def test_limits_of_stakes(prepared, draw):
    from cfsm.adapters.freqtrade.quick_limits import quick_stake_amount_limit

    exchange = prepared.exchange
    quick = quick_stake_amount_limit(exchange)
    for _ in range(DRAWS):
        pair, price = draw.choice(prepared.pairs), draw.uniform(0.01, 90_000)
        stop, leverage = draw.choice([-0.05, 0.0, -1.0, -0.4]), draw.choice([1.0, 2.0, 20.0, 75.5])
        for limit in ("min", "max"):
            given = (pair, price, stop, limit, leverage)
            assert quick(*given) == exchange._get_stake_amount_limit(*given)


def test_a_pair_without_a_market_is_an_error_as_before(prepared):
    from cfsm.adapters.freqtrade.quick_limits import quick_stake_amount_limit

    with pytest.raises(ValueError, match="market information"):
        quick_stake_amount_limit(prepared.exchange)("NO/USDT:USDT", 1.0, -0.05, "min")


@pytest.mark.parametrize("rows", [0, 1, 2, 500])
def test_heikinashi(rows):
    from technical.vendor.qtpylib import indicators

    from cfsm.adapters.freqtrade.quick_indicators import _HEIKINASHI, quick_heikinashi

    assert indicators.heikinashi in {_HEIKINASHI, quick_heikinashi}
    numbers = np.random.default_rng(rows).uniform(90, 110, (rows, 4))
    bars = pd.DataFrame(numbers, columns=["open", "high", "low", "close"])
    if rows:
        pd.testing.assert_frame_equal(quick_heikinashi(bars), _HEIKINASHI(bars), check_exact=True)
    later = bars.iloc[1:]  # rows that do not begin at 0 are left to the original
    if len(later):
        with pytest.raises(KeyError):
            quick_heikinashi(later)


@pytest.mark.parametrize("mode", ["ratios", "equity"])
def test_drawdowns(mode, draw, monkeypatch):
    from freqtrade.persistence import LocalTrade, Trade
    from freqtrade.plugins.protections.max_drawdown_protection import MaxDrawdown

    from cfsm.adapters.freqtrade.quick_protections import quick_max_drawdown

    monkeypatch.setattr(Trade, "use_db", False)
    monkeypatch.setattr(LocalTrade, "bt_trades", [])
    settings = {"lookback_period": 300, "trade_limit": 2, "stop_duration": 60, "calculation_mode": mode}
    locked = 0
    for _ in range(60):
        limit = draw.choice([0.01, 0.05, 0.2])
        handler = MaxDrawdown({"timeframe": "5m"}, settings | {"max_allowed_drawdown": limit})
        closes = sorted(NOW - timedelta(minutes=5 * draw.randint(0, 80)) for _ in range(draw.randint(0, 40)))
        LocalTrade.bt_trades[:] = [
            drawn_trade(
                draw,
                close_date=close,
                close_profit=draw.uniform(-0.05, 0.05),
                close_profit_abs=draw.uniform(-9, 9),
                is_open=False,
            )
            for close in closes
        ]

        expected, given = handler._max_drawdown(NOW, 1000.0), quick_max_drawdown(handler, NOW, 1000.0)

        assert expected == given
        locked += expected is not None
    assert 0 < locked < 60


@pytest.mark.parametrize("per_side", [False, True])
def test_stoplosses_that_stop_trading(per_side, draw, monkeypatch):
    from freqtrade.persistence import LocalTrade, Trade
    from freqtrade.plugins.protections.stoploss_guard import StoplossGuard

    from cfsm.adapters.freqtrade.quick_protections import quick_stoploss_guard

    monkeypatch.setattr(Trade, "use_db", False)
    monkeypatch.setattr(LocalTrade, "bt_trades", [])
    settings = {"lookback_period": 300, "trade_limit": 3, "stop_duration": 60, "only_per_side": per_side}
    reasons = ["roi", "stop_loss", "trailing_stop_loss", "liquidation", "stoploss_on_exchange", "mine", None]
    locked = 0
    for _ in range(60):
        handler = StoplossGuard({"timeframe": "5m"}, settings | {"required_profit": draw.choice([0.0, -0.02])})
        closes = sorted(NOW - timedelta(minutes=5 * draw.randint(0, 80)) for _ in range(draw.randint(0, 60)))
        LocalTrade.bt_trades[:] = [
            drawn_trade(
                draw,
                close_date=close,
                close_profit=draw.choice([None, 0.0, draw.uniform(-0.05, 0.02)]),
                exit_reason=draw.choice(reasons),
                is_open=False,
            )
            for close in closes
        ]
        asked = (NOW, draw.choice([None, "BTC/USDT:USDT", "ETH/USDT:USDT"]), draw.choice(["long", "short"]))

        expected, given = handler._stoploss_guard(*asked), quick_stoploss_guard(handler, *asked)

        assert expected == given
        locked += expected is not None
    assert 0 < locked < 60


@pytest.mark.parametrize("timerange", ["20250110-20250205", "20250201-", "-20250110", "20250131-20250202", ""])
def test_funding_and_precision_of_what_is_served(prepared, timerange):
    from freqtrade.configuration import TimeRange
    from freqtrade.data.btanalysis import get_tick_size_over_time
    from freqtrade.enums import CandleType

    from cfsm.adapters.freqtrade.warm_candles import _COMBINE_FUNDING_AND_MARK

    candles = prepared.candles
    asked = {"timerange": TimeRange.parse_timerange(timerange), "startup_candles": 20}
    for pair in prepared.pairs:
        rates, marks, prices = (
            candles._load_pair_history(pair, "1h", prepared.datadir, candle_type=kind, **asked)
            for kind in (CandleType.FUNDING_RATE, CandleType.MARK, CandleType.FUTURES)
        )
        copy = prices.copy()

        pd.testing.assert_series_equal(candles._tick_size_over_time(prices), get_tick_size_over_time(copy))
        pd.testing.assert_frame_equal(prices, copy)
        combined = candles._combine_funding_and_mark(rates, marks)
        pd.testing.assert_frame_equal(combined, _COMBINE_FUNDING_AND_MARK(rates, marks))
        assert len(combined)


def test_what_a_callback_raises_is_told_and_answered_as_before(caplog):
    from freqtrade.exceptions import StrategyError
    from freqtrade.strategy import strategy_wrapper

    from cfsm.adapters.freqtrade.quick_callbacks import _SAFE_WRAPPER, quick_safe_wrapper

    def callback(**_):
        raise error

    assert strategy_wrapper.strategy_safe_wrapper is _SAFE_WRAPPER
    for kind in (ValueError, KeyError):
        error = kind("rsi")
        said = []
        for wrapper in (_SAFE_WRAPPER, quick_safe_wrapper):
            caplog.clear()
            assert wrapper(callback, default_retval=7)(pair="BTC") == 7
            assert wrapper(callback, supress_error=True)(pair="BTC") is None
            with pytest.raises(StrategyError):
                wrapper(callback)(pair="BTC")
            said.append([(record.levelname, record.getMessage()) for record in caplog.records])
        assert said[0] == said[1]


def test_a_callback_gets_a_copy_of_the_trade_and_its_orders(draw):
    from freqtrade.persistence import Order

    from cfsm.adapters.freqtrade.quick_callbacks import quick_safe_wrapper
    from cfsm.adapters.freqtrade.quick_parts import plain_class

    trade = drawn_trade(draw)
    trade.orders = [plain_class(Order)(price=1.0)]

    def callback(trade):
        trade.stop_loss = 5.0
        trade.orders[0].price = 2.0
        return trade

    twin = quick_safe_wrapper(callback)(trade=trade)

    assert (trade.stop_loss, trade.orders[0].price, len(twin.orders)) == (0.0, 1.0, 1)
    assert twin.orders[0]._trade_bt is twin
