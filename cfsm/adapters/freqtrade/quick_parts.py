"""Parts of Freqtrade that give the same answers in less time; `installed` puts them in place.

What is slow in a backtest is not the market: it is decimal arithmetic over strings, orders and locks that think they
live in a database, and deep copies of trades. Each part here is held to the original by tests, to the last digit.
"""

import contextlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from types import ModuleType
from typing import Any

import freqtrade.optimize.backtesting as backtesting_module
import freqtrade.strategy.interface as interface_module
import freqtrade.strategy.strategy_wrapper as wrapper_module
import pandas as pd
from freqtrade.data.btanalysis.bt_fileutils import BT_DATA_COLUMNS
from freqtrade.data.dataprovider import DataProvider
from freqtrade.exchange import Exchange, exchange_utils
from freqtrade.mixins import LoggingMixin
from freqtrade.persistence import LocalTrade, Order, PairLocks, pairlock_middleware, trade_model
from freqtrade.persistence.models import PairLock
from freqtrade.wallets import Wallets

from cfsm.adapters.freqtrade import quick_indicators
from cfsm.adapters.freqtrade.quick_callbacks import copy_of, quick_safe_wrapper
from cfsm.adapters.freqtrade.quick_candles import quick_get_analyzed_dataframe
from cfsm.adapters.freqtrade.quick_limits import quick_stake_amount_limit
from cfsm.adapters.freqtrade.quick_numbers import (
    QuickPrecise,
    quick_amount_to_contract_precision,
    quick_price_to_precision,
)
from cfsm.adapters.freqtrade.quick_protections import quick_log_once
from cfsm.adapters.freqtrade.quick_trades import REPLACED
from cfsm.adapters.freqtrade.quick_wallets import quick_update

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@cache
def plain_class(model: type) -> type:
    """Give a class that does what a model of Freqtrade's database does, without a database behind its attributes."""
    space: dict[str, Any] = {"_trade_live": None, "_trade_bt": None}
    for name, value in vars(model).items():
        if isinstance(value, property | staticmethod) or callable(value):
            space.setdefault(name, value)
    space.update(dict.fromkeys(model.__table__.columns.keys()))  # type: ignore[attr-defined]  # of every model
    for name in ("__init__", "__mapper__", "__table__", "registry", "metadata"):
        space.pop(name, None)

    def __init__(self: Any, **values: Any) -> None:  # noqa: N807 (becomes the class's own)
        self.__dict__.update(values)

    return type(model.__name__, (), space | {"__init__": __init__, "__qualname__": model.__name__})


