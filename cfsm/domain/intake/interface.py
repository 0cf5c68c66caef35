"""Mends what ties a strategy to Freqtrade: its class, its methods, their names, arguments and returns."""

import ast
import builtins
import re

from cfsm.domain.intake.code import USUAL_FRAMES, Code, assigned_columns, is_self
from cfsm.domain.intake.known import (
    ARGUMENT_ALIASES,
    CALLBACKS,
    ENTRY_COLUMNS,
    EXIT_COLUMNS,
    OLD_ATTRIBUTES,
    OLD_COLUMNS,
    OLD_METHODS,
    SAFE_ROOTS,
    TRADE_ATTRIBUTES,
    WRONG_METHODS,
)
from cfsm.domain.intake.repair import Repair
from cfsm.domain.intake.scanning import matching

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
    """A class with populate methods that inherits from nothing, or from another name, inherits from IStrategy."""
    strategy = code.strategy
    if strategy is None or any("IStrategy" in ast.unparse(base) for base in strategy.bases):
        return []
    names = {node.name for node in code.tree.body if isinstance(node, ast.ClassDef)}
    if any(ast.unparse(base) in names for base in strategy.bases):
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


def fix_trade_attributes(code: Code) -> list[Repair]:
    """Attributes that trades do not have: ``trade.side``."""
    repairs = []
    for node in code.nodes:
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name) or node.value.id != "trade":
            continue
        new = TRADE_ATTRIBUTES.get(node.attr)
        if new is not None and code.edits.replace(node, f"trade.{new}"):
            repairs.append(Repair("fix_trade_attribute", node.lineno, f"trade.{node.attr} is trade.{new}"))
    return repairs


def rename_methods(code: Code) -> list[Repair]:
    """Methods with a name near the right one: ``populate_entry_signals``."""
    repairs = []
    taken = set(code.methods)
    for old, new in WRONG_METHODS.items():
        node = code.methods.get(old)
        if node is not None and new not in taken and _rename(code, node, new):
            taken.add(new)
            repairs.append(Repair("rename_method", node.lineno, f"{old} became {new}"))
    return repairs


def rename_signal_columns(code: Code) -> list[Repair]:
    """Signal columns of invented names, in a method that sets none of the right ones."""
    repairs = []
    for method, names in (("populate_entry_trend", ENTRY_COLUMNS), ("populate_exit_trend", EXIT_COLUMNS)):
        function = code.methods.get(method)
        if function is None:
            continue
        used = [column for column, _ in assigned_columns(function)]
        if any(column in SIGNALS for column in used):
            continue
        for node in ast.walk(function):
            for piece in _keys(node.slice) if isinstance(node, ast.Subscript) else []:
                new = names.get(str(piece.value)) if piece.value in used else None
                if new is not None and code.edits.replace(piece, f'"{new}"'):
                    detail = f"the column {piece.value!r} became {new!r}"
                    repairs.append(Repair("rename_signal_column", piece.lineno, detail))
    return repairs


def fix_populate_signatures(code: Code) -> list[Repair]:
    """Populate methods take self, the dataframe and the metadata."""
    repairs = []
    for name, function in code.frame_functions.items():
        arguments = [argument.arg for argument in function.args.args]
        is_static = any(ast.unparse(each) == "staticmethod" for each in function.decorator_list)
        if function.args.vararg is not None or is_static or name.startswith("populate_any"):
            continue
        wanted = list(arguments)
        if not wanted or wanted[0] != "self":
            wanted.insert(0, "self")
        frame = next((argument for argument in wanted[1:] if argument != "metadata"), "dataframe")
        if len(wanted) - len(function.args.defaults) <= 3 <= len(wanted) and wanted == arguments:  # noqa: PLR2004
            continue
        if _set_arguments(code, function, f"self, {frame}, metadata"):
            repairs.append(Repair("fix_populate_signature", function.lineno, f"{name}(self, {frame}, metadata)"))
    return repairs


