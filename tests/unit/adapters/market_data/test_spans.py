"""How far prices move within a candle, on the days that may be looked at and no other."""

from datetime import date

from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.market_data.spans import median_spans

PAIR = "BTC/USDT:USDT"


def dataset(folder):
    return DatasetStore(folder).synthesise(
        "s", pairs=(PAIR,), timeframes=("15m", "4h"), start=date(2025, 1, 1), end=date(2025, 2, 1)
    )


def test_longer_candles_span_more(tmp_path):
    spans = median_spans(dataset(tmp_path), PAIR, ["15m", "4h"], date(2025, 1, 1), date(2025, 2, 1))

    assert 0 < spans["15m"] < spans["4h"] < 0.2


def test_what_there_are_no_candles_of_is_left_out(tmp_path):
    made = dataset(tmp_path)

    assert median_spans(made, PAIR, ["1h"], date(2025, 1, 1), date(2025, 2, 1)) == {}
    assert median_spans(made, PAIR, ["15m"], date(2024, 1, 1), date(2024, 2, 1)) == {}


def test_other_days_change_nothing(tmp_path):
    made = dataset(tmp_path)

    early = median_spans(made, PAIR, ["15m"], date(2025, 1, 1), date(2025, 1, 10))

    assert early != median_spans(made, PAIR, ["15m"], date(2025, 1, 20), date(2025, 2, 1))
