import numpy as np
import pytest

from cfsm.adapters.market_data.candles import Candles
from cfsm.adapters.market_data.series import CandleType, Series

FIVE_MINUTES = Series("BTC/USDT:USDT", "5m", CandleType.FUTURES)
BEGIN_MS = 1_735_689_600_000  # 2025-01-01


@pytest.fixture
def make_candles():
    def make(series=FIVE_MINUTES, count=6, step_ms=None, **changed):
        step = step_ms or series.step_ms
        columns = {name: np.full(count, 100.0) for name in series.columns}
        if "high" in columns:
            columns["high"] += 1.0
            columns["low"] -= 1.0
        columns |= {name: np.asarray(values, dtype=float) for name, values in changed.items()}
        return Candles(series, BEGIN_MS + step * np.arange(count, dtype=np.int64), columns)

    return make
