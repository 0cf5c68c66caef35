"""The forge makes the same trades as ``freqtrade backtesting``, to the last digit."""

import json
import math
import subprocess
import sys
import zipfile
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest

from cfsm.adapters.freqtrade.client import ForgeEngine
from cfsm.adapters.freqtrade.configs import freqtrade_config
from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.templates import FAMILIES, render
from cfsm.domain.evaluation import Conditions, Job
from cfsm.domain.trades import trades_from

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[4]
PAIRS = ("BTC/USDT:USDT", "DOGE/USDT:USDT", "ETH/USDT:USDT")
CONDITIONS = Conditions(dataset="market", timerange="20250110-20250215")
NOT_OF_THE_TRADES = {"backtest_run_start_ts", "backtest_run_end_ts"}


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets")
    DatasetStore(folder).synthesise(
        "market", pairs=PAIRS, timeframes=("5m", "15m", "1h", "4h"), start=date(2025, 1, 1), end=date(2025, 2, 20)
    )
    return folder


@pytest.fixture(scope="module", params=["fast", "stock"])
def engine(request, datasets, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "f.sock"
    with ForgeEngine(path, datasets, stock=request.param == "stock") as engine:
        yield engine


def by_command_line(job, dataset, folder):
    """The strategy's part of the report that Freqtrade's command line writes."""
    strategies = folder / "user_data" / "strategies"
    strategies.mkdir(parents=True)
    (strategies / f"{job.strategy_name}.py").write_bytes(job.source)
    config = folder / "config.json"
    config.write_text(json.dumps(freqtrade_config(job.conditions, PAIRS)))
    command = [sys.executable, "-m", "tests.fakes.freqtrade_cli", str(dataset.markets_path), "backtesting"]
    options = {
        "--config": config,
        "--strategy": job.strategy_name,
        "--user-data-dir": folder / "user_data",
        "--datadir": dataset.folder,
        "--timerange": job.conditions.timerange,
        "--cache": "none",
        "--export": "trades",
        "--backtest-directory": folder,
    }
    arguments = [str(word) for option in options.items() for word in option]
    subprocess.run([*command, *arguments, "--enable-protections"], cwd=ROOT, check=True, capture_output=True)
    (report,) = folder.glob("*.zip")
    with zipfile.ZipFile(report) as archive:
        (name,) = [name for name in archive.namelist() if name == report.with_suffix(".json").name]
        return json.loads(archive.read(name))["strategy"][job.strategy_name]


@pytest.fixture(scope="module")
def reports(datasets, tmp_path_factory):
    """What the command line says of a family's strategy, made once."""
    made = {}

    def report(family):
        if family not in made:
            rendered = render(family, "FamilyStrategy", 7)
            job = Job("run", rendered.name, rendered.source.encode(), CONDITIONS)
            folder = tmp_path_factory.mktemp(family)
            made[family] = job, by_command_line(job, DatasetStore(datasets).open("market"), folder)
        return made[family]

    return report


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_trades_as_on_the_command_line(family, engine, reports):
    job, report = reports(family)

    outcome = engine.backtest(job, lambda *_: None)

    expected = trades_from(report["trades"])
    assert [replace(trade, liquidation_price=None) for trade in outcome.trades] == list(expected)
    assert outcome.trades or report["total_trades"] == 0
    assert different(outcome.statistics, report) == {}


def test_over_all_candles_trading_begins_where_the_command_line_begins(datasets, engine, tmp_path):
    rendered = render("trend", "FamilyStrategy", 7)
    job = Job("run", rendered.name, rendered.source.encode(), replace(CONDITIONS, timerange=""))
    report = by_command_line(job, DatasetStore(datasets).open("market"), tmp_path)

    outcome = engine.backtest(job, lambda *_: None)

    assert report["market_change"] != 0
    assert report["backtest_start"] > "2025-01-01 00:00:00"  # moved by the startup candles
    assert different(outcome.statistics, report) == {}


def different(ours, theirs):
    """The figures that differ; what Freqtrade writes as NaN or infinity is None here."""
    found = {}
    for name, value in ours.items():
        other = theirs.get(name)
        if isinstance(other, float) and not math.isfinite(other):
            other = None
        if name not in NOT_OF_THE_TRADES and value != other:
            found[name] = (value, other)
    return found


def test_a_trade_has_no_field_that_is_left_uncompared():
    assert "liquidation_price" in asdict(trades_from([A_TRADE])[0])


A_TRADE = {
    "pair": "BTC/USDT:USDT",
    "is_short": False,
    "open_date": 1,
    "close_date": 2,
    "open_rate": 1.0,
    "close_rate": 1.0,
    "amount": 1.0,
    "stake_amount": 1.0,
    "leverage": 1.0,
    "fee_open": 0.0,
    "fee_close": 0.0,
    "profit_abs": 0.0,
    "profit_ratio": 0.0,
    "exit_reason": "roi",
}
