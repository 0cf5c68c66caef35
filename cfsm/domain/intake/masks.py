"""Mends conditions on columns: truth of whole columns, missing parentheses, if where a mask is meant."""

import ast
import re
from collections.abc import Iterator

from cfsm.domain.intake.code import Code, column_of
from cfsm.domain.intake.known import QTPYLIB_ALIASES
from cfsm.domain.intake.repair import Repair


def comparison_to_assignment(code: Code) -> list[Repair]:
    """A statement ``frame.loc[mask, "enter_long"] == 1`` compares for nothing: it assigns."""
    repairs = []
    for node in code.nodes:
        value = node.value if isinstance(node, ast.Expr) else None
        if not isinstance(value, ast.Compare) or len(value.ops) != 1 or not isinstance(value.ops[0], ast.Eq):
            continue
        if isinstance(value.left, ast.Subscript) and _frame_within(code, value.left):
            new = f"{code.edits.segment(value.left)} = {code.edits.segment(value.comparators[0])}"
            if isinstance(node, ast.Expr) and code.edits.replace(node, new):
                repairs.append(Repair("comparison_to_assignment", node.lineno, "== became ="))
    return repairs


def _frame_within(code: Code, node: ast.AST) -> bool:
    """Say whether an expression speaks of whole columns of a dataframe."""
    parts = [each for each in ast.walk(node) if isinstance(each, ast.Subscript | ast.Attribute)]
    return any(code.is_frame(each.value) for each in parts)


def missing_loc(code: Code) -> list[Repair]:
    """``frame[mask, "a"] = 1`` lacks its ``.loc``; ``frame.loc[mask, "a", "b"]`` the list around columns."""
    repairs = []
    for node in code.nodes:
        if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
            continue
        parts = node.slice.elts
        columns = [part for part in parts[1:] if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        is_loc = isinstance(node.value, ast.Attribute) and node.value.attr == "loc" and code.is_frame(node.value.value)
        if len(columns) != len(parts) - 1 or not (is_loc or code.is_frame(node.value)):
            continue
        if is_loc and len(columns) == 1:
            continue
        names = ", ".join(code.edits.segment(each) for each in columns)
        owner = code.edits.segment(node.value) if is_loc else f"{code.edits.segment(node.value)}.loc"
        new = f"{owner}[{code.edits.segment(parts[0])}, {names if len(columns) == 1 else f'[{names}]'}]"
        if code.edits.replace(node, new):
            repairs.append(Repair("missing_loc", node.lineno, "rows and columns are taken by loc"))
    return repairs


def crossing_methods(code: Code) -> list[Repair]:
    """``column.crosses_above(other)`` is qtpylib's function, not a method."""
    crossings = {"crossed_above", "crossed_below", *QTPYLIB_ALIASES}
    repairs = []
    for node in code.nodes:
        function = node.func if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or not isinstance(function, ast.Attribute) or len(node.args) != 1:
            continue
        name = QTPYLIB_ALIASES.get(function.attr, function.attr)
        is_column = column_of(function.value) is not None
        if function.attr not in crossings or not name.startswith("crossed_") or not is_column:
            continue
        new = f"qtpylib.{name}({code.edits.segment(function.value)}, {code.edits.segment(node.args[0])})"
        if code.edits.replace(node, new):
            repairs.append(Repair("crossing_method", node.lineno, f"qtpylib.{name}(…)"))
    return repairs


def where_for_choices(code: Code) -> list[Repair]:
    """``1 if frame["a"] > 3 else 0`` asks a whole column: ``np.where`` chooses row by row."""
    repairs = []
    for node in code.nodes:
        is_inner = isinstance(code.parents.get(node), ast.IfExp)
        if not isinstance(node, ast.IfExp) or is_inner or not speaks_of_columns(code, node.test):
            continue
        if code.edits.replace(node, _where(code, node)):
            repairs.append(Repair("if_to_where", node.lineno, "np.where chooses row by row"))
    return repairs


def _where(code: Code, node: ast.expr) -> str:
    if not isinstance(node, ast.IfExp):
        return code.edits.segment(node)
    return f"np.where({_with_signs(code, node.test)}, {_where(code, node.body)}, {_where(code, node.orelse)})"


def masks_for_branches(code: Code) -> list[Repair]:
    """``if frame["a"] > 3: frame["b"] = 1`` asks a whole column: rows are set by a mask."""
    repairs = []
    for node in code.nodes:
        parent = code.parents.get(node)
        is_elif = isinstance(parent, ast.If) and parent.orelse == [node]
        if not isinstance(node, ast.If) or is_elif:
            continue
        lines = _masked_lines(code, node, [])
        if lines and code.edits.replace(node, f"\n{' ' * node.col_offset}".join(lines)):
            repairs.append(Repair("if_to_mask", node.lineno, "rows are set where the condition holds"))
    return repairs


def _masked_lines(code: Code, node: ast.If, before: list[str]) -> list[str] | None:
    """Give assignments by mask for an if and what follows it; None if it is more than that."""
    if not speaks_of_columns(code, node.test):
        return None
    test = f"({_with_signs(code, node.test)})"
    lines = _by_mask(code, node.body, " & ".join([*before, test]))
    negated = [*before, f"~{test}"]
    if lines is None or not node.orelse:
        return lines
    if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        rest = _masked_lines(code, node.orelse[0], negated)
    else:
        rest = _by_mask(code, node.orelse, " & ".join(negated))
    return None if rest is None else lines + rest


def _by_mask(code: Code, body: list[ast.stmt], mask: str) -> list[str] | None:
    lines = []
    for statement in body:
        if isinstance(statement, ast.Pass):
            continue
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Constant):
            return None
        if not isinstance(target, ast.Subscript) or column_of(target) is None or not code.is_frame(target.value):
            return None
        frame, column = code.edits.segment(target.value), code.edits.segment(target.slice)
        lines.append(f"{frame}.loc[{mask}, {column}] = {code.edits.segment(statement.value)}")
    return lines


