"""Mends the class's attributes: timeframe, stoploss, ROI, shorts, trailing, orders, startup."""

import ast
import re

from cfsm.domain.intake.code import Code, assigned_columns, constant
from cfsm.domain.intake.known import OLD_ORDER_KEYS, ORDER_DEFAULTS, TIMEFRAMES
from cfsm.domain.intake.repair import Repair

MAX_STARTUP_CANDLES = 999
ROI_WITHOUT_EXITS = '{"0": 0.05, "240": 0.02, "720": 0.0}'
_UNITS = {"m": "m", "min": "m", "mins": "m", "minute": "m", "minutes": "m", "t": "m", "minuti": "m",
          "h": "h", "hr": "h", "hour": "h", "hours": "h", "ora": "h", "ore": "h",
          "d": "d", "day": "d", "days": "d", "w": "w"}  # fmt: skip


def _set(code: Code, name: str, value: str) -> None:
    """Put an attribute's value in place of the one it has."""
    node = code.attributes[name]
    assert node.value is not None
    code.edits.replace(node.value, value)


def _add(code: Code, line: str) -> None:
    code.edits.insert_line(code.first_body_line(), f"{code.body_indent()}{line}")


def timeframe(code: Code) -> list[Repair]:
    """The timeframe: under its own name, spelled as exchanges do, added where there is none."""
    if code.strategy is None:
        return []
    node = code.attributes.get("timeframe")
    old = code.attributes.get("ticker_interval")
    if node is None and old is not None:
        start = code.edits.span(old)[0]
        code.edits.replace_span(start, start + len("ticker_interval"), "timeframe")
        repairs = [Repair("ticker_interval_to_timeframe", old.lineno, "the attribute's name of today")]
        spelled = _spelled(constant(old.value))
        if spelled is not None and old.value is not None:
            code.edits.replace(old.value, f'"{spelled}"')
        return repairs
    if node is None:
        if "timeframe" in code.methods or not code.inherits_directly:
            return []
        _add(code, f'timeframe = "{code.wanted.timeframe}"')
        return [Repair("add_timeframe", code.strategy.lineno, f"{code.wanted.timeframe} was set")]
    several = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else []
    value = constant(several[0] if several else node.value)
    spelled = _spelled(value) or (str(value) if several and value in TIMEFRAMES else None)
    if spelled is None:
        return []
    _set(code, "timeframe", f'"{spelled}"')
    return [Repair("spell_timeframe", node.lineno, f"{ast.unparse(node.value) if node.value else ''} is {spelled}")]


def _spelled(value: object) -> str | None:
    """Give how exchanges spell a timeframe that is meant; None if it is right, or not understood."""
    if isinstance(value, str) and value in TIMEFRAMES:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:g}m"
    if not isinstance(value, str):
        return None
    text = value.strip().lower().replace("_", "").replace("-", "")
    found = re.fullmatch(r"(\d+)\s*([a-z]+)", text) or re.fullmatch(r"([a-z]+)\s*(\d+)", text)
    if found is None:
        return None
    number, unit = found.groups() if found.group(1).isdigit() else reversed(found.groups())
    count, symbol = int(number), _UNITS.get(unit, "")
    if symbol == "m" and count >= 60 and count % 60 == 0:  # noqa: PLR2004 - minutes of an hour
        count, symbol = count // 60, "h"
    if symbol == "h" and count >= 24 and count % 24 == 0:  # noqa: PLR2004 - hours of a day
        count, symbol = count // 24, "d"
    spelled = f"{count}{symbol}"
    return spelled if spelled in TIMEFRAMES else None


