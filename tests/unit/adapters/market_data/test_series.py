import pytest

from cfsm.adapters.market_data.series import (
    CandleType,
    Series,
    funding_of,
    grid_offset_ms,
    mark_of,
    series_of,
    timeframe_ms,
)


@pytest.mark.parametrize(
    ("file_name", "series"),
    [
        ("BTC_USDT_USDT-5m-futures.feather", Series("BTC/USDT:USDT", "5m", CandleType.FUTURES)),
        ("1000PEPE_USDT_USDT-1h-mark.feather", Series("1000PEPE/USDT:USDT", "1h", CandleType.MARK)),
        (
            "ETH_USDT_USDT-1h-funding_rate.feather",
            Series("ETH/USDT:USDT", "1h", CandleType.FUNDING_RATE),
        ),
    ],
)
def test_file_names_are_those_of_freqtrade(file_name, series):
    assert series_of(file_name) == series
    assert series.file_name == file_name


@pytest.mark.parametrize(
    "file_name",
    [
        "BTC_USDT-5m.feather",
        "BTC_USDT_USDT-5m-futures.json",
        "BTC_USDT_USDT-1h-open_interest.feather",
        "BTC_USDT_USDT-1Mo-futures.feather",
        "notes.feather",
        "BTC_USDT_USDT-5m-futures.feather.part",
    ],
)
def test_files_that_a_futures_backtest_does_not_read_are_not_series(file_name):
    assert series_of(file_name) is None


def test_marks_and_funding_rates_are_sought_under_1h():
    assert mark_of("BTC/USDT:USDT").file_name == "BTC_USDT_USDT-1h-mark.feather"
    assert funding_of("BTC/USDT:USDT").file_name == "BTC_USDT_USDT-1h-funding_rate.feather"


@pytest.mark.parametrize(("timeframe", "minutes"), [("5m", 5), ("1h", 60), ("4h", 240), ("1d", 1440), ("1w", 10080)])
def test_timeframes_have_a_length(timeframe, minutes):
    assert timeframe_ms(timeframe) == minutes * 60_000


@pytest.mark.parametrize("timeframe", ["", "5", "m", "0m", "-5m", "5x", "1.5h", "5 m"])
def test_what_is_no_timeframe_is_refused(timeframe):
    with pytest.raises(ValueError, match="is no timeframe"):
        timeframe_ms(timeframe)


def test_weekly_candles_open_on_mondays():
    monday_2025_01_06 = 1_736_121_600_000

    assert monday_2025_01_06 % timeframe_ms("1w") == grid_offset_ms("1w")
    assert grid_offset_ms("5m") == 0
