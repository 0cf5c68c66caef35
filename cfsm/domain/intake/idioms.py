"""Mends what pandas 3 and numpy 2 no longer do: silent copies, removed names, old letters."""

import ast
import re

from cfsm.domain.intake.code import Code, column_of, constant
from cfsm.domain.intake.repair import Repair

NUMPY_NAMES = {
    "NaN": "nan", "NAN": "nan", "Inf": "inf", "Infinity": "inf", "infty": "inf", "PINF": "inf",
    "float_": "float64", "complex_": "complex128", "product": "prod", "cumproduct": "cumprod", "in1d": "isin",
    "round_": "round", "alltrue": "all", "sometrue": "any", "row_stack": "vstack", "trapz": "trapezoid",
}  # fmt: skip
NUMPY_TYPES = {"int": "int", "float": "float", "bool": "bool", "object": "object", "str": "str"}
FREQUENCIES = {"T": "min", "H": "h", "S": "s", "L": "ms", "U": "us", "BH": "bh", "M": "ME", "Y": "YE", "A": "YE"}
COLUMN_METHODS = {"fillna", "ffill", "bfill", "replace", "clip", "dropna", "interpolate", "mask", "where"}
LOCATORS = {"loc", "iloc", "at", "iat"}


def numpy_names(code: Code) -> list[Repair]:
    """Names that numpy 2 has dropped."""
    repairs = []
    for node in code.nodes:
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        if code.bindings.get(node.value.id) != "numpy" and node.value.id != "np":
            continue
        new = f"{node.value.id}.{NUMPY_NAMES[node.attr]}" if node.attr in NUMPY_NAMES else NUMPY_TYPES.get(node.attr)
        if node.attr == "NINF":
            new = f"-{node.value.id}.inf"
        if new is not None and code.edits.replace(node, new):
            name = "np_nan" if node.attr in {"NaN", "NAN"} else "numpy_names"
            repairs.append(Repair(name, node.lineno, f"{ast.unparse(node)} is {new}"))
    return repairs


def fill_methods(code: Code) -> list[Repair]:
    """``fillna(method="ffill")`` is ``ffill()`` now; pad and backfill too; pct_change fills nothing."""
    repairs = []
    fillers = {"ffill": "ffill", "pad": "ffill", "bfill": "bfill", "backfill": "bfill"}
    for node in code.nodes:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        method = next((each for each in node.keywords if each.arg in {"method", "fill_method"}), None)
        how = fillers.get(str(constant(method.value))) if method is not None else None
        owner = code.edits.segment(node.func.value)
        rest = [code.edits.segment(each) for each in node.keywords if each is not method]
        if node.func.attr == "fillna" and how is not None:
            new = f"{owner}.{how}({', '.join(rest)})"
        elif node.func.attr == "pct_change" and method is not None and how is not None:
            new = f"{owner}.pct_change({', '.join([*(code.edits.segment(each) for each in node.args), *rest])})"
        elif node.func.attr in {"pad", "backfill"} and not node.args:
            new = f"{owner}.{fillers[node.func.attr]}({', '.join(rest)})"
        else:
            continue
        if code.edits.replace(node, new):
            repairs.append(Repair("fillna_method", node.lineno, f"…{new[len(owner) :]}"))
    return repairs


def chained_assignments(code: Code) -> list[Repair]:
    """``frame["a"][mask] = 1`` changes a copy: it is ``frame.loc[mask, "a"] = 1``."""
    repairs = []
    for node in code.nodes:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        for target in targets:
            new = _unchained(code, target) if isinstance(target, ast.Subscript) else None
            if new is not None and code.edits.replace(target, new):
                repairs.append(Repair("chained_assignment", target.lineno, new))
    return repairs


def _unchained(code: Code, target: ast.Subscript) -> str | None:
    """Give the one-step form of a chained target, None if it is not chained."""
    inner, locator = target.value, ""
    if isinstance(inner, ast.Attribute) and inner.attr in LOCATORS:
        locator, inner = inner.attr, inner.value
    key = code.edits.segment(target.slice)
    column = column_of(inner)
    owner = inner.value if isinstance(inner, ast.Subscript) else inner
    if column is not None and code.is_frame(owner):  # frame["a"][mask], frame["a"].loc[mask], frame["a"].iloc[3]
        frame, name = code.edits.segment(owner), code.edits.segment(inner.slice)  # type: ignore[attr-defined]
        if locator in {"iloc", "iat"}:
            return f"{frame}.iloc[{key}, {frame}.columns.get_loc({name})]"
        return f"{frame}.{locator or 'loc'}[{key}, {name}]"
    if isinstance(inner, ast.Attribute) and code.is_frame(inner.value):  # frame.a[mask]
        if inner.attr in {"values", "index", "columns"}:
            return None
        return f'{code.edits.segment(inner.value)}.{locator or "loc"}[{key}, "{inner.attr}"]'
    if isinstance(inner, ast.Subscript) and isinstance(constant(target.slice), str) and not locator:
        return _unchained_rows(code, inner, key)
    return None


