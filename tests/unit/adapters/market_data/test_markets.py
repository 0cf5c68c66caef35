import numpy as np
import pytest

from cfsm.adapters.market_data.markets import (
    INSTRUMENTS,
    digits_of,
    instrument_of,
    listed_market,
    market_from_candles,
    split_pair,
)
from cfsm.adapters.market_data.series import CandleType, Series


def test_a_market_says_what_ccxt_says_of_a_linear_perpetual():
    btc = listed_market("BTC/USDT:USDT")

    assert btc["id"] == "BTCUSDT"
    assert (btc["swap"], btc["linear"], btc["contract"], btc["active"]) == (True, True, True, True)
    assert btc["precision"] == {"amount": 0.001, "price": 0.1}
    assert btc["limits"]["cost"]["min"] == 100.0


@pytest.mark.parametrize("pair", ["BTC/USDT", "BTCUSDT", "BTC:USDT", "/USDT:USDT", ""])
def test_what_is_no_futures_pair_is_refused(pair):
    with pytest.raises(ValueError, match="is no futures pair"):
        split_pair(pair)


@pytest.mark.parametrize("pair", ["A/USDT:USDT", "B/USDT:USDT", "C/USDT:USDT", "D/USDT:USDT", "PEPE/USDC:USDC"])
def test_any_pair_has_plausible_figures_with_fine_enough_ticks(pair):
    figures = instrument_of(pair)

    assert pair not in INSTRUMENTS
    assert 10.0**-figures.price_digits / figures.level <= 1e-4
    assert figures == instrument_of(pair)


@pytest.mark.parametrize(
    ("values", "digits"),
    [([1.0, 2.0], 0), ([0.1, 3.0], 1), ([92759.3, 0.25], 2), ([0.1 + 0.2], 1), ([1e-8], 8), ([1 / 3], 10)],
)
def test_digits_are_counted_without_the_noise_of_sums(values, digits):
    assert digits_of(np.array(values)) == digits


def test_a_market_is_made_from_the_digits_of_prices_and_volumes(make_candles):
    series = Series("XYZ/USDT:USDT", "5m", CandleType.FUTURES)
    candles = make_candles(series, close=[100, 100.25, 100, 100, 100, 100], volume=[1, 2, 3, 4.5, 5, 6])

    made = market_from_candles("XYZ/USDT:USDT", [candles])

    assert made["precision"] == {"amount": 0.1, "price": 0.01}
    assert made["limits"]["cost"]["min"] == 5.0
