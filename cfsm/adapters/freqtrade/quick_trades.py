"""What Freqtrade's trades compute, quick: profits, stops and sums of orders, to the last digit the same.

Each function stands in for a method of `LocalTrade`; what is out of the ordinary is left to the original.
"""

from functools import lru_cache
from typing import Any

from freqtrade.enums import TradingMode
from freqtrade.exchange import exchange_utils
from freqtrade.exchange.exchange import TICK_SIZE
from freqtrade.persistence import LocalTrade

from cfsm.adapters.freqtrade.quick_numbers import (
    EXACT,
    exact,
    quick_amount_to_contract_precision,
    quick_price_to_precision,
)

_MOST_DECIMALS = 18
_KEPT = 1 << 12
_PROFIT_DIGITS = 8


@lru_cache(maxsize=_KEPT)
def _closing_factor(amount: float, fee: float, is_short: bool) -> Any:
    """Give what a rate is multiplied with to give the value of closing, exactly."""
    units = exact(amount)
    fees = EXACT.multiply(units, exact(fee))
    return EXACT.add(units, fees) if is_short else EXACT.subtract(units, fees)


@lru_cache(maxsize=_KEPT)
def _opening_value(amount: float, rate: float, fee: float, is_short: bool) -> float:
    value = EXACT.multiply(exact(amount), exact(rate))
    fees = EXACT.multiply(value, exact(fee))
    return float(EXACT.subtract(value, fees) if is_short else EXACT.add(value, fees))


def new_trade(**values: Any) -> LocalTrade:
    """Give what ``LocalTrade(...)`` gives where the values have the open trade's value among them."""
    trade: LocalTrade = object.__new__(LocalTrade)
    trade.__dict__ = values
    return trade


def quick_calc_open_trade_value(self: LocalTrade, amount: Any, open_rate: Any) -> float:
    """Do what `LocalTrade._calc_open_trade_value` does."""
    if type(amount) is not float or type(open_rate) is not float:
        value: float = _CALC_OPEN_TRADE_VALUE(self, amount, open_rate)
        return value
    return _opening_value(amount, open_rate, self.fee_open, self.is_short)


def quick_calc_close_trade_value(self: LocalTrade, rate: float, amount: float | None = None) -> float:
    """Do what `LocalTrade.calc_close_trade_value` does."""
    if self.trading_mode != TradingMode.FUTURES or rate is None:
        value: float = _CALC_CLOSE_TRADE_VALUE(self, rate, amount)
        return value
    factor = _closing_factor(amount or self.amount, self.fee_close or 0.0, self.is_short)
    closing = float(EXACT.multiply(factor, exact(rate)))
    funding = self.funding_fees or 0.0
    return closing - funding if self.is_short else closing + funding


def quick_calc_profit_ratio(
    self: LocalTrade, rate: float, amount: float | None = None, open_rate: float | None = None
) -> float:
    """Do what `LocalTrade.calc_profit_ratio` does."""
    if amount is not None or open_rate is not None:
        profit: float = _CALC_PROFIT_RATIO(self, rate, amount, open_rate)
        return profit
    opening = self.open_trade_value
    if opening == 0.0:
        return 0.0
    share = quick_calc_close_trade_value(self, rate) / opening
    ratio: float = round((1 - share if self.is_short else share - 1) * self.leverage, _PROFIT_DIGITS)
    return ratio


def quick_adjust_stop_loss(
    self: LocalTrade,
    current_price: float,
    stoploss: float | None,
    initial: bool = False,
    allow_refresh: bool = False,
) -> None:
    """Do what `LocalTrade.adjust_stop_loss` does, without its words for the log."""
    if stoploss is None or (initial and not (self.stop_loss is None or self.stop_loss == 0)):
        return
    distance = abs(stoploss / (self.leverage or 1.0))
    is_short = self.is_short
    rounding = exchange_utils.ROUND_DOWN if is_short else exchange_utils.ROUND_UP
    precision, mode = self.price_precision, self.precision_mode_price
    wanted = float(current_price * (1 + distance if is_short else 1 - distance))
    if not allow_refresh and self.initial_stop_loss_pct is not None and mode == TICK_SIZE and precision:
        slack = 1.01 * precision  # rounding moves a price by less than a step
        if wanted > self.stop_loss + slack if is_short else wanted < self.stop_loss - slack:
            return
    stop = quick_price_to_precision(wanted, precision, mode, rounding_mode=rounding)
    if self.initial_stop_loss_pct is None:
        self.initial_stop_loss = quick_price_to_precision(stop, precision, mode, rounding_mode=rounding)
        self.initial_stop_loss_pct = -1 * abs(stoploss)
    elif allow_refresh or (stop < self.stop_loss if is_short else stop > self.stop_loss):
        if not allow_refresh:
            self.is_stop_loss_trailing = True
        if not self.stop_loss:
            self.initial_stop_loss = stop
    else:
        return
    self.stop_loss = stop
    self.stop_loss_pct = -1 * abs(stoploss)


