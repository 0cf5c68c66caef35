"""Mends imports: right modules, missing ones, ones that nothing uses, indicator libraries mixed up."""

import ast

from cfsm.domain.intake.code import Code, bound_names
from cfsm.domain.intake.known import (
    FREQTRADE_MODULES,
    IMPORTS,
    QTPYLIB,
    QTPYLIB_ALIASES,
    SAFE_ROOTS,
    STRATEGY_EXPORTS,
)
from cfsm.domain.intake.repair import Repair
from cfsm.domain.intake.talib_table import TALIB

TALIB_MODULE = "talib.abstract"
TECHNICAL_MODULES = frozenset({"technical.qtpylib", "technical.indicators"})
OTHER_INDICATOR_MODULES = frozenset(
    {"pandas_ta", "ta", "talib", "ta_lib", "TA", "tulipy", "finta", "technical.indicators", "freqtrade.indicators"}
)


def fix_import_paths(code: Code) -> list[Repair]:
    """Names are imported from where they live: qtpylib, IStrategy, Trade, parameters."""
    repairs = []
    for node in code.nodes:
        line = None
        if isinstance(node, ast.Import):
            line = _module_import(node)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            line = _names_import(node)
        if line is not None and isinstance(node, ast.Import | ast.ImportFrom):
            blanks = " " * node.col_offset
            if code.edits.replace(node, line.replace("\n", f"\n{blanks}")):
                repairs.append(Repair("fix_import_path", node.lineno, line.replace("\n", "; ")))
    return repairs


def _module_import(node: ast.Import) -> str | None:
    """Give the right form of ``import …``, None if it is right."""
    lines = []
    changed = False
    for alias in node.names:
        if "qtpylib" in alias.name and alias.name != "technical.qtpylib":
            name = alias.asname or alias.name.rpartition(".")[2]
            bound = "qtpylib" if name in {"qtpylib", "indicators"} else f"qtpylib as {name}"
            lines.append(f"from technical import {bound}")
            changed = True
        else:
            lines.append(f"import {alias.name} as {alias.asname}" if alias.asname else f"import {alias.name}")
    return "\n".join(lines) if changed else None


def _names_import(node: ast.ImportFrom) -> str | None:
    """Give the right form of ``from … import …``, None if it is right."""
    module = node.module or ""
    if not _is_wrong(module) and module != "freqtrade.strategy":
        return None
    lines = []
    kept = []
    for alias in node.names:
        suffix = f" as {alias.asname}" if alias.asname else ""
        is_there = not _is_wrong(module) and (alias.name in STRATEGY_EXPORTS or alias.name == "*")
        home = None if is_there else _home(module, alias.name)
        if home is None:
            kept.append(f"{alias.name}{suffix}")
        else:
            lines.append(f"{home}{suffix}")
    if not lines:
        return None
    if kept:
        lines.append(f"from {module} import {', '.join(kept)}")
    return "\n".join(lines)


def _is_wrong(module: str) -> bool:
    """Say whether a module does not exist, or is not where its names live."""
    root = module.partition(".")[0]
    if root == "freqtrade":
        return module not in FREQTRADE_MODULES
    return root not in SAFE_ROOTS or module == "technical.vendor.qtpylib"


def _home(module: str, name: str) -> str | None:
    """Give the line that imports a name from where it lives, None if that is not known."""
    if name == "qtpylib" or (name == "indicators" and "qtpylib" in module):
        return "from technical import qtpylib"
    if name in QTPYLIB and ("qtpylib" in module or name.startswith("crossed_")):
        return f"from technical.qtpylib import {name}"
    if name in TALIB:
        return f"from {TALIB_MODULE} import {name}"
    home = IMPORTS.get(name)
    return home if home is not None and home.startswith("from ") else None


def fix_indicator_library(code: Code) -> list[Repair]:
    """TA-Lib's functions are called on ``talib.abstract``, whatever module the alias was bound to."""
    repairs = []
    for name, module in code.bindings.items():
        if module not in OTHER_INDICATOR_MODULES:
            continue
        uses = code.uses_of(name)
        upper = [node for node in uses if node.attr in TALIB]
        on_frame = [node for node in uses if node.attr.upper() in TALIB and _is_called_on_frame(code, node)]
        if not upper and not on_frame and not any(node.attr == "abstract" for node in uses):
            continue
        if module == "talib" and not on_frame and not any(node.attr == "abstract" for node in uses):
            continue  # plain TA-Lib on columns works
        others = [node for node in uses if node.attr not in TALIB and node not in on_frame]
        if module == "pandas_ta" and others:
            repairs += _second_library(code, name, [*upper, *on_frame])
        else:
            repairs += _other_module(code, name, on_frame)
    return repairs


