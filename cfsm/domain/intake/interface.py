"""Mends what makes a class a strategy: its parent and name, its methods' names, columns and returns."""

import ast
import builtins
import re

from cfsm.domain.intake.code import FRAME_METHODS, USUAL_FRAMES, Code, assigned_columns, is_self
from cfsm.domain.intake.known import (
    CALLBACKS,
    ENTRY_COLUMNS,
    EXIT_COLUMNS,
    OLD_ATTRIBUTES,
    OLD_COLUMNS,
    OLD_METHODS,
    SAFE_ROOTS,
    WRONG_METHODS,
)
from cfsm.domain.intake.repair import Repair

SIGNALS = ("enter_long", "enter_short", "exit_long", "exit_short")
_HEAD = "def {name}(self, dataframe, metadata):"


def indent_methods(code: Code) -> list[Repair]:
    """Functions with ``self`` that stand behind the class, at the margin, go into it."""
    strategy = code.strategy
    if strategy is None:
        return []
    repairs = []
    for node in code.tree.body:
        is_method = isinstance(node, ast.FunctionDef) and node.args.args and node.args.args[0].arg == "self"
        if isinstance(node, ast.FunctionDef) and is_method and node.lineno > strategy.lineno:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            for number in range(first, (node.end_lineno or node.lineno) + 1):
                start = code.edits.offset(number, 0)
                if code.text[start : start + 1] not in {"\n", ""}:
                    code.edits.insert(start, code.body_indent())
            repairs.append(Repair("indent_methods", node.lineno, f"{node.name} went into the class"))
    return repairs


def fix_base_class(code: Code) -> list[Repair]:
    """A class with populate methods that inherits from nothing, or from what is not there, inherits from IStrategy."""
    strategy = code.strategy
    if strategy is None:
        return []
    known = {node.name for node in code.tree.body if isinstance(node, ast.ClassDef)} | {*code.bindings, "IStrategy"}
    roots = [ast.unparse(base).partition(".")[0] for base in strategy.bases]
    is_strategy = any("IStrategy" in ast.unparse(base) for base in strategy.bases)
    is_heir = any(ast.unparse(base) in known - {*code.bindings} for base in strategy.bases)
    if (is_strategy or is_heir) and all(root in known for root in roots):
        return []
    start = code.edits.offset(strategy.lineno, strategy.col_offset)
    found = re.compile(r"class\s+\w+\s*(\([^)]*\))?").match(code.text, start)
    if found is None:
        return []
    head = f"class {strategy.name}(IStrategy)"
    code.edits.replace_span(start, found.end(), head)
    return [Repair("fix_base_class", strategy.lineno, "the class inherits from IStrategy")]


def rename_class(code: Code) -> list[Repair]:
    """The class gets the name that was asked for, wherever it is named."""
    strategy, wanted = code.strategy, code.wanted.class_name
    if strategy is None or not wanted or strategy.name == wanted:
        return []
    start = code.edits.offset(strategy.lineno, strategy.col_offset)
    found = re.compile(r"class\s+(\w+)").match(code.text, start)
    if found is None:
        return []
    code.edits.replace_span(found.start(1), found.end(1), wanted)
    for node in code.nodes:
        if isinstance(node, ast.Name) and node.id == strategy.name:
            code.edits.replace(node, wanted)
    return [Repair("rename_class", strategy.lineno, f"{strategy.name} became {wanted}")]


def v2_to_v3(code: Code) -> list[Repair]:
    """Names of the old interface: methods, attributes, signal columns, INTERFACE_VERSION, attributes of trades."""
    lines = [
        *_old_methods(code),
        *_old_attributes(code),
        *_old_columns(code),
        *_old_version(code),
    ]
    return [Repair("v2_to_v3", min(lines), f"{len(lines)} names of the old interface")] if lines else []


def _old_methods(code: Code) -> list[int]:
    return [
        node.lineno
        for old, new in OLD_METHODS.items()
        if (node := code.methods.get(old)) is not None and new not in code.methods and _rename(code, node, new)
    ]


