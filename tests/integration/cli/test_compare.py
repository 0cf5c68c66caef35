"""``cfsm compare`` on strategies that the workers backtested."""

from dataclasses import replace

import pytest

from tests.fakes.command_engine import CommandEngine
from tests.fakes.evaluated import CONDITIONS, evaluate

FIRST, SECOND, THIRD = "FirstStrategy", "SecondStrategy", "ThirdStrategy"


@pytest.fixture
def cfsm(new):
    """Call a command on a home with two strategies that were backtested under the same conditions."""
    evaluate(new.home, CommandEngine(), {FIRST: "# trades: 12", SECOND: "# trades: 8"})
    return new


def test_figures_stand_side_by_side(cfsm):
    result = cfsm("compare", FIRST, SECOND)

    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].split() == ["figure", FIRST, SECOND]
    assert next(line for line in lines if line.startswith("Trades ")).split() == ["Trades", "12", "8"]
    assert next(line for line in lines if "Freqtrade's sharpe" in line).split()[-2:] == ["1.00", "1.00"]
    assert "Not the same for all" not in result.out


def test_for_a_program_figures_correlation_and_overlap(cfsm):
    result = cfsm("compare", FIRST, SECOND, "--json")

    assert [each["name"] for each in result.json["strategies"]] == [FIRST, SECOND]
    assert [each["figures"]["total_trades"] for each in result.json["strategies"]] == [12, 8]
    (pair,) = result.json["pairs"]
    assert (pair["a"], pair["b"], pair["days_in_common"]) == (FIRST, SECOND, 60)
    assert -1 <= pair["correlation"] <= 1
    # The scripted engine opens a trade every day at the same hour and holds it for three.
    assert (pair["same_entries"], pair["same_trades"]) == (8, 8)
    assert pair["entries_share"] == pair["time_share"] == pytest.approx(8 / 12)


def test_each_two_of_many_are_a_pair(cfsm):
    evaluate(cfsm.home, CommandEngine(), {THIRD: ""})

    result = cfsm("compare", FIRST, SECOND, THIRD, "--json")

    assert [(pair["a"], pair["b"]) for pair in result.json["pairs"]] == [
        (FIRST, SECOND),
        (FIRST, THIRD),
        (SECOND, THIRD),
    ]


def test_what_makes_the_figures_hard_to_compare_is_said(cfsm):
    conditions = replace(CONDITIONS, dry_run_wallet=500.0, pairs=("BTC/USDT:USDT",))
    evaluate(cfsm.home, CommandEngine(data_hash="other"), {THIRD: ""}, conditions)

    assert "Not the same for all: the candles, the pairs, the wallet." in cfsm("compare", FIRST, THIRD).out
    assert "The candles are synthetic" in cfsm("compare", FIRST, SECOND).out


def test_one_strategy_alone_is_wrong_usage(cfsm):
    for given in ([FIRST], [FIRST, FIRST]):
        result = cfsm("compare", *given)

        assert result.code == 2
        assert "at least two" in result.err


def test_a_strategy_that_was_not_backtested_is_named(cfsm):
    evaluate(cfsm.home, CommandEngine(), {THIRD: "# trades: 0"})

    result = cfsm("compare", FIRST, THIRD)

    assert result.code == 1
    assert f"not backtested yet: {THIRD}" in result.err


def test_a_strategy_that_is_not_there_is_named(cfsm):
    result = cfsm("compare", FIRST, "Nobody")

    assert result.code == 1
    assert "no strategy is called 'Nobody'" in result.err


def test_the_best_of_the_leaderboard_are_compared_and_chosen_from(cfsm):
    evaluate(cfsm.home, CommandEngine(), {THIRD: "# profit: -0.02"})

    result = cfsm("compare", "--top", "3", "--json")

    selection = {each["name"]: each for each in result.json["selection"]}
    assert selection.keys() == {FIRST, SECOND, THIRD}
    assert (selection[THIRD]["is_chosen"], selection[THIRD]["why"]) == (False, "it gains nothing")
    assert sum(each["is_chosen"] for each in selection.values()) >= 1
    assert all(0 <= pair["a_better_probability"] <= 1 for pair in result.json["pairs"])
    assert "left out" in cfsm("compare", "--top", "3").out


def test_names_and_the_best_at_once_are_wrong_usage(cfsm):
    assert cfsm("compare", FIRST, SECOND, "--top", "3").code == 2
    assert cfsm("compare").code == 2


def test_it_is_said_which_days_the_figures_are_from(cfsm):
    assert "all, in sample" in cfsm("compare", FIRST, SECOND).out
