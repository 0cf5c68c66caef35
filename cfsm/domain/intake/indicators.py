"""Mends calls of TA-Lib: names and kinds of settings, names of outputs, outputs unpacked from a dataframe."""

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cfsm.domain.intake.code import Code, column_of, constant
from cfsm.domain.intake.imports import TALIB_MODULE
from cfsm.domain.intake.known import IMPORTS
from cfsm.domain.intake.repair import Repair
from cfsm.domain.intake.talib_table import TALIB, Indicator

SETTING_ALIASES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("length", "period", "window", "n", "time_period", "periods", "timeframe", "len"), ("timeperiod",)),
    **dict.fromkeys(("fast", "fast_period", "fastlength", "fast_length", "fastPeriod"), ("fastperiod",)),
    **dict.fromkeys(("slow", "slow_period", "slowlength", "slow_length", "slowPeriod"), ("slowperiod",)),
    **dict.fromkeys(("signal", "signal_period", "signallength", "smooth", "signalPeriod"), ("signalperiod",)),
    **dict.fromkeys(("nbdev", "std", "stds", "stddev", "dev", "deviation", "num_std"), ("nbdevup", "nbdevdn")),
    **dict.fromkeys(("nbdev_up", "std_up", "nbdevUp"), ("nbdevup",)),
    **dict.fromkeys(("nbdev_dn", "nbdevdown", "std_dn", "nbdev_down", "nbdevDn"), ("nbdevdn",)),
    **dict.fromkeys(("fastk", "k", "fastkperiod", "k_period", "fastK_period"), ("fastk_period",)),
    **dict.fromkeys(("slowk", "smooth_k", "slowkperiod", "slowK_period"), ("slowk_period",)),
    **dict.fromkeys(("slowd", "d", "slowdperiod", "d_period", "slowD_period"), ("slowd_period",)),
    **dict.fromkeys(("fastd", "fastdperiod"), ("fastd_period",)),
    **dict.fromkeys(("af", "step", "accel"), ("acceleration",)),
    **dict.fromkeys(("max", "max_af", "maximum_af"), ("maximum",)),
}
OUTPUT_ALIASES: Mapping[str, tuple[str, ...]] = {
    "upperband": ("upper", "upper_band", "bb_upper", "bb_upperband", "upperBand", "BBU"),
    "middleband": ("middle", "mid", "middle_band", "bb_middle", "bb_middleband", "basis", "middleBand", "BBM"),
    "lowerband": ("lower", "lower_band", "bb_lower", "bb_lowerband", "lowerBand", "BBL"),
    "macd": ("MACD", "macd_line", "macdline"),
    "macdsignal": ("signal", "macd_signal", "macds", "signal_line", "MACDSignal", "macdSignal"),
    "macdhist": ("hist", "histogram", "macd_hist", "macdh", "macd_histogram", "MACDHist", "macdHist"),
    "slowk": ("k", "stoch_k", "slow_k", "K", "%K", "fastk"),
    "slowd": ("d", "stoch_d", "slow_d", "D", "%D", "fastd"),
    "fastk": ("k", "stochrsi_k", "fast_k", "slowk"),
    "fastd": ("d", "stochrsi_d", "fast_d", "slowd"),
    "aroonup": ("up", "aroon_up", "aroonUp"),
    "aroondown": ("down", "aroon_down", "aroonDown"),
}
QTPYLIB_BANDS: Mapping[str, tuple[str, ...]] = {
    "upper": ("upperband", "upper_band", "bb_upper", "bb_upperband"),
    "mid": ("middle", "middleband", "middle_band", "bb_middle", "basis"),
    "lower": ("lowerband", "lower_band", "bb_lower", "bb_lowerband"),
}
SERIES_METHODS = frozenset(
    """shift rolling ewm diff pct_change fillna ffill bfill clip abs cummax cummin iloc loc apply map astype
    between quantile replace where mask""".split()  # noqa: SIM905 - a list of words reads better
)


class Called(NamedTuple):
    """A call of a function of talib.abstract."""

    node: ast.Call
    indicator: Indicator
    on_frame: bool


