import pytest

from cfsm.adapters.freqtrade.dry_run.fills import faults_of
from tests.fakes.forward_tests import BEGIN_MS, trade

CANDLE = (99.0, 102.0)


def honest(**facts):
    """A trade whose profit follows from its fills: bought at 100, sold at 101, five hundredths of a percent each."""
    earned = 1.0 - 0.05 - 0.0505
    return trade(BEGIN_MS, earned / 100, **{"profit_abs": earned, **facts})


def faults(*trades, candle=CANDLE):
    return faults_of(trades, lambda *_: candle, 1.0)


def test_honest_trades_have_no_faults():
    assert faults(honest(), honest()) == []


def test_a_fill_may_lie_by_spread_and_levels_outside_of_its_candle():
    assert faults(honest(), candle=(100.04, 102.0)) == []


@pytest.mark.parametrize("candle", [(100.5, 102.0), (99.0, 100.5)])
def test_a_fill_outside_of_its_candle_is_impossible(candle):
    (fault,) = faults(honest(), candle=candle)

    assert "outside of its candle" in fault


def test_a_fill_where_there_is_no_candle_is_impossible():
    assert len(faults(honest(), candle=None)) == 2


def test_a_gain_beyond_the_fills_is_impossible():
    (fault,) = faults(honest(profit_abs=63.17))

    assert "63.1700" in fault


def test_a_short_gains_by_falling():
    fallen = honest(is_short=True, close_rate=99.5, profit_abs=0.5 - 0.05 - 0.04975)

    assert faults(fallen) == []
    assert faults(honest(is_short=True, profit_abs=0.8995)) != []


def test_a_trade_that_was_added_to_is_not_held_to_two_fills():
    assert faults(honest(stake_amount=50.0, profit_abs=3.0)) == []


def test_no_more_than_five_are_told():
    assert len(faults(*[honest()] * 20, candle=None)) == 5
