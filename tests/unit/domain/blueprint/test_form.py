import json

import pytest

from cfsm.domain.blueprint import NotABlueprint, read_blueprint, schema
from cfsm.domain.blueprint.form import MAX_STARTUP_CANDLES

FORM = {
    "idea": "Buys dips in a trend",
    "timeframe": "15m",
    "indicators": ["trend = ema(close, 100)"],
    "parameters": [{"name": "dip", "low": 20, "high": 40, "default": 30}],
    "enter_long": "rsi < dip and close > trend",
    "enter_short": "rsi > 70 and close < trend",
    "exit_long": "rsi > 60",
    "exit_short": "",
    "minimal_roi": [{"minutes": 60, "profit": 0.01}, {"minutes": 0, "profit": 0.04}],
    "stoploss": -0.05,
    "leverage": 3,
}


def faults(**changes):
    with pytest.raises(NotABlueprint) as caught:
        read_blueprint({**FORM, **changes})
    return [str(fault) for fault in caught.value.faults]


def test_a_filled_form_is_read():
    blueprint = read_blueprint(FORM)

    assert list(blueprint.indicators) == ["trend"]
    assert blueprint.parameters[0].is_whole
    assert blueprint.can_short
    assert blueprint.exit_short is None
    assert blueprint.minimal_roi == {0: 0.04, 60: 0.01}
    assert blueprint.startup_candle_count == 400


def test_the_schema_is_short_and_flat_and_asks_for_every_field():
    form = schema()

    assert len(json.dumps(form)) < 2000
    assert form["required"] == list(form["properties"])
    assert set(form["properties"]) == set(FORM)


def test_forms_that_models_write_without_the_schema_are_understood():
    blueprint = read_blueprint(
        {
            "timeframe": "5m",
            "indicators": {"ema_fast": "ema(close, 9)", "ema_slow": "ema(close, 21)"},
            "enter_long": ["ema_fast > ema_slow", "rsi < 70", "rsi crosses above 50"],
            "enter_short": None,
            "minimal_roi": {"0": 0.01, "20": 0.005},
            "stoploss": "0.012",
        }
    )

    assert not blueprint.can_short
    assert blueprint.stoploss == -0.012
    assert blueprint.minimal_roi == {0: 0.01, 20: 0.005}
    assert blueprint.leverage == 1


def test_all_faults_come_at_once_with_field_and_column():
    told = faults(
        timeframe="2m",
        indicators=["a b", "k = ema(close, 20.5)"],
        enter_long="close > tren",
        enter_short="",
        stoploss=3,
        leverage=50,
        parameters=[{"name": "dip", "low": 5, "high": 3, "default": 4}],
    )

    assert [fault.split(":")[0] for fault in told] == [
        "parameters[0]",
        "indicators[0]",
        "indicators[1], column 16",
        "enter_long, column 9",
        "timeframe",
        "stoploss",
        "leverage",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"enter_long": "", "enter_short": "none"}, "neither enter_long nor enter_short"),
        ({"enter_long": "close"}, "enter_long, column 1: is a value, not a condition"),
        ({"indicators": ["close = ema(20)"]}, "the name 'close' is taken"),
        ({"indicators": ["x = ema(20)", "x = sma(20)"]}, "the name 'x' is taken"),
        ({"indicators": ["import = ema(20)"]}, "the name 'import' is taken"),
        ({"indicators": ["3x = ema(20)"]}, "is no name"),
        ({"indicators": ["x = dip * 2"]}, "make it a parameter"),
        ({"indicators": [f"x{number} = ema(20)" for number in range(11)]}, "more than 10"),
        ({"parameters": [{"name": "dip", "low": "a", "high": 3, "default": 4}]}, "needs name, low, high and default"),
        ({"parameters": [{"name": f"p{n}", "low": 1, "high": 3, "default": 2} for n in range(7)]}, "more than 6"),
        ({"minimal_roi": [{"minutes": -1, "profit": 1}]}, r"minimal_roi[0]: needs minutes"),
        ({"stoploss": float("nan")}, "stoploss: lies from"),
        ({"stoploss": True}, "stoploss: lies from"),
        ({"enter_long": "close > " + "1 + " * 200 + "1"}, "longer than 600"),
    ],
)
def test_each_fault_says_what_to_do(changes, message):
    assert any(message in fault for fault in faults(**changes))


def test_the_warm_up_stays_within_what_exchanges_serve():
    blueprint = read_blueprint({**FORM, "enter_long": "adx(400) > 20"})

    assert blueprint.startup_candle_count == MAX_STARTUP_CANDLES
