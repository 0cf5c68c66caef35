"""Freqtrade's steps of opening, watching and closing a trade, with fewer detours and the same outcome.

Each method does in one go what a method of `Backtesting`, and those that it calls, do for the ordinary trade: one
entry, one whole exit, isolated futures. Whatever is out of the ordinary is left to the original.
"""

from datetime import datetime
from typing import Any

from freqtrade.constants import LongShort
from freqtrade.enums import ExitCheckTuple, ExitType
from freqtrade.exceptions import DependencyException
from freqtrade.leverage.liquidation_price import update_liquidation_prices
from freqtrade.optimize import backtesting as original
from freqtrade.persistence import LocalTrade
from freqtrade.strategy import IStrategy

from cfsm.adapters.freqtrade.quick_callbacks import quick_safe_wrapper
from cfsm.adapters.freqtrade.quick_numbers import quick_amount_to_contract_precision
from cfsm.adapters.freqtrade.quick_protections import quicken
from cfsm.adapters.freqtrade.quick_trades import can_be_taken, new_trade, take_entry, take_exit
from cfsm.adapters.freqtrade.quick_wallets import validated_stake
from cfsm.adapters.freqtrade.quick_watching import QuickWatching, Row

_DATE, _OPEN, _HIGH, _LOW = original.DATE_IDX, original.OPEN_IDX, original.HIGH_IDX, original.LOW_IDX
_TAG, _EXIT_TAG = original.ENTER_TAG_IDX, original.EXIT_TAG_IDX
_BY_SIGNAL = frozenset({ExitType.EXIT_SIGNAL, ExitType.CUSTOM_EXIT, ExitType.PARTIAL_EXIT})
RESERVE = -0.05
"""The stop for which the least stake leaves room."""
_NOTHING = (0, 0, 0, 0)


