"""Mends how Freqtrade and a strategy call each other: arguments, constructor, callbacks, parameters, trades."""

import ast
import re

from cfsm.domain.intake.code import Code, is_self
from cfsm.domain.intake.known import ARGUMENT_ALIASES, CALLBACKS, TRADE_ATTRIBUTES
from cfsm.domain.intake.repair import Repair
from cfsm.domain.intake.scanning import matching


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


PARAMETER_WORDS = {
    **dict.fromkeys(("min", "min_value", "minimum", "start", "lower", "from_value"), "low"),
    **dict.fromkeys(("max", "max_value", "maximum", "stop", "end", "upper", "to_value"), "high"),
    **dict.fromkeys(("value", "initial", "initial_value", "default_value"), "default"),
    **dict.fromkeys(("options", "choices", "values", "options_list"), "categories"),
}
"""Names that models give to arguments of hyperopt parameters."""


def parameter_words(code: Code) -> list[Repair]:
    """Arguments of hyperopt parameters have Freqtrade's names: ``low`` and ``high``, not ``min_value``."""
    repairs = []
    for name in code.parameters:
        call = code.attributes[name].value
        assert isinstance(call, ast.Call)
        given = {each.arg for each in call.keywords}
        for keyword in call.keywords:
            new = PARAMETER_WORDS.get(keyword.arg or "")
            if new is not None and new not in given:
                code.edits.replace(keyword, f"{new}={code.edits.segment(keyword.value)}")
                repairs.append(Repair("fix_parameter", call.lineno, f"{keyword.arg} of {name} is {new}"))
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
