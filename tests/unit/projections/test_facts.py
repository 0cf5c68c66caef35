import pytest

from cfsm.domain.metrics import ReturnMoments
from cfsm.domain.naming import strategy_id
from cfsm.projections.facts import number, return_moments, sharpe_per_observation, strategy_of, trade_count

NESTED = {"moments": {"sharpe": 0.1, "observations": 365, "skewness": -0.2, "kurtosis": 4.0}}
FLAT = {"sr": 0.1, "observations": 365, "skew": -0.2, "kurtosis": 4.0, "sharpe": 6.05}


def test_a_strategy_is_the_same_by_name_by_id_and_by_hex():
    name = "VolatilityStrategy_phi3_20260101_000000"
    identity = strategy_id(name)

    assert {strategy_of(name), strategy_of(str(identity)), strategy_of(identity.hex)} == {identity.hex}


@pytest.mark.parametrize("figures", [NESTED, FLAT], ids=["nested", "flat"])
def test_moments_are_found_nested_and_flat(figures):
    assert return_moments(figures) == ReturnMoments(0.1, 365, -0.2, 4.0)
    assert sharpe_per_observation(figures) == 0.1


@pytest.mark.parametrize("missing", ["sr", "observations", "skew", "kurtosis"])
def test_moments_with_one_missing_or_undefined_are_none(missing):
    assert return_moments({**FLAT, missing: None}) is None
    assert return_moments({name: value for name, value in FLAT.items() if name != missing}) is None


def test_moments_of_fewer_than_two_observations_are_none():
    assert return_moments({**FLAT, "observations": 1}) is None


def test_freqtrades_sharpe_is_never_taken_for_ours():
    assert sharpe_per_observation({"sharpe": 6.05}) is None


def test_a_sharpe_ratio_beyond_reason_does_not_count():
    assert sharpe_per_observation({"sr": 1e9}) is None


@pytest.mark.parametrize("value", [None, "0.5", True, [], {}])
def test_what_is_no_number_is_none(value):
    assert number({"winrate": value}, "winrate") is None


def test_the_first_name_that_has_a_number_counts():
    assert number({"calmar": 2, "calmar_daily": None}, "calmar_daily", "calmar") == 2.0


@pytest.mark.parametrize(("figures", "count"), [({"total_trades": 7}, 7), ({"trades": 3}, 3), ({}, 0)])
def test_trades_are_counted_under_either_name(figures, count):
    assert trade_count(figures) == count