def _rename(code: Code, node: ast.FunctionDef, name: str) -> bool:
    start = code.edits.offset(node.lineno, node.col_offset)
    found = re.compile(r"(?:async\s+)?def\s+(\w+)").match(code.text, start)
    return found is not None and code.edits.replace_span(found.start(1), found.end(1), name)


def _old_attributes(code: Code) -> list[int]:
    return [
        node.lineno
        for old, new in OLD_ATTRIBUTES.items()
        if (node := code.attributes.get(old)) is not None and new not in code.attributes
        if code.edits.replace_span(start := code.edits.span(node)[0], start + len(old), new)
    ]


def _old_columns(code: Code) -> list[int]:
    """Rename the old signal columns, in methods that use none of the new ones' names."""
    lines = []
    for name, function in code.frame_functions.items():
        used = {column for column, _ in assigned_columns(function)}
        is_old = name in OLD_METHODS
        for node in ast.walk(function):
            if not isinstance(node, ast.Subscript):
                continue
            for piece in _keys(node.slice):
                new = OLD_COLUMNS.get(str(piece.value))
                if new is not None and (is_old or (piece.value in used and new not in used)):
                    quote = code.edits.segment(piece)[0]
                    if code.edits.replace(piece, f"{quote}{new}{quote}"):
                        lines.append(piece.lineno)
    return lines


def _keys(node: ast.expr) -> list[ast.Constant]:
    """Give the texts of a subscript: one, or those of a tuple or list."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node]
    if isinstance(node, ast.Tuple | ast.List):
        return [key for each in node.elts for key in _keys(each)]
    return []


def _old_version(code: Code) -> list[int]:
    node = code.attributes.get("INTERFACE_VERSION")
    if node is None or node.value is None or code.edits.segment(node.value).strip() == "3":
        return []
    code.edits.replace(node.value, "3")
    return [node.lineno]


def rename_methods(code: Code) -> list[Repair]:
    """Methods with a name near the right one: ``populate_entry_signals``."""
    repairs = []
    taken = set(code.methods)
    for old, node in code.methods.items():
        new = _METHODS.get(_letters(old))
        if new is not None and new not in taken and _rename(code, node, new):
            taken.add(new)
            repairs.append(Repair("rename_method", node.lineno, f"{old} became {new}"))
    return repairs


def _letters(name: str) -> str:
    """Give a name without what only its spelling adds: ``enterLong``, ``ENTER_LONG`` and ``enter_long`` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


_METHODS = {
    _letters(name): right
    for name, right in {**WRONG_METHODS, **OLD_METHODS, **{name: name for name in FRAME_METHODS}}.items()
}


def join_methods(code: Code) -> list[Repair]:
    """Methods of their own for long and short are called by the one that Freqtrade asks."""
    strategy = code.strategy
    repairs = []
    for name, kind in (("populate_entry_trend", "entry"), ("populate_exit_trend", "exit")):
        parts = [method for method in code.methods if _side_of(method) == kind]
        if strategy is None or name in code.methods or not parts:
            continue
        blanks = code.body_indent()
        calls = [f"{blanks}    dataframe = self.{part}(dataframe, metadata)" for part in parts]
        body = "\n".join([f"{blanks}{_HEAD.format(name=name)}", *calls, f"{blanks}    return dataframe"])
        code.edits.insert(code.edits.span(strategy)[1], f"\n\n{body}")
        repairs.append(Repair("join_methods", code.methods[parts[0]].lineno, f"{name} calls {', '.join(parts)}"))
    return repairs


def _side_of(method: str) -> str | None:
    """Give whether a method's name says that it sets the entries or the exits of one side."""
    found = re.fullmatch(r"populate_((?:entry|enter|exit|long|short|trend|signals?)_?)+", method)
    words = set(method.split("_"))
    if found is None or not words & {"long", "short"}:
        return None
    return "exit" if "exit" in words else "entry"


