"""A strategy's callbacks, looked at while Freqtrade calls them: what they give back, and whether they are called."""

import functools
import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any

from freqtrade.strategy import IStrategy

from cfsm.adapters.freqtrade.findings import finding
from cfsm.adapters.freqtrade.strategy_errors import describe, line_of
from cfsm.domain.evaluation import Finding

CALLBACKS = (
    "leverage",
    "custom_stake_amount",
    "custom_stoploss",
    "custom_exit",
    "custom_roi",
    "custom_entry_price",
    "custom_exit_price",
    "confirm_trade_entry",
    "confirm_trade_exit",
    "adjust_trade_position",
    "adjust_entry_price",
    "adjust_exit_price",
    "adjust_order_price",
    "check_entry_timeout",
    "check_exit_timeout",
    "order_filled",
    "bot_start",
    "bot_loop_start",
)
_CALLED_IF = {
    "custom_stoploss": "use_custom_stoploss",
    "custom_roi": "use_custom_roi",
    "custom_exit": "use_exit_signal",
    "adjust_trade_position": "position_adjustment_enable",
}
_CONFIRMING = ("confirm_trade_entry", "confirm_trade_exit")

Note = Callable[[Finding], None]


def overrides(strategy: IStrategy, method: str) -> bool:
    """Say whether a strategy has a method of its own."""
    return getattr(type(strategy), method, None) is not getattr(IStrategy, method, None)


def watch(strategy: IStrategy, note: Note) -> None:
    """Stand between Freqtrade and the callbacks that must give something, and note what is none."""
    for name, is_right in _GIVEN.items():
        if overrides(strategy, name):
            setattr(strategy, name, _watched(name, getattr(strategy, name), is_right, note))


def uncalled(strategy: IStrategy) -> Iterator[Finding]:
    """Give the callbacks that Freqtrade does not call, since the attribute that says so is not set."""
    for name, attribute in _CALLED_IF.items():
        if overrides(strategy, name) and not getattr(strategy, attribute):
            line = line_of_definition(strategy, name)
            yield finding("CALLBACK_UNUSED", f"{name}() is never called: {attribute} is not True", line)


def wrong_signatures(strategy: IStrategy) -> Iterator[Finding]:
    """Give the callbacks that do not take the arguments that Freqtrade gives them by name."""
    for name in CALLBACKS:
        if not overrides(strategy, name):
            continue
        of_freqtrade = inspect.signature(getattr(IStrategy, name)).parameters
        given = [parameter for parameter in of_freqtrade if parameter not in {"self", "kwargs"}]
        try:
            inspect.signature(getattr(strategy, name)).bind(**dict.fromkeys(given))
        except (TypeError, ValueError) as error:
            yield finding("SIGNATURE", f"{name}(): {error}", line_of_definition(strategy, name))


def only_in_life(strategy: IStrategy) -> Iterator[Finding]:
    """Give what a running bot calls and a backtest does not, where that fails."""
    try:
        strategy.informative_pairs()
    except Exception as error:  # noqa: BLE001 (whatever it is, it is what is to be found)
        words = f"informative_pairs() raised {describe(error)}; a running bot calls it"
        yield finding("CALLBACK_FAILED", words, line_of(error.__traceback__))


def _watched(
    name: str, callback: Callable[..., Any], is_right: Callable[[Any], bool], note: Note
) -> Callable[..., Any]:
    code = "CONFIRM_NONE" if name in _CONFIRMING else "CALLBACK_VALUE"

    @functools.wraps(callback)
    def watched(*args: Any, **kwargs: Any) -> Any:
        given = callback(*args, **kwargs)
        if not is_right(given):
            note(finding(code, f"{name}() gave {_shown(given)}", _line_of(callback)))
        return given

    return watched


def _shown(value: Any) -> str:
    try:
        return repr(value)[:60]
    except Exception:  # noqa: BLE001 (an object of the strategy's own may do anything)
        return type(value).__name__


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, str) and math.isfinite(value)
    except (TypeError, ValueError):
        return False


_GIVEN: dict[str, Callable[[Any], bool]] = {
    "leverage": _is_number,
    "custom_stake_amount": _is_number,
    "custom_stoploss": lambda given: given is None or _is_number(given),
    "custom_roi": lambda given: given is None or _is_number(given),
    "custom_entry_price": lambda given: given is None or _is_number(given),
    "custom_exit_price": lambda given: given is None or _is_number(given),
    **dict.fromkeys(_CONFIRMING, lambda given: given is not None),
}


def line_of_definition(strategy: IStrategy, name: str) -> int | None:
    """Give the line where a strategy defines a method."""
    return _line_of(getattr(type(strategy), name))


def _line_of(function: Any) -> int | None:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_firstlineno if code else None
