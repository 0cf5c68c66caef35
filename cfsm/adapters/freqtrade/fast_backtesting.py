"""Freqtrade's backtesting without the candles on which nothing can happen.

Every candle that is visited runs Freqtrade's own code; what the candles in between would have done to open trades
(lowest and highest rate, funding) is made good before anything can look at it. The trades are the same, to the last
digit; where that cannot be promised, every candle is visited (`reasons_for_stock` says why).
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.constants import Config, LongShort
from freqtrade.data.converter import trim_dataframe
from freqtrade.enums import BacktestState, TradingMode
from freqtrade.exchange import Exchange
from freqtrade.exchange.exchange import TICK_SIZE
from freqtrade.optimize.backtesting import HEADERS
from freqtrade.persistence import LocalTrade
from freqtrade.strategy import IStrategy

from cfsm.adapters.freqtrade.backtesting import StageClock, StockBacktesting
from cfsm.adapters.freqtrade.own_code import NOTHING, reach_of
from cfsm.adapters.freqtrade.quick_candles import Shown
from cfsm.adapters.freqtrade.quick_ordinary import QuickOrdinary
from cfsm.adapters.freqtrade.quick_watching import overrides
from cfsm.adapters.freqtrade.skipping import FundingSums, PairRows, next_event

_DIRECTIONS: tuple[LongShort | None, ...] = (None, "long", "short")
_TAGS = ("enter_tag", "exit_tag")
_NUMBERS = (np.dtype("float64"), np.dtype("int64"))
_ASKED_ON_EVERY_CANDLE = (
    ("use_custom_stoploss", "custom_stoploss"),
    ("use_exit_signal", "custom_exit"),
    ("use_custom_roi", "custom_roi"),
)
_CALLBACKS = frozenset(
    {
        *("leverage", "custom_stake_amount", "custom_entry_price", "custom_exit_price"),
        *("confirm_trade_entry", "confirm_trade_exit", "order_filled", "check_entry_timeout", "check_exit_timeout"),
        *("adjust_entry_price", "adjust_exit_price", "adjust_order_price", "adjust_trade_position"),
        *("custom_stoploss", "custom_exit", "custom_roi"),
    }
)
_HARMLESS = _CALLBACKS | {
    *("populate_indicators", "populate_entry_trend", "populate_exit_trend", "informative_pairs", "version"),
    *("protections", "plot_config", "bot_start", "__init__"),
}
_READ_BY_THE_SEARCH = (
    *("stoploss", "minimal_roi", "trailing_stop", "trailing_stop_positive", "trailing_stop_positive_offset"),
    *("trailing_only_offset_is_reached", "use_exit_signal", "use_custom_stoploss", "use_custom_roi"),
    *("exit_profit_only", "exit_profit_offset", "ignore_roi_if_entry_signal", "position_adjustment_enable"),
)


class FastBacktesting(QuickOrdinary):
    """Visits the candles that matter."""

    def __init__(self, config: Config, exchange: Exchange, clock: StageClock) -> None:
        self._precisions: dict[str, tuple[Any, list[float], list[float]]] = {}
        self._walk: _Walk | None = None
        super().__init__(config, exchange, clock)
        self._stock_reasons = reasons_for_stock(self, self.strategylist[0])

    def _get_ohlcv_as_lists(self, processed: dict[str, pd.DataFrame]) -> dict[str, Any]:
        if self._stock_reasons:
            stock: dict[str, Any] = super()._get_ohlcv_as_lists(processed)
            return stock
        self._set_progress_step(BacktestState.CONVERT, len(processed))
        data: dict[str, Any] = {}
        for pair, indicators in processed.items():
            self._increment_progress()
            analysed = self.strategy.ft_advise_signals(indicators, {"pair": pair})
            self.dataprovider._set_cached_df(  # noqa: SLF001 (as the loop that this replaces)
                pair, self.timeframe, analysed, self.config["candle_type_def"]
            )
            trimmed = trim_dataframe(analysed, self.timerange, startup_candles=self.required_startup)
            processed[pair] = trimmed
            data[pair] = self._rows(pair, trimmed) if len(trimmed) else []
        return data

    def _rows(self, pair: str, analysed: pd.DataFrame) -> PairRows:
        """Give the rows of a pair: prices, and the signals of the candle before."""
        later = analysed.iloc[1:]
        dates = later["date"]
        rows = PairRows(
            times_ns=dates.dt.as_unit("ns").astype("int64").to_numpy(),
            open=later["open"].to_numpy(dtype=np.float64),
            high=later["high"].to_numpy(dtype=np.float64),
            low=later["low"].to_numpy(dtype=np.float64),
            close=later["close"].to_numpy(dtype=np.float64),
            signals=[_shifted(analysed, name) for name in HEADERS[5:]],
        )
        rows.find_entries(can_short=bool(self._can_short))
        frame = self.futures_data.get(pair)
        rows.funding = FundingSums.of(frame) if frame is not None else None
        return rows

    def get_pair_precision(self, pair: str, current_time: datetime) -> tuple[float | None, int]:
        """Give the price precision of that time, as the candles show it."""
        known = self._precisions.get(pair)
        series = self.price_pair_prec.get(pair)
        if known is None or known[0] is not series:
            known = self._precisions[pair] = (series, *_steps(series))
        _, moments, precisions = known
        place = bisect_right(moments, current_time.timestamp()) - 1
        if place >= 0:
            return precisions[place], TICK_SIZE
        return self.exchange.get_precision_price(pair), self.precision_mode_price

    def time_pair_generator(
        self, start_date: datetime, end_date: datetime, pairs: list[str], data: dict[str, Any]
    ) -> Iterator[tuple[datetime, str, Any, bool, LongShort | None]]:
        """Yield what the loop yields, without what does not matter."""
        if self._stock_reasons:
            yield from super().time_pair_generator(start_date, end_date, pairs, data)
            return
        walk = self._walk = _Walk(self, start_date + self.timeframe_td, end_date, pairs, data)
        self._set_progress_step(BacktestState.BACKTEST, walk.last + 1)
        yield from walk.visits()

    def _is_uneventful(self, trade: LocalTrade, row: list[Any]) -> bool:
        return self._walk is not None and self._walk.is_uneventful(trade, row)


class _Walk:
    """One walk through the candles, from event to event."""

    def __init__(
        self, backtesting: FastBacktesting, first: datetime, end: datetime, pairs: list[str], data: dict[str, Any]
    ) -> None:
        self._backtesting = backtesting
        self._strategy: IStrategy = backtesting.strategy
        self._first = first
        self._step: timedelta = backtesting.timeframe_td
        self._pairs = pairs
        self._rows: dict[str, PairRows] = {pair: rows for pair, rows in data.items() if len(rows)}
        self.last: int = (end - first) // self._step
        callbacks = {name for name in _CALLBACKS if overrides(self._strategy, name)}
        reach = reach_of(self._strategy, _READ_BY_THE_SEARCH) if callbacks else NOTHING
        if callbacks <= {"leverage"} and reach.is_pure:
            backtesting.be_ordinary()
        self._candles_are_seen, self._trades_are_seen = reach.sees_candles, reach.sees_trades
        self._settings_may_change = reach.changes_settings
        self._on_every_candle = asks_on_every_candle(self._strategy)
        self._settings = self._current_settings()
        step_ns = int(self._step.total_seconds()) * 1_000_000_000
        first_ns = pd.Timestamp(first).value
        for rows in self._rows.values():
            rows.first_candle = (int(rows.times_ns[0]) - first_ns) // step_ns
            rows.begin(first + rows.first_candle * self._step, self._step)
        self._step_ns = step_ns
        self._grid_ns = backtesting.funding_fee_timeframe_secs * 1_000_000_000
        self._next = {pair: self._next_candle(pair, -1) for pair in self._rows}
        self._seen: dict[str, int] = {}
        self._shown = Shown(self._rows, backtesting.required_startup)
        backtesting.dataprovider._DataProvider__slice_index = self._shown  # noqa: SLF001 (what it cuts candles by)
        self._foreseen: dict[str, tuple[LocalTrade, int | None]] = {}

    def visits(self) -> Iterator[tuple[datetime, str, Any, bool, LongShort | None]]:
        """Yield the visits in Freqtrade's order."""
        done = 0
        following = self._next
        while following and (candle := min(following.values())) <= self.last:
            now = self._first + candle * self._step
            self._backtesting._increment_progress(candle - done)  # noqa: SLF001 (part of the same engine)
            done = candle
            order = [pair for pair in self._pairs if following.get(pair) == candle]
            if len(order) > 1 or self._candles_are_seen or self._settings_may_change:
                order = list(dict.fromkeys([trade.pair for trade in LocalTrade.bt_trades_open] + self._pairs))
            for place, pair in enumerate(order):
                if following.get(pair) == candle:
                    yield self._visit(candle, now, order, place)
                    following[pair] = self._next_candle(pair, candle)
                    self._notice_new_settings(candle, order, place)
        for trade in list(LocalTrade.bt_trades_open):
            self._catch_up(trade, self.last)

    def _visit(self, candle: int, now: datetime, order: list[str], place: int) -> Any:
        pair = order[place]
        rows = self._rows[pair]
        row = candle - rows.first_candle
        if self._seen.get(pair) != candle - 1:
            for trade in LocalTrade.bt_trades_open_pp[pair]:
                self._catch_up(trade, candle - 1)
        if self._trades_are_seen:
            self._show_trades(candle, order, place)
        self._shown.reach(candle, order, place)
        self._backtesting.dataprovider._set_dataframe_max_date(now)  # noqa: SLF001
        self._seen[pair] = candle
        direction = _DIRECTIONS[rows.direction.item(row)]
        return now, pair, rows[row], candle == self.last, direction

    def is_uneventful(self, trade: LocalTrade, row: list[Any]) -> bool:
        """Say whether the candle on which a trade was opened can do no more to it, and look ahead right away."""
        if self._on_every_candle or self._settings_may_change or trade.open_date != row[0].to_pydatetime():
            return False
        rows = self._rows[trade.pair]
        here = self._seen[trade.pair] - rows.first_candle
        following = next_event(trade, rows, here - 1, self._strategy)
        if following == here:
            return False
        self._foreseen[trade.pair] = (trade, following)
        trade.adjust_min_max_rates(row[2], row[3])
        return True

    def _show_trades(self, candle: int, order: list[str], place: int) -> None:
        """Bring up to date the trades that callbacks may look at beside their own, as the loop would have by now."""
        for position, pair in enumerate(order):
            if pair in self._rows and position != place:
                for trade in list(LocalTrade.bt_trades_open_pp[pair]):
                    self._catch_up(trade, candle if position < place else candle - 1)

    def _catch_up(self, trade: LocalTrade, candle: int) -> None:
        """Do to a trade what the candles up to this one, on which nothing else happened, would have done."""
        rows = self._rows[trade.pair]
        begun = self._seen[trade.pair] - rows.first_candle + 1
        ended = min(candle - rows.first_candle, len(rows) - 1) + 1
        if begun >= ended:
            return
        if trade.has_open_position:
            trade.adjust_min_max_rates(float(rows.high[begun:ended].max()), float(rows.low[begun:ended].min()))
            due = self._last_funding_row(rows, begun, ended)
            if due is not None:
                moment = self._first + (rows.first_candle + due) * self._step
                self._backtesting._run_funding_fees(trade, moment)  # noqa: SLF001
        self._seen[trade.pair] = max(self._seen[trade.pair], ended - 1 + rows.first_candle)

    def _last_funding_row(self, rows: PairRows, begun: int, ended: int) -> int | None:
        since_due_ns = int(rows.times_ns[ended - 1]) % self._grid_ns
        row = ended - 1 - since_due_ns // self._step_ns
        return row if since_due_ns % self._step_ns == 0 and row >= begun else None

    def _next_candle(self, pair: str, candle: int) -> int:
        """Give the first candle after this one that matters to a pair; one after the last where there is none."""
        rows = self._rows[pair]
        row = candle - rows.first_candle
        open_trades = LocalTrade.bt_trades_open_pp[pair]
        following: int | None
        if not open_trades:
            following = rows.next_entry(row)
        elif self._on_every_candle or any(trade.has_open_orders for trade in open_trades):
            following = row + 1
        else:
            foreseen, following = self._foreseen.pop(pair, (None, None))
            if foreseen is not open_trades[0]:
                following = next_event(open_trades[0], rows, row, self._strategy)
        if following is None or following >= len(rows):
            return self.last + 1
        return following + rows.first_candle

    def _notice_new_settings(self, candle: int, order: list[str], place: int) -> None:
        """Search again where a callback has changed what the searches went by."""
        if not self._settings_may_change:
            return
        settings = self._current_settings()
        if settings == self._settings:
            return
        self._settings = settings
        self._on_every_candle = asks_on_every_candle(self._strategy)
        for position, pair in enumerate(order):
            if pair in self._rows and LocalTrade.bt_trades_open_pp[pair] and self._next[pair] != candle:
                # The pairs after this one meet the new settings on this candle already.
                self._next[pair] = self._next_candle(pair, candle if position <= place else candle - 1)

    def _current_settings(self) -> tuple[Any, ...]:
        values = [getattr(self._strategy, name, None) for name in _READ_BY_THE_SEARCH]
        return tuple(tuple(value.items()) if isinstance(value, dict) else value for value in values)