_ENTRY_COLUMNS = {_letters(name): right for name, right in ENTRY_COLUMNS.items()}
_EXIT_COLUMNS = {_letters(name): right for name, right in EXIT_COLUMNS.items()}


def rename_signal_columns(code: Code) -> list[Repair]:
    """Signal columns of invented names, in a method that sets none of the right ones."""
    repairs = []
    for method, names in (("populate_entry_trend", _ENTRY_COLUMNS), ("populate_exit_trend", _EXIT_COLUMNS)):
        function = code.methods.get(method)
        if function is None:
            continue
        used = [column for column, _ in assigned_columns(function)]
        if any(column in SIGNALS for column in used):
            continue
        for node in ast.walk(function):
            for piece in _keys(node.slice) if isinstance(node, ast.Subscript) else []:
                new = names.get(_letters(str(piece.value))) if piece.value in used else None
                if new is not None and code.edits.replace(piece, f'"{new}"'):
                    detail = f"the column {piece.value!r} became {new!r}"
                    repairs.append(Repair("rename_signal_column", piece.lineno, detail))
    return repairs


def add_return(code: Code) -> list[Repair]:
    """Populate methods give the dataframe back."""
    repairs = []
    for name, function in code.frame_functions.items():
        frame = _frame_of(code, function)
        last = function.body[-1]
        if isinstance(last, ast.Return):
            if last.value is None or _is_no_frame(code, last.value):
                code.edits.replace(last, f"return {frame}")
                repairs.append(Repair("add_return", last.lineno, f"{name} gives back {frame}"))
            continue
        if isinstance(last, ast.Raise):
            continue
        blanks = " " * last.col_offset
        if isinstance(last, ast.Pass):
            code.edits.replace(last, f"return {frame}")
        else:
            code.edits.insert(code.edits.span(last)[1], f"\n{blanks}return {frame}")
        repairs.append(Repair("add_return", last.end_lineno or last.lineno, f"{name} gives back {frame}"))
    return repairs


def _frame_of(code: Code, function: ast.FunctionDef) -> str:
    """Give the name of the dataframe at the end of a method: the last one whose columns are set."""
    arguments = [argument.arg for argument in function.args.args if argument.arg not in {"self", "metadata"}]
    name = arguments[0] if arguments else "dataframe"
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            base = node.value.value if isinstance(node.value, ast.Attribute) else node.value
            if isinstance(base, ast.Name) and code.is_frame(base):
                name = base.id
    return name


def _is_no_frame(code: Code, node: ast.expr) -> bool:
    """Say whether what a method returns is plainly no dataframe: nothing, a column, several values."""
    if isinstance(node, ast.Constant | ast.Tuple | ast.List | ast.Dict | ast.Compare | ast.BoolOp):
        return True
    return (
        isinstance(node, ast.Subscript)
        and code.is_frame(node.value)
        and isinstance(node.slice, ast.Constant | ast.List)
    )


def self_of_methods(code: Code) -> list[Repair]:
    """A method that is called on ``self`` takes it."""
    called = {
        node.func.attr
        for node in code.nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_self(node.func.value)
    }
    repairs = []
    for name in called & code.methods.keys() - code.frame_functions.keys():
        function = code.methods[name]
        arguments = [*function.args.posonlyargs, *function.args.args]
        if function.decorator_list or (arguments and arguments[0].arg in {"self", "cls"}) or name in CALLBACKS:
            continue
        start = code.text.find("(", code.edits.offset(function.lineno, function.col_offset))
        code.edits.insert(start + 1, "self, " if arguments else "self")
        repairs.append(Repair("add_self", function.lineno, f"{name} takes self"))
    return repairs


