"""Checks an expression against what it may name, and resolves it: names, aliases, defaults, settings."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cfsm.domain.blueprint.functions import ALIASES, COLUMNS, ELEMENTWISE, FUNCTIONS, Function, Kind, Setting
from cfsm.domain.blueprint.language import (
    Arithmetic,
    Call,
    Compare,
    Cross,
    ExpressionError,
    Logic,
    Minus,
    Name,
    Node,
    Not,
    Number,
    Role,
    Shift,
)


@dataclass(frozen=True)
class Checked:
    """A resolved expression, what it gives, and how many candles it needs before its first good value.

    ``is_tuned`` says that a parameter is in it: its value is known only when a signal is sought.
    """

    node: Node
    kind: Kind
    warm_up: int = 0
    is_tuned: bool = False


@dataclass
class Scope:
    """What an expression may name: the indicators defined before it, and the parameters."""

    parameters: Mapping[str, object]
    indicators: dict[str, Checked] = field(default_factory=dict)

    def check(self, node: Node) -> Checked:
        """Give the resolved expression. Raise ExpressionError where it names or mixes what it may not."""
        match node:
            case Number():
                checked = Checked(node, Kind.NUMBER)
            case Name():
                checked = self._name(node)
            case Call():
                checked = self._call(node)
            case Shift():
                checked = self._shift(node)
            case Minus():
                inner = self._number_or_series(node.of)
                checked = replace(inner, node=replace(node, of=inner.node))
            case Arithmetic() | Compare() | Cross():
                checked = self._two(node)
            case Logic():
                parts = [self._condition(part) for part in node.parts]
                resolved = replace(node, parts=tuple(part.node for part in parts))
                warm_up = max(part.warm_up for part in parts)
                checked = Checked(resolved, Kind.CONDITION, warm_up, any(part.is_tuned for part in parts))
            case Not():
                inner = self._condition(node.of)
                checked = replace(inner, node=replace(node, of=inner.node))
            case _:
                raise ExpressionError(node.column, "is not part of the language")
        return checked

    def _condition(self, node: Node) -> Checked:
        checked = self.check(node)
        if checked.kind is not Kind.CONDITION:
            raise ExpressionError(node.column, "is a value, not a condition: compare it with something")
        return checked

    def _number_or_series(self, node: Node) -> Checked:
        checked = self.check(node)
        if checked.kind is Kind.CONDITION:
            raise ExpressionError(node.column, "is a condition, where a value is needed")
        return checked

    def _two(self, node: Arithmetic | Compare | Cross) -> Checked:
        left, right = self._number_or_series(node.left), self._number_or_series(node.right)
        are_numbers = left.kind is Kind.NUMBER and right.kind is Kind.NUMBER
        warm_up = max(left.warm_up, right.warm_up)
        is_tuned = left.is_tuned or right.is_tuned
        resolved = replace(node, left=left.node, right=right.node)
        if isinstance(node, Arithmetic):
            if node.operator == "/" and isinstance(right.node, Number) and right.node.value == 0:
                raise ExpressionError(node.right.column, "divides by zero")
            return Checked(resolved, Kind.NUMBER if are_numbers else Kind.SERIES, warm_up, is_tuned)
        if are_numbers:
            raise ExpressionError(node.column, "compares numbers that never change: name a column or indicator")
        return Checked(resolved, Kind.CONDITION, warm_up + (1 if isinstance(node, Cross) else 0), is_tuned)

    def _name(self, node: Name) -> Checked:
        if node.name in self.indicators:
            known = self.indicators[node.name]
            return replace(known, node=replace(node, role=Role.INDICATOR))
        if node.name in self.parameters:
            return Checked(replace(node, role=Role.PARAMETER), Kind.NUMBER, is_tuned=True)
        if node.name in COLUMNS:
            return Checked(replace(node, name=COLUMNS[node.name], role=Role.COLUMN), Kind.SERIES)
        function = FUNCTIONS.get(ALIASES.get(node.name, node.name))
        if function is not None and None not in function.series:
            return self._call(Call(node.column, node.name, ()))
        raise ExpressionError(node.column, f"unknown name {node.name!r}{self._hint(node.name)}")

    def _hint(self, name: str) -> str:
        known = [*self.indicators, *self.parameters, *COLUMNS, *FUNCTIONS]
        near = difflib.get_close_matches(name, known, n=1)
        return f": did you mean {near[0]!r}?" if near else ": define it among the indicators"

    def _shift(self, node: Shift) -> Checked:
        inner = self.check(node.of)
        if inner.kind is Kind.NUMBER:
            raise ExpressionError(node.column, "is the same number in every candle: take the [] away")
        return replace(inner, node=replace(node, of=inner.node), warm_up=inner.warm_up + node.candles)

    def _call(self, node: Call) -> Checked:
        name = ALIASES.get(node.name, node.name)
        function = FUNCTIONS.get(name)
        if function is None:
            near = difflib.get_close_matches(node.name, FUNCTIONS, n=1)
            hint = f": did you mean {near[0]}()?" if near else ""
            raise ExpressionError(node.column, f"unknown function {node.name}(){hint}")
        if name.startswith("crossed_") and len(node.arguments) == len(function.series):
            return self._two(Cross(node.column, name.removeprefix("crossed_"), *node.arguments))
        series, numbers = self._arguments(node, function)
        settings = tuple(
            _setting(node, setting, numbers[position] if position < len(numbers) else None)
            for position, setting in enumerate(function.settings)
        )
        own = int(function.warm_up(settings))
        if series and all(each.kind is Kind.NUMBER for each in series):
            raise ExpressionError(node.column, f"{name}() needs a column or an indicator, not numbers alone")
        is_tuned = any(each.is_tuned for each in series)
        if is_tuned and name not in ELEMENTWISE:
            raise ExpressionError(node.column, f"a parameter cannot be inside {name}(): compare with it instead")
        resolved = Call(node.column, name, tuple(each.node for each in series), settings)
        warm_up = own + max((each.warm_up for each in series), default=0)
        return Checked(resolved, function.result, warm_up, is_tuned)

    def _arguments(self, node: Call, function: Function) -> tuple[list[Checked], list[Node]]:
        """Tell series from settings: settings are numbers written at the end."""
        given = list(node.arguments)
        wanted = len(function.series)
        trailing = 0
        while trailing < len(given) and isinstance(given[-1 - trailing], Number):
            trailing += 1
        if None in function.series:  # series must be given, and may be numbers
            trailing = max(0, len(given) - wanted)
        series, numbers = given[: len(given) - trailing], given[len(given) - trailing :]
        if len(series) > wanted or len(numbers) > len(function.settings):
            raise ExpressionError(node.column, f"{node.name}() takes {_signature(function)}")
        for default in function.series[len(series) :]:
            if default is None:
                raise ExpressionError(node.column, f"{node.name}() takes {_signature(function)}")
            series.append(Name(node.column, default))
        return [self._number_or_series(each) for each in series], numbers


def _setting(call: Call, setting: Setting, given: Node | None) -> float:
    if given is None:
        return setting.default
    value = given.value if isinstance(given, Number) else None
    if value is None or (setting.is_whole and value != int(value)):
        what = "a whole number" if setting.is_whole else "a number"
        raise ExpressionError(given.column, f"the {setting.name} of {call.name}() is {what}, written as one")
    if not setting.low <= value <= setting.high:
        raise ExpressionError(
            given.column,
            f"the {setting.name} of {call.name}() lies from {setting.low:g} to {setting.high:g}, not {value:g}",
        )
    return value


def _signature(function: Function) -> str:
    """Give what a function takes, in words."""
    values = [f"a value (else {default})" if default else "a value" for default in function.series]
    numbers = [f"{setting.name} (else {setting.default:g})" for setting in function.settings]
    return ", ".join([*values, *numbers]) or "nothing"