def stoploss(code: Code) -> list[Repair]:
    """The stoploss: a negative ratio, added where there is none."""
    if code.strategy is None:
        return []
    node = code.attributes.get("stoploss")
    if node is None:
        if "stoploss" in code.methods or not code.inherits_directly:
            return []
        _add(code, f"stoploss = {code.wanted.stoploss!r}")
        return [Repair("add_stoploss", code.strategy.lineno, f"{code.wanted.stoploss!r} was set")]
    value = constant(node.value)
    name = "negate_stoploss"
    if isinstance(node.value, ast.Call):
        default = next((each.value for each in node.value.keywords if each.arg == "default"), None)
        value, name = constant(default), "stoploss_to_number"
    if isinstance(value, str):
        value, name = _number(value), "stoploss_to_number"
    if value is None and isinstance(node.value, ast.Constant):
        value, name = code.wanted.stoploss, "add_stoploss"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return []
    ratio = -abs(value) if abs(value) <= 1 else -abs(value) / 100
    ratio = ratio or code.wanted.stoploss
    if ratio == value and name == "negate_stoploss":
        return []
    if abs(value) > 1:
        name = "stoploss_from_percent"
    _set(code, "stoploss", repr(round(ratio, 6)))
    return [Repair(name, node.lineno, f"stoploss is {ratio:g}")]


def _number(text: str) -> float | None:
    """Give the number of a text: ``-0.05``, ``5%``."""
    found = re.fullmatch(r"\s*([-+]?\d*\.?\d+)\s*(%?)\s*", text)
    if found is None:
        return None
    return float(found.group(1)) / (100 if found.group(2) else 1)


