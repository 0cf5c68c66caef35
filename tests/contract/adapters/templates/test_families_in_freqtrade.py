"""Freqtrade loads, backtests and takes seriously what the families render."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.templates import FAMILIES, render

pytestmark = pytest.mark.slow  # a dozen backtests

PAIRS = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"]
SEEDS = (0, 2, 5)
STRATEGIES = [(family, seed) for family in FAMILIES for seed in SEEDS]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    dataset = DatasetStore(folder / "data").synthesise(
        "made", pairs=PAIRS, timeframes=["5m", "15m", "1h"], end=date(2025, 3, 12)
    )
    task = {
        "datadir": str(dataset.folder),
        "markets": dataset.markets,
        "pairs": PAIRS,
        "timerange": "20250121-20250311",
        "strategies": {
            f"{family}_{seed}": render(family, f"{family}_{seed}", seed).source for family, seed in STRATEGIES
        },
    }
    (folder / "task.json").write_text(json.dumps(task))
    program = Path(__file__).with_name("freqtrade_runs.py")
    ran = subprocess.run(
        [sys.executable, str(program), str(folder / "task.json")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9"},  # whoever asks the internet, fails
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout)


@pytest.fixture(params=STRATEGIES, ids=lambda drawn: f"{drawn[0]}-{drawn[1]}")
def run(request, runs):
    family, seed = request.param
    return runs[f"{family}_{seed}"]


def test_it_trades_both_ways(run):
    assert run["long"] >= 3
    assert run["short"] >= 3


def test_freqtrade_has_nothing_to_complain_of(run):
    assert run["complaints"] == []


def test_no_trade_is_liquidated_and_leverage_is_capped(run):
    assert run["liquidations"] == 0
    assert max(run["leverages"]) <= 3


def test_entries_say_which_family_and_side_they_are_of(request, run):
    family = request.node.callspec.params["run"][0]

    assert run["tags"] == [f"{family}_long", f"{family}_short"]


def test_nothing_looks_into_the_future(run):
    assert run["cut_columns_that_changed"] == []


def test_the_startup_is_long_enough(run):
    assert run["late_start_signals_that_changed"] == 0


def test_no_candle_contradicts_itself(run):
    assert run["candles_with_two_minds"] == 0


def test_an_optimizer_finds_every_period(run):
    assert run["columns_missing_when_optimized"] == []


def test_families_and_seeds_differ_in_what_they_trade(runs):
    assert len({(each["long"], each["short"]) for each in runs.values()}) == len(runs)
