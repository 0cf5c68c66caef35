"""Which candles of an open trade matter: the first one on which Freqtrade could do anything but look.

A candle that is passed over here must be one on which `Backtesting.backtest_loop` would have left everything as it
was, but for what `FastBacktesting` brings up to date later. So every question is answered on the safe side: one candle
too many is only slow.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from freqtrade.persistence import LocalTrade
from freqtrade.strategy import IStrategy

_FIRST_CHUNK, _LARGEST_CHUNK = 64, 4096
_GROWTH = 4
_PROFIT_MARGIN = 1e-6  # profits are rounded to eight digits
_STOP_MARGIN = 1e-9
_NS_PER_MINUTE = 60_000_000_000

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]


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
    funding: FundingSums | None = None
    first_candle: int = 0

    def __len__(self) -> int:
        return len(self.times_ns)

    def __getitem__(self, row: int) -> list[Any]:
        prices = [float(column[row]) for column in (self.open, self.high, self.low, self.close)]
        index = row if row >= 0 else len(self) + row
        return [_moment(self._first + index * self._step), *prices, *[_plain(column[row]) for column in self.signals]]

    def begin(self, first: datetime, step: timedelta) -> None:
        """Say when the first row opens, and how far the rows lie apart."""
        self._first = first
        self._step = step

    def find_entries(self, *, can_short: bool) -> None:
        """Work out on which rows a trade could be opened, as `check_for_trade_entry` does."""
        long, leave_long, short, leave_short = [column == 1 for column in self.signals[:4]]
        short, leave_short = short & can_short, leave_short & can_short
        longs = long & ~leave_long & ~short
        shorts = short & ~leave_short & ~long
        self.direction = longs.astype(np.int8) + 2 * shorts.astype(np.int8)
        self.entries = np.flatnonzero(self.direction)

    def next_entry(self, row: int) -> int | None:
        """Give the first row after this one on which a trade could be opened."""
        place = int(self.entries.searchsorted(row, "right"))
        return int(self.entries[place]) if place < len(self.entries) else None


class Moment(datetime):
    """A row's date: a datetime that answers `to_pydatetime`, as pandas' own do, without their weight."""

    def to_pydatetime(self) -> datetime:
        """Give the same moment as a plain datetime."""
        return datetime(
            self.year, self.month, self.day, self.hour, self.minute, self.second, self.microsecond, self.tzinfo
        )


def _moment(date: datetime) -> Moment:
    return Moment(date.year, date.month, date.day, date.hour, date.minute, date.second, date.microsecond, date.tzinfo)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def next_event(trade: LocalTrade, rows: PairRows, row: int, strategy: IStrategy) -> int | None:
    """Give the first row after this one on which something could happen to an open trade; None where there is none."""
    start, size = row + 1, _FIRST_CHUNK
    while start < len(rows):
        stop = min(len(rows), start + size)
        found = np.flatnonzero(_events(trade, rows, start, stop, strategy))
        if len(found):
            return start + int(found[0])
        start, size = stop, min(size * _GROWTH, _LARGEST_CHUNK)
    return None


def _events(trade: LocalTrade, rows: PairRows, start: int, stop: int, strategy: IStrategy) -> Truths:
    part = slice(start, stop)
    stop_price = trade.stoploss_or_liquidation
    profit = _best_profit(trade, rows, part)
    if trade.is_short:
        events = rows.high[part] >= stop_price
        best, leaving = rows.low[part], rows.signals[3][part]
    else:
        events = rows.low[part] <= stop_price
        best, leaving = rows.high[part], rows.signals[1][part]
    if strategy.use_exit_signal:
        events = events | leaving.astype(bool)
    if strategy.minimal_roi:
        events = events | (profit > _roi(trade, rows.times_ns[part], strategy) - _PROFIT_MARGIN)
    if strategy.trailing_stop:
        events = events | _stop_moves(trade, best, profit, strategy)
    return np.asarray(events)


def _best_profit(trade: LocalTrade, rows: PairRows, part: slice) -> Floats:
    """Give the profit ratio at the best price of each row, as `calc_profit_ratio` has it but for its rounding."""
    best = rows.low[part] if trade.is_short else rows.high[part]
    side = -1.0 if trade.is_short else 1.0
    paid = _funding_paid(trade, rows, part)  # by a long
    value = trade.amount * best * (1 - side * trade.fee_close) - paid  # for a short: plus what it gained, taken off
    ratio = (value / trade.open_trade_value - 1) * side * trade.leverage
    return np.asarray(ratio, dtype=np.float64)


def _funding_paid(trade: LocalTrade, rows: PairRows, part: slice) -> Floats:
    """Give what a long of the trade's amount has paid up to each row; the same sum is what a short has gained."""
    if rows.funding is None:
        return np.zeros(part.stop - part.start)
    sums = rows.funding
    begun = sums.times_ns.searchsorted(pd.Timestamp(trade.date_last_filled_utc).value, "left")
    until = sums.times_ns.searchsorted(rows.times_ns[part], "right")
    paid: Floats = (sums.paid[until] - sums.paid[begun]) * trade.amount
    return paid


def _roi(trade: LocalTrade, times_ns: npt.NDArray[np.int64], strategy: IStrategy) -> Floats:
    """Give the profit that each row's entry of the ROI table asks for; infinity where the table has not begun."""
    opened = int(trade.open_date_utc.timestamp()) * 1_000_000_000
    minutes = (times_ns - opened) // _NS_PER_MINUTE
    begins = sorted(strategy.minimal_roi)
    wanted = np.array([np.inf, *[strategy.minimal_roi[begin] for begin in begins]], dtype=np.float64)
    return np.asarray(wanted[np.searchsorted(begins, minutes, "right")], dtype=np.float64)


def _stop_moves(trade: LocalTrade, best: Floats, profit: Floats, strategy: IStrategy) -> Truths:
    """Say on which rows the trailing stop could move."""
    leverage = trade.leverage or 1.0
    offset = strategy.trailing_stop_positive_offset
    reached = profit > offset - _PROFIT_MARGIN
    moves = _beyond(trade, best, abs(strategy.stoploss) / leverage)
    if strategy.trailing_stop_positive is not None:
        moves = moves | (reached & _beyond(trade, best, abs(strategy.trailing_stop_positive) / leverage))
    if strategy.trailing_only_offset_is_reached:
        moves = moves & reached
    return moves


def _beyond(trade: LocalTrade, best: Floats, distance: float) -> Truths:
    """Say where a stop at this distance from the best price is tighter than the trade's own."""
    if trade.is_short:
        return np.asarray(best * (1 + distance) < trade.stop_loss * (1 + _STOP_MARGIN))
    return np.asarray(best * (1 - distance) > trade.stop_loss * (1 - _STOP_MARGIN))