def _unchained_rows(code: Code, rows: ast.Subscript, column: str) -> str | None:
    """Give the one-step form of ``frame[mask]["a"]`` and ``frame.loc[mask]["a"]``."""
    owner = rows.value
    mask = code.edits.segment(rows.slice)
    if code.is_frame(owner):
        return f"{code.edits.segment(owner)}.loc[{mask}, {column}]"
    if isinstance(owner, ast.Attribute) and owner.attr in {"loc", "iloc"} and code.is_frame(owner.value):
        frame = code.edits.segment(owner.value)
        if owner.attr == "loc":
            return f"{frame}.loc[{mask}, {column}]"
        return f"{frame}.iloc[{mask}, {frame}.columns.get_loc({column})]"
    return None


def inplace_on_columns(code: Code) -> list[Repair]:
    """``frame["a"].fillna(0, inplace=True)`` changes a copy: the column is assigned instead."""
    repairs = []
    for node in code.nodes:
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            continue
        call = node.value
        inplace = next((each for each in call.keywords if each.arg == "inplace" and constant(each.value) is True), None)
        function = call.func
        if inplace is None or not isinstance(function, ast.Attribute) or function.attr not in COLUMN_METHODS:
            continue
        owner = function.value
        if not isinstance(owner, ast.Subscript) or not code.is_frame(owner.value):
            continue
        if column_of(owner) is None and not isinstance(owner.slice, ast.List):
            continue
        place = code.edits.segment(owner)
        arguments = [code.edits.segment(each) for each in call.args]
        arguments += [code.edits.segment(each) for each in call.keywords if each is not inplace]
        new = f"{place} = {place}.{function.attr}({', '.join(arguments)})"
        if code.edits.replace(node, new):
            repairs.append(Repair("inplace_on_column", node.lineno, new))
    return repairs


def writable_arrays(code: Code) -> list[Repair]:
    """What ``.values`` gives cannot be written any more: an array that is changed in place is a copy."""
    repairs = []
    for function in [node for node in code.nodes if isinstance(node, ast.FunctionDef)]:
        nodes = list(ast.walk(function))
        stored = [node for node in nodes if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)]
        written = {node.value.id for node in stored if isinstance(node.value, ast.Name)}
        for node in nodes:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if not isinstance(target, ast.Name) or target.id not in written or not isinstance(node, ast.Assign):
                continue
            if _is_view(node.value) and code.edits.replace(node.value, f"{code.edits.segment(node.value)}.copy()"):
                repairs.append(Repair("copy_of_values", node.lineno, f"{target.id} is a copy"))
    return repairs


def _is_view(node: ast.expr) -> bool:
    """Say whether an expression is the array within a column: ``….values``, ``….to_numpy()``."""
    if isinstance(node, ast.Call):
        is_plain = not node.args and not node.keywords
        return is_plain and isinstance(node.func, ast.Attribute) and node.func.attr == "to_numpy"
    return isinstance(node, ast.Attribute) and node.attr == "values"


def pandas_names(code: Code) -> list[Repair]:
    """Methods and words that pandas has dropped."""
    methods = {
        "iteritems": "items",
        "as_matrix": "to_numpy",
        "get_values": "to_numpy",
        "ix": "loc",
        "applymap": "map",
        "is_monotonic": "is_monotonic_increasing",
    }
    repairs = []
    for node in code.nodes:
        new = methods.get(node.attr) if isinstance(node, ast.Attribute) else None
        if new is None or not isinstance(node, ast.Attribute):
            continue
        is_other = isinstance(node.value, ast.Name | ast.Constant) and not code.is_frame(node.value)
        end = code.edits.span(node)[1]
        if not is_other and code.edits.replace_span(end - len(node.attr), end, new):
            repairs.append(Repair("pandas_names", node.lineno, f".{node.attr} is .{new}"))
    return repairs


def frequencies(code: Code) -> list[Repair]:
    """Frequencies in today's letters: ``resample("1h")``, ``"5min"``."""
    repairs = []
    for node in code.nodes:
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in {"resample", "Grouper", "date_range", "floor", "ceil", "round", "asfreq", "Timedelta"}:
            continue
        for argument in [*node.args, *(each.value for each in node.keywords if each.arg in {"freq", "rule"})]:
            value = constant(argument)
            found = re.fullmatch(r"(\d*)([A-Z]{1,2})", value) if isinstance(value, str) else None
            if found and found.group(2) in FREQUENCIES:
                new = f'"{found.group(1)}{FREQUENCIES[found.group(2)]}"'
                if code.edits.replace(argument, new):
                    repairs.append(Repair("frequency", node.lineno, f"{value!r} is {new}"))
    return repairs


def times_of_index(code: Code) -> list[Repair]:
    """``dataframe.index.hour``: the time stands in the column ``date``, the index only counts."""
    names = {"hour": "hour", "minute": "minute", "day": "day", "month": "month", "weekday": "day_of_week",
             "dayofweek": "day_of_week", "day_of_week": "day_of_week", "date": "date", "time": "time"}  # fmt: skip
    repairs = []
    for node in code.nodes:
        index = node.value if isinstance(node, ast.Attribute) and node.attr in names else None
        if not isinstance(index, ast.Attribute) or index.attr != "index" or not code.is_frame(index.value):
            continue
        assert isinstance(node, ast.Attribute)
        new = f'{code.edits.segment(index.value)}["date"].dt.{names[node.attr]}'
        if code.edits.replace(node, new):
            repairs.append(Repair("time_of_index", node.lineno, new))
    return repairs
