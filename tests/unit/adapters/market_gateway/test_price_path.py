from hypothesis import given
from hypothesis import strategies as st

from cfsm.adapters.market_gateway.price_path import Bar, is_low_first, walked

BAR = Bar(100.0, 110.0, 95.0, 104.0, 60.0)


def test_a_candle_begins_at_its_open_and_rests_there():
    assert walked(BAR, 0.0, low_first=True).close == 100.0
    assert walked(BAR, 0.009, low_first=True) == Bar(100.0, 100.0, 100.0, 100.0, 60.0 * 0.009)


def test_whoever_looks_at_a_quarter_and_at_half_sees_both_extremes():
    assert walked(BAR, 0.253, low_first=True).close == 95.0
    assert walked(BAR, 0.503, low_first=True).close == 110.0
    assert walked(BAR, 0.253, low_first=False).close == 110.0
    assert walked(BAR, 0.503, low_first=False).close == 95.0


def test_a_whole_candle_is_as_it_was_recorded():
    assert walked(BAR, 1.0, low_first=True) == BAR


@given(st.floats(0, 1), st.booleans())
def test_what_is_walked_lies_within_the_candle(share, low_first):
    bar = walked(BAR, share, low_first=low_first)

    assert BAR.low <= bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high <= BAR.high


@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_what_was_seen_is_never_taken_back(one, other, low_first):
    early, late = (walked(BAR, share, low_first=low_first) for share in sorted((one, other)))

    assert late.high >= early.high
    assert late.low <= early.low
    assert late.volume >= early.volume


def test_the_order_of_the_extremes_is_drawn_from_time_and_seed_alone():
    drawn = [is_low_first(place * 300_000, 300_000, 0) for place in range(2_000)]

    assert 0.4 < sum(drawn) / len(drawn) < 0.6
    assert drawn != [is_low_first(place * 300_000, 300_000, 1) for place in range(2_000)]
    assert drawn == [is_low_first(place * 300_000, 300_000, 0) for place in range(2_000)]
