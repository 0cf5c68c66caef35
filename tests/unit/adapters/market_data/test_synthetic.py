import os
import subprocess
import sys
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfsm.adapters.market_data.candles import content_hash, find_faults, find_gaps
from cfsm.adapters.market_data.draws import Draws
from cfsm.adapters.market_data.markets import listed_market
from cfsm.adapters.market_data.recipe import DEFAULT_PAIRS, Recipe
from cfsm.adapters.market_data.series import CandleType, Series, funding_of, mark_of
from cfsm.adapters.market_data.synthetic import generate

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
SMALL = Recipe(7, (BTC, ETH), ("5m", "1h"), date(2025, 1, 1), date(2025, 1, 8))


def market_of(recipe):
    return {candles.series: candles for candles in generate(recipe)}


@pytest.fixture(scope="module")
def months():
    return market_of(Recipe(end=date(2025, 4, 1)))


def returns(market, pair, timeframe="5m"):
    return np.diff(np.log(market[Series(pair, timeframe, CandleType.FUTURES)].columns["close"]))


def autocorrelation(values, lag):
    return float(np.corrcoef(values[:-lag], values[lag:])[0, 1])


def kurtosis(values):
    centred = values - values.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2)


def test_the_same_recipe_gives_the_same_bytes_on_every_machine():
    hashes = {str(series): content_hash(candles)[:16] for series, candles in market_of(SMALL).items()}

    assert hashes == RECORDED


def test_processors_whose_exp_and_log_differ_in_the_last_bit_make_the_same_market():
    """Without its vector instructions numpy computes other last bits: the processor of another machine."""
    program = (
        "from cfsm.adapters.market_data.candles import content_hash;"
        "from cfsm.adapters.market_data.recipe import Recipe;"
        "from cfsm.adapters.market_data.synthetic import generate;"
        "print(*(content_hash(candles) for candles in generate(Recipe())))"
    )
    plain = {**os.environ, "NPY_DISABLE_CPU_FEATURES": "X86_V4 X86_V3", "PYTHONWARNINGS": "ignore"}

    elsewhere = subprocess.run([sys.executable, "-c", program], env=plain, capture_output=True, text=True, check=True)

    assert elsewhere.stdout.split() == [content_hash(candles) for candles in generate(Recipe())]


def test_another_seed_gives_another_market():
    other = Recipe(8, SMALL.pairs, SMALL.timeframes, SMALL.start, SMALL.end)

    ours, theirs = market_of(SMALL), market_of(other)

    assert all(content_hash(ours[series]) != content_hash(theirs[series]) for series in ours)


def test_a_pair_depends_neither_on_the_others_nor_on_the_length():
    alone_and_longer = Recipe(7, (ETH,), ("5m",), SMALL.start, date(2025, 1, 15))
    series = Series(ETH, "5m", CandleType.FUTURES)

    longer = market_of(alone_and_longer)[series]
    shorter = market_of(SMALL)[series]

    for name, values in shorter.columns.items():
        assert np.array_equal(longer.columns[name][: len(shorter)], values)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**63),
    pair=st.sampled_from([*DEFAULT_PAIRS, "NEWCOIN/USDT:USDT", "X1/USDC:USDC"]),
    days=st.integers(1, 20),
)
def test_any_market_is_without_faults_and_gaps(seed, pair, days):
    recipe = Recipe(seed, (pair,), ("5m", "15m", "4h", "1d"), date(2024, 2, 20), date.fromordinal(738936 + days))

    for candles in generate(recipe):
        assert list(find_faults(candles)) == []
        assert find_gaps(candles) == ()


