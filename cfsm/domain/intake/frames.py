"""Mends what methods do to the dataframe as a whole: rows and index that Freqtrade wants back, columns by attribute."""

import ast

from cfsm.domain.intake.code import Code, constant
from cfsm.domain.intake.repair import Repair

_OWN_ATTRIBUTES = frozenset({"index", "columns", "attrs", "flags", "name", "values", "loc", "iloc", "at", "iat"})
_BY_TIME = frozenset({"resample", "between_time", "at_time", "asfreq", "tz_localize", "tz_convert", "normalize"})


def keep_rows(code: Code) -> list[Repair]:
    """``dataframe.dropna()`` and ``set_index("date")``: Freqtrade wants every row back, with its date."""
    repairs = []
    for function in code.frame_functions.values():
        by_time = {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)} & _BY_TIME
        returned = {
            node.value.id
            for node in ast.walk(function)
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Name)
        }
        for node in ast.walk(function):
            call = getattr(node, "value", None)
            method = _loses(code, call)
            if method is None or (method == "set_index" and by_time) or not isinstance(call, ast.Call):
                continue
            if _is_kept(code, node, call, returned):
                repairs.append(Repair("keep_rows", call.lineno, f"{method} would have lost what Freqtrade wants back"))
    return repairs


def _loses(code: Code, call: ast.AST | None) -> str | None:
    """Give the method by which a call loses rows, or the column of dates; None if it does not."""
    function = call.func if isinstance(call, ast.Call) else None
    if not isinstance(function, ast.Attribute) or not code.is_frame(function.value) or not isinstance(call, ast.Call):
        return None
    if function.attr == "dropna":
        along = next((constant(each.value) for each in call.keywords if each.arg == "axis"), 0)
        return "dropna" if along in {0, "index", "rows"} else None
    is_date = bool(call.args) and constant(call.args[0]) in {"date", "timestamp", "datetime"}
    return "set_index" if function.attr == "set_index" and is_date else None


def _is_kept(code: Code, node: ast.AST, call: ast.Call, returned: set[str]) -> bool:
    """Take a lossy call out of a statement; say whether the statement is one of those that matter."""
    frame = code.edits.segment(call.func.value)  # type: ignore[attr-defined]  # _loses saw an attribute
    if isinstance(node, ast.Expr):
        is_inplace = any(each.arg == "inplace" and constant(each.value) is True for each in call.keywords)
        return is_inplace and code.edits.replace(node, "pass")
    if isinstance(node, ast.Return):
        return code.edits.replace(call, frame)
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    is_frame = isinstance(target, ast.Name) and (code.is_frame(target) or target.id in returned)
    if not is_frame or not isinstance(node, ast.Assign) or not isinstance(target, ast.Name):
        return False
    return code.edits.replace(node, "pass" if target.id == frame else f"{target.id} = {frame}.copy()")


def columns_by_attribute(code: Code) -> list[Repair]:
    """``dataframe.rsi = …`` sets an attribute of the object: a new column is set by its name in brackets."""
    repairs = []
    for node in code.nodes:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if not isinstance(target, ast.Attribute) or not code.is_frame(target.value) or target.attr in _OWN_ATTRIBUTES:
            continue
        new = f'{code.edits.segment(target.value)}["{target.attr}"]'
        if code.edits.replace(target, new):
            repairs.append(Repair("column_by_name", target.lineno, new))
    return repairs
