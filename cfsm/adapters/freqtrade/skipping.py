"""Which candles of an open trade matter: the first one on which Freqtrade could do anything but look.

A candle that is passed over here must be one on which `Backtesting.backtest_loop` would have left everything as it
was, but for what `FastBacktesting` brings up to date later. So every question is answered on the safe side: one candle
too many is only slow.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from freqtrade.persistence import LocalTrade
from freqtrade.strategy import IStrategy

_NEAR = 24
"""So many rows are looked at one by one before whole arrays are."""
_FIRST_CHUNK, _LARGEST_CHUNK = 128, 4096
_GROWTH = 4
_PROFIT_MARGIN = 1e-6  # profits are rounded to eight digits
_STOP_MARGIN = 1e-9
_NS_PER_MINUTE = 60_000_000_000

Floats = npt.NDArray[np.float64]


@dataclass
class FundingSums:
    """A pair's funding as running sums: what one unit has paid up to each payment, and when it was due."""

    times_ns: npt.NDArray[np.int64]
    paid: Floats

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "FundingSums":
        """Make the sums from the frame that Freqtrade combines of funding rates and mark prices."""
        if frame.empty:
            return cls(np.empty(0, dtype=np.int64), np.zeros(1))
        per_unit = np.nan_to_num(frame["_ff_fee_per_unit"].to_numpy(dtype=np.float64))
        return cls(frame["_ff_date_ns"].to_numpy(), np.concatenate([[0.0], per_unit.cumsum()]))

    def place(self, time_ns: int) -> int:
        """Give how many payments were due before this time."""
        return int(self.times_ns.searchsorted(time_ns, "left"))

    def time_ns(self, place: int) -> float:
        """Give when the payment after so many is due; infinity where there is none."""
        return int(self.times_ns[place]) if place < len(self.times_ns) else np.inf


@dataclass
class PairRows:
    """The rows that Freqtrade's loop would get for one pair, made one by one when they are asked for."""

    times_ns: npt.NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    signals: list[npt.NDArray[Any]]
    """Long entry, long exit, short entry, short exit, entry tag, exit tag; already shifted by one candle."""
    direction: npt.NDArray[np.int8] = field(default_factory=lambda: np.empty(0, dtype=np.int8))
    """What `check_for_trade_entry` says of each row: 0 nothing, 1 long, 2 short."""
    entries: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    exits: tuple[npt.NDArray[np.int64], ...] = ()
    """The rows with a signal to leave a long, and those with one to leave a short."""
    funding: FundingSums | None = None
    first_candle: int = 0

    def __len__(self) -> int:
        return len(self.times_ns)

    def __getitem__(self, row: int) -> list[Any]:
        index = row if row >= 0 else len(self) + row
        return [Moment.of(self._first + index * self._step), *[column.item(index) for column in self._columns]]

    def begin(self, first: datetime, step: timedelta) -> None:
        """Say when the first row opens, and how far the rows lie apart."""
        self._first = first
        self._step = step
        self._columns = (self.open, self.high, self.low, self.close, *self.signals)
        self.first_ns = int(self.times_ns[0])
        self.step_ns = int(step.total_seconds()) * 1_000_000_000

    def find_entries(self, *, can_short: bool) -> None:
        """Work out on which rows a trade could be opened, as `check_for_trade_entry` does."""
        long, leave_long, short, leave_short = [column == 1 for column in self.signals[:4]]
        short, leave_short = short & can_short, leave_short & can_short
        longs = long & ~leave_long & ~short
        shorts = short & ~leave_short & ~long
        self.direction = longs.astype(np.int8) + 2 * shorts.astype(np.int8)
        self.entries = np.flatnonzero(self.direction)
        self.exits = tuple(np.flatnonzero(self.signals[place].astype(bool)) for place in (1, 3))

    def next_entry(self, row: int) -> int | None:
        """Give the first row after this one on which a trade could be opened."""
        place = int(self.entries.searchsorted(row, "right"))
        return int(self.entries[place]) if place < len(self.entries) else None

    def next_exit(self, row: int, *, short: bool) -> int | None:
        """Give the first row after this one with a signal to leave a trade of this side."""
        exits = self.exits[short]
        place = int(exits.searchsorted(row, "right"))
        return int(exits[place]) if place < len(exits) else None


class Moment(datetime):
    """A row's date: a datetime that answers `to_pydatetime`, as pandas' own do, without their weight."""

    _plain: datetime | None = None

    @classmethod
    def of(cls, date: datetime) -> "Moment":
        """Make one of a plain datetime."""
        moment = cls(
            date.year, date.month, date.day, date.hour, date.minute, date.second, date.microsecond, date.tzinfo
        )
        moment._plain = date
        return moment

    def to_pydatetime(self) -> datetime:
        """Give the same moment as a plain datetime."""
        if self._plain is None:  # one that was computed from another
            self._plain = datetime.combine(self.date(), self.timetz())
        return self._plain


