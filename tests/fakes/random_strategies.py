"""Strategies drawn from a seed, each with another mix of what Freqtrade offers, for comparing engines."""

from random import Random

NAME = "RandomStrategy"
TIMEFRAMES = ("15m", "1h")

_HEAD = """\
from datetime import timedelta

import numpy as np
import talib.abstract as ta

from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy, merge_informative_pair, stoploss_from_absolute, stoploss_from_open


class RandomStrategy(IStrategy):
    INTERFACE_VERSION = 3
"""

_SIGNALS = (
    '(dataframe["fast"] > dataframe["slow"]) & (dataframe["fast"].shift(1) <= dataframe["slow"].shift(1))',
    '(dataframe["fast"] < dataframe["slow"]) & (dataframe["fast"].shift(1) >= dataframe["slow"].shift(1))',
    'dataframe["rsi"] < {low}',
    'dataframe["rsi"] > {high}',
    '(dataframe["close"] < dataframe["lower"])',
    '(dataframe["close"] > dataframe["upper"])',
    '(dataframe["adx"] > 25) & (dataframe["close"] > dataframe["slow"])',
    'dataframe["volume"] > dataframe["volume"].rolling(20).mean() * 2',
)

_CALLBACKS = {
    "leverage": """
    def leverage(self, pair, current_time, current_rate, proposed_leverage, max_leverage, entry_tag, side, **kwargs):
        return min({leverage}, max_leverage)
""",
    "stake": """
    def custom_stake_amount(self, pair, current_time, current_rate, proposed_stake, min_stake, max_stake, leverage,
                            entry_tag, side, **kwargs):
        return proposed_stake * (0.5 if side == "short" else 0.8)
""",
    "confirm entry": """
    def confirm_trade_entry(self, pair, order_type, amount, rate, time_in_force, current_time, entry_tag, side, **kwargs):
        candles, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
        others = [
            (trade.pair, trade.max_rate, trade.min_rate, trade.stop_loss, trade.funding_fees)
            for trade in Trade.get_trades_proxy(is_open=True)
        ]
        seen = repr((len(candles), float(candles["close"].iloc[-1]), others, self.wallets.get_free("USDT")))
        other, _ = self.dp.get_analyzed_dataframe(self.dp.current_whitelist()[-1], self.timeframe)
        seen += repr((len(other), float(other["close"].iloc[-1]) if len(other) else 0))
        return sum(seen.encode()) % {modulus} != 0
""",
    "confirm exit": """
    def confirm_trade_exit(self, pair, trade, order_type, amount, rate, time_in_force, exit_reason, current_time, **kwargs):
        seen = repr((trade.max_rate, trade.min_rate, trade.funding_fees, rate))
        return exit_reason in ("stop_loss", "liquidation") or sum(seen.encode()) % {modulus} != 0
""",
    "entry price": """
    def custom_entry_price(self, pair, trade, current_time, proposed_rate, entry_tag, side, **kwargs):
        return proposed_rate * (1.{away} if side == "short" else 0.99{away})
""",
    "exit price": """
    def custom_exit_price(self, pair, trade, current_time, proposed_rate, current_profit, exit_tag, **kwargs):
        return proposed_rate * (0.999 if trade.is_short else 1.001)
""",
    "custom exit": """
    def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs):
        if current_time - trade.open_date_utc > timedelta(hours={hours}):
            return "too_long"
        if current_profit > {profit}:
            return True
        return None
""",
    "custom stoploss": """
    use_custom_stoploss = True

    def custom_stoploss(self, pair, trade, current_time, current_rate, current_profit, after_fill, **kwargs):
        if current_profit > {profit}:
            return stoploss_from_open(0.005, current_profit, is_short=trade.is_short, leverage=trade.leverage)
        return None if after_fill else -{stop}
""",
    "custom roi": """
    use_custom_roi = True

    def custom_roi(self, pair, trade, current_time, trade_duration, entry_tag, side, **kwargs):
        return {profit} if trade_duration > {hours} * 60 else None
""",
    "adjust position": """
    position_adjustment_enable = True
    max_entry_position_adjustment = 2

    def adjust_trade_position(self, trade, current_time, current_rate, current_profit, min_stake, max_stake,
                              current_entry_rate, current_exit_rate, current_entry_profit, current_exit_profit, **kwargs):
        if trade.has_open_orders:
            return None
        if current_profit < -{stop} / 3 and trade.nr_of_successful_entries < 3:
            return trade.stake_amount / 2
        if current_profit > {profit} / 2 and trade.nr_of_successful_exits == 0:
            return -trade.stake_amount / 2
        return None
""",
    "order filled": """
    def order_filled(self, pair, trade, order, current_time, **kwargs):
        trade.set_custom_data("filled", order.safe_price)
""",
    "adjust order": """
    def adjust_order_price(self, trade, order, pair, current_time, proposed_rate, current_order_rate, entry_tag, side,
                           is_entry, **kwargs):
        return current_order_rate if is_entry else proposed_rate
""",
    "stop by candles": """
    use_custom_stoploss = True

    def custom_stoploss(self, pair, trade, current_time, current_rate, current_profit, **kwargs):
        candles, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
        other, _ = self.dp.get_analyzed_dataframe(self.dp.current_whitelist()[0], self.timeframe)
        distance = (candles["upper"].iat[-1] - candles["lower"].iat[-1]) * (1 + len(other) % {modulus} / 10)
        side = 1 if trade.is_short else -1
        return stoploss_from_absolute(
            current_rate + side * distance, current_rate, is_short=trade.is_short, leverage=trade.leverage
        )
""",
    "new settings": """
    def bot_start(self, **kwargs):
        self.taken = 0

    def leverage(self, pair, current_time, current_rate, proposed_leverage, max_leverage, entry_tag, side, **kwargs):
        self.taken += 1
        self.stoploss = -0.03 - 0.01 * (self.taken % 3)
        self.minimal_roi = {{0: 0.02 + 0.01 * (self.taken % 4), 60: 0.01}}
        return 2.0
""",
}

