"""A series of candles as a replay reads it: rows of JSON made once, and the candle that is forming."""

import numpy as np

from cfsm.adapters.market_data.candles import Candles
from cfsm.adapters.market_gateway.price_path import Bar, is_low_first, walked


class Digits:
    """Writes numbers as an exchange does: with the digits of its tick, or more where a number has more."""

    def __init__(self, digits: int) -> None:
        self._digits = digits

    def __call__(self, value: float) -> str:
        """Give the number as text that reads back as the same number."""
        text = f"{value:.{self._digits}f}"
        return text if float(text) == value else f"{value:.10f}".rstrip("0")


class Tape:
    """One series of candles. Times are milliseconds of opening; nothing that begins after ``now`` is ever given."""

    def __init__(self, candles: Candles, price: Digits, amount: Digits) -> None:
        self.step_ms = candles.series.step_ms
        self._dates = candles.dates_ms
        self._bars = np.column_stack([candles.columns[name] for name in ("open", "high", "low", "close", "volume")])
        self._price = price
        self._amount = amount
        self._rows: dict[int, bytes] = {}

    @property
    def first_ms(self) -> int:
        """When the first candle opens."""
        return int(self._dates[0])

    @property
    def end_ms(self) -> int:
        """When the last candle ends."""
        return int(self._dates[-1]) + self.step_ms

    def place(self, moment_ms: int) -> int:
        """Give the place of the candle that a moment lies in, or of the last one before it; -1 before the first."""
        return int(self._dates.searchsorted(moment_ms, "right")) - 1

    def bar(self, place: int) -> Bar:
        """Give a whole candle."""
        return Bar(*self._bars[place].tolist())

    def opening_ms(self, place: int) -> int:
        """Give when a candle opens."""
        return int(self._dates[place])

    def forming(self, now_ms: int, seed: int) -> tuple[int, Bar] | None:
        """Give the place of the candle that ``now`` lies in or after, as far as it has come; None before the first."""
        place = self.place(now_ms)
        if place < 0:
            return None
        opening = int(self._dates[place])
        share = (now_ms - opening) / self.step_ms
        return place, walked(self.bar(place), share, low_first=is_low_first(opening, self.step_ms, seed))

    def price(self, now_ms: int, seed: int) -> float | None:
        """Give the price now; None before the first candle."""
        found = self.forming(now_ms, seed)
        return None if found is None else found[1].close

    def since(self, begin_ms: int, before: int) -> list[Bar]:
        """Give the whole candles from a moment on, up to a place that is not among them."""
        return [self.bar(place) for place in range(self._from(begin_ms), before)]

    def rows(self, now_ms: int, start_ms: int | None, end_ms: int | None, limit: int) -> list[bytes]:
        """Give rows of klines: those of candles that ended by ``now``, the latest ones unless a start is given."""
        low = 0 if start_ms is None else self._from(start_ms)
        high = self.place(now_ms - self.step_ms) + 1
        if end_ms is not None:
            high = min(high, self.place(end_ms) + 1)
        if start_ms is None:
            low = max(low, high - limit)
        return [self._row(place) for place in range(low, min(high, low + limit))]

    def row(self, opening_ms: int, bar: Bar) -> bytes:
        """Give one row of klines, its fields as Binance has them."""
        price, amount = self._price, self._amount
        end, turnover = opening_ms + self.step_ms - 1, bar.volume * (bar.high + bar.low + bar.close) / 3
        half, half_turnover = amount(round(bar.volume / 2, 3)), f"{turnover / 2:.5f}"
        return (
            f'[{opening_ms},"{price(bar.open)}","{price(bar.high)}","{price(bar.low)}","{price(bar.close)}",'
            f'"{amount(bar.volume)}",{end},"{turnover:.5f}",{int(bar.volume > 0)},"{half}","{half_turnover}","0"]'
        ).encode()

    def _from(self, moment_ms: int) -> int:
        return int(self._dates.searchsorted(moment_ms, "left"))

    def _row(self, place: int) -> bytes:
        row = self._rows.get(place)
        if row is None:
            row = self._rows[place] = self.row(self.opening_ms(place), self.bar(place))
        return row
