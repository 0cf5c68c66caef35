"""Writes expressions as code over columns; each call of the catalogue becomes a column, computed once."""

from collections.abc import Mapping

from cfsm.adapters.blueprint.columns import (
    TALIB_OF_CANDLES,
    TALIB_OF_SERIES,
    TALIB_WITH_OUTPUTS,
    WITH_GAPS,
    series,
    talib_call,
    window,
)
from cfsm.adapters.blueprint.trees import digits, is_number, key_of, may_have_gaps, plain, readable
from cfsm.domain.blueprint.checking import Checked
from cfsm.domain.blueprint.functions import COLUMNS, FUNCTIONS, Kind
from cfsm.domain.blueprint.language import (
    Arithmetic,
    Call,
    Compare,
    Cross,
    Logic,
    Minus,
    Name,
    Node,
    Not,
    Number,
    Role,
    Shift,
)

CLOCK = {"hour": "hour", "weekday": "day_of_week"}
"""Names of the candle's time, and what pandas calls them."""
LARGEST_EXACT = 1e15


class Columns:
    """The columns of one strategy. ``lines`` fill them, in order; ``code`` writes an expression over them.

    ``indicators`` are computed first; ``attributes`` gives each parameter's attribute.
    """

    def __init__(self, indicators: Mapping[str, Checked], attributes: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self._indicators = indicators
        self._attributes = attributes
        self._columns: dict[object, str] = {}
        self._taken = {*COLUMNS, *indicators, "dataframe", "metadata", "self", "np", "ta", "qtpylib"}
        for name, checked in indicators.items():
            self._indicator(name, checked)

    def _indicator(self, name: str, checked: Checked) -> None:
        """Fill a named indicator's column; one that holds a parameter is written where it is used instead."""
        node = checked.node
        if checked.is_tuned:
            return
        if isinstance(node, Call) and _needs_column(node) and key_of(node) not in self._columns:
            self._fill(node, name)
            return
        self.lines.append(f"{series(name)} = {self.bare(self.code(node))}")

    def _free(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(name)
        return name

    def _column_of(self, call: Call) -> str:
        """Give the column in which a call is computed."""
        key = key_of(call)
        if key not in self._columns:
            self._fill(call, self._free(readable(call)))
        return self._columns[key]

    def _fill(self, call: Call, column: str) -> None:
        inputs = tuple(self._input(argument, call.name) for argument in call.arguments)
        self.lines.append(f"{series(column)} = {self._computed(call, inputs)}")
        self._columns[key_of(call)] = column

    def _input(self, argument: Node, function: str) -> str:
        """Give the column that holds an argument; an expression gets one of its own."""
        if isinstance(argument, Name) and argument.name not in CLOCK:
            return argument.name
        if isinstance(argument, Call) and _needs_column(argument):
            return self._column_of(argument)
        key = ("expression", plain(argument))
        if key not in self._columns:
            code = self.code(argument)
            # A gap in mid-series would stay in TA-Lib's recursive functions for ever: it is filled forward.
            filled = f"{self._closed(code)}.ffill()" if may_have_gaps(argument) else self.bare(code)
            column = self._free(f"{function}_input")
            self.lines.append(f"{series(column)} = {filled}")
            self._columns[key] = column
        return self._columns[key]

    def _computed(self, call: Call, inputs: tuple[str, ...]) -> str:
        name = call.name
        if name in TALIB_WITH_OUTPUTS:
            function, output = TALIB_WITH_OUTPUTS[name]
            return f'{self._outputs(function, call, inputs)}["{output}"]'
        if name in TALIB_OF_SERIES:
            return talib_call(TALIB_OF_SERIES[name], call.settings, inputs[0])
        if name in TALIB_OF_CANDLES:
            return talib_call(TALIB_OF_CANDLES[name], call.settings, None)
        code = window(name, call.settings, inputs)
        return f"({code}).ffill()" if name in WITH_GAPS else code

    def _outputs(self, function: str, call: Call, inputs: tuple[str, ...]) -> str:
        """Give the variable that holds all outputs of a TA-Lib function."""
        settings = (*call.settings, 3.0)[:3] if function == "STOCH" else call.settings
        key = ("outputs", function, settings, inputs)
        if key not in self._columns:
            variable = self._free("_".join([function.lower(), *(digits(value) for value in settings)]))
            column = inputs[0] if inputs else None
            self.lines.append(f"{variable} = {talib_call(function, settings, column)}")
            self._columns[key] = variable
        return self._columns[key]

    def code(self, node: Node) -> str:  # noqa: C901 - one thought: a case for each kind of node
        """Give the code of an expression, in parentheses wherever precedence could matter."""
        match node:
            case Number():
                code = _number(node.value)
            case Name():
                code = self._name(node)
            case Call():
                code = self._call(node)
            case Shift():
                filled = ", fill_value=False" if self._is_condition(node.of) else ""
                code = f"{self._closed(self.code(node.of))}.shift({node.candles}{filled})"
            case Minus():
                code = f"(-{self.code(node.of)})"
            case Arithmetic():
                code = self._arithmetic(node)
            case Compare():
                code = f"({self.code(node.left)} {node.operator} {self.code(node.right)})"
            case Cross():
                code = self._cross(node.direction, node.left, node.right)
            case Logic():
                sign = " & " if node.operator == "and" else " | "
                code = f"({sign.join(self.code(part) for part in node.parts)})"
            case Not():
                code = f"(~{self.code(node.of)})"
            case _:
                raise TypeError(f"{type(node).__name__} has no code")
        return code

    @staticmethod
    def bare(code: str) -> str:
        """Take the outer parentheses off, where they close around the whole."""
        depth = 0
        for at, character in enumerate(code):
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth == 0 and at < len(code) - 1:
                return code
        return code[1:-1]

    def _closed(self, code: str) -> str:
        """Give code that a method can be called on."""
        return code if code.endswith(("]", ")")) else f"({code})"

    def _name(self, node: Name) -> str:
        if node.role is Role.PARAMETER:
            return f"self.{self._attributes[node.name]}.value"
        if node.role is Role.INDICATOR and self._indicators[node.name].is_tuned:
            return self.code(self._indicators[node.name].node)
        if node.name in CLOCK:
            return f"{series('date')}.dt.{CLOCK[node.name]}"
        return series(node.name)

    def _call(self, node: Call) -> str:
        if _needs_column(node):
            return series(self._column_of(node))
        codes = [self.code(argument) for argument in node.arguments]
        match node.name:
            case "abs":
                code = f"{self._closed(codes[0])}.abs()"
            case "min":
                code = f"np.minimum({codes[0]}, {codes[1]})"
            case "max":
                code = f"np.maximum({codes[0]}, {codes[1]})"
            case _:
                sign = ">" if node.name == "rising" else "<"
                code = f"({codes[0]} {sign} {self._closed(codes[0])}.shift({node.settings[0]:.0f}))"
        return code

    def _is_condition(self, node: Node) -> bool:
        if isinstance(node, Name) and node.role is Role.INDICATOR:
            return self._indicators[node.name].kind is Kind.CONDITION
        if isinstance(node, Call):
            return FUNCTIONS[node.name].result is Kind.CONDITION
        if isinstance(node, Shift):
            return self._is_condition(node.of)
        return isinstance(node, Compare | Cross | Logic | Not)

    def _arithmetic(self, node: Arithmetic) -> str:
        left, right = self.code(node.left), self.code(node.right)
        if node.operator == "/" and not is_number(node.right):
            right = f"{self._closed(right)}.replace(0, np.nan)"
        return f"({left} {node.operator} {right})"

    def _cross(self, direction: str, left: Node, right: Node) -> str:
        """Give a crossing; a number on the left changes sides, as qtpylib wants a series first."""
        if is_number(left):
            left, right, direction = right, left, "below" if direction == "above" else "above"
        return f"qtpylib.crossed_{direction}({self.code(left)}, {self.code(right)})"


def _needs_column(call: Call) -> bool:
    return call.name not in {"abs", "min", "max"} and FUNCTIONS[call.name].result is Kind.SERIES


def _number(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() and abs(value) < LARGEST_EXACT else repr(value)