_PROTECTIONS = """
    @property
    def protections(self):
        return [
            {{"method": "CooldownPeriod", "stop_duration_candles": {candles}}},
            {{"method": "StoplossGuard", "lookback_period_candles": 48, "trade_limit": 2, "stop_duration_candles": 12}},
            {{"method": "LowProfitPairs", "lookback_period_candles": 48, "trade_limit": 2, "stop_duration_candles": 6,
              "required_profit": 0.01}},
            {{"method": "MaxDrawdown", "lookback_period_candles": 200, "trade_limit": 3, "stop_duration_candles": 10,
              "max_allowed_drawdown": {drawdown}, "calculation_mode": "{mode}"}},
        ]
"""


def random_strategy(seed, *, ordinary=False):
    """The source of the strategy of this seed; the same every time. An ordinary one has at most `leverage`."""
    draw = Random(seed)
    callbacks = _leverage if ordinary else _callbacks
    lines = [_HEAD, *_attributes(draw), _indicators(draw), _signals(draw), *callbacks(draw)]
    if draw.random() < 0.4:
        drawdown, mode = draw.choice([0.01, 0.03]), draw.choice(["ratios", "equity"])
        lines.append(_PROTECTIONS.format(candles=draw.randint(1, 6), drawdown=drawdown, mode=mode))
    return "".join(lines)


