"""What the forge says where candles and conditions do not fit, and where its disk is full."""

import subprocess
import sys
import time

import pandas as pd
import pytest

from cfsm.adapters.freqtrade.client import ForgeEngine
from cfsm.adapters.market_data import DatasetStore
from cfsm.application.ports import Misconfigured, TryAgain
from cfsm.domain.evaluation import Conditions, Job
from tests.fakes.strategy_texts import NAME, changed, right


def backtest(forge, source=None, **conditions):
    job = Job("run", NAME, source or right(), Conditions(**{"dataset": "synthetic"} | conditions))
    return forge.backtest(job, lambda *_: None)


REFUSED = {
    "a pair that is not there": (
        {"pairs": ("FOO/USDT:USDT",)},
        "has no candles of FOO/USDT:USDT; it has BTC/USDT:USDT",
    ),
    "a timeframe that is not there": ({"timeframe": "3m"}, "has no 3m candles of every pair; it has 15m, 1h, 4h"),
    "a detail that is not there": ({"timeframe_detail": "1m"}, "has no 1m candles"),
    "a time without candles": ({"timerange": "20200101-20200201"}, "lies outside of dataset synthetic"),
    "a time that begins too early": ({"timerange": "20241201-20250201"}, "reach from 20250101 to 20250228"),
    "a time of no candle": ({"timerange": "20250201-20250201"}, "holds no two 1h candles"),
    "a time of one candle": ({"timerange": "1738371600-1738378500"}, "holds no two 1h candles"),
    "a time that is none": ({"timerange": "yesterday"}, "write it like 20250101-20250401"),
    "a dataset that is not there": ({"dataset": "moon"}, "there is no dataset 'moon'"),
    "a stake beyond the wallet": ({"stake_amount": 5000.0}, "lower it or raise dry_run_wallet"),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_what_does_not_fit_is_refused_with_what_would(forge, case):
    conditions, words = REFUSED[case]

    with pytest.raises(Misconfigured, match=None) as caught:
        backtest(forge, **conditions)

    assert words in str(caught.value)


@pytest.fixture(scope="module")
def gappy(datasets):
    """A dataset whose second pair lacks five candles of 1h, on the tenth of January."""
    store = DatasetStore(datasets)
    source = datasets / "synthetic"
    folder = datasets.parent / "gappy-source"
    (folder / "futures").mkdir(parents=True)
    for path in (source / "futures").glob("*-1h-*.feather"):
        candles = pd.read_feather(path)
        if path.name.startswith("ETH") and path.name.endswith("1h-futures.feather"):
            candles = candles.drop(candles.index[216:221]).reset_index(drop=True)
        candles.to_feather(folder / "futures" / path.name)
    store.import_folder(folder, "gappy", markets_file=source / "markets.json")
    return "gappy"


def test_a_gap_is_refused_with_its_pair_and_its_time(forge, gappy):
    with pytest.raises(Misconfigured, match=r"ETH/USDT:USDT 1h .*lacks 5 candles from 2025-01-10 00:00 UTC on"):
        backtest(forge, dataset=gappy)


def test_a_gap_in_the_timeframe_that_counts_is_refused_where_the_class_sets_it_twice(forge, gappy):
    source = changed(('    timeframe = "1h"\n', '    timeframe = "4h"\n    timeframe = "1h"\n'))

    with pytest.raises(Misconfigured, match="lacks 5 candles"):
        backtest(forge, source, dataset=gappy)


def test_pairs_and_times_without_the_gap_are_backtested(forge, gappy):
    assert backtest(forge, dataset=gappy, pairs=("BTC/USDT:USDT",)).trades
    assert backtest(forge, dataset=gappy, timerange="20250120-20250220").trades


LITTLE_DISK = """
import os, sys, errno
from pathlib import Path
from cfsm.adapters.freqtrade import server, task

def write(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

task.write_strategy = write
os.environ["CFSM_FORGE_CLEAN"] = "1"
sys.exit(server.main(sys.argv[1:]))
"""


def test_a_full_disk_of_the_forge_is_told_and_the_run_can_be_tried_again(datasets, tmp_path):
    path = tmp_path / "f.sock"
    command = [sys.executable, "-c", LITTLE_DISK, "--socket", str(path), "--datasets", str(datasets), "--lifeline"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={"PATH": "/usr/bin:/bin"}) as process:
        end = time.monotonic() + 60
        while not path.exists() and time.monotonic() < end:
            time.sleep(0.05)

        with pytest.raises(TryAgain, match="No space left on device"):
            backtest(ForgeEngine(path))

        process.stdin.close()
        assert process.wait(20) == 0
