"""What a strategy may name and where it lives; Freqtrade's callbacks; names of its older interface."""

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_STRATEGY = "from freqtrade.strategy import {}"
_PERSISTENCE = "from freqtrade.persistence import {}"
_TYPING = "from typing import {}"

IMPORTS: Mapping[str, str] = {
    "ta": "import talib.abstract as ta",
    "pta": "import pandas_ta as pta",
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "numpy": "import numpy",
    "pandas": "import pandas",
    "math": "import math",
    "logging": "import logging",
    "qtpylib": "from technical import qtpylib",
    "DataFrame": "from pandas import DataFrame",
    "Series": "from pandas import Series",
    "datetime": "from datetime import datetime",
    "timedelta": "from datetime import timedelta",
    "timezone": "from datetime import timezone",
    "reduce": "from functools import reduce",
    "DataProvider": "from freqtrade.data.dataprovider import DataProvider",
    **{
        name: _STRATEGY.format(name)
        for name in (
            "IStrategy",
            "IntParameter",
            "DecimalParameter",
            "RealParameter",
            "CategoricalParameter",
            "BooleanParameter",
            "informative",
            "merge_informative_pair",
            "stoploss_from_open",
            "stoploss_from_absolute",
            "timeframe_to_minutes",
            "timeframe_to_prev_date",
            "timeframe_to_next_date",
            "timeframe_to_seconds",
        )
    },
    **{name: _PERSISTENCE.format(name) for name in ("Trade", "Order", "PairLocks")},
    **{name: f"from freqtrade.optimize.space import {name}" for name in ("Categorical", "Dimension", "SKDecimal")},
    **{
        name: _TYPING.format(name)
        for name in ("Optional", "Union", "Dict", "List", "Tuple", "Any", "Callable", "Literal")
    },
}
"""The line that imports a name, for names that mean one thing in strategies."""

FREQTRADE_MODULES = frozenset(
    {
        "freqtrade.strategy",
        "freqtrade.strategy.interface",
        "freqtrade.strategy.parameters",
        "freqtrade.strategy.informative_decorator",
        "freqtrade.strategy.strategy_helper",
        "freqtrade.persistence",
        "freqtrade.persistence.trade_model",
        "freqtrade.data.dataprovider",
        "freqtrade.enums",
        "freqtrade.exchange",
        "freqtrade.constants",
        "freqtrade.optimize.space",
        "freqtrade.exceptions",
    }
)
"""Modules of Freqtrade that exist and that strategies import from."""

STRATEGY_EXPORTS = frozenset(
    name
    for name, line in IMPORTS.items()
    if line.startswith(("from freqtrade.strategy ", "from freqtrade.persistence "))
) | {"timeframe_to_msecs", "AnnotationType"}
"""What can be imported from freqtrade.strategy."""

QTPYLIB = _words(
    """atr awesome_oscillator bollinger_bands cci chopiness crossed crossed_above crossed_below heikinashi hma
    hull_moving_average ibs implied_volatility keltner_channel log_returns macd mid_price pvt returns roc
    rolling_max rolling_mean rolling_min rolling_std rolling_vwap rolling_weighted_mean rsi session sma stoch tdi
    true_range typical_price vwap weighted_bollinger_bands wma zlema zlhma zlma zlsma zscore"""
)
"""Functions of technical.qtpylib."""

QTPYLIB_ALIASES: Mapping[str, str] = {
    "cross_above": "crossed_above",
    "crosses_above": "crossed_above",
    "crossover": "crossed_above",
    "cross_over": "crossed_above",
    "crossed_over": "crossed_above",
    "cross_up": "crossed_above",
    "cross_below": "crossed_below",
    "crosses_below": "crossed_below",
    "crossunder": "crossed_below",
    "cross_under": "crossed_below",
    "crossed_under": "crossed_below",
    "cross_down": "crossed_below",
    "heikin_ashi": "heikinashi",
    "heiken_ashi": "heikinashi",
    "bollinger": "bollinger_bands",
    "bbands": "bollinger_bands",
    "keltner": "keltner_channel",
    "typicalprice": "typical_price",
}

