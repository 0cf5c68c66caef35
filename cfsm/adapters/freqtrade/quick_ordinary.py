"""The life of an ordinary trade in three steps: opened and filled at once, looked at, left whole.

Most strategies have no callbacks but `leverage`. Then nobody looks at a trade on its way from one step to the next, at
its orders or at the wallets, so that each is made once, as it ends up. A trade with an order that its candle does not
fill is handed over to the long way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import numpy as np
from freqtrade.constants import Config, LongShort
from freqtrade.enums import ExitCheckTuple
from freqtrade.exceptions import DependencyException
from freqtrade.exchange import Exchange
from freqtrade.leverage.liquidation_price import update_liquidation_prices
from freqtrade.optimize import backtesting as original
from freqtrade.persistence import LocalTrade, PairLocks

from cfsm.adapters.freqtrade.backtesting import StageClock
from cfsm.adapters.freqtrade.quick_numbers import quick_amount_to_contract_precision, quick_price_to_precision
from cfsm.adapters.freqtrade.quick_trades import can_be_taken, new_trade, take_entry, take_exit
from cfsm.adapters.freqtrade.quick_trading import RESERVE, QuickTrading
from cfsm.adapters.freqtrade.quick_wallets import validated_stake
from cfsm.adapters.freqtrade.quick_watching import Row

_DATE, _OPEN, _HIGH, _LOW = original.DATE_IDX, original.OPEN_IDX, original.HIGH_IDX, original.LOW_IDX
_TAG = original.ENTER_TAG_IDX
_HOUR_NS = 3_600_000_000_000

Funds = tuple[float, float] | None
"""The stake of a new trade and what is available; None where that is too little."""


class QuickOrdinary(QuickTrading):
    """Backtesting whose ordinary trades are made once."""

    def __init__(self, config: Config, exchange: Exchange, clock: StageClock) -> None:
        self._is_ordinary = False
        self._funds: list[Funds] = []
        self._on_hours: dict[str, bool] = {}
        super().__init__(config, exchange, clock)

    def backtest(self, processed: dict[str, Any], start_date: datetime, end_date: datetime) -> Any:
        """Run; whether trades are ordinary is found out when the strategy has been looked at."""
        self._is_ordinary = False
        return super().backtest(processed, start_date, end_date)

    def be_ordinary(self) -> None:
        """Go the short way from now on: no callback but `leverage` takes part, and that minds its own trade."""
        self._is_ordinary = (
            self._is_plain_market
            and not self._watches_itself
            and not self._position_stacking
            and not self.strategy._ft_stop_uses_after_fill  # noqa: SLF001 (as the original)
            and not self.strategy.position_adjustment_enable
        )
        self._funds = []
        self._on_hours = {}

    @contextmanager
    def _the_long_way(self) -> Iterator[None]:
        """Have everything as the long way expects it for a while."""
        self._is_ordinary = False
        self.wallets.update()
        try:
            yield
        finally:
            self._is_ordinary = True
            self._funds.clear()

    def backtest_loop(
        self, row: Row, pair: str, current_time: datetime, trade_dir: LongShort | None, can_enter: bool
    ) -> LongShort | None:
        """Process one candle of one pair."""
        direction: LongShort | None
        if not self._is_ordinary:
            direction = super().backtest_loop(row, pair, current_time, trade_dir, can_enter)
            return direction
        trades = LocalTrade.bt_trades_open_pp[pair]
        if trades:
            if len(trades[0].orders) == 1:
                return self._watch(trades[0], row, pair, current_time)
            with self._the_long_way():
                direction = super().backtest_loop(row, pair, current_time, trade_dir, can_enter)
                return direction
        if not can_enter or trade_dir is None:
            return None
        if PairLocks.locks and PairLocks.is_pair_locked(pair, row[_DATE], trade_dir):
            return None
        if not self.trade_slot_available(LocalTrade.bt_open_open_trade_count):
            self._collate_rejected(pair, row)
        elif (trade := self._open(pair, row, trade_dir, current_time)) is not None:
            self._watch(trade, row, pair, current_time)
        return None

    def _watch(self, trade: LocalTrade, row: Row, pair: str, now: datetime) -> LongShort | None:
        """See whether an open trade is to be left on this candle; give its direction if it was."""
        direction: LongShort | None
        if not self._is_ordinary:
            direction = super()._watch(trade, row, pair, now)
            return direction
        self._run_funding_fees(trade, now)
        if self._is_uneventful(trade, row):
            return None
        for exit_ in self._reasons_to_leave(trade, row, now):
            found = self._price_of_exit(trade, row, exit_, now)
            if found is not None:
                self._leave(trade, row, *found, now)
                return None if LocalTrade.bt_trades_open_pp[pair] else trade.trade_direction
        return None

    def _run_funding_fees(self, trade: LocalTrade, current_time: datetime, force: bool = False) -> None:
        """Bring a trade's funding up to date."""
        if not self._is_ordinary or len(trade.orders) != 1:
            super()._run_funding_fees(trade, current_time, force)
        elif force or current_time.timestamp() % self.funding_fee_timeframe_secs == 0:
            fees = self._funding_between(trade, trade.open_date, current_time)
            trade.funding_fee_running = fees
            trade.funding_fees = 0 + fees

    def _funding_between(self, trade: LocalTrade, opened: datetime, now: datetime) -> float:
        if opened is now and now.minute and self._pays_on_hours(trade.pair):
            return 0
        fees: float = self.exchange.calculate_funding_fees(
            self.futures_data[trade.pair],
            amount=trade.amount,
            is_short=trade.is_short,
            open_date=opened,
            close_date=now,
        )
        return fees

    def _pays_on_hours(self, pair: str) -> bool:
        known = self._on_hours.get(pair)
        if known is None:
            frame = self.futures_data[pair]
            times = frame["_ff_date_ns"].to_numpy() if "_ff_date_ns" in frame.columns else np.ones(1)
            known = self._on_hours[pair] = not np.any(times % _HOUR_NS)
        return known

    def _funds_now(self) -> Funds:
        if not self._funds:
            tied_up = sum([trade.stake_amount for trade in LocalTrade.bt_trades_open])
            capital = self.wallets._start_cap.get(self.config["stake_currency"], 0)  # noqa: SLF001 (as the original)
            free = capital + (LocalTrade.bt_total_profit + 0.0) - tied_up + 0.0
            try:
                self._funds.append(self._stake_out_of(free, tied_up))
            except DependencyException:
                self._funds.append(None)
        return self._funds[0]

    def _open(self, pair: str, row: Row, direction: LongShort, now: datetime) -> LocalTrade | None:
        """Open a trade where that is possible, its order filled."""
        is_short, rate, tag = direction == "short", row[_OPEN], row[_TAG]
        order_type = self.strategy.order_types["entry"]
        if order_type == "limit":
            rate = max(rate, row[_LOW]) if is_short else min(rate, row[_HIGH])
        if not row[_LOW] <= rate <= row[_HIGH] or not can_be_taken(rate):
            self._is_ordinary = False  # for good: nobody else looks at an entry that is open
            self.wallets.update()
            opened: LocalTrade | None = self._enter_trade(pair, row, direction)
            self.wallets.update()
            return opened
        funds = self._funds_now()
        if funds is None:
            return None
        stake, available = funds
        leverage = self._leverage(pair, stake, row, direction, now, tag)
        limit_of = self.exchange._get_stake_amount_limit  # noqa: SLF001 (what its two limits are made of)
        minimum = limit_of(pair, rate, RESERVE, "min", leverage) or 0
        stake = validated_stake(stake, minimum, min(limit_of(pair, rate, 0.0, "max", leverage), available))
        if not stake or stake < minimum:
            return None
        self.order_id_counter += 1
        contract_size = self.exchange.get_contract_size(pair)
        step = self.exchange.get_precision_amount(pair)
        amount = quick_amount_to_contract_precision((stake / rate) * leverage, step, self.precision_mode, contract_size)
        if not amount:
            return None
        self.trade_id_counter += 1
        tick, mode = self.get_pair_precision(pair, now)
        trade = new_trade(
            id=self.trade_id_counter,
            pair=pair,
            base_currency=self.exchange.get_pair_base_currency(pair),
            stake_currency=self.config["stake_currency"],
            open_rate_requested=rate,
            open_date=now,
            amount_requested=amount,
            fee_open=self.fee,
            fee_close=self.fee,
            is_open=True,
            enter_tag=tag,
            timeframe=self.timeframe_min,
            exchange=self._exchange_name,
            is_short=is_short,
            trading_mode=self.trading_mode,
            leverage=leverage,
            amount_precision=step,
            price_precision=tick,
            precision_mode=self.precision_mode,
            precision_mode_price=mode,
            contract_size=contract_size,
            is_stop_loss_trailing=False,
            funding_fees=0.0,
            orders=[],
        )
        take_entry(trade, rate, amount)
        self._order(trade, trade.entry_side, order_type, rate, amount, tag, now, None)
        trade.adjust_stop_loss(trade.open_rate, self.strategy.stoploss)
        trade.funding_fee_running = self._funding_between(trade, now, now)
        update_liquidation_prices(
            trade, exchange=self.exchange, wallets=self.wallets, stake_currency=trade.stake_currency, dry_run=True
        )
        LocalTrade.add_bt_trade(trade)
        self._funds.clear()
        return trade

    def _order(
        self,
        trade: LocalTrade,
        side: str,
        order_type: str,
        price: float,
        amount: float,
        tag: str | None,
        now: datetime,
        funding_fee: float | None,
    ) -> None:
        """Give a trade an order that has been filled."""
        number = self.order_id_counter
        order = object.__new__(original.Order)
        order.__dict__ = {
            "id": number,
            "ft_trade_id": trade.id,
            "ft_is_open": False,
            "ft_pair": trade.pair,
            "order_id": str(number),
            "symbol": trade.pair,
            "ft_order_side": side,
            "side": side,
            "order_type": order_type,
            "status": "closed",
            "order_date": now,
            "order_filled_date": now,
            "order_update_date": now,
            "ft_price": price,
            "price": price,
            "average": price,
            "amount": amount,
            "filled": amount,
            "remaining": 0,
            "cost": amount * price * (1 + self.fee),
            "ft_order_tag": tag,
            "funding_fee": funding_fee,
            "_trade_bt": trade,
        }
        trade.orders.append(order)

    def _price_of_exit(
        self, trade: LocalTrade, row: Row, exit_: ExitCheckTuple, now: datetime
    ) -> tuple[float, str] | None:
        """Give at which price and why a trade is left; nothing where there is no such price on this candle."""
        trade.close_date = now
        minutes = int((now - trade.open_date).total_seconds() // 60)
        try:
            rate = self._get_close_rate(row, trade, now, exit_, minutes)
        except ValueError:
            return None
        return self._by_signal(trade, row, exit_, rate)

    def _leave(self, trade: LocalTrade, row: Row, rate: float, reason: str, now: datetime) -> None:
        """Leave a trade at this price, or place the order where the candle does not fill it."""
        trade.exit_reason = reason
        entry = trade.orders[0]
        price = quick_price_to_precision(rate, trade.price_precision, trade.precision_mode_price)
        amount = quick_amount_to_contract_precision(
            trade.amount, trade.amount_precision, self.precision_mode, trade.contract_size
        )
        if not row[_LOW] <= price <= row[_HIGH] or not amount == trade.amount == entry.filled:
            with self._the_long_way():
                self._exit_trade(trade, row, rate, trade.amount, reason)
                self._process_exit_order(trade.orders[-1], trade, now, row, trade.pair)
            return
        self.order_id_counter += 1
        paid = trade.funding_fee_running
        self._order(trade, trade.exit_side, self.strategy.order_types["exit"], price, amount, reason, now, paid)
        trade.funding_fee_running = self._funding_between(trade, now, now)
        trade.funding_fees = 0.0 + (paid or 0.0)
        take_exit(trade, entry.price, price, amount, is_closing=True)
        trade.close_rate = price
        trade.is_open = False
        trade.exit_order_status = "closed"
        LocalTrade.close_bt_trade(trade)
        self._funds.clear()
        self.run_protections(trade.pair, now, trade.trade_direction)