class QuickTrading(QuickWatching):
    """Backtesting whose trades take fewer steps."""

    def _load_protections(self, strategy: IStrategy) -> None:
        super()._load_protections(strategy)
        if self.enable_protections:
            quicken(self.protections)

    def _enter_trade(
        self,
        pair: str,
        row: Row,
        direction: LongShort,
        stake_amount: float | None = None,
        trade: LocalTrade | None = None,
        requested_rate: float | None = None,
        requested_stake: float | None = None,
        entry_tag1: str | None = None,
    ) -> LocalTrade | None:
        """Open a trade where that is possible."""
        if trade is not None or stake_amount or requested_rate or requested_stake or not self._is_plain_market:
            adjusted: LocalTrade | None = super()._enter_trade(
                pair, row, direction, stake_amount, trade, requested_rate, requested_stake, entry_tag1
            )
            return adjusted
        now: datetime = row[_DATE].to_pydatetime()
        tag = entry_tag1 or row[_TAG]
        order_type = self.strategy.order_types["entry"]
        tick, mode = self.get_pair_precision(pair, now)
        rate, stake, leverage, minimum = self.get_valid_entry_price_and_stake(
            pair, row, row[_OPEN], 0.0, direction, now, tag, None, order_type, tick, mode
        )
        if not stake or (minimum and stake < minimum):
            return None
        self.order_id_counter += 1
        contract_size = self.exchange.get_contract_size(pair)
        step = self.exchange.get_precision_amount(pair)
        amount = quick_amount_to_contract_precision((stake / rate) * leverage, step, self.precision_mode, contract_size)
        if not amount:
            return None
        if self._has_own("confirm_trade_entry") and not quick_safe_wrapper(
            self.strategy.confirm_trade_entry, default_retval=True
        )(
            pair=pair,
            order_type=order_type,
            amount=amount,
            rate=rate,
            time_in_force=self.strategy.order_time_in_force["entry"],
            current_time=now,
            entry_tag=tag,
            side=direction,
        ):
            return None
        self.trade_id_counter += 1
        opened = new_trade(
            id=self.trade_id_counter,
            pair=pair,
            base_currency=self.exchange.get_pair_base_currency(pair),
            stake_currency=self.config["stake_currency"],
            open_rate=rate,
            open_rate_requested=rate,
            open_date=now,
            stake_amount=amount * rate / leverage,
            amount=0,
            open_trade_value=0.0,
            amount_requested=amount,
            fee_open=self.fee,
            fee_close=self.fee,
            is_open=True,
            enter_tag=tag,
            timeframe=self.timeframe_min,
            exchange=self._exchange_name,
            is_short=direction == "short",
            trading_mode=self.trading_mode,
            leverage=leverage,
            amount_precision=step,
            price_precision=tick,
            precision_mode=self.precision_mode,
            precision_mode_price=mode,
            contract_size=contract_size,
            orders=[],
        )
        LocalTrade.add_bt_trade(opened)
        opened.adjust_stop_loss(opened.open_rate, self.strategy.stoploss, initial=True)
        order = original.Order(
            id=self.order_id_counter,
            ft_trade_id=opened.id,
            ft_is_open=True,
            ft_pair=pair,
            order_id=str(self.order_id_counter),
            symbol=pair,
            ft_order_side=opened.entry_side,
            side=opened.entry_side,
            order_type=order_type,
            status="open",
            order_date=now,
            order_filled_date=now,
            order_update_date=now,
            ft_price=rate,
            price=rate,
            average=rate,
            amount=amount,
            filled=0,
            remaining=amount,
            cost=amount * rate * (1 + self.fee),
            ft_order_tag=tag,
        )
        order._trade_bt = opened  # noqa: SLF001 (as the original)
        opened.orders.append(order)
        if self._try_close_open_order(order, opened, now, row) and self._is_settled(opened):
            opened.funding_fees = 0.0 + (order.funding_fee or 0.0)
        else:
            opened.recalc_trade_from_orders()
        return opened

    def _is_settled(self, trade: LocalTrade) -> bool:
        """Say whether summing the orders up once more would give a trade what it has."""
        after_fill: bool = self.strategy._ft_stop_uses_after_fill  # noqa: SLF001 (as the original)
        return len(trade.orders) == 1 and not after_fill and not self._has_own("order_filled")

    def get_valid_entry_price_and_stake(
        self,
        pair: str,
        row: Row,
        propose_rate: float,
        stake_amount: float,
        direction: LongShort,
        current_time: datetime,
        entry_tag: str | None,
        trade: LocalTrade | None,
        order_type: str,
        price_precision: float | None,
        precision_mode_price: int,
    ) -> tuple[float, float, float, float]:
        """Give rate, stake and leverage of an entry, and the least stake that is possible; zeros where none is."""
        if trade is not None or not self._is_plain_market:
            found: tuple[float, float, float, float] = super().get_valid_entry_price_and_stake(
                pair, row, propose_rate, stake_amount, direction, current_time, entry_tag, trade, order_type,
                price_precision, precision_mode_price,
            )  # fmt: skip
            return found
        rate = propose_rate
        if order_type == "limit":
            if self._has_own("custom_entry_price"):
                wanted = quick_safe_wrapper(self.strategy.custom_entry_price, default_retval=rate)(
                    pair=pair,
                    trade=trade,
                    current_time=current_time,
                    proposed_rate=rate,
                    entry_tag=entry_tag,
                    side=direction,
                )
                if wanted is not None and wanted != rate:
                    rate = original.price_to_precision(wanted, price_precision, precision_mode_price)
            rate = max(rate, row[_LOW]) if direction == "short" else min(rate, row[_HIGH])
        try:
            stake, available = self._stake(pair)
        except DependencyException:
            return _NOTHING
        leverage = self._leverage(pair, stake, row, direction, current_time, entry_tag)
        minimum = self.exchange.get_min_pair_stake_amount(pair, rate, RESERVE, leverage=leverage) or 0
        maximum = self.exchange.get_max_pair_stake_amount(pair, rate, leverage=leverage)
        if self._has_own("custom_stake_amount"):
            stake = quick_safe_wrapper(self.strategy.custom_stake_amount, default_retval=stake)(
                pair=pair,
                current_time=current_time,
                current_rate=rate,
                proposed_stake=stake,
                min_stake=minimum,
                max_stake=min(available, maximum),
                leverage=leverage,
                entry_tag=entry_tag,
                side=direction,
            )
        return rate, validated_stake(stake, minimum, min(maximum, available)), leverage, minimum

    def _stake(self, pair: str) -> tuple[float, float]:
        """Give the stake of a new trade, and what is available. Raise DependencyException where that is less."""
        del pair
        tied_up = sum(trade.stake_amount for trade in LocalTrade.bt_trades_open) or 0
        return self._stake_out_of(self.wallets.get_free(self.config["stake_currency"]), tied_up)

    def _stake_out_of(self, free: float, tied_up: float) -> tuple[float, float]:
        """Give the stake of a new trade, and what is available, with so much free and tied up."""
        config = self.config
        available = min((tied_up + free) * config["tradable_balance_ratio"] - tied_up, free)
        stake = config["stake_amount"]
        if stake == "unlimited":
            stake = self.wallets._calculate_unlimited_stake_amount(  # noqa: SLF001 (as the original)
                available, tied_up, self.strategy.max_open_trades
            )
        return self.wallets._check_available_stake_amount(stake, available), available  # noqa: SLF001

    def _leverage(
        self, pair: str, stake: float, row: Row, direction: LongShort, now: datetime, tag: str | None
    ) -> float:
        most: float = self.exchange.get_max_leverage(pair, stake)
        wanted = 1.0
        if self._has_own("leverage"):
            wanted = quick_safe_wrapper(self.strategy.leverage, default_retval=1.0)(
                pair=pair,
                current_time=now,
                current_rate=row[_OPEN],
                proposed_leverage=1.0,
                max_leverage=most,
                side=direction,
                entry_tag=tag,
            )
        return min(max(wanted, 1.0), most)

    def _try_close_open_order(self, order: Any, trade: LocalTrade, current_date: datetime, row: Row) -> bool:
        """Fill an order whose rate lies within the candle."""
        if not order or not row[_LOW] <= order.ft_price <= row[_HIGH]:
            return False
        is_first = len(trade.orders) == 1 and order.ft_order_side == trade.entry_side
        if not self._is_plain_market or not is_first or not can_be_taken(order.price):
            filled: bool = super()._try_close_open_order(order, trade, current_date, row)
            return filled
        order.order_filled_date = current_date
        order.filled = order.amount
        order.remaining = 0
        order.status = "closed"
        order.ft_is_open = False
        order.funding_fee = trade.funding_fee_running
        trade.funding_fee_running = 0.0
        take_entry(trade, order.price, order.amount)
        trade.initial_stop_loss_pct = None
        trade.is_stop_loss_trailing = False
        trade.adjust_stop_loss(trade.open_rate, trade.stop_loss_pct)
        self._run_funding_fees(trade, current_date, force=True)
        if self._has_own("order_filled"):
            quick_safe_wrapper(self.strategy.order_filled, supress_error=True)(
                pair=trade.pair, trade=trade, order=order, current_time=current_date
            )
        update_liquidation_prices(
            trade,
            exchange=self.exchange,
            wallets=self.wallets,
            stake_currency=self.config["stake_currency"],
            dry_run=True,
        )
        if self.strategy._ft_stop_uses_after_fill:  # noqa: SLF001 (as the original)
            self._call_adjust_stop(current_date, trade, order.ft_price)
        return True

    def _process_exit_order(self, order: Any, trade: LocalTrade, current_time: datetime, row: Row, pair: str) -> None:
        """Fill an exit order whose rate lies within the candle, and close its trade."""
        if not self._is_plain_market or not _is_whole_exit(order, trade):
            super()._process_exit_order(order, trade, current_time, row, pair)
            return
        if not row[_LOW] <= order.ft_price <= row[_HIGH]:
            return
        order.order_filled_date = current_time
        order.filled = order.amount
        order.remaining = 0
        order.status = "closed"
        order.ft_is_open = False
        order.funding_fee = trade.funding_fee_running
        fees = self.exchange.calculate_funding_fees(
            self.futures_data[pair],
            amount=trade.amount,
            is_short=trade.is_short,
            open_date=current_time,  # the date of the order that was filled last
            close_date=current_time,
        )
        trade.funding_fee_running = fees
        trade.funding_fees = sum([filled.funding_fee for filled in trade.orders if filled.funding_fee]) + fees
        if self._has_own("order_filled"):
            quick_safe_wrapper(self.strategy.order_filled, supress_error=True)(
                pair=pair, trade=trade, order=order, current_time=current_time
            )
        trade.funding_fees = 0.0 + (trade.orders[0].funding_fee or 0.0) + (order.funding_fee or 0.0)
        take_exit(trade, trade.orders[0].price, order.ft_price, order.amount, is_closing=True)
        trade.close_rate = order.ft_price
        trade.close_date = current_time
        trade.is_open = False
        trade.exit_order_status = "closed"
        LocalTrade.close_bt_trade(trade)
        self.wallets.update()
        self.run_protections(pair, current_time, trade.trade_direction)

    def _get_exit_for_signal(
        self, trade: LocalTrade, row: Row, exit_: ExitCheckTuple, current_time: datetime, amount: float | None = None
    ) -> LocalTrade | None:
        """Place an exit order for this reason, if there is a rate for it."""
        is_asked = self._has_own("custom_exit_price") or self._has_own("confirm_trade_exit")
        placed: LocalTrade | None
        if is_asked or amount is not None or not exit_.exit_flag:
            placed = super()._get_exit_for_signal(trade, row, exit_, current_time, amount)
            return placed
        trade.close_date = current_time
        minutes = int((trade.close_date_utc - trade.open_date_utc).total_seconds() // 60)
        try:
            rate = self._get_close_rate(row, trade, current_time, exit_, minutes)
        except ValueError:
            return None
        rate, reason = self._by_signal(trade, row, exit_, rate)
        trade.exit_reason = reason
        placed = self._exit_trade(trade, row, rate, trade.amount, reason)
        return placed

    def _by_signal(self, trade: LocalTrade, row: Row, exit_: ExitCheckTuple, rate: float) -> tuple[float, str]:
        """Give the price and the reason of an exit that has this price; those of a signal can be other ones."""
        reason = exit_.exit_reason
        if exit_.exit_type in _BY_SIGNAL:
            tag = row[_EXIT_TAG]
            if exit_.exit_type is ExitType.EXIT_SIGNAL and tag is not None and len(tag) > 0:
                reason = tag
            if self.strategy.order_types["exit"] == "limit":
                rate = min(rate, row[_HIGH]) if trade.is_short else max(rate, row[_LOW])
        return rate, reason

    def _run_funding_fees(self, trade: LocalTrade, current_time: datetime, force: bool = False) -> None:
        """Bring a trade's funding up to date."""
        if not force and current_time.timestamp() % self.funding_fee_timeframe_secs != 0:
            return
        filled = trade.orders[-1]
        if len(trade.orders) > 1 or filled.ft_is_open or not filled.filled or not self._is_plain_market:
            super()._run_funding_fees(trade, current_time, force)
            return
        fees = self.exchange.calculate_funding_fees(
            self.futures_data[trade.pair],
            amount=trade.amount,
            is_short=trade.is_short,
            open_date=max(trade.open_date_utc, filled.order_filled_utc),
            close_date=current_time,
        )
        trade.funding_fee_running = fees
        trade.funding_fees = (filled.funding_fee or 0) + fees


def _is_whole_exit(order: Any, trade: LocalTrade) -> bool:
    """Say whether an order takes out all that the only other one brought in."""
    if len(trade.orders) != 2 or trade.orders[1] is not order:  # noqa: PLR2004 (an entry and an exit)
        return False
    entry = trade.orders[0]
    if entry.ft_is_open or entry.ft_order_side != trade.entry_side or not can_be_taken(entry.price):
        return False
    return bool(order.amount == trade.amount == entry.filled and not entry.ft_fee_base and not order.ft_fee_base)
