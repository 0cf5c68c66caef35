"""How Freqtrade calls callbacks, quick: with a copy of the trade, and with an answer for what they raise."""

from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Any

import freqtrade.strategy.strategy_wrapper as wrapper_module
import numpy as np
from freqtrade.enums import TradingMode
from freqtrade.exceptions import StrategyError
from freqtrade.persistence import LocalTrade

_IMMUTABLE = frozenset({float, int, bool, str, type(None), datetime, TradingMode, np.float64, np.bool_})


def copy_of(thing: Any) -> Any:
    """Give what `deepcopy` gives, quickly for trades: their own orders, the same immutable rest."""
    if not isinstance(thing, LocalTrade):
        return deepcopy(thing)
    twin = object.__new__(type(thing))
    values = vars(thing).copy()
    orders = values.pop("orders")
    if not _IMMUTABLE.issuperset(map(type, values.values())):
        values = {name: value if type(value) in _IMMUTABLE else deepcopy(value) for name, value in values.items()}
    values["orders"] = [_copy_of_order(order, twin) for order in orders]
    twin.__dict__ = values
    return twin


def _copy_of_order(order: Any, trade: LocalTrade) -> Any:
    twin = object.__new__(type(order))
    twin.__dict__ = vars(order) | {"_trade_bt": trade}
    return twin


def quick_safe_wrapper(
    function: Callable[..., Any], message: str = "", default_retval: Any = None, supress_error: bool = False
) -> Any:
    """Give what `strategy_safe_wrapper` gives; Freqtrade's own methods, which raise nothing, need no wrapper."""
    if getattr(function, "__qualname__", "").startswith("IStrategy."):
        is_wrapped = hasattr(function, "__wrapped__")
        return _SAFE_WRAPPER(function, message, default_retval, supress_error) if is_wrapped else function

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            if "trade" in kwargs:
                kwargs["trade"] = copy_of(kwargs["trade"])
            return function(*args, **kwargs)
        except Exception as error:
            _log(error, message, function)
            if default_retval is None and not supress_error:
                raise StrategyError(str(error)) from error
            return default_retval

    return call


_SAFE_WRAPPER = wrapper_module.strategy_safe_wrapper
_PLACE_OF_ERROR = vars(wrapper_module)["__format_traceback"]


def _log(error: Exception, message: str, function: Callable[..., Any]) -> None:
    """Say in Freqtrade's log what a callback raised, in Freqtrade's words."""
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next  # without the frame of `call`
    log = wrapper_module.logger
    if isinstance(error, ValueError):
        name = getattr(function, "__name__", str(function))
        where = _PLACE_OF_ERROR(error)
        log.warning(
            f"{message}Strategy caused the following exception: {error!r} in {where}, calling {name}"  # noqa: G004
        )
    else:
        log.exception(f"{message}Unexpected error {error!r} calling {function}", exc_info=error)  # noqa: G004, LOG004
