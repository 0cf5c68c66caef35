"""Freqtrade's look at an open trade on a candle, with fewer detours and the same outcome."""

from datetime import datetime
from math import isinf, isnan
from typing import Any

from freqtrade.constants import CUSTOM_TAG_MAX_LENGTH, Config, LongShort
from freqtrade.enums import ExitCheckTuple, ExitType, MarginMode, TradingMode
from freqtrade.exchange import Exchange
from freqtrade.exchange.exchange import TICK_SIZE
from freqtrade.optimize import backtesting as original
from freqtrade.persistence import LocalTrade, PairLocks
from freqtrade.strategy import IStrategy

from cfsm.adapters.freqtrade.backtesting import StageClock, StockBacktesting
from cfsm.adapters.freqtrade.quick_callbacks import quick_safe_wrapper

Row = list[Any]
_DATE, _OPEN, _HIGH, _LOW = original.DATE_IDX, original.OPEN_IDX, original.HIGH_IDX, original.LOW_IDX
_ENTER, _EXIT = (original.LONG_IDX, original.SHORT_IDX), (original.ELONG_IDX, original.ESHORT_IDX)
_STOPS = frozenset({ExitType.STOP_LOSS, ExitType.LIQUIDATION})
_WATCHING = ("should_exit", "ft_stoploss_reached", "ft_stoploss_adjust", "min_roi_reached", "min_roi_reached_entry")


def overrides(strategy: IStrategy, name: str) -> bool:
    """Say whether a strategy has a method of its own by this name."""
    own = getattr(strategy, name, None)
    return getattr(own, "__func__", own) is not getattr(IStrategy, name, None)


