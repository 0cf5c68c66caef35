"""What a bot that was killed had half done is finished when it starts again.

Freqtrade saves a new trade with its filled order, and books the fill (fee, liquidation price) in a second transaction;
it saves a closed trade, and locks its pair in a second one. A bot that is killed between the two would stay so: at its
start Freqtrade asks the exchange what became of its orders, but not in dry-run mode, where no exchange knows them.
"""

import logging
from datetime import UTC, datetime

from freqtrade.constants import NON_OPEN_EXCHANGE_STATES
from freqtrade.exchange import timeframe_to_next_date
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.persistence import PairLocks, Trade

log = logging.getLogger(__name__)

_AUTOMATIC = "Auto lock"
"""Why Freqtrade locks the pair of a trade that it closed."""


def finish_what_was_begun() -> None:
    """Let Freqtrade do so whenever it starts up."""
    startup = FreqtradeBot.startup

    def resume(bot: FreqtradeBot) -> None:
        startup(bot)
        for trade in Trade.get_open_trades():
            _book(bot, trade)
        for trade in Trade.get_trades([Trade.is_open.is_(False)]).all():
            _lock(bot, trade)

    FreqtradeBot.startup = resume


def _book(bot: FreqtradeBot, trade: Trade) -> None:
    """Book the fill of an entry that was filled as it was placed, if that was not done."""
    filled = trade.select_order(trade.entry_side, is_open=False, only_filled=True)
    if trade.has_open_orders or trade.fee_updated(trade.entry_side) or filled is None:
        return
    if filled.status not in NON_OPEN_EXCHANGE_STATES:
        return
    log.info("booking the fill of %s, which an end cut short", trade)
    # What is filled at once takes from the book.
    order = bot.exchange.add_dry_order_fee(trade.pair, filled.to_ccxt_object(), "taker")
    bot.update_trade_state(trade, filled.order_id, order, send_msg=False)


def _lock(bot: FreqtradeBot, trade: Trade) -> None:
    """Lock the pair of a trade that was closed within this candle, if that was not done."""
    closed = trade.close_date_utc
    if closed is None or timeframe_to_next_date(bot.strategy.timeframe, closed) <= datetime.now(UTC):
        return
    locks = (lock for lock in PairLocks.get_all_locks() if lock.pair == trade.pair and lock.reason == _AUTOMATIC)
    if not any(lock.lock_time.replace(tzinfo=UTC) >= closed for lock in locks):
        log.info("locking %s, which an end cut short", trade.pair)
        bot.handle_protections(trade.pair, trade.trade_direction)
