"""Mends calls of TA-Lib by what goes in and what comes out: whole candles, and one of several outputs."""

import ast
from collections.abc import Iterator

from cfsm.domain.intake.code import Code, column_of, constant
from cfsm.domain.intake.indicators import OUTPUT_ALIASES, Called, calls_of_talib
from cfsm.domain.intake.repair import Repair

_FIRST = {"upperband": "middleband"}
"""What one column of several means where the name does not say it: the middle of bands, else the first."""


def candles_of_indicators(code: Code) -> list[Repair]:
    """An indicator of whole candles is asked of the dataframe, not of one of its columns."""
    repairs = []
    for called in calls_of_talib(code):
        if called.on_frame or not called.indicator.takes_candles or not called.node.args:
            continue
        first, *others = called.node.args
        is_column = isinstance(first, ast.Subscript) and column_of(first) is not None and code.is_frame(first.value)
        if not is_column or not isinstance(first, ast.Subscript) or any(constant(each) is None for each in others):
            continue
        if code.edits.replace(first, code.edits.segment(first.value)):
            repairs.append(Repair("candles_of_indicator", first.lineno, f"{called.indicator.name} takes whole candles"))
    return repairs


def one_of_outputs(code: Code) -> list[Repair]:
    """A column takes one of several outputs: by its own name, else the first; by place or attribute, its name."""
    repairs = []
    for called in calls_of_talib(code):
        if len(called.indicator.outputs) > 1:
            repairs += [*_to_column(code, called), *_by_place(code, called)]
    return repairs


def _to_column(code: Code, called: Called) -> Iterator[Repair]:
    parent = code.parents.get(called.node)
    target = parent.targets[0] if isinstance(parent, ast.Assign) else None
    column = column_of(target) if target is not None else None
    if column is None or not isinstance(target, ast.Subscript) or not code.is_frame(target.value):
        return
    name = _meant(column, called.indicator.outputs)
    key = f'["{name}"]' if called.on_frame else f"[{called.indicator.outputs.index(name)}]"
    code.edits.insert(code.edits.span(called.node)[1], key)
    yield Repair("one_output", called.node.lineno, f"{column} is {name} of {called.indicator.name}")


def _meant(column: str, outputs: tuple[str, ...]) -> str:
    """Give the output that a column's name means."""
    words = column.lower()
    for name in sorted(outputs, key=len, reverse=True):
        if any(alias.lower() in words for alias in (name, *OUTPUT_ALIASES.get(name, ())) if len(alias) > 1):
            return name
    return _FIRST.get(outputs[0], outputs[0])


def _by_place(code: Code, called: Called) -> Iterator[Repair]:
    """``ta.BBANDS(dataframe)[0]``, and by a local name: ``bands[0]``, ``bands.upper``."""
    if not called.on_frame:
        return
    outputs = called.indicator.outputs
    for node in _taken_from(code, called):
        new = None
        if isinstance(node, ast.Subscript):
            place = constant(node.slice)
            if isinstance(place, int) and not isinstance(place, bool) and -len(outputs) <= place < len(outputs):
                new = outputs[place]
        elif node.attr not in outputs:
            aliases = {alias: name for name in outputs for alias in OUTPUT_ALIASES.get(name, ())}
            new = aliases.get(node.attr)
        if new is not None and code.edits.replace(node, f'{code.edits.segment(node.value)}["{new}"]'):
            yield Repair("fix_output_name", node.lineno, f"{new} of {called.indicator.name} by its name")


def _taken_from(code: Code, called: Called) -> Iterator[ast.Subscript | ast.Attribute]:
    """Give what is taken of a call's outputs, directly or by the local name that holds them."""
    parent = code.parents.get(called.node)
    if isinstance(parent, ast.Subscript | ast.Attribute) and parent.value is called.node:
        yield parent
    target = parent.targets[0] if isinstance(parent, ast.Assign) else None
    if isinstance(target, ast.Name) and not code.is_frame(target):
        for node in code.nodes:
            if isinstance(node, ast.Subscript | ast.Attribute) and ast.unparse(node.value) == target.id:
                yield node
