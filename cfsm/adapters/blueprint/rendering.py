"""Writes the class: attributes, the methods, the leverage callback, and the imports that they need."""

import re
from collections.abc import Mapping, Sequence

from cfsm.adapters.blueprint.expressions import Columns
from cfsm.adapters.blueprint.trees import parameters_in
from cfsm.domain.blueprint import Blueprint, Parameter
from cfsm.domain.blueprint.checking import Checked
from cfsm.domain.blueprint.language import Logic

INDENT = "    "
NO_ROI = {0: 10.0}
"""A return that no trade reaches: without steps, ROI never ends one."""

HEAD = "def {name}(self, dataframe: DataFrame, metadata: dict) -> DataFrame:"
LEVERAGE = """\
def leverage(
    self,
    pair: str,
    current_time: datetime,
    current_rate: float,
    proposed_leverage: float,
    max_leverage: float,
    entry_tag: str | None,
    side: str,
    **kwargs,
) -> float:
    return min({leverage!r}, max_leverage)"""


def render(blueprint: Blueprint, class_name: str) -> str:
    """Give the source of the strategy. The same blueprint and name give the same text, byte for byte."""
    attributes = _attribute_names(blueprint)
    columns = Columns(blueprint.indicators, attributes)
    entries = _entries(columns, blueprint)
    exits = _exits(columns, blueprint)
    parts = [
        _attributes(blueprint, attributes),
        _method("populate_indicators", columns.lines),
        _method("populate_entry_trend", entries),
        _method("populate_exit_trend", exits),
        _indented(LEVERAGE.format(leverage=float(blueprint.leverage)).split("\n")),
    ]
    body = "\n\n".join(parts)
    return f"{_imports(body, blueprint)}\n\n\nclass {class_name}(IStrategy):\n{body}\n"


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(f"{INDENT}{line}".rstrip() for line in lines)


def _method(name: str, lines: Sequence[str]) -> str:
    return _indented([HEAD.format(name=name), *(f"{INDENT}{line}" for line in [*lines, "return dataframe"])])


def _attributes(plan: Blueprint, attributes: Mapping[str, str]) -> str:
    words = " ".join(re.sub(r'["\\]', "'", plan.idea).split()).rstrip(".") or "Rendered from a blueprint"
    roi = ", ".join(f'"{minutes}": {profit!r}' for minutes, profit in (plan.minimal_roi or NO_ROI).items())
    declared = [_declaration(parameter, attributes[parameter.name]) for parameter in plan.parameters]
    lines = [
        f'"""{words}."""',
        "",
        "INTERFACE_VERSION = 3",
        "",
        f'timeframe = "{plan.timeframe}"',
        f"can_short = {plan.can_short}",
        f"minimal_roi = {{{roi}}}",
        f"stoploss = {plan.stoploss!r}",
        "process_only_new_candles = True",
        "use_exit_signal = True",
        f"startup_candle_count = {plan.startup_candle_count}",
        *([""] if declared else []),
        *declared,
    ]
    return _indented(lines)


def _declaration(parameter: Parameter, attribute: str) -> str:
    space = attribute.partition("_")[0]
    if parameter.is_whole:
        numbers = f"{parameter.low:.0f}, {parameter.high:.0f}, default={parameter.default:.0f}"
        return f'{attribute} = IntParameter({numbers}, space="{space}")'
    numbers = f"{parameter.low!r}, {parameter.high!r}, default={parameter.default!r}"
    return f'{attribute} = DecimalParameter({numbers}, decimals=4, space="{space}")'


def _attribute_names(plan: Blueprint) -> Mapping[str, str]:
    """Give each parameter's attribute: its prefix names the space in which hyperopt moves it."""
    for_exits = _parameters_of(plan, plan.exit_long, plan.exit_short)
    for_entries = _parameters_of(plan, plan.enter_long, plan.enter_short)
    names: dict[str, str] = {}
    for parameter in plan.parameters:
        space = "sell" if parameter.name in for_exits - for_entries else "buy"
        wanted = f"{space}_{re.sub(r'^(?:buy|sell)_', '', parameter.name)}"
        attribute, number = wanted, 2
        while attribute in names.values():
            attribute, number = f"{wanted}_{number}", number + 1
        names[parameter.name] = attribute
    return names


def _parameters_of(plan: Blueprint, *conditions: Checked | None) -> set[str]:
    """Give the parameters that conditions use, through indicators too."""
    used = [each.node for each in conditions if each is not None]
    return {name for node in used for name in parameters_in(node, plan.indicators)}


def _mask(columns: Columns, checked: Checked, *, with_volume: bool = False) -> list[str]:
    """Give the lines of a condition, one for each part that must hold."""
    node = checked.node
    parts = node.parts if isinstance(node, Logic) and node.operator == "and" else (node,)
    codes = [columns.code(part) for part in parts]
    if with_volume:
        codes.append('(dataframe["volume"] > 0)')
    if len(codes) == 1:
        return [columns.bare(codes[0])]
    return ["(", *(f"{INDENT}{'& ' if number else ''}{code}" for number, code in enumerate(codes)), ")"]


def _assigned(name: str, lines: Sequence[str]) -> list[str]:
    return [f"{name} = {lines[0]}", *lines[1:]]


def _entries(columns: Columns, plan: Blueprint) -> list[str]:
    """Give the lines that set entries; where both sides would enter, none does."""
    sides = [(side, each) for side, each in (("long", plan.enter_long), ("short", plan.enter_short)) if each]
    lines = []
    for side, checked in sides:
        lines += _assigned(f"{side}_entry", _mask(columns, checked, with_volume=True))
    for side, _ in sides:
        other = "short" if side == "long" else "long"
        mask = f"{side}_entry & ~{other}_entry" if len(sides) > 1 else f"{side}_entry"
        lines.append(f'dataframe.loc[{mask}, ["enter_{side}", "enter_tag"]] = (1, "{side}")')
    return lines


def _exits(columns: Columns, plan: Blueprint) -> list[str]:
    lines = []
    for side, checked in (("long", plan.exit_long), ("short", plan.exit_short)):
        if checked is not None:
            lines += _assigned(f"{side}_exit", _mask(columns, checked))
            lines.append(f'dataframe.loc[{side}_exit, "exit_{side}"] = 1')
    return lines


def _imports(body: str, plan: Blueprint) -> str:
    """Give the imports that the body needs, in groups."""
    kinds = {"IntParameter" if each.is_whole else "DecimalParameter" for each in plan.parameters}
    from_freqtrade = sorted({*kinds, "IStrategy"}, key=str.lower)
    needed = {
        "import numpy as np": r"\bnp\.",
        "import talib.abstract as ta": r"\bta\.",
        "from pandas import DataFrame": r"\bDataFrame\b",
        "from technical import qtpylib": r"\bqtpylib\.",
    }
    lines = [line for line, use in needed.items() if re.search(use, body)]
    groups = [["from datetime import datetime"], lines, [f"from freqtrade.strategy import {', '.join(from_freqtrade)}"]]
    return "\n\n".join("\n".join(group) for group in groups)