class QuickFunding:
    """`Exchange.calculate_funding_fees` for frames that stay the same during a backtest."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[pd.DataFrame, list[int], list[float]]] = {}

    def __call__(
        self, df: pd.DataFrame, amount: float, is_short: bool, open_date: datetime, close_date: datetime
    ) -> float:
        """Give the sum of funding between two times, both included; negative where the trade pays."""
        known = self._known.get(id(df))
        if known is None:
            if "_ff_fee_per_unit" not in df.columns:
                df = Exchange._add_funding_columns(df)  # noqa: SLF001 (as the original)
            dates, fees_per_unit = (
                df[name].tolist() if len(df) else [] for name in ("_ff_date_ns", "_ff_fee_per_unit")
            )
            known = self._known[id(df)] = (df, dates, fees_per_unit)
        _, dates, fees_per_unit = known
        first, last = bisect_left(dates, _nanoseconds(open_date)), bisect_right(dates, _nanoseconds(close_date))
        fees: float = sum([fee * amount for fee in fees_per_unit[first:last]])
        if fees != fees:  # noqa: PLR0124 (NaN is not itself)
            fees = 0.0
        return fees if is_short else -fees


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND * 1000


class QuickLocks:
    """`PairLocks.get_pair_locks` during a backtest, by pair and end instead of through all locks that ever were."""

    def __init__(self) -> None:
        self._locks: list[Any] | None = None
        self._taken = 0
        self._ends: dict[str, list[datetime]] = {}
        self._by_end: dict[str, list[tuple[int, Any]]] = {}

    def __call__(self, pair: str | None, now: datetime | None = None, side: str | None = None) -> list[Any]:
        """Give the locks that hold at this time, oldest first."""
        if pair is None or now is None or PairLocks.use_db:
            found: list[Any] = list(_GET_PAIR_LOCKS(pair, now, side))
            return found
        if not PairLocks.locks:
            return []
        self._take_new()
        ends = self._ends.get(pair, [])
        held = sorted(self._by_end.get(pair, [])[bisect_right(ends, now) :], key=lambda numbered: numbered[0])
        return [lock for _, lock in held if lock.active is True and (side is None or lock.side in ("*", side))]

    def _take_new(self) -> None:
        locks = PairLocks.locks
        if self._locks is not locks:
            self._locks, self._taken, self._ends, self._by_end = locks, 0, {}, {}
        for number in range(self._taken, len(locks)):
            lock = locks[number]
            place = bisect_right(self._ends.setdefault(lock.pair, []), lock.lock_end_time)
            self._ends[lock.pair].insert(place, lock.lock_end_time)
            self._by_end.setdefault(lock.pair, []).insert(place, (number, lock))
        self._taken = len(locks)


_GET_PAIR_LOCKS = PairLocks.get_pair_locks


class QuickHistory:
    """`LocalTrade.get_trades_proxy` during a backtest: closed trades stand in the order in which they closed."""

    def __init__(self) -> None:
        self._trades: list[Any] | None = None
        self._closes: list[datetime] = []
        self._is_ordered = True

    def __call__(
        self,
        *,
        pair: str | None = None,
        is_open: bool | None = None,
        open_date: datetime | None = None,
        close_date: datetime | None = None,
    ) -> list[Any]:
        """Give the trades that pass these filters."""
        if is_open is False and close_date is not None and open_date is None:
            self._take_new()
            if self._is_ordered:
                later = LocalTrade.bt_trades[bisect_right(self._closes, close_date) :]
                return [trade for trade in later if trade.pair == pair] if pair else later
        found: list[Any] = _GET_TRADES_PROXY(pair=pair, is_open=is_open, open_date=open_date, close_date=close_date)
        return found

    def _take_new(self) -> None:
        trades = LocalTrade.bt_trades
        if len(self._closes) > len(trades) or self._trades is not trades:
            self._trades, self._closes, self._is_ordered = trades, [], True
        for trade in trades[len(self._closes) :]:
            closed = trade.close_date
            if closed is None or (self._closes and closed < self._closes[-1]):
                self._is_ordered = False
            self._closes.append(closed)


_GET_TRADES_PROXY = LocalTrade.get_trades_proxy


def quick_trade_list_to_dataframe(trades: list[LocalTrade], *, minified: bool = True) -> pd.DataFrame:
    """Give what `trade_list_to_dataframe` gives for closed trades."""
    if not minified or any(trade.is_open for trade in trades):
        frame: pd.DataFrame = _TRADE_LIST_TO_DATAFRAME(trades, minified=minified)
        return frame
    frame = pd.DataFrame.from_records([_record(trade) for trade in trades], columns=BT_DATA_COLUMNS)
    if len(frame):
        frame["close_date"] = pd.to_datetime(frame["close_timestamp"], unit="ms", utc=True)
        frame["open_date"] = pd.to_datetime(frame["open_timestamp"], unit="ms", utc=True)
        frame["close_rate"] = frame["close_rate"].astype("float64")
    return frame


_TRADE_LIST_TO_DATAFRAME = backtesting_module.trade_list_to_dataframe


def _record(trade: LocalTrade) -> Mapping[str, Any]:
    opened, closed = trade.open_date_utc, trade.close_date_utc
    opened_ms, closed_ms = int(opened.timestamp() * 1000), int(closed.timestamp() * 1000)
    moments = ((trade.open_date, opened_ms), (trade.close_date, closed_ms))
    entry_side = trade.entry_side
    return {
        "pair": trade.pair,
        "stake_amount": round(trade.stake_amount, 8),
        "max_stake_amount": round(trade.max_stake_amount, 8) if trade.max_stake_amount else None,
        "amount": round(trade.amount, 8),
        "open_rate": trade.open_rate,
        "close_rate": trade.close_rate,
        "fee_open": trade.fee_open,
        "fee_close": trade.fee_close,
        "trade_duration": int(int((closed - opened).total_seconds()) // 60),
        "profit_ratio": trade.close_profit,
        "profit_abs": trade.close_profit_abs,
        "exit_reason": trade.exit_reason,
        "initial_stop_loss_abs": trade.initial_stop_loss,
        "initial_stop_loss_ratio": trade.initial_stop_loss_pct or None,
        "stop_loss_abs": trade.stop_loss,
        "stop_loss_ratio": trade.stop_loss_pct or None,
        "min_rate": trade.min_rate,
        "max_rate": trade.max_rate,
        "is_open": trade.is_open,
        "enter_tag": trade.enter_tag,
        "leverage": trade.leverage,
        "is_short": trade.is_short,
        "open_timestamp": opened_ms,
        "close_timestamp": closed_ms,
        "orders": [_order(order, entry_side, moments) for order in trade.select_filled_or_open_orders()],
        "funding_fees": trade.funding_fees,
    }


def _order(order: Any, entry_side: str, moments: Iterable[tuple[datetime, int]]) -> Mapping[str, Any]:
    """Give what `Order.to_json` gives of an order, minified; of some moments the milliseconds are known."""
    filled = order.order_filled_date
    filled_ms = next((known for moment, known in moments if moment is filled), None)
    if filled_ms is None and filled:
        filled_ms = int(filled.replace(tzinfo=UTC).timestamp() * 1000)
    return {
        "amount": order.safe_amount,
        "safe_price": order.safe_price,
        "ft_order_side": order.ft_order_side,
        "order_filled_timestamp": filled_ms,
        "ft_is_entry": order.ft_order_side == entry_side,
        "ft_order_tag": order.ft_order_tag,
        "cost": order.cost or 0,
    }


def install(exchange: Exchange) -> Callable[[], None]:
    """Put the quick parts in place, in this process and for this exchange; give what takes them out again."""
    changes: list[tuple[ModuleType | Exchange | type, str, Any]] = [
        *[(module, "FtPrecise", QuickPrecise) for module in (trade_model, exchange_utils, backtesting_module)],
        *[(module, "price_to_precision", quick_price_to_precision) for module in (trade_model, backtesting_module)],
        *[
            (module, "amount_to_contract_precision", quick_amount_to_contract_precision)
            for module in (trade_model, backtesting_module)
        ],
        (backtesting_module, "Order", plain_class(Order)),
        (pairlock_middleware, "PairLock", plain_class(PairLock)),
        (PairLocks, "get_pair_locks", staticmethod(QuickLocks())),
        (LocalTrade, "get_trades_proxy", staticmethod(QuickHistory())),
        (Wallets, "update", quick_update),
        (LoggingMixin, "log_once", quick_log_once),
        (DataProvider, "get_analyzed_dataframe", quick_get_analyzed_dataframe),
        *quick_indicators.REPLACED,
        *[(LocalTrade, name, method) for name, method in REPLACED.items()],
        (backtesting_module, "trade_list_to_dataframe", quick_trade_list_to_dataframe),
        *[(module, "strategy_safe_wrapper", quick_safe_wrapper) for module in (backtesting_module, interface_module)],
        (wrapper_module, "deepcopy", copy_of),
        (exchange, "calculate_funding_fees", QuickFunding()),
        (exchange, "_get_stake_amount_limit", quick_stake_amount_limit(exchange)),
        (exchange, "get_contract_size", cache(exchange.get_contract_size)),
        (exchange, "get_precision_amount", cache(exchange.get_precision_amount)),
    ]
    before = [(place, name, vars(place).get(name, _MISSING)) for place, name, _ in changes]
    storage = pd.options.mode.string_storage
    pd.options.mode.string_storage = "python"  # names of columns are looked up far more often than text is worked on
    for place, name, value in changes:
        setattr(place, name, value)

    def take_out() -> None:
        pd.options.mode.string_storage = storage
        for place, name, original in before:
            if original is _MISSING:
                delattr(place, name)
            else:
                setattr(place, name, original)

    return take_out


@contextlib.contextmanager
def installed(exchange: Exchange) -> Iterator[None]:
    """Have the quick parts in place for a while."""
    take_out = install(exchange)
    try:
        yield
    finally:
        take_out()


_MISSING = object()
