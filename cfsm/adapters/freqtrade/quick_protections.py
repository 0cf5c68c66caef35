"""Freqtrade's protections, quick: drawdowns without data frames, and no words for a log that nobody reads."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from types import MethodType
from typing import Any

import numpy as np
from freqtrade.constants import LongShort
from freqtrade.enums import ExitType
from freqtrade.mixins import LoggingMixin
from freqtrade.persistence import Trade
from freqtrade.plugins.protectionmanager import ProtectionManager
from freqtrade.plugins.protections.iprotection import ProtectionReturn

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def quick_max_drawdown(self: Any, date_now: datetime, starting_balance: float) -> ProtectionReturn | None:
    """Do what `MaxDrawdown._max_drawdown` does."""
    since = date_now - timedelta(minutes=self._lookback_period)
    trades = Trade.get_trades_proxy(is_open=False, close_date=since)
    if len(trades) < self._trade_limit or not trades:
        return None
    is_equity = self._calculation_mode == "equity"
    changes = [trade.close_profit_abs if is_equity else trade.close_profit for trade in trades]
    balance = starting_balance + _profit_until(since) if is_equity else 0.0
    if not all(type(change) is float and change == change for change in changes) or (is_equity and not balance > 0):  # noqa: PLR0124 (NaN is not itself)
        found: ProtectionReturn | None = self.max_drawdown_in_frames(date_now, starting_balance)
        return found
    drawdown = _drawdown([changes[place] for place in _by_date(trades)], balance)
    if not drawdown > self._max_allowed_drawdown:
        return None
    return ProtectionReturn(lock=True, until=self.calculate_lock_end(trades), reason=self._reason(np.float64(drawdown)))


def quick_stoploss_guard(self: Any, date_now: datetime, pair: str | None, side: LongShort) -> ProtectionReturn | None:
    """Do what `StoplossGuard._stoploss_guard` does."""
    since = date_now - timedelta(minutes=self._lookback_period)
    trades = [
        trade
        for trade in Trade.get_trades_proxy(pair=pair, is_open=False, close_date=since)
        if str(trade.exit_reason) in _STOPS
        and trade.close_profit
        and trade.close_profit < self._profit_limit
        and (not self._only_per_side or trade.trade_direction == side)
    ]
    if len(trades) < self._trade_limit:
        return None
    until = self.calculate_lock_end(trades)
    return ProtectionReturn(
        lock=True, until=until, reason=self._reason(), lock_side=side if self._only_per_side else "*"
    )


_STOPS = frozenset(
    reason.value
    for reason in (
        *(ExitType.TRAILING_STOP_LOSS, ExitType.STOP_LOSS),
        *(ExitType.STOPLOSS_ON_EXCHANGE, ExitType.LIQUIDATION),
    )
)


def _profit_until(moment: datetime) -> float:
    closed = Trade.get_trades_proxy(is_open=False)
    return sum(trade.close_profit_abs or 0.0 for trade in closed if trade.close_date_utc <= moment)


def _by_date(trades: list[Any]) -> list[int]:
    """Give the order in which `DataFrame.sort_values` puts these trades by their date of closing."""
    closes = [(trade.close_date_utc - _EPOCH) // _MICROSECOND for trade in trades]
    if all(one < other for one, other in pairwise(closes)):
        return list(range(len(trades)))
    order: list[int] = np.array(closes, dtype="datetime64[us]").argsort(kind="quicksort").tolist()
    return order


def _drawdown(changes: list[float], balance: float) -> float:
    """Give the deepest fall of the running sum from its highest: absolute, or relative to a balance if there is one."""
    deepest, highest = 0.0, 0.0
    for reached in accumulate(changes):
        highest = max(highest, reached)
        relative = (balance + highest - (balance + reached)) / (balance + highest) if balance else None
        deepest = max(deepest, highest - reached if relative is None else relative)
    return deepest


def quicken(protections: ProtectionManager) -> None:
    """Make the protections of a backtest quick."""
    for handler in protections._protection_handlers:  # noqa: SLF001 (each is of a class that was loaded just now)
        if type(handler).__name__ == "MaxDrawdown":
            handler.max_drawdown_in_frames = handler._max_drawdown  # noqa: SLF001
            handler._max_drawdown = MethodType(quick_max_drawdown, handler)  # noqa: SLF001
        elif type(handler).__name__ == "StoplossGuard":
            handler._stoploss_guard = MethodType(quick_stoploss_guard, handler)  # noqa: SLF001


def quick_log_once(self: Any, message: str, logmethod: Callable[..., Any], force_show: bool = False) -> None:
    """Do what `LoggingMixin.log_once` does; nothing at all where nothing is to be shown."""
    if self.show_output or force_show:
        _LOG_ONCE(self, message, logmethod, force_show)


_LOG_ONCE = LoggingMixin.log_once