def _set_arguments(code: Code, function: ast.FunctionDef, arguments: str) -> bool:
    """Write a function's arguments anew."""
    start = code.text.find("(", code.edits.offset(function.lineno, function.col_offset))
    end = matching(code.text, start)
    return end is not None and code.edits.replace_span(start + 1, end, arguments)


def fix_callback_signatures(code: Code) -> list[Repair]:
    """Callbacks take what Freqtrade passes, by its names.

    Only where every argument that the body uses is one of Freqtrade's, or plainly means one.
    """
    repairs = []
    for name, official in CALLBACKS.items():
        function = code.methods.get(name)
        if function is None or _takes(function, official):
            continue
        renames = _renames(function, official)
        if renames is None or not _set_arguments(code, function, _arguments(function, official)):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id in renames:
                code.edits.replace(node, renames[node.id])
        signature = ", ".join(["self", *official, "**kwargs"])
        repairs.append(Repair(f"fix_{name}_signature", function.lineno, f"{name}({signature})"))
    return repairs


def _given(function: ast.FunctionDef) -> list[ast.arg]:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [argument for argument in arguments if argument.arg != "self"]


def _takes(function: ast.FunctionDef, official: tuple[str, ...]) -> bool:
    """Say whether a callback can be called with these keywords."""
    given = {argument.arg for argument in _given(function)}
    plain = [*function.args.posonlyargs, *function.args.args]
    optional = {argument.arg for argument in plain[len(plain) - len(function.args.defaults) :]}
    optional |= {
        argument.arg
        for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        if default is not None
    }
    has_self = bool(plain) and plain[0].arg == "self"
    takes_all = function.args.kwarg is not None or set(official) <= given
    return has_self and takes_all and given - optional <= set(official)


def _renames(function: ast.FunctionDef, official: tuple[str, ...]) -> dict[str, str] | None:
    """Give what each argument that is not Freqtrade's means; None if one that is used means nothing."""
    given = {argument.arg for argument in _given(function)}
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    renames = {}
    for name in given - set(official):
        meanings = [each for each in ARGUMENT_ALIASES.get(name, ()) if each in official and each not in given]
        if name in used and not meanings:
            return None
        if name in used:
            renames[name] = meanings[0]
    return renames


def _arguments(function: ast.FunctionDef, official: tuple[str, ...]) -> str:
    """Give the arguments as Freqtrade passes them, with the annotations that were there."""
    annotations = {
        argument.arg: f": {ast.unparse(argument.annotation)}"
        for argument in _given(function)
        if argument.annotation is not None
    }
    return ", ".join(["self", *(f"{name}{annotations.get(name, '')}" for name in official), "**kwargs"])


def fix_init(code: Code) -> list[Repair]:
    """A constructor takes the configuration and passes it on."""
    function = code.methods.get("__init__")
    if function is None:
        return []
    repairs = []
    arguments = [argument.arg for argument in _given(function)]
    config = arguments[0] if arguments else "config"
    if not arguments and function.args.vararg is None and _set_arguments(code, function, "self, config: dict"):
        repairs.append(Repair("fix_init", function.lineno, "__init__ takes the configuration"))
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and _is_super_init(node)]
    if calls and not calls[0].args and not calls[0].keywords and function.args.vararg is None:
        code.edits.replace(calls[0], f"super().__init__({config})")
        repairs.append(Repair("fix_init", calls[0].lineno, "the configuration is passed on"))
    if not calls:
        first = function.body[0]
        code.edits.insert_line(first.lineno, f"{' ' * first.col_offset}super().__init__({config})")
        repairs.append(Repair("fix_init", function.lineno, "the constructor of IStrategy is called"))
    return repairs[:1]