def quick_recalc_trade_from_orders(self: LocalTrade, *, is_closing: bool = False) -> None:
    """Do what `LocalTrade.recalc_trade_from_orders` does for a trade with one entry and at most one, whole, exit."""
    filled = [order for order in self.orders if not order.ft_is_open and order.filled]
    if not _is_simple(self, filled):
        _RECALC_TRADE_FROM_ORDERS(self, is_closing=is_closing)
        return
    entry = filled[0]
    self.funding_fees = 0.0 + (entry.funding_fee or 0.0)
    if len(filled) == 1:
        take_entry(self, entry.safe_price, entry.safe_amount_after_fee)
        if self.stop_loss_pct is not None:
            self.adjust_stop_loss(self.open_rate, self.stop_loss_pct)
    else:
        self.funding_fees += filled[1].funding_fee or 0.0
        leave = filled[1]
        take_exit(self, entry.safe_price, leave.safe_price, leave.safe_amount_after_fee, is_closing=is_closing)


def can_be_taken(price: float) -> bool:
    """Say whether an amount at this price, divided by the amount, is the price again in Freqtrade's arithmetic."""
    exponent = exact(price).as_tuple().exponent
    return price > 0 and isinstance(exponent, int) and exponent >= -_MOST_DECIMALS


def take_entry(trade: LocalTrade, price: float, amount: float) -> None:
    """Make a trade what its only order, an entry that was filled, says; but for its stop."""
    stake = float(EXACT.multiply(exact(price), exact(amount))) / (trade.leverage or 1.0)
    trade.max_stake_amount = trade.stake_amount = stake
    trade.open_rate = quick_price_to_precision(float(price), trade.price_precision, trade.precision_mode_price)
    trade.amount = quick_amount_to_contract_precision(
        float(amount), trade.amount_precision, trade.precision_mode, trade.contract_size
    )
    trade.fee_open_cost = trade.fee_open * stake
    trade.open_trade_value = _opening_value(trade.amount, trade.open_rate, trade.fee_open, trade.is_short)


def take_exit(trade: LocalTrade, entry_price: float, price: float, amount: float, *, is_closing: bool) -> None:
    """Give a trade the profit of its second order, which took out what the first brought in."""
    opening = _opening_value(amount, float(entry_price), trade.fee_open, trade.is_short)
    closing = quick_calc_close_trade_value(trade, price, amount)
    profit = round(opening - closing if trade.is_short else closing - opening, _PROFIT_DIGITS)
    ratio = (profit / opening) * trade.leverage if opening > 0 else 0.0
    trade.max_stake_amount = float(EXACT.multiply(exact(entry_price), exact(amount))) / (trade.leverage or 1.0)
    if ratio:
        trade.close_profit, trade.realized_profit, trade.close_profit_abs = ratio, 0.0 + profit, profit
    if is_closing and opening > 0:
        trade.close_profit, trade.close_profit_abs = ratio, 0.0 + profit


_RECALC_TRADE_FROM_ORDERS = LocalTrade.recalc_trade_from_orders


def _is_simple(trade: LocalTrade, filled: list[Any]) -> bool:
    if not 1 <= len(filled) <= 2 or any(order.ft_fee_base for order in filled):  # noqa: PLR2004 (entry and exit)
        return False
    entry = filled[0]
    if entry.ft_order_side != trade.entry_side:
        return False
    if not can_be_taken(entry.safe_price):
        return False
    if len(filled) == 1:
        return _tradable(trade, entry) > 0
    leave = filled[1]
    same: bool = leave.safe_amount_after_fee == entry.safe_amount_after_fee
    return leave.ft_order_side == trade.exit_side and same


def _tradable(trade: LocalTrade, entry: Any) -> float:
    amount = float(entry.safe_amount_after_fee)
    return quick_amount_to_contract_precision(amount, trade.amount_precision, trade.precision_mode, trade.contract_size)


_CALC_OPEN_TRADE_VALUE = LocalTrade._calc_open_trade_value  # noqa: SLF001 (Freqtrade has no other way to it)
_CALC_CLOSE_TRADE_VALUE = LocalTrade.calc_close_trade_value
_CALC_PROFIT_RATIO = LocalTrade.calc_profit_ratio

REPLACED = {
    "_calc_open_trade_value": quick_calc_open_trade_value,
    "calc_close_trade_value": quick_calc_close_trade_value,
    "calc_profit_ratio": quick_calc_profit_ratio,
    "adjust_stop_loss": quick_adjust_stop_loss,
    "recalc_trade_from_orders": quick_recalc_trade_from_orders,
}
"""The methods of `LocalTrade` that have a quick twin here."""
