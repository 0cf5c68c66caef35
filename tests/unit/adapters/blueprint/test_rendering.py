import ast

import pytest

from cfsm.adapters.blueprint import render
from cfsm.domain.blueprint import read_blueprint
from cfsm.domain.blueprint.functions import FUNCTIONS, Kind
from tests.fakes.blueprints import draw
from tests.unit.domain.blueprint.test_form import FORM


def rendered(**changes):
    return render(read_blueprint({**FORM, **changes}), "TrendStrategy_phi3_20261101_080000")


def attributes(source):
    """The plain values of a class's attributes."""
    (strategy,) = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    found = {}
    for node in strategy.body:
        if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Call):
            found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def test_the_class_has_what_freqtrade_wants_as_it_wants_it():
    assert attributes(rendered()) == {
        "INTERFACE_VERSION": 3,
        "timeframe": "15m",
        "can_short": True,
        "minimal_roi": {"0": 0.04, "60": 0.01},
        "stoploss": -0.05,
        "process_only_new_candles": True,
        "use_exit_signal": True,
        "startup_candle_count": 400,
    }


def test_a_side_that_is_not_played_is_not_set():
    source = rendered(enter_short="")

    assert attributes(source)["can_short"] is False
    assert "enter_short" not in source


def test_long_and_short_exclude_each_other_and_wait_for_volume():
    source = rendered()

    assert "dataframe.loc[long_entry & ~short_entry, " in source
    assert "dataframe.loc[short_entry & ~long_entry, " in source
    assert source.count('& (dataframe["volume"] > 0)') == 2


def test_without_steps_roi_never_ends_a_trade():
    assert attributes(rendered(minimal_roi=[]))["minimal_roi"] == {"0": 10.0}


def test_parameters_are_declared_in_the_space_that_uses_them():
    source = rendered(
        parameters=[
            {"name": "dip", "low": 20, "high": 40, "default": 30},
            {"name": "top", "low": 55.5, "high": 80, "default": 60},
            {"name": "sell_dip", "low": 1, "high": 4, "default": 2},
        ],
        indicators=["over = rsi > top", "trend = ema(close, 100)"],
        exit_long="over",
    )

    assert 'buy_dip = IntParameter(20, 40, default=30, space="buy")' in source
    assert 'sell_top = DecimalParameter(55.5, 80.0, default=60.0, decimals=4, space="sell")' in source
    assert 'buy_dip_2 = IntParameter(1, 4, default=2, space="buy")' in source
    assert 'long_exit = dataframe["rsi_14"] > self.sell_top.value' in source


def test_a_call_is_computed_once_however_often_it_is_named():
    source = rendered(enter_long="rsi < 30 and rsi(14) > 5 and rsi(close, 14) < ema(rsi, 9)")

    assert source.count("ta.RSI(") == 1


def test_outputs_of_one_function_are_computed_together():
    source = rendered(enter_long="macd > macd_signal and macd_hist > 0", enter_short="")

    assert source.count("ta.MACD(") == 1


def test_the_idea_cannot_leave_its_docstring():
    source = rendered(idea='"""\nimport os\nos.system("x")\n\\')

    strategy = ast.parse(source).body[-1]
    assert isinstance(strategy, ast.ClassDef)
    assert "import os" in ast.get_docstring(strategy)


def test_the_same_blueprint_gives_the_same_bytes():
    assert rendered() == rendered()


@pytest.mark.parametrize("name", [name for name, each in FUNCTIONS.items() if each.result is Kind.SERIES])
def test_every_function_of_the_catalogue_can_be_written(name):
    arguments = ", ".join(["close"] * len(FUNCTIONS[name].series))

    source = rendered(enter_long=f"{name}({arguments}) > 1")

    compile(source, name, "exec")


def test_random_blueprints_render_and_compile():
    for seed in range(300):
        compile(render(read_blueprint(draw(seed)), "Drawn"), f"blueprint {seed}", "exec")


@pytest.mark.slow
def test_a_thousand_random_blueprints_render_and_compile():
    for seed in range(1000):
        compile(render(read_blueprint(draw(seed)), "Drawn"), f"blueprint {seed}", "exec")