def _steps(series: Any) -> tuple[list[float], list[float]]:
    """Give the moments (in seconds) from which precisions hold, and these."""
    if series is None:
        return [], []
    known = series.dropna()
    return [moment.timestamp() for moment in known.index], known.tolist()


def _shifted(analysed: pd.DataFrame, name: str) -> Any:
    """Give a signal of the candle before, for every row but the first, as Freqtrade's loop has it."""
    is_tag = name in _TAGS
    if name not in analysed.columns:
        return np.full(len(analysed) - 1, None, dtype=object) if is_tag else np.zeros(len(analysed) - 1)
    if analysed[name].dtype in _NUMBERS:
        values = analysed[name].to_numpy(dtype=np.float64)[:-1]
        return np.where(np.isnan(values), 0.0, values)
    if is_tag and not analysed[name].isna().any():
        return analysed[name].to_numpy(dtype=object)[:-1]
    column = analysed[name].replace([np.nan], [None if is_tag else 0]).shift(1)
    return column.to_numpy(dtype=object if is_tag else None)[1:]


def asks_on_every_candle(strategy: IStrategy) -> bool:
    """Say whether a strategy is asked on every candle of an open trade."""
    if strategy.position_adjustment_enable:
        return True
    return any(getattr(strategy, flag) and overrides(strategy, method) for flag, method in _ASKED_ON_EVERY_CANDLE)


