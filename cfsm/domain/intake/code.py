"""A strategy's source as its syntax tree shows it: the class, its methods and attributes, the frames."""

import ast
import builtins
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from cfsm.domain.intake.known import IMPORTS, QTPYLIB
from cfsm.domain.intake.repair import Edits
from cfsm.domain.intake.talib_table import TALIB

FRAME_METHODS = ("populate_indicators", "populate_entry_trend", "populate_exit_trend")
USUAL_FRAMES = frozenset({"dataframe", "df"})
PARAMETER_CLASSES = frozenset(
    {"IntParameter", "DecimalParameter", "RealParameter", "CategoricalParameter", "BooleanParameter"}
)


@dataclass(frozen=True)
class Wanted:
    """What the strategy should be: its class (empty: as it is), and the timeframe if it names none."""

    class_name: str = ""
    timeframe: str = "15m"
    stoploss: float = -0.05


@dataclass
class Code:
    """One text that parses, with what is known of it."""

    text: str
    wanted: Wanted = field(default_factory=Wanted)

    @cached_property
    def tree(self) -> ast.Module:
        """Give the syntax tree. Raise SyntaxError."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(self.text)

    @cached_property
    def edits(self) -> Edits:
        """Give the edits of this text."""
        return Edits(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Give all nodes of the tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Give what holds each node."""
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def strategy(self) -> ast.ClassDef | None:
        """Give the strategy's class: the one of the name wanted, else the last that inherits from IStrategy.

        Where none does, the last class that has a populate method.
        """
        classes = [node for node in self.tree.body if isinstance(node, ast.ClassDef)]
        inheriting = [each for each in classes if any("IStrategy" in ast.unparse(base) for base in each.bases)]
        inheriting = inheriting or [each for each in classes if _populates(each)]
        named = [each for each in inheriting if each.name == self.wanted.class_name]
        names = {each.name for each in inheriting}
        heirs = [each for each in classes if any(ast.unparse(base) in names for base in each.bases)]
        candidates = named or heirs or inheriting
        return max(candidates, key=lambda each: (_populates(each), each.lineno)) if candidates else None

    @property
    def inherits_directly(self) -> bool:
        """Say whether the class has no other parent than IStrategy, so that what it lacks is missing."""
        bases = [ast.unparse(base) for base in self.strategy.bases] if self.strategy is not None else []
        return len(bases) == 1 and "IStrategy" in bases[0]

    @cached_property
    def methods(self) -> dict[str, ast.FunctionDef]:
        """Give the methods of the strategy."""
        body = self.strategy.body if self.strategy is not None else []
        return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}

    @cached_property
    def attributes(self) -> dict[str, ast.Assign | ast.AnnAssign]:
        """Give the class's plain attributes that have a value."""
        found: dict[str, ast.Assign | ast.AnnAssign] = {}
        for node in self.strategy.body if self.strategy is not None else []:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] = node
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                found[node.target.id] = node
        return found

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Give the hyperopt parameters of the class: name to the parameter's class."""
        found = {}
        for name, node in self.attributes.items():
            if isinstance(node.value, ast.Call):
                kind = ast.unparse(node.value.func).rpartition(".")[2]
                if kind in PARAMETER_CLASSES:
                    found[name] = kind
        return found

    @cached_property
    def frame_functions(self) -> dict[str, ast.FunctionDef]:
        """Give the functions that take the dataframe and give it back."""
        return {
            name: node
            for name, node in self.methods.items()
            if name.startswith("populate_") and name != "populate_any_indicators"
        }

    @cached_property
    def bindings(self) -> dict[str, str]:
        """Give what each imported name stands for: ``ta`` to ``talib.abstract``, ``RSI`` to ``talib.abstract.RSI``."""
        found: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"
        return found

    def uses_of(self, name: str) -> list[ast.Attribute]:
        """Give the attributes that are taken of a name: those of ``ta`` in ``ta.RSI(…)``."""
        found = [node for node in self.nodes if isinstance(node, ast.Attribute)]
        return [node for node in found if isinstance(node.value, ast.Name) and node.value.id == name]

    def is_frame(self, node: ast.AST) -> bool:
        """Say whether an expression is a dataframe by its name."""
        return isinstance(node, ast.Name) and node.id in self.frame_names

    @cached_property
    def frame_names(self) -> set[str]:
        """Give the names that stand for dataframes: parameters of the populate methods, and copies of them."""
        names = set(USUAL_FRAMES)
        for function in self.frame_functions.values():
            arguments = [argument.arg for argument in function.args.args if argument.arg not in {"self", "metadata"}]
            names.update(arguments[:1])
        for node in self.nodes:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                value = node.value.func.value if _is_copy(node.value) else node.value  # type: ignore[attr-defined]
                if isinstance(value, ast.Name) and value.id in names:
                    names.add(node.targets[0].id)
        return names

    def body_indent(self) -> str:
        """Give the blanks before the lines of the class's body."""
        assert self.strategy is not None
        return " " * self.strategy.body[0].col_offset

    def first_body_line(self) -> int:
        """Give the line before which attributes are put: behind the docstring and INTERFACE_VERSION."""
        assert self.strategy is not None
        body = self.strategy.body
        at = body[0]
        is_docstring = isinstance(at, ast.Expr) and isinstance(at.value, ast.Constant)
        behind = (at.end_lineno or at.lineno) + 1 if is_docstring else _first_line(at)
        version = self.attributes.get("INTERFACE_VERSION")
        return (version.end_lineno or version.lineno) + 1 if version is not None else behind


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _populates(node: ast.ClassDef) -> int:
    """Give how many populate methods a class has."""
    names: list[str] = [each.name for each in node.body if isinstance(each, ast.FunctionDef)]
    return sum(1 for name in names if name.startswith("populate_"))


def _is_copy(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "copy"


def is_self(node: ast.AST) -> bool:
    """Say whether an expression is ``self``."""
    return isinstance(node, ast.Name) and node.id == "self"


def constant(node: ast.AST | None) -> object:
    """Give the value of a literal (with its sign), or None."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = constant(node.operand)
        if isinstance(value, int | float):
            return -value if isinstance(node.op, ast.USub) else value
    return None


def column_of(node: ast.AST) -> str | None:
    """Give the column that ``frame["column"]`` names, or None."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value
    return None


def assigned_columns(function: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Give the columns that a function sets, each with the target that sets it: plain, by loc, in lists."""
    for node in ast.walk(function):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        for target in targets:
            for each in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(each, ast.Subscript):
                    for piece in ast.walk(each.slice):
                        if isinstance(piece, ast.Constant) and isinstance(piece.value, str):
                            yield piece.value, each


def bound_names(code: Code) -> set[str]:
    """Give every name that is bound anywhere in the file, and Python's own."""
    names = set(dir(builtins)) | set(code.bindings) | {"__name__", "__file__"}
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in code.nodes):
        names |= set(_star_names(code))
    for node in code.nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
    return names


def _star_names(code: Code) -> Iterator[str]:
    """Give what the usual star imports bring."""
    for node in code.nodes:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            if node.module and node.module.startswith("talib"):
                yield from TALIB
            elif node.module and "qtpylib" in node.module:
                yield from QTPYLIB
            elif node.module and node.module.startswith("freqtrade.strategy"):
                yield from (name for name, line in IMPORTS.items() if "freqtrade.strategy" in line)
