"""Where in a strategy's text something stands: the line that a finding points at."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cfsm.adapters.freqtrade.findings import finding
from cfsm.domain.evaluation import Finding

_OPAQUE = object()
_TIMEFRAME = re.compile(r"[1-9][0-9]*[smhdwMy]")


def line_of_columns(source: bytes, names: Sequence[str]) -> int | None:
    """Give the first line that assigns one of these columns, those named first before the others."""
    lines: dict[str, int] = {}
    for node in _nodes(source):
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for text in (
                each.value for target in targets for each in ast.walk(target) if isinstance(each, ast.Constant)
            ):
                if isinstance(text, str):
                    lines.setdefault(text, node.lineno)
    return next((lines[name] for name in names if name in lines), None)


def wrong_attribute(source: bytes) -> Finding | None:
    """Give the first attribute of the class whose value is not of the type that Freqtrade reads."""
    for name, value, line in _attributes(source):
        code, words, is_right = _TYPES.get(name, ("", "", lambda _: True))
        if not is_right(value):
            return finding(code, f"{name} is {value!r}"[:200] + f"; it is {words}", line)
    return None


def line_of_attribute(source: bytes, name: str) -> int | None:
    """Give the line where the class sets an attribute."""
    return next((line for known, _, line in _attributes(source) if known == name), None)


def _attributes(source: bytes) -> Iterator[tuple[str, Any, int]]:
    """Give names, values (where they are literals) and lines of the attributes of classes."""
    for node in _nodes(source):
        if not isinstance(node, ast.ClassDef):
            continue
        for statement in node.body:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, _literal(getattr(statement, "value", None)), statement.lineno


def _literal(node: ast.expr | None) -> Any:
    try:
        return _OPAQUE if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _OPAQUE


def _nodes(source: bytes) -> Iterator[ast.AST]:
    try:
        yield from ast.walk(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return


def _is_number(value: Any) -> bool:
    return value is _OPAQUE or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_timeframe(value: Any) -> bool:
    return value is _OPAQUE or (isinstance(value, str) and _TIMEFRAME.fullmatch(value) is not None)


def _is_roi(value: Any) -> bool:
    if value is _OPAQUE:
        return True
    return isinstance(value, dict) and all(
        isinstance(key, str) and key.isdigit() and _is_number(ratio) for key, ratio in value.items()
    )


_TYPES: Mapping[str, tuple[str, str, Callable[[Any], bool]]] = {
    "stoploss": ("STOPLOSS", "a ratio from -1 to 0", _is_number),
    "timeframe": ("TIMEFRAME", 'a text such as "15m"', _is_timeframe),
    "minimal_roi": ("ROI", 'a table of minutes and ratios such as {"0": 0.05, "60": 0.02}', _is_roi),
    "startup_candle_count": (
        "ATTRIBUTE",
        "a whole number of candles",
        lambda value: value is _OPAQUE or (isinstance(value, int) and not isinstance(value, bool)),
    ),
    **{
        name: ("ATTRIBUTE", "True or False", lambda value: value is _OPAQUE or isinstance(value, bool))
        for name in ("can_short", "trailing_stop", "use_exit_signal", "use_custom_stoploss", "exit_profit_only")
    },
}