SAFE_ROOTS = _words(
    """numpy pandas talib technical pandas_ta scipy sklearn freqtrade datetime typing typing_extensions functools
    math logging __future__ statistics collections decimal itertools enum dataclasses abc warnings time operator
    copy random dateutil zoneinfo numbers fractions bisect heapq string re textwrap types cmath
    calendar"""
)
"""Packages that a strategy may import; an import of another one that nothing uses is dropped."""

CALLBACKS: Mapping[str, tuple[str, ...]] = {
    "bot_start": (),
    "bot_loop_start": ("current_time",),
    "leverage": (
        "pair",
        "current_time",
        "current_rate",
        "proposed_leverage",
        "max_leverage",
        "entry_tag",
        "side",
    ),
    "custom_stake_amount": (
        "pair",
        "current_time",
        "current_rate",
        "proposed_stake",
        "min_stake",
        "max_stake",
        "leverage",
        "entry_tag",
        "side",
    ),
    "custom_stoploss": ("pair", "trade", "current_time", "current_rate", "current_profit", "after_fill"),
    "custom_exit": ("pair", "trade", "current_time", "current_rate", "current_profit"),
    "custom_roi": ("pair", "trade", "current_time", "trade_duration", "entry_tag", "side"),
    "custom_entry_price": ("pair", "trade", "current_time", "proposed_rate", "entry_tag", "side"),
    "custom_exit_price": ("pair", "trade", "current_time", "proposed_rate", "current_profit", "exit_tag"),
    "confirm_trade_entry": (
        "pair",
        "order_type",
        "amount",
        "rate",
        "time_in_force",
        "current_time",
        "entry_tag",
        "side",
    ),
    "confirm_trade_exit": (
        "pair",
        "trade",
        "order_type",
        "amount",
        "rate",
        "time_in_force",
        "exit_reason",
        "current_time",
    ),
    "adjust_trade_position": (
        "trade",
        "current_time",
        "current_rate",
        "current_profit",
        "min_stake",
        "max_stake",
        "current_entry_rate",
        "current_exit_rate",
        "current_entry_profit",
        "current_exit_profit",
    ),
    "adjust_entry_price": (
        "trade",
        "order",
        "pair",
        "current_time",
        "proposed_rate",
        "current_order_rate",
        "entry_tag",
        "side",
    ),
    "adjust_exit_price": (
        "trade",
        "order",
        "pair",
        "current_time",
        "proposed_rate",
        "current_order_rate",
        "entry_tag",
        "side",
    ),
    "check_entry_timeout": ("pair", "trade", "order", "current_time"),
    "check_exit_timeout": ("pair", "trade", "order", "current_time"),
    "order_filled": ("pair", "trade", "order", "current_time"),
}
"""The callbacks of Freqtrade, each with what it is called with, by keyword."""

ARGUMENT_ALIASES: Mapping[str, tuple[str, ...]] = {
    "price": ("current_rate", "rate", "proposed_rate"),
    "current_price": ("current_rate", "rate", "proposed_rate"),
    "rate": ("current_rate", "proposed_rate"),
    "entry_price": ("rate", "proposed_rate"),
    "profit": ("current_profit",),
    "current_profit_ratio": ("current_profit",),
    "profit_ratio": ("current_profit",),
    "time": ("current_time",),
    "date": ("current_time",),
    "now": ("current_time",),
    "current_date": ("current_time",),
    "timestamp": ("current_time",),
    "trade_side": ("side",),
    "direction": ("side",),
    "position_side": ("side",),
    "proposed": ("proposed_leverage", "proposed_stake"),
    "max_lev": ("max_leverage",),
    "stake": ("proposed_stake",),
    "stake_amount": ("proposed_stake",),
    "tag": ("entry_tag",),
    "buy_tag": ("entry_tag",),
    "enter_tag": ("entry_tag",),
    "sell_reason": ("exit_reason",),
    "reason": ("exit_reason",),
    "symbol": ("pair",),
    "market": ("pair",),
}
"""Names that models give to arguments of callbacks, and what they can mean."""