def add_self(code: Code) -> list[Repair]:
    """Attributes and methods of the class that are named without ``self.``."""
    outside = {name for statement in code.tree.body for name in _bound_by(statement)} | set(dir(builtins))
    own = {*code.attributes, *code.methods} - {"__init__"} - outside
    repairs = []
    for method in code.methods.values():
        nodes = [each for statement in method.body for each in ast.walk(statement)]
        local = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        local |= {node.arg for node in ast.walk(method) if isinstance(node, ast.arg)}
        for node in nodes:
            is_own = isinstance(node, ast.Name) and node.id in own - local
            if is_own and isinstance(node, ast.Name) and code.edits.replace(node, f"self.{node.id}"):
                repairs.append(Repair("add_self", node.lineno, f"self.{node.id}"))
    return repairs


def _bound_by(statement: ast.stmt) -> set[str]:
    """Give the names that a statement at the margin binds."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}


def name_of_frame(code: Code) -> list[Repair]:
    """A method whose dataframe has another name than the one its body uses."""
    repairs = []
    for function in code.frame_functions.values():
        arguments = [argument.arg for argument in function.args.args]
        frame = next((each for each in arguments if each not in {"self", "metadata"}), None)
        names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        local = {node.id for node in names if isinstance(node.ctx, ast.Store)} | set(arguments)
        for node in names:
            is_other = node.id in USUAL_FRAMES and node.id not in local
            if frame is not None and is_other and code.edits.replace(node, frame):
                repairs.append(Repair("name_of_frame", node.lineno, f"{node.id} is {frame} here"))
    return repairs


def add_missing_methods(code: Code) -> list[Repair]:
    """A missing populate_exit_trend or populate_indicators is added; it changes nothing."""
    strategy = code.strategy
    if strategy is None or "populate_entry_trend" not in code.methods or not code.inherits_directly:
        return []  # an heir of another class of the file may have the method from there
    blanks = code.body_indent()
    repairs = []
    end = code.edits.span(strategy)[1]
    for name in ("populate_indicators", "populate_exit_trend"):
        if name not in code.methods:
            body = f"{blanks}{_HEAD.format(name=name)}\n{blanks}    return dataframe"
            code.edits.insert(end, f"\n\n{body}")
            repairs.append(Repair("add_missing_method", strategy.end_lineno or 1, f"{name} was added"))
    return repairs


def drop_main_block(code: Code) -> list[Repair]:
    """What runs when the file is a program, and strategies made at the margin: Freqtrade makes them itself."""
    repairs = []
    made = {code.strategy.name} if code.strategy is not None else set()
    last = code.strategy.lineno if code.strategy is not None else 0
    for node in code.tree.body:
        is_main = isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
        value = node.value if isinstance(node, ast.Expr | ast.Assign) else None
        is_call = value is not None and any(isinstance(each, ast.Call) for each in ast.walk(value))
        names = {each.id for each in ast.walk(value) if isinstance(each, ast.Name)} if value is not None else set()
        runs = is_call and node.lineno > last and bool(names & (made | _of_the_machinery(code)))
        if _reaches_out(code, node):
            continue  # that is for the policy to judge, not to be swept away
        if (is_main or runs) and code.edits.delete_lines(node.lineno, node.end_lineno or node.lineno):
            made |= {each.id for each in getattr(node, "targets", []) if isinstance(each, ast.Name)}
            repairs.append(Repair("drop_main_block", node.lineno, "what runs outside of the class was dropped"))
    return repairs


def _of_the_machinery(code: Code) -> set[str]:
    """Give the names that stand for parts of Freqtrade that run strategies, which no strategy needs."""
    parts = ("freqtrade.optimize.", "freqtrade.configuration", "freqtrade.worker", "freqtrade.main", "freqtrade.data.")
    known = {"freqtrade.optimize.space", "freqtrade.data.dataprovider"}
    return {
        name
        for name, module in code.bindings.items()
        if module.startswith(parts) and not any(module.startswith(each) for each in known)
    }


def _reaches_out(code: Code, node: ast.stmt) -> bool:
    """Say whether a statement uses what strategies have no business with."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    roots = {code.bindings[name].partition(".")[0] for name in names if name in code.bindings}
    return bool(names & {"open", "exec", "eval", "compile", "__import__", "input"} or roots - SAFE_ROOTS)