def chains_of_comparisons(code: Code) -> list[Repair]:
    """``20 < frame["a"] < 30`` asks a whole column between its two comparisons: each is one of its own."""
    repairs = []
    for node in code.nodes:
        if not isinstance(node, ast.Compare) or len(node.ops) < 2 or not speaks_of_columns(code, node):  # noqa: PLR2004
            continue
        sides = [code.edits.segment(each) for each in (node.left, *node.comparators)]
        signs = [_SIGNS[type(each)] for each in node.ops]
        pairs = zip(sides, signs, sides[1:], strict=False)
        new = " & ".join(f"({left} {sign} {right})" for left, sign, right in pairs)
        if code.edits.replace(node, f"({new})"):
            repairs.append(Repair("truth_of_columns", node.lineno, f"a chain of comparisons became {new}"))
    return repairs


def truth_of_columns(code: Code) -> list[Repair]:
    """``and``, ``or`` and ``not`` between columns: ``&``, ``|`` and ``~``, each side in parentheses."""
    repairs = []
    for node in _outermost(code):
        if speaks_of_columns(code, node) and not _is_asked(code, node):
            new = _with_signs(code, node)
            if new != code.edits.segment(node) and code.edits.replace(node, new):
                repairs.append(Repair("truth_of_columns", node.lineno, "and, or, not became &, |, ~"))
    return repairs


def _outermost(code: Code) -> Iterator[ast.expr]:
    """Give the logical expressions that stand in no other."""
    for node in code.nodes:
        is_logic = isinstance(node, ast.BoolOp) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))
        parent = code.parents.get(node)
        within = isinstance(parent, ast.BoolOp) or (isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not))
        if is_logic and not within and isinstance(node, ast.expr):
            yield node


