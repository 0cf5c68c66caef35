"""Rendered blueprints, run: their signals on candles, and that none of them knows the future.

The forms are drawn by the test itself, so that running what is rendered from them here is no risk.
"""

import numpy as np
import pandas as pd
import pytest

from cfsm.adapters.blueprint import render
from cfsm.domain.blueprint import read_blueprint
from tests.fakes.blueprints import draw
from tests.unit.domain.blueprint.test_form import FORM

SIGNALS = ["enter_long", "enter_short", "exit_long", "exit_short"]


def candles(count=700):
    generator = np.random.default_rng(5)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.004, count)))
    opened = np.concatenate([[100], close[:-1]])
    spread = generator.uniform(0, 0.003, count)
    return pd.DataFrame(
        {
            "date": pd.date_range("2026-01-01", periods=count, freq="15min", tz="UTC"),
            "open": opened,
            "high": np.maximum(opened, close) * (1 + spread),
            "low": np.minimum(opened, close) * (1 - spread),
            "close": close,
            "volume": generator.choice([0.0, 1.0, 5.0, 20.0], count, p=[0.02, 0.38, 0.4, 0.2]),
        }
    )


def loaded(form):
    source = render(read_blueprint(form), "Drawn")
    names = {}
    exec(compile(source, "drawn", "exec"), names)
    return names["Drawn"]({"strategy": "Drawn"})


def run(strategy, frame):
    strategy.minimal_roi  # noqa: B018 - an attribute of the interface
    result = strategy.populate_indicators(frame.copy(), {"pair": "BTC/USDT:USDT"})
    result = strategy.populate_entry_trend(result, {"pair": "BTC/USDT:USDT"})
    return strategy.populate_exit_trend(result, {"pair": "BTC/USDT:USDT"})


def signals(frame):
    return frame.reindex(columns=SIGNALS).fillna(0).astype(int)


def check(seed, frame):
    strategy = loaded(draw(seed))
    whole = signals(run(strategy, frame))
    cut = signals(run(strategy, frame.iloc[:500].reset_index(drop=True)))

    assert not ((whole["enter_long"] == 1) & (whole["enter_short"] == 1)).any(), seed
    assert not (whole["enter_long"] + whole["enter_short"])[frame["volume"] == 0].any(), seed
    pd.testing.assert_frame_equal(whole.iloc[:500], cut)
    return int(whole[["enter_long", "enter_short"]].to_numpy().sum())


def test_random_blueprints_run_and_do_not_look_ahead():
    frame = candles()

    entries = [check(seed, frame) for seed in range(60)]

    assert sum(entry > 0 for entry in entries) > 20


@pytest.mark.slow
def test_a_thousand_random_blueprints_run_and_do_not_look_ahead():
    frame = candles()

    for seed in range(1000):
        check(seed, frame)


def test_the_signals_are_those_that_the_form_asks_for():
    frame = candles()
    form = {
        **FORM,
        "enter_long": "close crosses above sma(10)",
        "enter_short": "",
        "indicators": [],
        "exit_long": "hour = 3",
    }

    result = run(loaded(form), frame)

    average = frame["close"].rolling(10).mean()
    above = frame["close"] > average
    crossed = above & (frame["close"].shift(1) <= average.shift(1)) & (frame["volume"] > 0)
    assert (result["enter_long"] == 1).tolist() == crossed.tolist()
    assert (result["exit_long"] == 1).tolist() == (frame["date"].dt.hour == 3).tolist()


def test_leverage_is_the_form_s_within_the_exchange_s():
    strategy = loaded({**FORM, "leverage": 5})
    asked = {
        "pair": "",
        "current_time": None,
        "current_rate": 1.0,
        "proposed_leverage": 1.0,
        "entry_tag": None,
        "side": "long",
    }

    assert strategy.leverage(max_leverage=20.0, **asked) == 5.0
    assert strategy.leverage(max_leverage=3.0, **asked) == 3.0
