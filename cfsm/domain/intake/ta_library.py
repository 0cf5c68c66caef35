"""Mends calls of the library ``ta``, which is not here: its indicators become TA-Lib's."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cfsm.domain.intake.code import Code, column_of, constant
from cfsm.domain.intake.repair import Repair

_TABLE = """
rsi RSI - window:timeperiod
ema_indicator EMA - window:timeperiod
sma_indicator SMA - window:timeperiod
wma WMA - window:timeperiod
kama KAMA - window:timeperiod
roc ROC - window:timeperiod
macd MACD macd window_slow:slowperiod,window_fast:fastperiod,window_sign:signalperiod
macd_signal MACD macdsignal window_slow:slowperiod,window_fast:fastperiod,window_sign:signalperiod
macd_diff MACD macdhist window_slow:slowperiod,window_fast:fastperiod,window_sign:signalperiod
adx ADX - window:timeperiod
adx_pos PLUS_DI - window:timeperiod
adx_neg MINUS_DI - window:timeperiod
cci CCI - window:timeperiod
average_true_range ATR - window:timeperiod
bollinger_hband BBANDS upperband window:timeperiod,window_dev:nbdevup+nbdevdn
bollinger_mavg BBANDS middleband window:timeperiod,window_dev:nbdevup+nbdevdn
bollinger_lband BBANDS lowerband window:timeperiod,window_dev:nbdevup+nbdevdn
stoch STOCH slowk window:fastk_period,smooth_window:slowd_period
stoch_signal STOCH slowd window:fastk_period,smooth_window:slowd_period
williams_r WILLR - lbp:timeperiod
money_flow_index MFI - window:timeperiod
on_balance_volume OBV - -
psar SAR - step:acceleration,max_step:maximum
aroon_up AROON aroonup window:timeperiod
aroon_down AROON aroondown window:timeperiod
"""
_REAL = frozenset({"nbdevup", "nbdevdn", "acceleration", "maximum"})


@dataclass(frozen=True)
class _Meaning:
    """What a function of ``ta`` is at TA-Lib: the function, the output (empty: the only one), settings by its names."""

    function: str
    output: str
    settings: Mapping[str, tuple[str, ...]]


def _meaning(line: str) -> tuple[str, _Meaning]:
    name, function, output, settings = line.split()
    pairs = [] if settings == "-" else [pair.split(":") for pair in settings.split(",")]
    named = {theirs: tuple(ours.split("+")) for theirs, ours in pairs}
    return name, _Meaning(function, "" if output == "-" else output, named)


MEANINGS = dict(map(_meaning, _TABLE.strip().splitlines()))


def talib_for_ta(code: Code) -> list[Repair]:
    """``RSIIndicator(dataframe["close"], window=14).rsi()`` is ``ta.RSI(dataframe, timeperiod=14)``."""
    repairs = []
    for node in code.nodes:
        found = _called(code, node) if isinstance(node, ast.Call) else None
        if found is None or not isinstance(node, ast.Call):
            continue
        meaning, source = found
        new = _talib(code, meaning, source)
        if new is not None and code.edits.replace(node, new):
            repairs.append(Repair("talib_for_ta", node.lineno, new))
    return repairs or _needless(code)


def _needless(code: Code) -> list[Repair]:
    """Take out the library's objects that nothing asks any more, as an earlier pass left them."""
    used = {node.id for node in code.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    repairs = []
    for node in code.nodes:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if not isinstance(node, ast.Assign) or not isinstance(target, ast.Name) or target.id in used:
            continue
        is_object = isinstance(node.value, ast.Call) and _is_of_ta(code, node.value.func)
        if is_object and code.edits.delete_lines(node.lineno, node.end_lineno or node.lineno):
            repairs.append(Repair("talib_for_ta", node.lineno, f"{target.id} is needed no more"))
    return repairs


def _called(code: Code, node: ast.Call) -> tuple[_Meaning, ast.Call] | None:
    """Give what a call means at TA-Lib, and the call that has its inputs and settings; None for any other call."""
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    meaning = MEANINGS.get(name)
    if meaning is None:
        return None
    if _is_of_ta(code, function):
        return meaning, node
    owner = function.value if isinstance(function, ast.Attribute) else None
    if isinstance(owner, ast.Name):
        owner = next(_made_of(code, owner.id), None)
    if isinstance(owner, ast.Call) and _is_of_ta(code, owner.func):
        return meaning, owner
    return None


def _made_of(code: Code, name: str) -> Iterator[ast.expr]:
    for node in code.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            yield node.value


def _is_of_ta(code: Code, function: ast.expr) -> bool:
    """Say whether a function or a class is the library's: ``ta.momentum.rsi``, or imported from there."""
    words = ast.unparse(function).split(".")
    module = code.bindings.get(words[0], "")
    return (module == "ta" and len(words) == 3) or module.startswith("ta.")  # noqa: PLR2004 - ta.module.name


def _talib(code: Code, meaning: _Meaning, call: ast.Call) -> str | None:
    """Give TA-Lib's call; None where the inputs are not columns of a dataframe."""
    inputs = [*call.args, *(each.value for each in call.keywords)]
    columns = [each for each in inputs if isinstance(each, ast.Subscript) and code.is_frame(each.value)]
    if not columns:
        return None
    frame = code.edits.segment(columns[0].value)
    first = column_of(columns[0])
    price = f', price="{first}"' if len(columns) == 1 and first not in {None, "close", "volume"} else ""
    numbers = [each for each in call.args if isinstance(constant(each), int | float)]
    given = dict(zip(meaning.settings, numbers, strict=False))
    given |= {each.arg: each.value for each in call.keywords if each.arg is not None and each.arg in meaning.settings}
    settings = [
        f"{ours}={_number(code, value, is_real=ours in _REAL)}"
        for theirs, value in given.items()
        for ours in meaning.settings[theirs]
    ]
    output = f'["{meaning.output}"]' if meaning.output else ""
    return f"ta.{meaning.function}({', '.join([frame, *settings])}{price}){output}"


def _number(code: Code, node: ast.expr, *, is_real: bool) -> str:
    value = constant(node)
    return repr(float(value)) if is_real and isinstance(value, int) else code.edits.segment(node)
