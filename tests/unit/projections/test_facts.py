import pytest

from cfsm.domain.naming import strategy_id
from cfsm.projections.facts import number, strategy_of, trade_count


def test_a_strategy_is_the_same_by_name_by_id_and_by_hex():
    name = "VolatilityStrategy_phi3_20260101_000000"
    identity = strategy_id(name)

    assert {strategy_of(name), strategy_of(str(identity)), strategy_of(identity.hex)} == {identity.hex}


@pytest.mark.parametrize("value", [None, "0.5", True, [], {}])
def test_what_is_no_number_is_none(value):
    assert number({"winrate": value}, "winrate") is None


def test_a_number_is_a_float():
    assert number({"calmar": 2}, "calmar") == 2.0


@pytest.mark.parametrize(("figures", "count"), [({"total_trades": 7}, 7), ({}, 0)])
def test_trades_are_counted(figures, count):
    assert trade_count(figures) == count