OLD_METHODS: Mapping[str, str] = {
    "populate_buy_trend": "populate_entry_trend",
    "populate_sell_trend": "populate_exit_trend",
    "custom_sell": "custom_exit",
    "check_buy_timeout": "check_entry_timeout",
    "check_sell_timeout": "check_exit_timeout",
}

WRONG_METHODS: Mapping[str, str] = {
    "populate_entry": "populate_entry_trend",
    "populate_entries": "populate_entry_trend",
    "populate_entry_signal": "populate_entry_trend",
    "populate_entry_signals": "populate_entry_trend",
    "populate_enter_trend": "populate_entry_trend",
    "populate_long_trend": "populate_entry_trend",
    "populate_buy_signal": "populate_entry_trend",
    "populate_buy_signals": "populate_entry_trend",
    "populate_exit": "populate_exit_trend",
    "populate_exits": "populate_exit_trend",
    "populate_exit_signal": "populate_exit_trend",
    "populate_exit_signals": "populate_exit_trend",
    "populate_sell_signal": "populate_exit_trend",
    "populate_sell_signals": "populate_exit_trend",
    "populate_indicator": "populate_indicators",
    "populate_indicators_trend": "populate_indicators",
    "add_indicators": "populate_indicators",
    "calculate_indicators": "populate_indicators",
    "compute_indicators": "populate_indicators",
    "popola_indicatori": "populate_indicators",
    "generate_entry_signals": "populate_entry_trend",
    "generate_entry_signal": "populate_entry_trend",
    "generate_entries": "populate_entry_trend",
    "entry_signals": "populate_entry_trend",
    "populate_entry_conditions": "populate_entry_trend",
    "popola_ingressi": "populate_entry_trend",
    "popola_entrate": "populate_entry_trend",
    "generate_exit_signals": "populate_exit_trend",
    "generate_exit_signal": "populate_exit_trend",
    "generate_exits": "populate_exit_trend",
    "exit_signals": "populate_exit_trend",
    "populate_exit_conditions": "populate_exit_trend",
    "populate_close_trend": "populate_exit_trend",
    "popola_uscite": "populate_exit_trend",
}
"""Names near the right ones, with the same meaning."""

OLD_ATTRIBUTES: Mapping[str, str] = {
    "use_sell_signal": "use_exit_signal",
    "sell_profit_only": "exit_profit_only",
    "sell_profit_offset": "exit_profit_offset",
    "ignore_roi_if_buy_signal": "ignore_roi_if_entry_signal",
}

OLD_COLUMNS: Mapping[str, str] = {
    "buy": "enter_long",
    "sell": "exit_long",
    "buy_tag": "enter_tag",
    "sell_tag": "exit_tag",
}

OLD_ORDER_KEYS: Mapping[str, str] = {
    "buy": "entry",
    "sell": "exit",
    "forcebuy": "force_entry",
    "force_buy": "force_entry",
    "forcesell": "force_exit",
    "force_sell": "force_exit",
    "emergencysell": "emergency_exit",
    "emergency_sell": "emergency_exit",
    "forceexit": "force_exit",
    "forceentry": "force_entry",
    "emergencyexit": "emergency_exit",
}

ORDER_DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "order_types": {
        "entry": '"limit"',
        "exit": '"limit"',
        "stoploss": '"market"',
        "stoploss_on_exchange": "False",
    },
    "order_time_in_force": {"entry": '"GTC"', "exit": '"GTC"'},
}
"""Keys that Freqtrade requires, with what it uses itself."""