def _is_super_init(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr == "__init__" and "super" in ast.unparse(node.func)


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
    return isinstance(node, ast.Subscript) and code.is_frame(node.value) and isinstance(node.slice, ast.Constant)


def confirm_by_default(code: Code) -> list[Repair]:
    """A confirmation that returns nothing forbids every trade: it says yes at its end."""
    repairs = []
    for name in ("confirm_trade_entry", "confirm_trade_exit"):
        function = code.methods.get(name)
        if function is None or any(isinstance(node, ast.Return) and node.value for node in ast.walk(function)):
            continue
        last = function.body[-1]
        code.edits.insert(code.edits.span(last)[1], f"\n{' ' * last.col_offset}return True")
        repairs.append(Repair("confirm_by_default", function.lineno, f"{name} returns True"))
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


def leverage_to_method(code: Code) -> list[Repair]:
    """A number named leverage would hide Freqtrade's callback: it becomes one."""
    node = code.attributes.get("leverage")
    if node is None or node.value is None or not isinstance(node.value, ast.Constant):
        return []
    value = node.value.value
    if not isinstance(value, int | float) or isinstance(value, bool):
        return []
    blanks = code.body_indent()
    arguments = ", ".join(["self", *CALLBACKS["leverage"], "**kwargs"])
    method = f"def leverage({arguments}):\n{blanks}    return min({float(value)!r}, max_leverage)"
    code.edits.replace(node, method)
    return [Repair("leverage_to_method", node.lineno, f"leverage = {value!r} became the callback")]


def add_parameter_value(code: Code) -> list[Repair]:
    """A hyperopt parameter that is used as a number gets its ``.value``."""
    repairs = []
    for method in code.methods.values():
        for node in ast.walk(method):
            if not isinstance(node, ast.Attribute) or not is_self(node.value) or node.attr not in code.parameters:
                continue
            is_load = isinstance(node.ctx, ast.Load) and not isinstance(code.parents.get(node), ast.Attribute)
            if is_load and code.edits.replace(node, f"self.{node.attr}.value"):
                repairs.append(Repair("add_parameter_value", node.lineno, f"self.{node.attr}.value"))
    return repairs


def parameter_arguments(code: Code) -> list[Repair]:
    """Hyperopt parameters: the default by its name, a space where the name does not tell it."""
    repairs = []
    for name, kind in code.parameters.items():
        call = code.attributes[name].value
        assert isinstance(call, ast.Call)
        places = 0 if kind == "BooleanParameter" else 1 if kind == "CategoricalParameter" else 2
        given = {each.arg for each in call.keywords}
        extra = call.args[places:]
        if len(extra) == 1 and "default" not in given:
            code.edits.insert(code.edits.span(extra[0])[0], "default=")
            repairs.append(Repair("fix_parameter", call.lineno, f"the default of {name} by its name"))
        if not {"space", None} & given and not re.match(r"(?:buy|sell|enter|exit|protection)_", name):
            code.edits.insert(code.edits.span(call)[1] - 1, ', space="buy"')
            repairs.append(Repair("fix_parameter", call.lineno, f"{name} is in the space buy"))
    return repairs


def drop_main_block(code: Code) -> list[Repair]:
    """What runs when the file is a program, and strategies made at the margin: Freqtrade makes them itself."""
    repairs = []
    names = {code.strategy.name} if code.strategy is not None else set()
    for node in code.tree.body:
        is_main = isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
        value = node.value if isinstance(node, ast.Expr | ast.Assign) else None
        calls = value is not None and any(
            isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in names
            for each in ast.walk(value)
        )
        if _reaches_out(code, node):
            continue  # that is for the policy to judge, not to be swept away
        if (is_main or calls) and code.edits.delete_lines(node.lineno, node.end_lineno or node.lineno):
            repairs.append(Repair("drop_main_block", node.lineno, "what runs outside of the class was dropped"))
    return repairs


def _reaches_out(code: Code, node: ast.stmt) -> bool:
    """Say whether a statement uses what strategies have no business with."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    roots = {code.bindings[name].partition(".")[0] for name in names if name in code.bindings}
    return bool(names & {"open", "exec", "eval", "compile", "__import__", "input"} or roots - SAFE_ROOTS)
