"""Import of real exchange candles, where they lie beside the checkout."""

from pathlib import Path

import pytest

from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.market_data.markets import market_from_candles
from cfsm.adapters.market_data.series import CandleType, Series

REAL = Path(__file__).parents[4].parent / "shared" / "data"

pytestmark = pytest.mark.skipif(
    not (REAL / "binance" / "futures").is_dir(), reason="no real candles in ../shared/data/binance/futures"
)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    store = DatasetStore(tmp_path_factory.mktemp("data"))
    return store.import_folder(REAL / "binance", "real", markets_file=REAL / "api" / "ccxt_markets.binance-usdm.json")


def test_real_candles_are_imported_whole(real):
    assert real.label == "real"
    assert real.problems == ()
    assert len(real.files) == len(list((REAL / "binance" / "futures").glob("*.feather")))
    assert set(real.pairs_with("5m")) <= set(real.pairs)
    assert [file for file in real.files if file.gaps] == []


def test_the_hash_is_the_same_when_imported_again(real, tmp_path):
    again = DatasetStore(tmp_path).import_folder(REAL / "binance", "other")

    assert again.data_hash == real.data_hash


@pytest.mark.parametrize("pair", ["BTC/USDT:USDT", "XRP/USDT:USDT", "DOGE/USDT:USDT"])
def test_markets_made_from_candles_have_the_exchanges_own_precision(real, pair):
    candles = real.read(Series(pair, "5m", CandleType.FUTURES))

    made, exact = market_from_candles(pair, [candles])["precision"], real.markets[pair]["precision"]

    assert (made["price"], made["amount"]) == (exact["price"], exact["amount"])