TRADE_ATTRIBUTES: Mapping[str, str] = {
    "side": "trade_direction",
    "direction": "trade_direction",
    "open_price": "open_rate",
    "entry_price": "open_rate",
    "entry_rate": "open_rate",
    "close_price": "close_rate",
    "open_time": "open_date_utc",
    "entry_time": "open_date_utc",
}
"""Attributes that models give to trades, and what a trade really has."""

STRATEGY_ATTRIBUTES = _words(
    """INTERFACE_VERSION adjust_entry_price adjust_exit_price adjust_order_price adjust_trade_position
    advise_all_indicators advise_entry advise_exit advise_indicators analyze analyze_pair analyze_ticker
    bot_loop_start bot_start can_short check_buy_timeout check_entry_timeout check_exit_timeout
    check_sell_timeout config confirm_trade_entry confirm_trade_exit custom_entry_price custom_exit
    custom_exit_price custom_roi custom_sell custom_stake_amount custom_stoploss disable_dataframe_checks dp
    enumerate_parameters exit_profit_offset exit_profit_only feature_engineering_expand_all
    feature_engineering_expand_basic feature_engineering_standard ft_advise_signals ft_bot_cleanup
    ft_bot_start ft_check_timed_out ft_load_hyper_params ft_plot_annotations ft_set_special_params_from_file
    ft_stoploss_adjust ft_stoploss_reached gather_informative_pairs get_entry_signal get_exit_signal
    get_latest_candle get_no_optimize_params get_strategy_name ignore_buying_expired_candle_after
    ignore_expired_candle ignore_roi_if_entry_signal informative_pairs is_pair_locked leverage
    load_freqAI_model load_params_from_file lock_pair market_direction max_entry_position_adjustment
    max_open_trades min_roi_reached min_roi_reached_entry minimal_roi order_filled order_time_in_force
    order_types plot_annotations plot_config populate_any_indicators populate_buy_trend populate_entry_trend
    populate_exit_trend populate_indicators populate_sell_trend position_adjustment_enable
    process_only_new_candles protections set_freqai_targets should_exit stake_currency startup_candle_count
    stoploss timeframe trailing_only_offset_is_reached trailing_stop trailing_stop_positive
    trailing_stop_positive_offset unlock_pair unlock_reason use_custom_roi use_custom_stoploss use_exit_signal
    version wallets
    freqai freqai_info stake_amount unfilledtimeout"""
)
"""What every strategy has of IStrategy and of the configuration, by name; ``freqai`` where that is switched on."""

ENTRY_COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "enter",
            "entry",
            "long",
            "entry_long",
            "long_entry",
            "buy_signal",
            "enter_buy",
            "go_long",
            "long_signal",
            "enter_long",
            "entra_long",
            "ingresso_long",
            "apri_long",
            "compra",
            "open_long",
        ),
        "enter_long",
    ),
    **dict.fromkeys(
        (
            "short",
            "entry_short",
            "short_entry",
            "go_short",
            "enter_sell",
            "short_signal",
            "sell_short",
            "enter_short",
            "entra_short",
            "ingresso_short",
            "apri_short",
            "vendi",
            "open_short",
        ),
        "enter_short",
    ),
}
EXIT_COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "exit",
            "close_long",
            "long_exit",
            "sell_signal",
            "exit_signal",
            "exit_buy",
            "close_position",
            "exit_long",
            "esci_long",
            "uscita_long",
            "chiudi_long",
        ),
        "exit_long",
    ),
    **dict.fromkeys(
        (
            "close_short",
            "short_exit",
            "cover",
            "buy_to_cover",
            "exit_sell",
            "exit_short",
            "esci_short",
            "uscita_short",
            "chiudi_short",
        ),
        "exit_short",
    ),
}
"""Names that models give to signal columns."""

TIMEFRAMES = frozenset({"1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w"})