def _attributes(draw):
    yield f'    timeframe = "{draw.choice(TIMEFRAMES)}"\n'
    yield f"    can_short = {draw.random() < 0.7}\n"
    yield f"    stoploss = -{draw.choice([0.01, 0.02, 0.04, 0.08, 0.2, 0.5])}\n"
    yield f"    startup_candle_count = {draw.choice([0, 10, 40])}\n"
    steps = sorted(draw.sample([0, 15, 30, 60, 120, 240, 480, 1000], draw.randint(1, 4)))
    steps = [0, *steps[1:]] if draw.random() < 0.8 else steps
    returns = sorted((draw.choice([0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 10.0]) for _ in steps), reverse=True)
    if draw.random() < 0.2:
        returns[-1] = draw.choice([-1, 0.0])
    yield f"    minimal_roi = {{{', '.join(f'{chr(34)}{a}{chr(34)}: {b}' for a, b in zip(steps, returns, strict=True))}}}\n"
    if draw.random() < 0.4:
        positive = draw.choice([None, 0.005, 0.01, 0.02])
        offset = (positive or 0.0) + draw.choice([0.0, 0.005, 0.02])
        only = offset > 0 and draw.random() < 0.5
        if positive is not None and offset <= positive:
            offset, only = 0.0, False
        yield f"    trailing_stop = True\n    trailing_stop_positive = {positive}\n"
        yield f"    trailing_stop_positive_offset = {offset if positive is not None else 0.0}\n"
        yield f"    trailing_only_offset_is_reached = {only and positive is not None}\n"
    yield f"    use_exit_signal = {draw.random() < 0.8}\n    exit_profit_only = {draw.random() < 0.2}\n"
    yield f"    exit_profit_offset = {draw.choice([0.0, 0.01])}\n"
    yield f"    ignore_roi_if_entry_signal = {draw.random() < 0.2}\n"
    kind = draw.choice(["limit", "limit", "market"])
    yield f'    order_types = {{"entry": "{kind}", "exit": "{kind}", "stoploss": "market", "stoploss_on_exchange": False}}\n'
    if draw.random() < 0.5:
        yield f'    unfilledtimeout = {{"entry": {draw.choice([10, 60])}, "exit": {draw.choice([10, 60])}, "unit": "minutes"}}\n'


def _indicators(draw):
    text = f"""
    def populate_indicators(self, dataframe, metadata):
        dataframe["fast"] = ta.EMA(dataframe, timeperiod={draw.randint(3, 12)})
        dataframe["slow"] = ta.EMA(dataframe, timeperiod={draw.randint(13, 40)})
        dataframe["rsi"] = ta.RSI(dataframe, timeperiod={draw.randint(5, 20)})
        dataframe["adx"] = ta.ADX(dataframe, timeperiod=14)
        bands = ta.BBANDS(dataframe, timeperiod=20, nbdevup=2.0, nbdevdn=2.0)
        dataframe["upper"] = bands["upperband"]
        dataframe["lower"] = bands["lowerband"]
"""
    if draw.random() < 0.3:
        text += """        four = self.dp.get_pair_dataframe(metadata["pair"], "4h")
        four["trend"] = ta.EMA(four, timeperiod=5)
        dataframe = merge_informative_pair(dataframe, four, self.timeframe, "4h", ffill=True)
"""
    return text + "        return dataframe\n"


def _signals(draw):
    def condition():
        words = draw.choice(_SIGNALS).format(low=draw.randint(25, 45), high=draw.randint(55, 75))
        return f"({words})" if draw.random() < 0.7 else f"({words}) & (dataframe['volume'] > 0)"

    text = "\n    def populate_entry_trend(self, dataframe, metadata):\n"
    text += f'        dataframe.loc[{condition()}, "enter_long"] = 1\n'
    if draw.random() < 0.8:
        text += f'        dataframe.loc[{condition()}, "enter_short"] = 1\n'
    if draw.random() < 0.4:
        text += f'        dataframe.loc[{condition()}, "enter_tag"] = "tagged"\n'
    text += "        return dataframe\n\n    def populate_exit_trend(self, dataframe, metadata):\n"
    if draw.random() < 0.7:
        text += f'        dataframe.loc[{condition()}, ["exit_long", "exit_tag"]] = (1, "out")\n'
    if draw.random() < 0.7:
        text += f'        dataframe.loc[{condition()}, "exit_short"] = 1\n'
    return text + "        return dataframe\n"


def _leverage(draw):
    if draw.random() < 0.7:
        yield _CALLBACKS["leverage"].format(leverage=draw.choice([1.0, 2.0, 5.0, 20.0, 75.0]))


def _callbacks(draw):
    names = [name for name in _CALLBACKS if draw.random() < 0.18]
    if "new settings" in names and "leverage" in names:
        names.remove("leverage")
    if "stop by candles" in names and "custom stoploss" in names:
        names.remove("custom stoploss")
    for name in names:
        yield _CALLBACKS[name].format(
            leverage=draw.choice([1.0, 2.0, 5.0, 20.0]),
            modulus=draw.randint(2, 7),
            away=draw.choice(["001", "004", "01"]),
            hours=draw.choice([2, 6, 24]),
            profit=draw.choice([0.01, 0.02, 0.04]),
            stop=draw.choice([0.01, 0.03, 0.08]),
        )
