import math
from dataclasses import replace

import numpy as np
import pytest

from cfsm.adapters.market_data.candles import Gap, content_hash, find_faults, find_gaps
from cfsm.adapters.market_data.series import CandleType, Series, funding_of


def test_whole_candles_have_neither_faults_nor_gaps(make_candles):
    candles = make_candles()

    assert list(find_faults(candles)) == []
    assert find_gaps(candles) == ()


def test_a_gap_names_its_first_and_last_missing_candle(make_candles):
    candles = make_candles(count=6)
    kept = np.array([0, 1, 4, 5])
    with_gap = replace(
        candles,
        dates_ms=candles.dates_ms[kept],
        columns={name: values[kept] for name, values in candles.columns.items()},
    )

    assert find_gaps(with_gap) == (Gap(int(candles.dates_ms[2]), int(candles.dates_ms[3]), 2),)


@pytest.mark.parametrize(("hours", "missing"), [(1, 0), (4, 0), (8, 0), (9, 1), (16, 1), (24, 2)])
def test_funding_may_lie_eight_hours_apart(make_candles, hours, missing):
    candles = make_candles(funding_of("BTC/USDT:USDT"), count=2, step_ms=hours * 3_600_000)

    assert sum(gap.candles for gap in find_gaps(candles)) == missing


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"close": [100, math.nan]}, "column close is not a number at 2025-01-01T00:05:00.000Z"),
        ({"volume": [math.inf, 1]}, "column volume is not a number at 2025-01-01T00:00:00.000Z"),
        ({"high": [101, 99.5]}, "high is below open or close at 2025-01-01T00:05:00.000Z"),
        ({"low": [100.5, 99]}, "low is above open or close at 2025-01-01T00:00:00.000Z"),
        ({"low": [0, 99]}, "a price is not positive at 2025-01-01T00:00:00.000Z"),
        ({"volume": [1, -1]}, "volume is negative at 2025-01-01T00:05:00.000Z"),
    ],
)
def test_impossible_numbers_are_named_with_their_place(make_candles, changed, fault):
    assert list(find_faults(make_candles(count=2, **changed))) == [fault]


@pytest.mark.parametrize(
    ("dates", "fault"),
    [
        ([0, 2, 1], "dates are not in order after 2025-01-01T00:10:00.000Z"),
        ([0, 1, 1], "the date 2025-01-01T00:05:00.000Z comes twice"),
        ([0.5, 1, 2], "the date 2025-01-01T00:02:30.000Z is not a multiple of 5m"),
    ],
)
def test_dates_in_disorder_are_faults(make_candles, dates, fault):
    candles = make_candles(count=3)
    shifted = candles.dates_ms[0] + (np.array(dates) * 300_000).astype(np.int64)

    assert list(find_faults(replace(candles, dates_ms=shifted))) == [fault]


def test_no_candles_is_a_fault(make_candles):
    assert list(find_faults(make_candles(count=0))) == ["holds no candles"]


def test_every_part_of_the_content_is_in_the_hash(make_candles):
    candles = make_candles()
    other_pair = make_candles(Series("ETH/USDT:USDT", "5m", CandleType.FUTURES))
    other_kind = make_candles(Series("BTC/USDT:USDT", "5m", CandleType.MARK))
    other_value = make_candles(close=[100, 100, 100, 100, 100, 100.1])
    later = replace(candles, dates_ms=candles.dates_ms + 300_000)

    hashes = {content_hash(each) for each in (candles, other_pair, other_kind, other_value, later)}

    assert len(hashes) == 5
    assert content_hash(make_candles()) == content_hash(candles)