def calls_of_talib(code: Code) -> Iterator[Called]:
    """Give the calls of talib.abstract, however it was imported."""
    for node in code.nodes:
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            module = code.bindings.get(function.value.id, IMPORTS.get(function.value.id, ""))
            name = function.attr if TALIB_MODULE in module else ""
        elif isinstance(function, ast.Name):
            bound = code.bindings.get(function.id, "")
            name = bound.removeprefix(f"{TALIB_MODULE}.") if bound.startswith(TALIB_MODULE) else ""
        else:
            name = ""
        if name in TALIB:
            yield Called(node, TALIB[name], bool(node.args) and code.is_frame(node.args[0]))


def settings_of_indicators(code: Code) -> list[Repair]:
    """Settings by TA-Lib's names and of its kinds: it refuses a whole number where it wants a real one."""
    repairs = []
    for called in calls_of_talib(code):
        lines = [*_named_settings(code, called), *_placed_settings(code, called)]
        if lines:
            detail = f"{called.indicator.name}({', '.join(called.indicator.settings)})"
            repairs.append(Repair("fix_indicator_settings", min(lines), detail))
    return repairs


def _named_settings(code: Code, called: Called) -> list[int]:
    settings = called.indicator.settings
    given = {each.arg for each in called.node.keywords}
    lines = []
    for keyword in called.node.keywords:
        name = keyword.arg or ""
        names = (name,) if name in settings else SETTING_ALIASES.get(name, ())
        names = tuple(each for each in names if each in settings and (each == name or each not in given))
        if not names:
            continue
        value = _of_kind(code, keyword.value, is_whole=settings[names[0]])
        new = ", ".join(f"{each}={value}" for each in names)
        if (names != (name,) or value != code.edits.segment(keyword.value)) and code.edits.replace(keyword, new):
            lines.append(keyword.value.lineno)
    return lines


def _placed_settings(code: Code, called: Called) -> list[int]:
    """Mend the kinds of settings that are given by their place."""
    inputs = 1 if called.on_frame or called.indicator.takes_price else None
    if inputs is None or any(isinstance(each, ast.Starred) for each in called.node.args):
        return []
    lines = []
    for argument, is_whole in zip(called.node.args[inputs:], called.indicator.settings.values(), strict=False):
        value = _of_kind(code, argument, is_whole=is_whole)
        if value != code.edits.segment(argument) and code.edits.replace(argument, value):
            lines.append(argument.lineno)
    return lines


def _of_kind(code: Code, node: ast.expr, *, is_whole: bool) -> str:
    """Give a setting as the kind of number that TA-Lib takes."""
    text = code.edits.segment(node)
    value = constant(node)
    if isinstance(value, str) and value.replace(".", "", 1).isdigit():
        value = float(value)
        text = repr(value)
    if isinstance(value, bool) or value is None:
        return _parameter_of_kind(code, node, text, is_whole=is_whole)
    if isinstance(value, int | float):
        if is_whole and isinstance(value, float) and value.is_integer():
            return str(int(value))
        if not is_whole and isinstance(value, int):
            return repr(float(value))
    return text


def _parameter_of_kind(code: Code, node: ast.expr, text: str, *, is_whole: bool) -> str:
    """Turn a hyperopt parameter's value into the other kind of number, where it is of the wrong one."""
    owner = node.value if isinstance(node, ast.Attribute) and node.attr == "value" else None
    kind = code.parameters.get(owner.attr, "") if isinstance(owner, ast.Attribute) else ""
    if kind == "IntParameter" and not is_whole:
        return f"float({text})"
    if kind in {"DecimalParameter", "RealParameter"} and is_whole:
        return f"int({text})"
    return text


def unpacked_outputs(code: Code) -> list[Repair]:
    """``a, b, c = ta.BBANDS(dataframe)`` unpacks names of columns, not columns."""
    repairs = []
    for called in calls_of_talib(code):
        parent = code.parents.get(called.node)
        outputs = called.indicator.outputs
        is_unpacked = isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Tuple)
        if not called.on_frame or len(outputs) == 1 or not is_unpacked:
            continue
        if code.edits.replace(called.node, f"dict({code.edits.segment(called.node)}).values()"):
            detail = f"the columns {', '.join(outputs)} are unpacked"
            repairs.append(Repair("unpack_outputs", called.node.lineno, detail))
    return repairs


