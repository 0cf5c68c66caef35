"""Mends how signals are set: values that are no signal, one column for both sides, lists of conditions."""

import ast
from collections.abc import Iterator

from cfsm.domain.intake.code import Code, assigned_columns, column_of, constant
from cfsm.domain.intake.interface import SIGNALS
from cfsm.domain.intake.masks import speaks_of_columns
from cfsm.domain.intake.repair import Repair

_BOTH_SIDES = frozenset(
    {"signal", "signals", "position", "trade_signal", "action", "trade", "side", "direction", "segnale", "posizione"}
)
_LONG = frozenset({1, "1", "buy", "long", "enter_long", "enter_buy"})
_SHORT = frozenset({-1, "-1", "sell", "short", "enter_short", "enter_sell"})


def values_of_signals(code: Code) -> list[Repair]:
    """A signal is 1: not ``"1"``, and not -1 for a short entry."""
    repairs = []
    for function in code.frame_functions.values():
        for column, target in assigned_columns(function):
            statement = code.parents.get(target)
            if column not in SIGNALS or not isinstance(statement, ast.Assign) or _columns_of(target) != [column]:
                continue
            for node in _chosen(statement.value):
                value = constant(node)
                number = 1 if value in ("1", "1.0", -1) and value is not True else 0 if value in ("0", "0.0") else None
                if number is not None and code.edits.replace(node, str(number)):
                    repairs.append(Repair("signal_value", node.lineno, f"{value!r} in {column} became {number}"))
    return repairs


def _columns_of(target: ast.AST) -> list[str]:
    pieces = [each.value for each in ast.walk(target) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return [piece for piece in pieces if piece in SIGNALS or piece.endswith("_tag")]


def _chosen(value: ast.expr) -> Iterator[ast.expr]:
    """Give the constants that an assignment may set: its value, or those of ``np.where(condition, 1, 0)``."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "where":
        for each in value.args[1:]:
            yield from _chosen(each)
    elif constant(value) is not None:
        yield value


def sides_of_signal(code: Code) -> list[Repair]:
    """One column with 1 and -1 (or buy and sell) for both sides becomes Freqtrade's two."""
    function = code.methods.get("populate_entry_trend")
    found = list(assigned_columns(function)) if function is not None else []
    if any(column in SIGNALS for column, _ in found):
        return []
    repairs = []
    for column, target in found:
        statement = code.parents.get(target)
        key = target.slice if isinstance(target, ast.Subscript) else None
        place = key.elts[-1] if isinstance(key, ast.Tuple) else key
        if column.lower() not in _BOTH_SIDES or not isinstance(statement, ast.Assign) or place is None:
            continue
        value = constant(statement.value)
        word = value.lower() if isinstance(value, str) else value
        side = "enter_long" if word in _LONG else "enter_short" if word in _SHORT else None
        if side is None or word is False or not isinstance(key, ast.Tuple) or column_of(target) is not None:
            continue
        if code.edits.replace(place, f'"{side}"') and code.edits.replace(statement.value, "1"):
            repairs.append(Repair("rename_signal_column", statement.lineno, f"{column} = {value!r} is {side} = 1"))
    return repairs


def joined_conditions(code: Code) -> list[Repair]:
    """A list of conditions is no mask, and ``all`` of one asks for its truth: they are joined row by row."""
    repairs = []
    for function in code.frame_functions.values():
        lists = set(_lists_of_conditions(code, function))
        for node in ast.walk(function):
            found = _joined(code, node, lists)
            if found is not None and code.edits.replace(*found):
                repairs.append(Repair("join_conditions", found[0].lineno, found[1]))
    return repairs


def _lists_of_conditions(code: Code, function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_list(code, node.value):
            yield node.targets[0].id
        call = node.value if isinstance(node, ast.Expr) else None
        method = call.func if isinstance(call, ast.Call) else None
        if not isinstance(method, ast.Attribute) or method.attr != "append" or not isinstance(call, ast.Call):
            continue
        if isinstance(method.value, ast.Name) and call.args and speaks_of_columns(code, call.args[0]):
            yield method.value.id


def _is_list(code: Code, node: ast.expr) -> bool:
    return isinstance(node, ast.List) and bool(node.elts) and all(speaks_of_columns(code, each) for each in node.elts)


def _joined(code: Code, node: ast.AST, lists: set[str]) -> tuple[ast.expr, str] | None:
    """Give an expression that takes a list for a mask, and the mask."""

    def is_conditions(each: ast.expr) -> bool:
        return (isinstance(each, ast.Name) and each.id in lists) or _is_list(code, each)

    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords and is_conditions(node.args[0]):
        how = {"all": "and", "any": "or", "np.all": "and", "np.any": "or"}.get(ast.unparse(node.func))
        if how is not None:
            return node, f"np.logical_{how}.reduce({code.edits.segment(node.args[0])})"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and is_conditions(node.slice.elts[0]):
        is_loc = isinstance(node.value, ast.Attribute) and node.value.attr == "loc"
        if is_loc and not isinstance(node.slice.elts[0], ast.List):
            rows = node.slice.elts[0]
            return rows, f"np.logical_and.reduce({code.edits.segment(rows)})"
    return None