def speaks_of_columns(code: Code, node: ast.expr) -> bool:
    """Say whether every part of a condition is a comparison, or a mask, of whole columns."""
    if isinstance(node, ast.BoolOp):
        return all(speaks_of_columns(code, part) for part in node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return speaks_of_columns(code, node.operand)
    parts = list(ast.walk(node))
    names = {each.attr for each in parts if isinstance(each, ast.Attribute)}
    has_column = any(_is_column(code, each) for each in parts)
    return has_column and not names & _SINGLE and not any(isinstance(each, ast.Lambda) for each in parts)


_SINGLE = frozenset({"iloc", "iat", "at", "any", "all", "empty", "item", "shape", "columns", "index", "size"})
"""What makes one value of a column."""


def _is_column(code: Code, node: ast.AST) -> bool:
    """Say whether an expression is ``frame["a"]`` or ``frame.a``."""
    if isinstance(node, ast.Attribute):
        is_called = isinstance(code.parents.get(node), ast.Call)
        return code.is_frame(node.value) and not is_called and node.attr not in {"loc", *_SINGLE}
    return isinstance(node, ast.Subscript) and column_of(node) is not None and code.is_frame(node.value)


def _is_asked(code: Code, node: ast.expr) -> bool:
    """Say whether Python asks for the truth of an expression itself: if, while, assert, a loop's condition."""
    parent = code.parents.get(node)
    return isinstance(parent, ast.If | ast.While | ast.Assert | ast.IfExp | ast.comprehension) and (
        getattr(parent, "test", None) is node or isinstance(parent, ast.comprehension)
    )


def _with_signs(code: Code, node: ast.expr) -> str:
    if isinstance(node, ast.BoolOp):
        sign = " & " if isinstance(node.op, ast.And) else " | "
        return sign.join(f"({_with_signs(code, part)})" for part in node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return f"~({_with_signs(code, node.operand)})"
    return code.edits.segment(node)


def parenthesise_comparisons(code: Code) -> list[Repair]:
    """``a < 30 & b > 5`` compares ``30 & b``: each comparison gets its parentheses."""
    repairs = []
    for node in code.nodes:
        if not isinstance(node, ast.Compare) or not _frame_within(code, node):
            continue
        new = _separated(code, node)
        if new is not None and code.edits.replace(node, new):
            repairs.append(Repair("parenthesise_comparisons", node.lineno, "each comparison got its parentheses"))
    return repairs


def _separated(code: Code, node: ast.Compare) -> str | None:
    """Give a comparison that swallowed ``&`` and ``|``, split at them; None if it swallowed none."""
    signs = [_SIGNS[type(each)] for each in node.ops]
    words: list[str] = []
    found = False
    for position, operand in enumerate([node.left, *node.comparators]):
        if position:
            words.append(f" {signs[position - 1]} ")
        for piece in _pieces(code, operand):
            found = found or piece in {"&", "|"}
            words.append(f") {piece} (" if piece in {"&", "|"} else piece)
    if not found:
        return None
    parts = re.split(r"(\) [&|] \()", "".join(words))
    return "".join(f"{each}" for each in ["(", *parts, ")"])


def _pieces(code: Code, node: ast.expr) -> Iterator[str]:
    """Give an operand's own text, split at ``&`` and ``|`` that stand outside of parentheses."""
    start = code.edits.span(node)[0]
    is_open = code.text[:start].rstrip()[-1:] != "(" or not _is_closed(code, node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr) and is_open:
        yield from _pieces(code, node.left)
        yield "&" if isinstance(node.op, ast.BitAnd) else "|"
        yield from _pieces(code, node.right)
    else:
        before, after = ("(", ")") if _is_closed(code, node) else ("", "")
        yield f"{before}{code.edits.segment(node)}{after}"


def _is_closed(code: Code, node: ast.expr) -> bool:
    """Say whether parentheses of its own stand around an expression."""
    start, end = code.edits.span(node)
    before, after = code.text[:start].rstrip(), code.text[end:].lstrip()
    if not before.endswith("(") or not after.startswith(")"):
        return False
    caller = before[:-1].rstrip()[-1:]
    return not (caller.isalnum() or caller in {"_", "]", ")"})


_SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.In: "in",
          ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not"}  # fmt: skip
