"""Freqtrade's wallets during a backtest of isolated futures, quick: the same balances."""

from typing import Any

from freqtrade.enums import MarginMode, TradingMode
from freqtrade.persistence import LocalTrade
from freqtrade.wallets import PositionWallet, Wallet, Wallets

_TOLERATED = 1.3


def quick_update(self: Wallets, require_update: bool = True) -> None:
    """Do what `Wallets.update` does."""
    config = self._config
    is_plain = config.get("trading_mode") == TradingMode.FUTURES and config.get("margin_mode") == MarginMode.ISOLATED
    if not self._is_backtest or not is_plain or not require_update:
        _UPDATE(self, require_update)
        return
    trades = LocalTrade.bt_trades_open
    profit = LocalTrade.bt_total_profit + sum([trade.realized_profit for trade in trades])
    tied_up = sum([trade.stake_amount for trade in trades])
    capital = self._start_cap
    free = capital.get(self._stake_currency, 0) + profit - tied_up
    wallets = {self._stake_currency: Wallet(self._stake_currency, free + 0.0, tied_up, free + tied_up)}
    for currency, balance in capital.items():
        if currency not in wallets:
            wallets[currency] = Wallet(currency, balance, 0, balance)
    self._wallets = wallets
    self._positions = {
        trade.pair: PositionWallet(trade.pair, trade.amount, trade.leverage, trade.stake_amount, trade.trade_direction)
        for trade in trades
    }


_UPDATE = Wallets.update


def validated_stake(stake: Any, minimum: float, allowed: float) -> float:
    """Give what `Wallets.validate_stake_amount` makes of the stake of a new trade; zero where there can be none."""
    if not stake or isinstance(stake, str) or stake <= 0 or minimum > allowed:
        return 0
    if stake < minimum:
        if stake * _TOLERATED < minimum:
            return 0
        stake = minimum
    amount: float = min(stake, allowed)
    return amount
