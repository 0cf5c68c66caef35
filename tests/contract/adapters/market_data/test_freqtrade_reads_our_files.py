"""Freqtrade itself reads what the store writes, and finds the same numbers."""

from datetime import date

import numpy as np
import pytest

from cfsm.adapters.market_data import CandleType, DatasetStore, Series, funding_of, mark_of

pytestmark = [
    pytest.mark.slow,  # importing freqtrade takes seconds
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # freqtrade 2026.9 on pandas 3.1
]

PAIRS = ["BTC/USDT:USDT", "ETH/USDT:USDT"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    store = DatasetStore(tmp_path_factory.mktemp("data"))
    return store.synthesise("made", pairs=PAIRS, timeframes=["5m", "1h"], end=date(2025, 1, 15))


def load(dataset, timeframe, candle_type):
    from freqtrade.data.history import load_data
    from freqtrade.enums import CandleType as FreqtradeCandleType

    return load_data(
        datadir=dataset.folder,
        timeframe=timeframe,
        pairs=PAIRS,
        data_format="feather",
        candle_type=FreqtradeCandleType(candle_type),
        fail_without_data=True,
    )


@pytest.mark.parametrize("timeframe", ["5m", "1h"])
def test_freqtrade_loads_the_same_candles(dataset, timeframe):
    loaded = load(dataset, timeframe, "futures")

    for pair in PAIRS:
        ours = dataset.read(Series(pair, timeframe, CandleType.FUTURES))
        assert len(loaded[pair]) == len(ours)
        for name, values in ours.columns.items():
            assert np.array_equal(loaded[pair][name].to_numpy(), values)
        assert np.array_equal(loaded[pair]["date"].astype("datetime64[ms, UTC]").astype("int64"), ours.dates_ms)


def test_freqtrade_combines_our_marks_and_funding_rates(dataset):
    from freqtrade.exchange.exchange import Exchange

    marks, rates = load(dataset, "1h", "mark"), load(dataset, "1h", "funding_rate")

    for pair in PAIRS:
        combined = Exchange.combine_funding_and_mark(rates[pair], marks[pair])
        ours = dataset.read(funding_of(pair))
        assert np.array_equal(combined["open_fund"], ours.columns["funding_rate"])
        assert np.array_equal(combined["open_mark"], dataset.read(mark_of(pair)).columns["open"][::8])


def test_freqtrade_finds_the_files_by_itself(dataset):
    from freqtrade.data.history import get_datahandler
    from freqtrade.enums import TradingMode

    handler = get_datahandler(dataset.folder, "feather")

    found = {
        (pair, timeframe, str(kind))
        for pair, timeframe, kind in handler.ohlcv_get_available_data(dataset.folder, TradingMode.FUTURES)
    }

    assert found == {(file.series.pair, file.series.timeframe, str(file.series.candle_type)) for file in dataset.files}


def test_the_ticks_that_freqtrade_counts_are_those_of_our_markets(dataset):
    from freqtrade.data.btanalysis import get_tick_size_over_time

    loaded = load(dataset, "5m", "futures")

    for pair in PAIRS:
        ticks = get_tick_size_over_time(loaded[pair].copy())
        assert ticks.unique().tolist() == [dataset.markets[pair]["precision"]["price"]]