def _is_called_on_frame(code: Code, node: ast.Attribute) -> bool:
    call = code.parents.get(node)
    return isinstance(call, ast.Call) and call.func is node and bool(call.args) and code.is_frame(call.args[0])


def _other_module(code: Code, name: str, lower: list[ast.Attribute]) -> list[Repair]:
    """Bind the alias to talib.abstract, and spell its functions as TA-Lib does."""
    for node in code.nodes:
        is_import = isinstance(node, ast.Import) and any((a.asname or a.name) == name for a in node.names)
        is_from = isinstance(node, ast.ImportFrom) and any((a.asname or a.name) == name for a in node.names)
        if not (is_import or is_from) or not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        rest = [a for a in node.names if (a.asname or a.name) != name]
        line = f"import {TALIB_MODULE} as {name}"
        if rest and is_import:
            line += "\nimport " + ", ".join(f"{a.name} as {a.asname}" if a.asname else a.name for a in rest)
        elif rest and isinstance(node, ast.ImportFrom):
            line += f"\nfrom {node.module} import {', '.join(a.name for a in rest)}"
        code.edits.replace(node, line)
        for attribute in lower:
            if attribute.attr not in TALIB:
                code.edits.replace(attribute, f"{name}.{attribute.attr.upper()}")
        for attribute in code.uses_of(name):
            outer = code.parents.get(attribute)
            if attribute.attr == "abstract" and isinstance(outer, ast.Attribute):
                code.edits.replace(outer, f"{name}.{outer.attr}")
        return [Repair("fix_ta_import", node.lineno, f"{name} is {TALIB_MODULE}")]
    return []


def _second_library(code: Code, name: str, uses: list[ast.Attribute]) -> list[Repair]:
    """Keep pandas_ta for its own functions, and call TA-Lib's on an alias of its own."""
    alias = "talib_abstract"
    for node in dict.fromkeys(uses):
        code.edits.replace(node, f"{alias}.{node.attr.upper()}")
    _add_lines(code, [f"import {TALIB_MODULE} as {alias}"])
    return [Repair("fix_ta_import", uses[0].lineno, f"TA-Lib's functions are called on {TALIB_MODULE}, not {name}")]


def spell_indicators(code: Code) -> list[Repair]:
    """Functions of TA-Lib in lower case, and crossings under other names or on the wrong module."""
    repairs = []
    for node in code.nodes:
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        module = code.bindings.get(node.value.id, IMPORTS.get(node.value.id, ""))
        is_talib = TALIB_MODULE in module or module == "talib"
        is_qtpylib = "qtpylib" in module
        new = None
        if is_talib and node.attr not in TALIB and node.attr.upper() in TALIB:
            new = f"{node.value.id}.{node.attr.upper()}"
        elif (is_talib or is_qtpylib) and node.attr not in TALIB and node.attr.lower() in QTPYLIB_ALIASES:
            new = f"qtpylib.{QTPYLIB_ALIASES[node.attr.lower()]}"
        elif is_talib and node.attr in {"crossed_above", "crossed_below", "crossed"}:
            new = f"qtpylib.{node.attr}"
        if new is not None and code.edits.replace(node, new):
            repairs.append(Repair("spell_indicator", node.lineno, f"{ast.unparse(node)} is {new}"))
    return repairs


def qualify_functions(code: Code) -> list[Repair]:
    """Functions of TA-Lib and qtpylib called without their module get it."""
    repairs = []
    bound = bound_names(code)
    for node in code.nodes:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id in bound:
            continue
        name = node.func.id
        new = f"ta.{name}" if name in TALIB and "ta" not in bound - set(code.bindings) else None
        crossing = QTPYLIB_ALIASES.get(name.lower(), name)
        new = f"qtpylib.{crossing}" if crossing in QTPYLIB and name not in TALIB else new
        if new is not None and code.edits.replace(node.func, new):
            repairs.append(Repair("qualify_function", node.lineno, f"{name} is {new}"))
    return repairs


def json_words(code: Code) -> list[Repair]:
    """JSON's words for truth and nothing become Python's."""
    words = {"true": "True", "false": "False", "null": "None", "nan": "float('nan')", "NaN": "float('nan')"}
    bound = bound_names(code)
    repairs = []
    for node in code.nodes:
        if isinstance(node, ast.Name) and node.id in words and node.id not in bound:
            code.edits.replace(node, words[node.id])
            repairs.append(Repair("json_words", node.lineno, f"{node.id} became {words[node.id]}"))
    return repairs