def minimal_roi(code: Code) -> list[Repair]:
    """ROI: texts of whole minutes to numbers; added where nothing else would ever close a trade."""
    node = code.attributes.get("minimal_roi")
    if node is None:
        return _add_roi(code)
    if isinstance(node.value, ast.Dict):
        return _roi_entries(code, node.value)
    if isinstance(node.value, ast.Constant) and node.value.value is None:
        _set(code, "minimal_roi", "{}")
        return [Repair("roi_to_dict", node.lineno, "no return ends a trade: an empty mapping")]
    value = constant(node.value)
    pairs = _pairs(node.value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        pairs = [("0", repr(value))]
    if pairs is None:
        return []
    _set(code, "minimal_roi", "{" + ", ".join(f'"{minutes}": {profit}' for minutes, profit in pairs) + "}")
    return [Repair("roi_to_dict", node.lineno, "minimal_roi maps minutes to a ratio")]


def _pairs(node: ast.expr | None) -> list[tuple[str, str]] | None:
    """Give minutes and profit of a list of pairs."""
    if not isinstance(node, ast.List | ast.Tuple):
        return None
    found = []
    for each in node.elts:
        if not isinstance(each, ast.List | ast.Tuple) or len(each.elts) != 2:  # noqa: PLR2004 - a pair
            return None
        minutes, profit = (constant(part) for part in each.elts)
        if not isinstance(minutes, int | str) or not isinstance(profit, int | float):
            return None
        found.append((str(minutes), repr(profit)))
    return found


def _add_roi(code: Code) -> list[Repair]:
    """Add a table to a strategy that has no other way out of a trade than its stop."""
    if code.strategy is None or not code.inherits_directly or "minimal_roi" in code.methods:
        return []
    function = code.methods.get("populate_exit_trend")
    has_exits = function is not None and any(column.startswith("exit_") for column, _ in assigned_columns(function))
    if has_exits or {"trailing_stop", "custom_exit"} & {*code.attributes, *code.methods}:
        return []
    _add(code, f"minimal_roi = {ROI_WITHOUT_EXITS}")
    detail = "nothing else would have closed a trade in profit"
    return [Repair("add_minimal_roi", code.strategy.lineno, detail, is_advice=True)]


def _roi_entries(code: Code, table: ast.Dict) -> list[Repair]:
    changed: dict[str, int] = {}
    for key, value in zip(table.keys, table.values, strict=True):
        minutes, profit = constant(key), constant(value)
        if isinstance(minutes, int | float) and key is not None:
            code.edits.replace(key, f'"{int(minutes)}"')
            changed.setdefault("roi_keys_to_str", key.lineno)
        elif isinstance(minutes, str) and key is not None and not re.fullmatch(r"\s*\d+\s*", minutes):
            digits = re.search(r"\d+", minutes)
            if digits:
                code.edits.replace(key, f'"{digits.group()}"')
                changed.setdefault("roi_keys_to_str", key.lineno)
        if isinstance(profit, str) and (number := _number(profit)) is not None:
            code.edits.replace(value, repr(number))
            changed.setdefault("roi_values_to_number", value.lineno)
    return [Repair(name, line, "minimal_roi maps texts of minutes to a ratio") for name, line in changed.items()]


_FLAGS = frozenset(
    {"can_short", "trailing_stop", "trailing_only_offset_is_reached", "use_exit_signal", "exit_profit_only",
     "ignore_roi_if_entry_signal", "process_only_new_candles", "use_custom_stoploss", "position_adjustment_enable"}
)  # fmt: skip
_TRUTHS = {"true": "True", "yes": "True", "1": "True", "false": "False", "no": "False", "0": "False"}


def flags(code: Code) -> list[Repair]:
    """Yes or no as a text becomes a truth value: any text is true to Python."""
    repairs = []
    for name in sorted(_FLAGS & code.attributes.keys()):
        node = code.attributes[name]
        value = constant(node.value)
        truth = _TRUTHS.get(value.strip().lower()) if isinstance(value, str) else None
        if truth is not None:
            _set(code, name, truth)
            repairs.append(Repair("flag_to_bool", node.lineno, f"{name} is {truth}"))
    return repairs


def can_short(code: Code) -> list[Repair]:
    """A strategy that sets short entries says that it can short; unless it says that it cannot."""
    function = code.methods.get("populate_entry_trend")
    if function is None or "can_short" in code.attributes or "can_short" in code.methods:
        return []
    shorts = [target for column, target in assigned_columns(function) if column == "enter_short"]
    if not any(constant(_value_for(code, target)) != 0 for target in shorts):
        return []
    _add(code, "can_short = True")
    return [Repair("set_can_short", shorts[0].lineno, "short entries were set", is_advice=True)]  # type: ignore[attr-defined]


def _value_for(code: Code, target: ast.AST) -> ast.expr | None:
    """Give what an assignment to this target assigns."""
    parent = code.parents.get(target)
    return parent.value if isinstance(parent, ast.Assign) else None


def trailing_ratios(code: Code) -> list[Repair]:
    """Trailing in percent becomes a ratio; a number in place of yes or no is the distance."""
    repairs = []
    switch = code.attributes.get("trailing_stop")
    distance = constant(switch.value) if switch is not None else None
    if switch is not None and isinstance(distance, int | float) and not isinstance(distance, bool):
        _set(code, "trailing_stop", "True")
        if "trailing_stop_positive" not in code.attributes and distance:
            _add(code, f"trailing_stop_positive = {_ratio(distance)!r}")
        repairs.append(Repair("fix_trailing_stop", switch.lineno, "trailing_stop is True"))
    for name in ("trailing_stop_positive", "trailing_stop_positive_offset"):
        node = code.attributes.get(name)
        value = constant(node.value) if node is not None else None
        if node is not None and isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 1:
            _set(code, name, repr(_ratio(value)))
            repairs.append(Repair("fix_trailing_stop", node.lineno, f"{name} is {_ratio(value):g}"))
    return repairs


def _ratio(value: float) -> float:
    return round(abs(value) / (100 if abs(value) >= 1 else 1), 6)


def trailing_stop(code: Code) -> list[Repair]:
    """Trailing: the offset lies above the distance, both positive, as Freqtrade checks."""
    positive, offset = (
        code.attributes.get("trailing_stop_positive"),
        code.attributes.get("trailing_stop_positive_offset"),
    )
    distance, start = constant(positive.value if positive else None), constant(offset.value if offset else None)
    repairs = []
    if positive is not None and isinstance(distance, int | float) and distance <= 0:
        distance = abs(distance)
        _set(code, "trailing_stop_positive", repr(distance or None))
        repairs.append(Repair("fix_trailing_stop", positive.lineno, "trailing_stop_positive is positive, or None"))
    only_offset = constant(getattr(code.attributes.get("trailing_only_offset_is_reached"), "value", None)) is True
    if isinstance(distance, int | float) and distance > 0:
        reached = start if isinstance(start, int | float) else 0
        if reached <= distance and (only_offset or reached):
            value = repr(round(distance * 2, 6))
            if offset is not None:
                _set(code, "trailing_stop_positive_offset", value)
            else:
                _add(code, f"trailing_stop_positive_offset = {value}")
            line = offset.lineno if offset is not None else (positive.lineno if positive is not None else 1)
            repairs.append(Repair("fix_trailing_stop", line, f"trailing_stop_positive_offset is {value}"))
    return repairs


def order_settings(code: Code) -> list[Repair]:
    """Order types and times in force: today's names, and every key that Freqtrade requires."""
    repairs = []
    for name in ("order_types", "order_time_in_force", "unfilledtimeout"):
        node = code.attributes.get(name)
        word = constant(node.value) if node is not None else None
        if node is not None and name == "order_types" and word in {"limit", "market"}:
            whole = {**ORDER_DEFAULTS[name], "entry": f'"{word}"', "exit": f'"{word}"'}
            _set(code, name, "{" + ", ".join(f'"{key}": {value}' for key, value in whole.items()) + "}")
            repairs.append(Repair("complete_order_settings", node.lineno, f"{name} has every key of today"))
            continue
        if node is None or not isinstance(node.value, ast.Dict):
            continue
        keys = {str(constant(key)): key for key in node.value.keys}
        missing = dict(ORDER_DEFAULTS.get(name, {}))
        changed = False
        for key, place in keys.items():
            new = OLD_ORDER_KEYS.get(key)
            if new is not None and new not in keys and place is not None:
                changed = code.edits.replace(place, f'"{new}"') or changed
            missing.pop(new or key, None)
        if missing:
            start = code.edits.span(node.value)[0]
            extra = "".join(f'"{key}": {value}, ' for key, value in missing.items())
            code.edits.insert(start + 1, extra)
            changed = True
        if changed:
            repairs.append(Repair("complete_order_settings", node.lineno, f"{name} has every key of today"))
    return repairs


def startup_candles(code: Code) -> list[Repair]:
    """The startup covers the longest look-back that the text shows."""
    if code.strategy is None or not code.inherits_directly or "startup_candle_count" in code.methods:
        return []
    needed = min(longest_look_back(code), MAX_STARTUP_CANDLES)
    node = code.attributes.get("startup_candle_count")
    if node is None:
        if needed == 0:
            return []
        _add(code, f"startup_candle_count = {needed}")
        detail = f"the longest look-back is {needed} candles"
        return [Repair("add_startup", code.strategy.lineno, detail, is_advice=True)]
    given = constant(node.value)
    if isinstance(given, str) and given.strip().isdigit():
        _set(code, "startup_candle_count", str(max(int(given), needed)))
        return [Repair("startup_to_number", node.lineno, f"startup_candle_count is {max(int(given), needed)}")]
    if not isinstance(given, int | float) or given >= needed:
        return []
    _set(code, "startup_candle_count", str(needed))
    return [Repair("raise_startup", node.lineno, f"{given:g} candles became {needed}", is_advice=True)]


_LOOK_BACKS = frozenset(
    {"timeperiod", "slowperiod", "length", "window", "span", "periods", "fastk_period", "period", "timeperiod3"}
)


def longest_look_back(code: Code) -> int:
    """Give the longest window that calls in the populate methods name with a number."""
    longest = 0
    for function in [each for name, each in code.frame_functions.items() if name != "populate_any_indicators"]:
        if any("informative" in ast.unparse(each) for each in function.decorator_list):
            continue  # its candles are other ones
        for node in ast.walk(function):
            if not isinstance(node, ast.Call):
                continue
            named = [each.value for each in node.keywords if each.arg in _LOOK_BACKS]
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            named += node.args[:1] if method in {"rolling", "shift", "pct_change", "diff"} else []
            values = [_whole(code, each) for each in named]
            longest = max([longest, *values])
    return longest


def _whole(code: Code, node: ast.expr) -> int:
    """Give a whole number, also of a hyperopt parameter's upper bound."""
    value = constant(node)
    if isinstance(node, ast.Attribute) and node.attr == "value" and isinstance(node.value, ast.Attribute):
        parameter = code.attributes.get(node.value.attr)
        call = parameter.value if parameter is not None else None
        if isinstance(call, ast.Call) and len(call.args) > 1:
            value = constant(call.args[1])
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
