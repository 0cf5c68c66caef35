import ast
import json
import subprocess
import sys
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfsm.adapters.freqtrade.static_policy import judge
from cfsm.adapters.templates import FAMILIES, render
from cfsm.adapters.templates.family import decreasing, settled
from cfsm.application.ports import Misconfigured
from cfsm.domain.code_identity import normalised_hash

SEEDS = range(0, 400, 2)
NAME = "TrendStrategy_predefined_20250101_000000"


def strategy_class(source):
    (found,) = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    return found


def attributes(source):
    """Give the class attributes that are plain values."""
    assigned = (node for node in strategy_class(source).body if isinstance(node, ast.Assign))
    return {
        node.targets[0].id: ast.literal_eval(node.value) for node in assigned if not isinstance(node.value, ast.Call)
    }


def hyperoptable(source):
    """Give each parameter's class, arguments and named arguments."""
    assigned = (node for node in strategy_class(source).body if isinstance(node, ast.Assign))
    return {
        node.targets[0].id: (
            node.value.func.id,
            [ast.literal_eval(each) for each in node.value.args],
            {each.arg: ast.literal_eval(each.value) for each in node.value.keywords},
        )
        for node in assigned
        if isinstance(node.value, ast.Call)
    }


def test_the_families_are_the_six():
    assert list(FAMILIES) == ["volatility", "scalping", "breakout", "momentum", "mean_reversion", "trend"]


@pytest.mark.parametrize("family", FAMILIES)
def test_two_hundred_seeds_give_two_hundred_different_programs_that_compile(family):
    identities = set()
    for seed in SEEDS:
        rendered = render(family, NAME, seed)
        compile(rendered.source, NAME, "exec")
        identities.add(normalised_hash(rendered.source.encode()))

    assert len(identities) == len(SEEDS)


@given(family=st.sampled_from(sorted(FAMILIES)), seed=st.integers(0, 2**64))
@settings(max_examples=60, deadline=None)
def test_any_seed_gives_a_whole_strategy(family, seed):
    rendered = render(family, NAME, seed)
    found, own = strategy_class(rendered.source), attributes(rendered.source)

    assert found.name == NAME
    assert [base.id for base in found.bases] == ["IStrategy"]
    assert f"Predefined family {family}, drawn from seed {seed}." in ast.get_docstring(found)
    assert {node.name for node in found.body if isinstance(node, ast.FunctionDef)} == {
        "protections", "populate_indicators", "populate_entry_trend", "populate_exit_trend", "leverage",
    }  # fmt: skip
    assert (own["INTERFACE_VERSION"], own["can_short"], own["process_only_new_candles"]) == (3, True, True)
    assert own["timeframe"] == rendered.timeframe
    assert rendered.can_short
    assert rendered.family == family
    assert "$" not in rendered.source


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_gives_the_same_program(family):
    assert render(family, NAME, 7) == render(family, NAME, 7)


def test_another_process_draws_the_same():
    program = "from cfsm.adapters.templates import render; print(render('trend', 'X', 12345).source, end='')"

    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert other.stdout == render("trend", "X", 12345).source


def test_drawing_leaves_the_worlds_randomness_alone():
    import random

    before = random.getstate()
    render("scalping", NAME, 1)

    assert random.getstate() == before


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(10))
def test_risk_is_bounded_and_of_freqtrades_kinds(family, seed):
    own = attributes(render(family, NAME, seed).source)

    assert 1.0 <= own["leverage_cap"] <= 3.0
    assert -0.2 <= own["stoploss"] <= -0.01
    assert all(isinstance(minutes, str) and minutes.isdigit() for minutes in own["minimal_roi"])
    gains = [own["minimal_roi"][minutes] for minutes in sorted(own["minimal_roi"], key=int)]
    assert gains == sorted(gains, reverse=True)
    assert gains[-1] > 0.001 * own["leverage_cap"], "the smallest gain pays both fees"
    if own.get("trailing_stop"):
        assert 0 < own["trailing_stop_positive"] < own["trailing_stop_positive_offset"]
        assert own["trailing_only_offset_is_reached"] is True


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(10))
def test_parameters_can_be_optimised_and_start_inside_their_ranges(family, seed):
    found = hyperoptable(render(family, NAME, seed).source)

    assert {named["space"] for _, _, named in found.values()} == {"buy", "sell"}
    for kind, given_, named in found.values():
        if kind == "CategoricalParameter":
            assert named["default"] in given_[0]
            assert len(set(given_[0])) == len(given_[0])
        else:
            assert given_[0] <= named["default"] <= given_[1]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(20))
def test_the_start_is_long_enough_for_every_period_and_one_request(family, seed):
    rendered = render(family, NAME, seed)
    choices = [
        max(args[0]) for kind, args, _ in hyperoptable(rendered.source).values() if kind == "CategoricalParameter"
    ]

    startup = attributes(rendered.source)["startup_candle_count"]

    assert startup >= max([50, *choices])
    assert startup < 499, "more than Binance gives in one request"


@pytest.mark.parametrize("family", FAMILIES)
def test_what_was_drawn_is_told(family):
    rendered = render(family, NAME, 3)
    own = attributes(rendered.source)

    assert rendered.parameters["stoploss"] == own["stoploss"]
    assert rendered.parameters["minimal_roi"] == own["minimal_roi"]
    assert rendered.parameters["timeframe"] == own["timeframe"]
    for name, (_, _, named) in hyperoptable(rendered.source).items():
        assert named["default"] in rendered.parameters.values(), name
    assert json.loads(json.dumps(rendered.parameters)) == rendered.parameters


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(6))
def test_the_policy_for_strategies_finds_nothing(family, seed):
    assert judge(render(family, NAME, seed).source.encode()) == []


def test_the_programs_are_formatted_as_ruff_formats(tmp_path):
    for family in FAMILIES:
        for seed in range(30):
            (tmp_path / f"{family}_{seed}.py").write_text(render(family, NAME, seed).source)

    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "120", "--check", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout


def test_an_unknown_family_is_refused_with_those_that_there_are():
    with pytest.raises(Misconfigured, match=r"no family 'gambling'.*volatility, scalping, breakout"):
        render("gambling", NAME, 1)


@pytest.mark.parametrize("name", ["", "1Strategy", "My Strategy", "class", "Stratégie", "X:\n    pass\n#"])
def test_a_name_that_names_no_class_is_refused(name):
    with pytest.raises(ValueError, match="cannot name a class"):
        render("trend", name, 1)


def test_wilders_averages_need_the_longest_start():
    assert settled(rolling=100) == 105
    assert settled(rolling=100, exponential=50) == 250
    assert settled(rolling=100, exponential=50, wilder=30) == 300


def test_gains_shrink_from_the_first_to_the_last():
    assert decreasing(Random(1), [0, 60, 120], [4.0], 1.0) == {0: 4.0, 60: 2.5, 120: 1.0}