def names_of_outputs(code: Code) -> list[Repair]:
    """Outputs are taken by their names: ``upperband`` of BBANDS, ``macdsignal`` of MACD."""
    repairs = []
    for function in code.methods.values():
        outputs = dict(_frames_of_outputs(code, function))
        for node in ast.walk(function):
            key = column_of(node)
            if not isinstance(node, ast.Subscript) or key is None:
                continue
            known = outputs.get(node.value.id) if isinstance(node.value, ast.Name) else _outputs_of(code, node.value)
            if not known or key in known:
                continue
            new = next(
                (name for name, aliases in known.items() if key.lower() in {each.lower() for each in aliases}), None
            )
            if new is not None and code.edits.replace(node.slice, f'"{new}"'):
                repairs.append(Repair("fix_output_name", node.lineno, f"{key!r} is {new!r}"))
    return repairs


def _frames_of_outputs(code: Code, function: ast.FunctionDef) -> Iterator[tuple[str, Mapping[str, tuple[str, ...]]]]:
    """Give the local names that hold several outputs, with the outputs and their aliases."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            outputs = _outputs_of(code, node.value)
            if outputs:
                yield node.targets[0].id, outputs


def _outputs_of(code: Code, node: ast.expr) -> Mapping[str, tuple[str, ...]]:
    """Give the outputs of a call that gives a dataframe of them, each with its aliases."""
    if not isinstance(node, ast.Call):
        return {}
    if ast.unparse(node.func).endswith("bollinger_bands"):
        return QTPYLIB_BANDS
    for called in _calls_in(code, node):
        if called.on_frame and len(called.indicator.outputs) > 1:
            return {name: OUTPUT_ALIASES.get(name, ()) for name in called.indicator.outputs}
    return {}


def _calls_in(code: Code, node: ast.Call) -> Iterator[Called]:
    yield from (called for called in calls_of_talib(code) if called.node is node)


def series_of_outputs(code: Code) -> list[Repair]:
    """An indicator of one column gives an array, without ``shift`` or ``rolling``: it is asked of the frame."""
    repairs = []
    for called in calls_of_talib(code):
        if called.on_frame or not called.indicator.takes_price or not called.node.args:
            continue
        first = called.node.args[0]
        column = column_of(first)
        if column is None or not isinstance(first, ast.Subscript) or not code.is_frame(first.value):
            continue
        if not _needs_series(code, called):
            continue
        code.edits.replace(first, code.edits.segment(first.value))
        end = code.edits.span(called.node)[1] - 1
        code.edits.insert(end, f', price="{column}"')
        repairs.append(Repair("series_of_indicator", called.node.lineno, f"{called.indicator.name} gives a series"))
    return repairs


def _needs_series(code: Code, called: Called) -> bool:
    """Say whether what the call gives is used as a series, or its outputs by their names."""
    parent = code.parents.get(called.node)
    if isinstance(parent, ast.Attribute):
        return parent.attr in SERIES_METHODS
    if isinstance(parent, ast.Subscript) and parent.value is called.node:
        return len(called.indicator.outputs) > 1 and column_of(parent) is not None
    if not isinstance(parent, ast.Assign) or not isinstance(parent.targets[0], ast.Name):
        return False
    name = parent.targets[0].id
    for node in code.nodes:
        owner = node.value if isinstance(node, ast.Attribute | ast.Subscript) else None
        if not isinstance(owner, ast.Name) or owner.id != name:
            continue
        if isinstance(node, ast.Attribute) and node.attr in SERIES_METHODS:
            return True
        if column_of(node) is not None and len(called.indicator.outputs) > 1:
            return True
    return False


_ON_SERIES = frozenset({"bollinger_bands", "weighted_bollinger_bands", "sma", "wma", "hma", "zlema", "rsi", "macd"})


def series_for_qtpylib(code: Code) -> list[Repair]:
    """Bands and averages of qtpylib take a price, not the whole dataframe."""
    repairs = []
    for node in code.nodes:
        function = node.func if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or not isinstance(function, ast.Attribute) or not node.args:
            continue
        module = code.bindings.get(function.value.id, "") if isinstance(function.value, ast.Name) else ""
        is_qtpylib = "qtpylib" in module or ast.unparse(function.value) == "qtpylib"
        if not is_qtpylib or function.attr not in _ON_SERIES or not code.is_frame(node.args[0]):
            continue
        new = f'{code.edits.segment(node.args[0])}["close"]'
        if code.edits.replace(node.args[0], new):
            repairs.append(Repair("series_for_qtpylib", node.lineno, f"{function.attr}({new}, …)"))
    return repairs
