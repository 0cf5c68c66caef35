"""The quick way of cleaning candles gives what Freqtrade's own gives, to the last bit and type, whatever the candles."""

import random

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.converter.converter import clean_ohlcv_dataframe, ohlcv_to_dataframe
from freqtrade.enums import CandleType
from pandas.testing import assert_frame_equal

from cfsm.adapters.freqtrade.dry_run.quick_candles import clean_quickly

pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")  # Freqtrade's own way
STEP = 300_000
BEGIN = 1_744_070_400_000


def refuse(*_, **__):
    raise AssertionError("went Freqtrade's own way")


def rows(count, begin=BEGIN, seed=1):
    draw = random.Random(seed)
    found = []
    for number in range(count):
        low, high = sorted((draw.uniform(90, 110), draw.uniform(90, 110)))
        opened, closed = draw.uniform(low, high), draw.uniform(low, high)
        found.append([begin + number * STEP, opened, high, low, closed, float(draw.randrange(1000))])
    return found


def frame(candles):
    found = pd.DataFrame(candles, columns=["date", "open", "high", "low", "close", "volume"])
    found["date"] = pd.to_datetime(found["date"], unit="ms", utc=True)
    return found.astype({"open": float, "high": float, "low": float, "close": float, "volume": float})


PLAIN = rows(40)
GAP = [*PLAIN[:10], *PLAIN[13:]]
CASES = {
    "plain": PLAIN,
    "one": PLAIN[:1],
    "repeated": [*PLAIN[:30], *PLAIN[5:]],
    "backwards": PLAIN[::-1],
    "gap": GAP,
    "repeated differently": [*PLAIN, [*PLAIN[-1][:4], 1.0, 7.0]],
    "not a number": [*PLAIN[:-1], [*PLAIN[-1][:5], float("nan")]],
    "off the grid": rows(10, BEGIN + 1_000),
}


@pytest.mark.parametrize("drop_incomplete", [False, True])
@pytest.mark.parametrize("fill_missing", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_both_ways_give_the_same(case, fill_missing, drop_incomplete):
    options = {
        "fill_missing": fill_missing,
        "drop_incomplete": drop_incomplete,
        "candle_type": CandleType.FUTURES,
    }

    quick = clean_quickly(clean_ohlcv_dataframe)(frame(CASES[case]), "5m", "BTC/USDT:USDT", **options)

    assert_frame_equal(
        quick, clean_ohlcv_dataframe(frame(CASES[case]), "5m", "BTC/USDT:USDT", **options), check_exact=True
    )


def test_what_a_bot_does_at_each_candle_gives_the_same_and_goes_the_quick_way():
    """As ``_process_ohlcv_df``: new candles as text are made numbers, joined to those before, and aged out."""
    quick = clean_quickly(refuse)
    ways = {"quick": (quick, None), "stock": (clean_ohlcv_dataframe, None)}
    for last in range(30, 60):
        ticks = rows(last)[-25:]
        for name, (clean, before) in ways.items():
            new = ohlcv_to_dataframe(
                ticks, "5m", "BTC", fill_missing=False, drop_incomplete=True, candle_type=CandleType.FUTURES
            )
            joined = new if before is None else pd.concat([before, new], axis=0)
            cleaned = clean(
                joined, "5m", "BTC", fill_missing=True, drop_incomplete=False, candle_type=CandleType.FUTURES
            )
            ways[name] = clean, cleaned.tail(40).reset_index(drop=True)
        assert_frame_equal(ways["quick"][1], ways["stock"][1], check_exact=True)


def test_other_kinds_of_candles_go_freqtrades_own_way():
    with pytest.raises(AssertionError, match="own way"):
        clean_quickly(refuse)(
            frame(PLAIN), "1h", "BTC", fill_missing=False, drop_incomplete=False, candle_type=CandleType.MARK
        )
    assert np.isfinite(frame(PLAIN)["close"]).all()


def test_the_exchange_takes_its_cleaning_from_where_it_is_replaced():
    from freqtrade.data.converter import converter
    from freqtrade.exchange import exchange

    assert exchange.clean_ohlcv_dataframe is converter.clean_ohlcv_dataframe