def reasons_for_stock(backtesting: FastBacktesting, strategy: IStrategy) -> list[str]:
    """Give why every candle has to be visited; empty where candles can be skipped."""
    reasons = []
    if backtesting.timeframe_detail:
        reasons.append("a detail timeframe is used")
    if backtesting.trading_mode != TradingMode.FUTURES:
        reasons.append("it is not a futures market")
    if backtesting._position_stacking or backtesting.dynamic_pairlist:  # noqa: SLF001 (part of the same engine)
        reasons.append("positions are stacked or the list of pairs changes")
    changed = [name for name in _own_names(strategy) if name not in _HARMLESS and _is_code(strategy, name)]
    if changed:
        reasons.append(f"the strategy changes {', '.join(changed)}")
    return reasons


def _own_names(strategy: IStrategy) -> list[str]:
    """Give the names of Freqtrade's that a strategy gives another meaning."""
    own = [base for base in type(strategy).__mro__ if not base.__module__.startswith("freqtrade.")]
    names = {name for base in own if base is not object for name in vars(base)}
    return sorted(name for name in names if hasattr(IStrategy, name) or name in _READ_BY_THE_SEARCH)


def _is_code(strategy: IStrategy, name: str) -> bool:
    own = getattr(type(strategy), name)
    return callable(own) or isinstance(own, property)


def make_backtesting(config: Config, exchange: Exchange, clock: StageClock, *, stock: bool) -> StockBacktesting:
    """Give Freqtrade's backtesting for this configuration, with its strategy loaded."""
    return StockBacktesting(config, exchange, clock) if stock else FastBacktesting(config, exchange, clock)
