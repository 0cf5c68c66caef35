import sys
from pathlib import Path

import pytest

from cfsm.adapters.market_data import DatasetStore, Downloader
from cfsm.adapters.market_data.download import Wanted, configuration, download_arguments
from cfsm.application.ports import Misconfigured, TryAgain

BTC = "BTC/USDT:USDT"
WANTED = Wanted("binance", (BTC,), ("5m", "1h"), "20250101-20250201")


def program(tmp_path, body):
    """A stand-in for freqtrade: it gets the same arguments."""
    path = tmp_path / "program.py"
    path.write_text(body)
    return (sys.executable, str(path))


def fetch(tmp_path, body, heard=None, **changed):
    downloader = Downloader(command=program(tmp_path, body), **changed)
    downloader.fetch(WANTED, tmp_path / "data", lambda *words: (heard if heard is not None else []).append(words))


def test_the_arguments_are_those_of_freqtrade():
    assert download_arguments(WANTED, Path("/u/config.json"), Path("/d")) == [
        "download-data", "--config", "/u/config.json", "--userdir", "/u", "--datadir", "/d",
        "--trading-mode", "futures", "--data-format-ohlcv", "feather", "--timerange", "20250101-20250201",
        "--pairs", BTC, "--timeframes", "5m", "1h",
    ]  # fmt: skip


def test_settings_of_the_exchange_reach_the_configuration():
    made = configuration(WANTED, {"ccxt_config": {"httpsProxy": "http://proxy"}})

    assert made["exchange"]["ccxt_config"] == {"httpsProxy": "http://proxy"}
    assert made["exchange"]["name"] == "binance"


def test_each_series_is_told_as_it_arrives(tmp_path):
    heard = []

    fetch(tmp_path, f"print('x - INFO - Downloaded data for {BTC}, 5m, futures with length 8.')", heard)

    assert heard == [("asking the exchange", 0, 4), (f"downloaded {BTC}, 5m, futures", 1, 4)]


def test_without_a_network_it_says_so_and_what_to_do(tmp_path):
    body = (
        "import sys; print('a - ERROR - Error in reload_markets due to ExchangeNotAvailable. Message: GET');"
        "print('b - ERROR - Markets were not loaded.'); sys.exit(2)"
    )

    with pytest.raises(TryAgain, match=r"needs the internet.*cfsm data synth.*Markets were not loaded"):
        fetch(tmp_path, body)


def test_a_pair_that_failed_fails_the_download_though_freqtrade_ends_well(tmp_path):
    with pytest.raises(Misconfigured, match="Failed to download history data for pair"):
        fetch(tmp_path, "print('t - x - ERROR - Failed to download history data for pair: \"A\"')")


def test_any_other_failure_is_told_in_freqtrades_words(tmp_path):
    with pytest.raises(Misconfigured, match="ended with code 2: Timerange is nonsense"):
        fetch(tmp_path, "import sys; print('t - x - ERROR - Timerange is nonsense'); sys.exit(2)")


def test_a_download_that_hangs_is_ended_with_all_it_started(tmp_path):
    body = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"

    with pytest.raises(TryAgain, match="took too long"):
        fetch(tmp_path, body, timeout_seconds=0.5)


def test_a_download_that_brings_nothing_leaves_no_dataset(tmp_path):
    store = DatasetStore(tmp_path / "data")

    with pytest.raises(Misconfigured, match="has no futures candles"):
        store.download("mine", [BTC], ["5m"], "20250101-", downloader=Downloader(program(tmp_path, "")))

    assert store.list() == []


def test_what_was_downloaded_is_a_dataset(tmp_path):
    store = DatasetStore(tmp_path / "data")
    made = store.synthesise("made", pairs=[BTC], timeframes=["5m"])
    body = (
        "import shutil, sys; target = sys.argv[sys.argv.index('--datadir') + 1];"
        f"shutil.copytree({str(made.folder / 'futures')!r}, target + '/futures', dirs_exist_ok=True)"
    )

    dataset = store.download("mine", [BTC], ["5m"], "20250101-", downloader=Downloader(program(tmp_path, body)))

    assert dataset.data_hash == made.data_hash
    assert dataset.description.source == "downloaded from binance, timerange 20250101-"