def test_longer_candles_are_the_shorter_ones_joined(months):
    short = months[Series(BTC, "5m", CandleType.FUTURES)].columns
    long = months[Series(BTC, "1h", CandleType.FUTURES)].columns

    assert np.array_equal(long["open"], short["open"][::12])
    assert np.array_equal(long["close"], short["close"][11::12])
    assert np.array_equal(long["high"], short["high"].reshape(-1, 12).max(axis=1))
    assert np.array_equal(long["low"], short["low"].reshape(-1, 12).min(axis=1))
    assert np.allclose(long["volume"], short["volume"].reshape(-1, 12).sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize("pair", DEFAULT_PAIRS)
def test_prices_and_volumes_respect_the_ticks_of_the_market(months, pair):
    precision = listed_market(pair)["precision"]
    columns = months[Series(pair, "5m", CandleType.FUTURES)].columns

    for name, step in (
        ("open", "price"),
        ("high", "price"),
        ("low", "price"),
        ("close", "price"),
        ("volume", "amount"),
    ):
        digits = round(-np.log10(precision[step]))
        assert np.array_equal(columns[name], np.round(columns[name], digits))


@pytest.mark.parametrize("pair", DEFAULT_PAIRS)
def test_returns_have_fat_tails_and_volatility_comes_in_bursts(months, pair):
    moves = returns(months, pair)

    assert kurtosis(moves) > 6
    assert autocorrelation(np.abs(moves), 1) > 0.15
    assert autocorrelation(np.abs(moves), 12) > 0.08
    assert abs(autocorrelation(moves, 1)) < 0.06


def test_pairs_move_together_but_not_as_one(months):
    correlations = np.corrcoef([returns(months, pair) for pair in DEFAULT_PAIRS])
    apart = correlations[np.triu_indices(len(DEFAULT_PAIRS), 1)]

    assert apart.min() > 0.4
    assert apart.max() < 0.9


def test_prices_stay_at_realistic_levels(months):
    close = months[Series(BTC, "5m", CandleType.FUTURES)].columns["close"]

    assert 20_000 < close.min() < close.max() < 400_000
    assert 0.01 < returns(months, BTC).std() * 288**0.5 < 0.06


def test_the_afternoon_is_busier_than_the_night(months):
    volume = months[Series(BTC, "1h", CandleType.FUTURES)].columns["volume"].reshape(-1, 24).mean(axis=0)

    assert volume[14] > 1.5 * volume[4]


def test_there_are_trends_and_ranges(months):
    """Days differ in how directed they are: net move against the sum of hourly moves."""
    hourly = returns(months, ETH, "1h")[: 24 * 80].reshape(-1, 24)
    directed = np.abs(hourly.sum(axis=1)) / np.abs(hourly).sum(axis=1)

    assert np.quantile(directed, 0.9) > 0.35
    assert np.quantile(directed, 0.1) < 0.08


@pytest.mark.parametrize("pair", DEFAULT_PAIRS)
def test_marks_follow_the_traded_price_closely(months, pair):
    mark, traded = months[mark_of(pair)], months[Series(pair, "1h", CandleType.FUTURES)]

    off = mark.columns["close"] / traded.columns["close"] - 1

    assert np.array_equal(mark.dates_ms, traded.dates_ms)
    assert 0 < np.abs(off).max() < 0.002


@pytest.mark.parametrize("pair", DEFAULT_PAIRS)
def test_funding_is_settled_every_eight_hours_at_realistic_rates(months, pair):
    funding = months[funding_of(pair)]
    rates = funding.columns["funding_rate"]

    assert {after - before for before, after in pairwise(funding.dates_ms.tolist())} == {28_800_000}
    assert funding.dates_ms[0] % 28_800_000 == 0
    assert np.abs(rates).max() <= 0.003
    assert (rates < 0).any()
    assert (rates == 0.0001).mean() > 0.03


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": -1}, "must not be negative"),
        ({"end": date(2025, 1, 1)}, "would end"),
        ({"pairs": ()}, "at least one pair"),
        ({"pairs": (BTC, BTC)}, "each once"),
        ({"pairs": ("BTC/USDT",)}, "is no futures pair"),
        ({"timeframes": ()}, "at least one timeframe"),
        ({"timeframes": ("1m",)}, "no 1m candles can be made"),
        ({"timeframes": ("1w",)}, "no 1w candles can be made"),
        ({"timeframes": ("25m",)}, "no 25m candles can be made"),
        ({"timeframes": ("soon",)}, "is no timeframe"),
    ],
)
def test_a_recipe_that_gives_no_market_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**changed)


def test_draws_are_those_of_pcg64_and_nearly_normal():
    draws = Draws(1, "test").normals(200_000)

    assert abs(draws.mean()) < 0.01
    assert abs(draws.std() - 1) < 0.01
    assert abs(kurtosis(draws) - 2.9) < 0.05
    assert Draws(1, "test").uniforms(3).tolist() == UNIFORMS


UNIFORMS = [0.17112918503994268, 0.4540300079483487, 0.6743840929384933]
RECORDED = {
    "BTC/USDT:USDT 5m futures": "2a4d167c735be6a5",
    "BTC/USDT:USDT 1h futures": "c456532ec3ca066a",
    "BTC/USDT:USDT 1h mark": "9ce09387aa70c569",
    "BTC/USDT:USDT 1h funding_rate": "7875634ecbdfbe87",
    "ETH/USDT:USDT 5m futures": "fc13f9a9a1d2c644",
    "ETH/USDT:USDT 1h futures": "a823e9998bb9c55d",
    "ETH/USDT:USDT 1h mark": "4d4fb87e71826025",
    "ETH/USDT:USDT 1h funding_rate": "1021178d9daf8b49",
}
