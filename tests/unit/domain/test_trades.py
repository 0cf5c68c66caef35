import json
from dataclasses import FrozenInstanceError, asdict, fields
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfsm.domain.trades import BadTrade, Trade, trades_from
from tests.fakes.trades import a_trade

NUMBERS = [field.name for field in fields(Trade) if "float" in str(field.type)]


def test_a_trade_survives_json():
    trade = a_trade(enter_tag="breakout", liquidation_price=51.0, min_rate=99.0, max_rate=112.0)

    read = json.loads(json.dumps(asdict(trade)))

    assert Trade.from_mapping(read) == trade


def test_freqtrades_own_export_is_read_by_its_timestamps():
    exported = {
        **asdict(a_trade()),
        "open_date": "2025-01-01 00:00:00+00:00",
        "close_date": "2025-01-01 01:00:00+00:00",
        "open_timestamp": 1_735_689_600_000,
        "close_timestamp": 1_735_693_200_000,
        "trade_duration": 60,
        "orders": [],
    }

    assert Trade.from_mapping(exported) == a_trade()


def test_a_spot_trade_without_funding_fees_has_none_to_pay():
    facts = asdict(a_trade())
    del facts["funding_fees"]

    assert Trade.from_mapping(facts).funding_fees == 0.0


def test_fees_are_paid_on_both_values():
    trade = a_trade(amount=3.0, open_rate=100.0, close_rate=110.0, fee_open=0.001, fee_close=0.002)

    assert trade.fees_paid == pytest.approx(3 * (0.1 + 0.22))


def test_a_trade_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        a_trade().profit_abs = 1e9


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize("value", [nan, inf, -inf, 1e300])
def test_no_number_of_a_trade_is_without_bounds(field, value):
    with pytest.raises(BadTrade, match=field):
        a_trade(**{field: value})
    with pytest.raises(BadTrade, match=field):
        Trade.from_mapping({**asdict(a_trade()), field: value})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"pair": ""}, "pair is empty"),
        ({"close_date": 0}, "close_date 0 is before open_date"),
        ({"open_date": -1}, "close_date"),
        ({"open_rate": 0.0}, "open_rate"),
        ({"amount": -1.0}, "amount"),
        ({"stake_amount": 0.0}, "stake_amount"),
        ({"leverage": 0.5}, "leverage"),
        ({"fee_open": -0.001}, "fee_open"),
        ({"fee_close": 1.5}, "fee_close"),
        ({"min_rate": 2.0, "max_rate": 1.0}, "min_rate 2.0 is above max_rate 1.0"),
    ],
)
def test_what_no_trade_has_is_refused(changes, complaint):
    with pytest.raises(BadTrade, match=complaint):
        a_trade(**changes)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"is_short": 1}, "is_short is of type int"),
        ({"is_short": None}, "is_short is missing"),
        ({"pair": None}, "pair is missing, not text"),
        ({"exit_reason": ["roi"]}, "exit_reason is of type list"),
        ({"enter_tag": 7}, "enter_tag is of type int"),
        ({"open_rate": "100"}, "open_rate is of type str"),
        ({"open_rate": True}, "open_rate is of type bool"),
        ({"profit_abs": 10**5000}, "profit_abs is not a finite number"),
        ({"open_date": 1.5}, "open_date is of type float"),
        ({"open_date": "2025-01-01"}, "open_date is of type str"),
        ({"close_date": 10**5000}, "close_date is outside the years"),
        ({"close_date": None}, "close_date is missing"),
    ],
)
def test_plain_data_of_another_kind_is_refused(changes, complaint):
    with pytest.raises(BadTrade, match=complaint):
        Trade.from_mapping({**asdict(a_trade()), **changes})


def test_long_tags_are_cut_where_freqtrades_database_cuts_them():
    trade = Trade.from_mapping({**asdict(a_trade()), "enter_tag": "x" * 5000, "exit_reason": "y" * 5000})

    assert (len(trade.enter_tag), len(trade.exit_reason)) == (255, 255)


def test_of_many_the_first_bad_one_is_named_by_its_place():
    good = asdict(a_trade())

    with pytest.raises(BadTrade, match="Trade 3: 'BTC/USDT:USDT': leverage"):
        trades_from([good, good, {**good, "leverage": 0.0}])


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    st.lists,
    max_leaves=3,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from([field.name for field in fields(Trade)]), PLAIN))
def test_whatever_comes_out_of_the_sandbox_is_a_trade_or_a_bad_trade(facts):
    try:
        trade = Trade.from_mapping({**asdict(a_trade()), **facts})
    except BadTrade:
        return
    assert trade.open_date <= trade.close_date
    assert all(abs(getattr(trade, name) or 0.0) <= 1e18 for name in NUMBERS)
