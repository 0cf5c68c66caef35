import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather

from cfsm.adapters.market_data.candles import UnreadableFile, content_hash
from cfsm.adapters.market_data.feather import read_candles, write_candles
from cfsm.adapters.market_data.series import CandleType, Series, funding_of

SERIES = Series("BTC/USDT:USDT", "5m", CandleType.FUTURES)


def test_what_is_written_is_read_back_to_the_last_bit(make_candles, tmp_path):
    candles = make_candles(close=[1 / 3, 0.1, 100, 1e-8, 5e9, 7])

    path = write_candles(tmp_path, candles)

    assert path.name == "BTC_USDT_USDT-5m-futures.feather"
    assert content_hash(read_candles(path, SERIES)) == content_hash(candles)


def test_the_hash_does_not_depend_on_compression_or_on_the_unit_of_dates(make_candles, tmp_path):
    candles = make_candles()
    dates = pa.array(candles.dates_ms * 1_000_000, type=pa.timestamp("ns", tz="UTC"))
    path = tmp_path / "other.feather"
    feather.write_feather(pa.table({**candles.columns, "date": dates}), path, compression="zstd")

    assert content_hash(read_candles(path, SERIES)) == content_hash(candles)


def test_funding_rates_in_the_old_layout_are_the_same_rates(make_candles, tmp_path):
    series = funding_of("BTC/USDT:USDT")
    candles = make_candles(series, count=3, step_ms=28_800_000, funding_rate=[0.0001, -0.0002, 0])
    dates = pa.array(candles.dates_ms, type=pa.timestamp("ms", tz="UTC"))
    zeros = np.zeros(3)
    old = {"open": candles.columns["funding_rate"], "high": zeros, "low": zeros, "close": zeros, "volume": zeros}
    path = tmp_path / series.file_name
    feather.write_feather(pa.table({"date": dates, **old}), path)

    assert content_hash(read_candles(path, series)) == content_hash(candles)


def test_a_truncated_file_is_named_unreadable(make_candles, tmp_path):
    path = write_candles(tmp_path, make_candles(count=500))
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(UnreadableFile, match="is no readable feather file"):
        read_candles(path, SERIES)


@pytest.mark.parametrize("content", [b"", b"ARROW1", b"not feather at all" * 100])
def test_a_file_of_another_kind_is_named_unreadable(tmp_path, content):
    path = tmp_path / "x.feather"
    path.write_bytes(content)

    with pytest.raises(UnreadableFile, match="is no readable feather file"):
        read_candles(path, SERIES)


def test_missing_columns_are_named(tmp_path):
    path = tmp_path / "x.feather"
    feather.write_feather(pa.table({"date": [1], "open": [1.0], "price": [2.0]}), path)

    with pytest.raises(
        UnreadableFile, match=r"lacks the columns high, low, close, volume \(it has date, open, price\)"
    ):
        read_candles(path, SERIES)


def test_columns_of_text_and_dates_of_numbers_are_refused(make_candles, tmp_path):
    columns = dict(make_candles(count=1).columns)
    dates = pa.array([0], type=pa.timestamp("ms", tz="UTC"))
    path = tmp_path / "x.feather"

    feather.write_feather(pa.table({"date": dates, **columns, "close": ["1"]}), path)
    with pytest.raises(UnreadableFile, match="a column close that holds no numbers"):
        read_candles(path, SERIES)

    feather.write_feather(pa.table({"date": [0], **columns}), path)
    with pytest.raises(UnreadableFile, match="a column date that holds no timestamps"):
        read_candles(path, SERIES)


def test_an_empty_date_is_refused(make_candles, tmp_path):
    dates = pa.array([None], type=pa.timestamp("ms", tz="UTC"))
    path = tmp_path / "x.feather"
    feather.write_feather(pa.table({"date": dates, **make_candles(count=1).columns}), path)

    with pytest.raises(UnreadableFile, match="has empty dates"):
        read_candles(path, SERIES)


def test_a_column_that_comes_twice_is_refused(tmp_path):
    path = tmp_path / "x.feather"
    dates = pa.array([0], type=pa.timestamp("ms", tz="UTC"))
    names = ["date", "open", "high", "low", "close", "close", "volume"]
    feather.write_feather(pa.table([dates, *[pa.array([1.0])] * 6], names=names), path)

    with pytest.raises(UnreadableFile, match="is no readable feather file"):
        read_candles(path, SERIES)


def test_missing_numbers_are_read_as_such(make_candles, tmp_path):
    columns = dict(make_candles(count=2).columns)
    dates = pa.array([0, 300_000], type=pa.timestamp("ms", tz="UTC"))
    path = tmp_path / "x.feather"
    feather.write_feather(pa.table({"date": dates, **columns, "close": [None, 100.0]}), path)

    assert np.isnan(read_candles(path, SERIES).columns["close"]).tolist() == [True, False]


def test_a_file_without_rows_is_read_as_no_candles(make_candles, tmp_path):
    path = write_candles(tmp_path, make_candles(count=0))

    assert len(read_candles(path, SERIES)) == 0


def test_neither_pandas_nor_freqtrade_is_imported(tmp_path):
    program = (
        "import sys; from datetime import date; from pathlib import Path;"
        "from cfsm.adapters.market_data import DatasetStore;"
        f"store = DatasetStore(Path({str(tmp_path)!r}));"
        "made = store.synthesise('made', pairs=['BTC/USDT:USDT'], end=date(2025, 1, 2));"
        "store.import_folder(made.folder, 'again');"
        "print({'pandas', 'freqtrade', 'ccxt'} & set(sys.modules))"
    )

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "set()"