class QuickWatching(StockBacktesting):
    """Backtesting that watches open trades in fewer steps."""

    def __init__(self, config: Config, exchange: Exchange, clock: StageClock) -> None:
        self._own: dict[str, bool] = {}
        self._is_plain_market = False
        self._watches_itself = False
        super().__init__(config, exchange, clock)

    def backtest(self, processed: dict[str, Any], start_date: datetime, end_date: datetime) -> Any:
        """Look at the strategy and the market, then run."""
        self._own = {}
        self._is_plain_market = (
            self.trading_mode == TradingMode.FUTURES
            and self.margin_mode == MarginMode.ISOLATED
            and self.precision_mode == TICK_SIZE
            and "available_capital" not in self.config
        )
        self._watches_itself = any(self._has_own(name) for name in _WATCHING)
        return super().backtest(processed, start_date, end_date)

    def _has_own(self, name: str) -> bool:
        known = self._own.get(name)
        if known is None:
            known = self._own[name] = overrides(self.strategy, name)
        return known

    def backtest_loop(
        self, row: Row, pair: str, current_time: datetime, trade_dir: LongShort | None, can_enter: bool
    ) -> LongShort | None:
        """Process one candle of one pair."""
        trades = LocalTrade.bt_trades_open_pp[pair]
        is_plain = not trades or (
            len(trades) == 1 and len(trades[0].orders) == 1 and not trades[0].orders[0].ft_is_open
        )
        if self._position_stacking or not is_plain:
            direction: LongShort | None = super().backtest_loop(row, pair, current_time, trade_dir, can_enter)
            return direction
        if trades:  # nothing is to be filled, and no other is to be opened
            return self._watch(trades[0], row, pair, current_time)
        if can_enter and trade_dir is not None and not PairLocks.is_pair_locked(pair, row[_DATE], trade_dir):
            if not self.trade_slot_available(LocalTrade.bt_open_open_trade_count):
                self._collate_rejected(pair, row)
            elif (trade := self._enter_trade(pair, row, trade_dir)) is not None:
                self.wallets.update()
                self._watch(trade, row, pair, current_time)
        return None

    def _watch(self, trade: LocalTrade, row: Row, pair: str, now: datetime) -> LongShort | None:
        """See whether an open trade is to be left on this candle; give its direction if it was."""
        if trade.has_open_position:
            self._check_trade_exit(trade, row, now)
        order = trade.select_order(trade.exit_side, is_open=True) if len(trade.orders) > 1 else None
        if order:
            self._process_exit_order(order, trade, now, row, pair)
        return None if LocalTrade.bt_trades_open_pp[pair] else trade.trade_direction

    def _check_trade_exit(self, trade: LocalTrade, row: Row, current_time: datetime) -> LocalTrade | None:
        """Place an exit order where one is due."""
        if self._watches_itself:
            placed: LocalTrade | None = super()._check_trade_exit(trade, row, current_time)
            return placed
        self._run_funding_fees(trade, current_time)
        if self.strategy.position_adjustment_enable:
            trade = self._check_adjust_trade_for_candle(trade, row, current_time)
        if not trade.is_open or self._is_uneventful(trade, row):
            return None
        for exit_ in self._reasons_to_leave(trade, row, row[_DATE].to_pydatetime()):
            placed = self._get_exit_for_signal(trade, row, exit_, current_time)
            if placed:
                return placed
        return None

    def _is_uneventful(self, trade: LocalTrade, row: Row) -> bool:
        """Say whether this candle, whose prices a trade has been shown, can do no more to it."""
        del trade, row
        return False

    def _reasons_to_leave(self, trade: LocalTrade, row: Row, now: datetime) -> list[ExitCheckTuple]:
        """Give the reasons to leave a trade, as `IStrategy.should_exit` does."""
        strategy = self.strategy
        is_short = trade.is_short
        rate, high, low = row[_OPEN], row[_HIGH] or row[_OPEN], row[_LOW] or row[_OPEN]
        best_profit = trade.calc_profit_ratio(low if is_short else high)
        trade.max_rate = max(high, trade.max_rate or trade.open_rate)
        trade.min_rate = min(low, trade.min_rate or trade.open_rate)
        self._move_stop(trade, low if is_short else high, high if is_short else low, now, best_profit)
        stop = _stop_reached(trade, high if is_short else low)
        enter = row[_ENTER[is_short]]
        is_enough = not (enter and strategy.ignore_roi_if_entry_signal) and self._roi_reached(trade, best_profit, now)
        exits = []
        if strategy.use_exit_signal:
            if row[_EXIT[is_short]] and not enter:
                if not strategy.exit_profit_only or trade.calc_profit_ratio(rate) > strategy.exit_profit_offset:
                    exits.append(ExitCheckTuple(exit_type=ExitType.EXIT_SIGNAL))
            elif self._has_own("custom_exit"):
                reason = self._own_reason(trade, now, rate)
                if reason is not None:
                    exits.append(ExitCheckTuple(exit_type=ExitType.CUSTOM_EXIT, exit_reason=reason))
        if stop in _STOPS:
            exits.append(ExitCheckTuple(exit_type=stop))
        if is_enough:
            exits.append(ExitCheckTuple(exit_type=ExitType.ROI))
        if stop is ExitType.TRAILING_STOP_LOSS:
            exits.append(ExitCheckTuple(exit_type=stop))
        return exits

    def _move_stop(self, trade: LocalTrade, best: float, worst: float, now: datetime, best_profit: float) -> None:
        """Move the stop where it moves, as `IStrategy.ft_stoploss_adjust` does."""
        strategy = self.strategy
        trade.adjust_stop_loss(trade.open_rate, strategy.stoploss, initial=True)
        if not (strategy.use_custom_stoploss or strategy.trailing_stop):
            return
        if trade.stop_loss <= worst if trade.is_short else trade.stop_loss >= worst:
            return
        distance = strategy.stoploss
        if strategy.use_custom_stoploss:
            wanted = quick_safe_wrapper(strategy.custom_stoploss, default_retval=None, supress_error=True)(
                pair=trade.pair,
                trade=trade,
                current_time=now,
                current_rate=best,
                current_profit=best_profit,
                after_fill=False,
            )
            if wanted and not (isnan(wanted) or isinf(wanted)):
                distance = wanted
                trade.adjust_stop_loss(best, distance, allow_refresh=False)
        if strategy.trailing_stop:
            offset = strategy.trailing_stop_positive_offset
            if not (strategy.trailing_only_offset_is_reached and best_profit < offset):
                if strategy.trailing_stop_positive is not None and best_profit > offset:
                    distance = strategy.trailing_stop_positive
                trade.adjust_stop_loss(best, distance)

    def _roi_reached(self, trade: LocalTrade, profit: float, now: datetime) -> bool:
        """Say whether a profit is what the ROI table asks for, as `IStrategy.min_roi_reached` does."""
        minutes = int((now.timestamp() - trade.open_date_utc.timestamp()) // 60)
        if self.strategy.use_custom_roi:
            _, wanted = self.strategy.min_roi_reached_entry(trade, minutes, now)
        else:
            begun = [begin for begin in self.strategy.minimal_roi if begin <= minutes]
            wanted = self.strategy.minimal_roi[max(begun)] if begun else None
        return wanted is not None and profit > wanted

    def _own_reason(self, trade: LocalTrade, now: datetime, rate: float) -> str | None:
        """Give the strategy's own reason to leave, "" where it gives none, None where it stays."""
        reason = quick_safe_wrapper(self.strategy.custom_exit, default_retval=False)(
            pair=trade.pair,
            trade=trade,
            current_time=now,
            current_rate=rate,
            current_profit=trade.calc_profit_ratio(rate),
        )
        if not reason:
            return None
        return reason[:CUSTOM_TAG_MAX_LENGTH] if isinstance(reason, str) else ""


def _stop_reached(trade: LocalTrade, worst: float) -> ExitType:
    """Say whether the worst price of a candle reaches the stop or liquidation, as `ft_stoploss_reached` does."""
    side = -1 if trade.is_short else 1
    if side * trade.stop_loss >= side * worst:
        return ExitType.TRAILING_STOP_LOSS if trade.is_stop_loss_trailing else ExitType.STOP_LOSS
    if trade.liquidation_price and side * trade.liquidation_price >= side * worst:
        return ExitType.LIQUIDATION
    return ExitType.NONE