def add_imports(code: Code) -> list[Repair]:
    """Names that are used and bound nowhere, and that mean one thing in strategies, are imported."""
    bound = bound_names(code)
    missing: dict[str, int] = {}
    for node in code.nodes:
        if isinstance(node, ast.Name) and node.id not in bound:
            missing.setdefault(node.id, node.lineno)
    lines = {}
    for name in missing:
        if name == "ta" and not _uses_talib(code, name):
            lines[name] = "import pandas_ta as ta"
        elif name == "logger":
            lines[name] = (
                "logger = logging.getLogger(__name__)"
                if "logging" in bound
                else ("import logging\n\nlogger = logging.getLogger(__name__)")
            )
        elif name == "datetime" and _is_module(code, name):
            lines[name] = "import datetime"
        elif name in IMPORTS:
            lines[name] = IMPORTS[name]
    if _uses_accessor(code) and "pandas_ta" not in code.bindings.values():
        lines["pandas_ta"] = "import pandas_ta"
    if not lines:
        return []
    _add_lines(code, sorted(dict.fromkeys(lines.values()), key=lambda line: ("getLogger" in line, line)))
    return [Repair("add_imports", min(missing.get(name, 1) for name in lines), ", ".join(lines))]


def _uses_talib(code: Code, name: str) -> bool:
    """Say whether an unbound ``ta`` is TA-Lib: most of its functions are written in capitals."""
    uses = [node.attr for node in code.uses_of(name)]
    return sum(attr in TALIB for attr in uses) * 2 >= len(uses)


def _is_module(code: Code, name: str) -> bool:
    """Say whether ``datetime`` is used as the module: ``datetime.datetime``, ``datetime.timedelta``."""
    of_module = {"datetime", "timedelta", "timezone", "date", "UTC"}
    return any(node.attr in of_module for node in code.uses_of(name))


def _uses_accessor(code: Code) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr == "ta" and code.is_frame(node.value) for node in code.nodes
    )


def _add_lines(code: Code, lines: list[str]) -> None:
    """Put import lines behind the file's docstring and ``__future__`` imports."""
    before = 1
    for node in code.tree.body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not is_docstring and not is_future:
            break
        before = (node.end_lineno or node.lineno) + 1
    imports = [line for line in lines if "getLogger" not in line]
    if imports:
        code.edits.insert_line(before, "\n".join(imports))
    for line in [line for line in lines if "getLogger" in line]:
        if code.strategy is not None:
            first = min([code.strategy.lineno, *(each.lineno for each in code.strategy.decorator_list)])
            code.edits.insert_line(first, f"{line}\n\n")


def drop_unused_imports(code: Code) -> list[Repair]:
    """Imports of packages that strategies have no business with, and that nothing here uses."""
    used = {node.id for node in code.nodes if isinstance(node, ast.Name)}
    repairs = []
    for node in code.nodes:
        if not isinstance(node, ast.Import | ast.ImportFrom) or isinstance(code.parents.get(node), ast.Try):
            continue
        if isinstance(node, ast.ImportFrom) and (node.level or node.names[0].name == "*"):
            continue
        keep = [alias for alias in node.names if not _is_needless(node, alias, used)]
        if len(keep) == len(node.names):
            continue
        names = ", ".join(alias.name for alias in node.names if alias not in keep)
        if keep:
            rest = ", ".join(f"{a.name} as {a.asname}" if a.asname else a.name for a in keep)
            source = f"from {node.module} import {rest}" if isinstance(node, ast.ImportFrom) else f"import {rest}"
            code.edits.replace(node, source)
        elif isinstance(code.parents.get(node), ast.Module):
            code.edits.replace(node, "")
        else:
            code.edits.replace(node, "pass")
        repairs.append(Repair("drop_unused_import", node.lineno, f"{names} is used nowhere"))
    return repairs


def _is_needless(node: ast.Import | ast.ImportFrom, alias: ast.alias, used: set[str]) -> bool:
    module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
    bound = (alias.asname or alias.name).partition(".")[0]
    root = module.partition(".")[0]
    is_foreign = root not in SAFE_ROOTS or (root == "freqtrade" and _is_wrong(module))
    is_unknown = module == "freqtrade.strategy" and alias.name not in STRATEGY_EXPORTS
    is_foreign = is_foreign or (module.startswith("technical.") and module not in TECHNICAL_MODULES)
    is_name = isinstance(node, ast.ImportFrom)
    return (is_foreign or (is_name and is_unknown)) and bound not in used