def next_event(trade: LocalTrade, rows: PairRows, row: int, strategy: IStrategy) -> int | None:
    """Give the first row after this one on which something could happen to an open trade; None where there is none."""
    signal = rows.next_exit(row, short=trade.is_short) if strategy.use_exit_signal else None
    end = len(rows) if signal is None else signal
    stop_price = trade.stoploss_or_liquidation
    search = _PriceSearch(trade, rows, strategy)
    start = row + 1
    while start < end:
        best_price, until = search.best_price(start)
        lower, upper = (best_price, stop_price) if trade.is_short else (stop_price, best_price)
        found = _first_beyond(rows, start, min(end, until), lower, upper)
        if found is not None:
            return found
        start = until
    return signal


def _first_beyond(rows: PairRows, start: int, stop: int, lower: float, upper: float) -> int | None:
    """Give the first row whose low or high reaches a bound."""
    near = min(stop, start + _NEAR)
    prices = zip(rows.low[start:near].tolist(), rows.high[start:near].tolist(), strict=True)
    for row, (low, high) in enumerate(prices, start):
        if low <= lower or high >= upper:
            return row
    begin, size = near, _FIRST_CHUNK
    while begin < stop:
        part = slice(begin, min(stop, begin + size))
        reached = (rows.low[part] <= lower) | (rows.high[part] >= upper)
        first = int(reached.argmax())
        if reached[first]:
            return begin + first
        begin, size = part.stop, min(size * _GROWTH, _LARGEST_CHUNK)
    return None


class _PriceSearch:
    """For one open trade: at which best price of a row Freqtrade could take profit or move the stop."""

    def __init__(self, trade: LocalTrade, rows: PairRows, strategy: IStrategy) -> None:
        self._trade = trade
        self._rows = rows
        self._strategy = strategy
        self._side = -1.0 if trade.is_short else 1.0
        self._leverage = trade.leverage or 1.0
        self._begins = sorted(strategy.minimal_roi)
        self._opened_ns = int(trade.open_date_utc.timestamp()) * 1_000_000_000
        self._step_ns = rows.step_ns
        only = trade.orders[0] if len(trade.orders) == 1 else None
        filled = only.order_filled_utc if only and not only.ft_is_open else None
        last = max(trade.open_date_utc, filled) if filled else trade.date_last_filled_utc
        self._first_payment = rows.funding.place(int(last.timestamp()) * 1_000_000_000) if rows.funding else 0
        earlier = sum([order.funding_fee for order in trade.orders if order.funding_fee])
        self._gained_earlier = self._side * earlier

    def best_price(self, row: int) -> tuple[float, int]:
        """Give the best price from which on a row like this one matters, and the first row for which it is another."""
        now_ns = self._rows.first_ns + row * self._step_ns
        paid, next_payment_ns = self._paid(now_ns)
        wanted, next_step_ns = self._roi(now_ns)
        price = self._nearest(self._price_of(wanted, paid), self._price_of_stop(paid))
        changes_ns = min(next_payment_ns, next_step_ns)
        if changes_ns == np.inf:
            return price, len(self._rows)
        return price, row - int((now_ns - changes_ns) // self._step_ns)

    def _paid(self, now_ns: int) -> tuple[float, float]:
        """Give what a long of the trade's amount has paid by now (a short has gained it), and when that changes."""
        sums = self._rows.funding
        if sums is None:
            return -self._gained_earlier, np.inf
        place = sums.place(now_ns + 1)
        paid = float(sums.paid[place] - sums.paid[self._first_payment]) * self._trade.amount
        return paid - self._gained_earlier, sums.time_ns(place)

    def _roi(self, now_ns: int) -> tuple[float | None, float]:
        """Give the profit ratio that the ROI table asks for now, and when it asks for another."""
        place = bisect_right(self._begins, (now_ns - self._opened_ns) // _NS_PER_MINUTE)
        later = self._begins[place] * _NS_PER_MINUTE + self._opened_ns if place < len(self._begins) else np.inf
        return (self._strategy.minimal_roi[self._begins[place - 1]] if place else None), later

    def _price_of(self, profit: float | None, paid: float) -> float:
        """Give the best price at which `calc_profit_ratio` could give more than this."""
        if profit is None:
            return self._side * np.inf
        trade = self._trade
        ratio = self._side * (profit - _PROFIT_MARGIN) / self._leverage + 1
        return float((ratio * trade.open_trade_value + paid) / (trade.amount * (1 - self._side * trade.fee_close)))

    def _price_of_stop(self, paid: float) -> float:
        """Give the best price at which the trailing stop could move."""
        strategy = self._strategy
        if not strategy.trailing_stop:
            return self._side * np.inf
        reached = self._price_of(strategy.trailing_stop_positive_offset, paid)
        price = self._price_above(abs(strategy.stoploss) / self._leverage)
        if strategy.trailing_stop_positive is not None:
            positive = self._price_above(abs(strategy.trailing_stop_positive) / self._leverage)
            price = self._nearest(price, self._farthest(reached, positive))
        return self._farthest(price, reached) if strategy.trailing_only_offset_is_reached else price

    def _price_above(self, distance: float) -> float:
        """Give the best price whose stop, at this distance from it, is tighter than the trade's own."""
        if self._side * distance >= 1:
            return np.inf
        return float(self._trade.stop_loss * (1 - self._side * _STOP_MARGIN) / (1 - self._side * distance))

    def _nearest(self, one: float, other: float) -> float:
        return max(one, other) if self._trade.is_short else min(one, other)

    def _farthest(self, one: float, other: float) -> float:
        return min(one, other) if self._trade.is_short else max(one, other)
