"""The small language of conditions: ``rsi(14) < 30 and close crosses above ema(close, 50)``.

Its grammar, loosest first::

    condition  := both ("or" both)*
    both       := negated ("and" negated)*
    negated    := "not" negated | comparison
    comparison := sum (("<" | "<=" | ">" | ">=" | "==" | "!=" | "crosses above" | "crosses below") sum)*
    sum        := product (("+" | "-") product)*
    product    := signed (("*" | "/") signed)*
    signed     := "-" signed | value
    value      := (number | name | name "(" condition ("," condition)* ")" | "(" condition ")") ("[" digits "]")*

``close[1]`` is the close one candle before: an expression can look back, never ahead. Words are read without
regard to case; ``&&``, ``||``, ``crossed_above`` and the like are understood.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, NoReturn

MAX_CHARACTERS = 600
MAX_DEPTH = 24
MAX_SHIFT = 500


class ExpressionError(Exception):
    """An expression cannot be read: where (column, from 1), what is wrong, what to do."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(f"column {column}: {message}")
        self.column = column
        self.message = message


@dataclass(frozen=True)
class Node:
    """A piece of an expression; ``column`` is where it begins."""

    column: int


@dataclass(frozen=True)
class Number(Node):
    """A number as written."""

    value: float


class Role(StrEnum):
    """What a name stands for, once it is resolved."""

    UNRESOLVED = "unresolved"
    COLUMN = "column"
    INDICATOR = "indicator"
    PARAMETER = "parameter"


@dataclass(frozen=True)
class Name(Node):
    """A column, an indicator or a parameter, in lower case."""

    name: str
    role: Role = Role.UNRESOLVED


@dataclass(frozen=True)
class Call(Node):
    """A function of the catalogue. Once resolved, its arguments are series and its settings numbers."""

    name: str
    arguments: tuple[Node, ...]
    settings: tuple[float, ...] = ()


@dataclass(frozen=True)
class Shift(Node):
    """What a value was so many candles before."""

    of: Node
    candles: int


@dataclass(frozen=True)
class Minus(Node):
    """The negative of a value."""

    of: Node


@dataclass(frozen=True)
class Arithmetic(Node):
    """``+ - * /`` of two values."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Compare(Node):
    """A comparison; the operator is one of ``< <= > >= == !=``."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Cross(Node):
    """One value crosses another in this candle; the direction is ``above`` or ``below``."""

    direction: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Logic(Node):
    """``and`` or ``or`` of conditions."""

    operator: str
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not(Node):
    """The contrary of a condition."""

    of: Node


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


_TOKENS = re.compile(
    r"""(?P<space>\s+)
    |(?P<cross>(?:cross(?:es|ed|ing)?)[\s_]*(?P<way>above|over|below|under)\b)
    |(?P<number>\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)
    |(?P<name>[a-z_]\w*)
    |(?P<operator><=|>=|==|!=|<>|&&|\|\||[<>=&|!~+\-*/(),\[\]])""",
    re.VERBOSE | re.IGNORECASE,
)
_WORDS = {"and": "and", "or": "or", "not": "not", "&": "and", "&&": "and", "|": "or", "||": "or"}
_COMPARISONS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "=": "==", "!=": "!=", "<>": "!="}


def parse(text: str) -> Node:
    """Give the tree of an expression. Raise ExpressionError at the first thing that cannot be read."""
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(MAX_CHARACTERS, f"longer than {MAX_CHARACTERS} characters: make it shorter")
    return _Parser(_tokens(text), len(text) + 1).whole()


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        found = _TOKENS.match(text, at)
        if found is None:
            raise ExpressionError(at + 1, f"{text[at]!r} means nothing here: take it out")
        if not found["space"]:
            tokens.append(_token(found, at + 1, tokens[-1] if tokens else None))
        at = found.end()
    return tokens


def _token(found: re.Match[str], column: int, before: _Token | None) -> _Token:
    text = found.group().lower()
    if found["cross"]:
        way = "above" if found["way"].lower() in {"above", "over"} else "below"
        follows_value = before is not None and (before.kind in {"name", "number"} or before.text in {")", "]"})
        return _Token("cross", way, column) if follows_value else _Token("name", f"crossed_{way}", column)
    if found["number"]:
        return _Token("number", text, column)
    if text in _WORDS or text in {"!", "~"}:
        return _Token("word", _WORDS.get(text, "not"), column)
    if text in _COMPARISONS:
        return _Token("comparison", _COMPARISONS[text], column)
    return _Token("name" if found["name"] else "operator", text, column)


class _Parser:
    """Reads tokens one by one; each method reads one rule of the grammar."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens = tokens
        self._at = 0
        self._end = end
        self._depth = 0

    def whole(self) -> Node:
        tree = self._condition()
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            raise ExpressionError(token.column, f"{token.text!r} is not expected: join conditions by and, or")
        return tree

    def _next(self, kind: str, *texts: str) -> _Token | None:
        """Take the next token if it is of this kind (and one of these texts)."""
        if self._at >= len(self._tokens):
            return None
        token = self._tokens[self._at]
        if token.kind != kind or (texts and token.text not in texts):
            return None
        self._at += 1
        return token

    def _need(self, text: str) -> None:
        if self._next("operator", text) is None:
            self._fail(f"expected {text!r}")

    def _fail(self, message: str) -> NoReturn:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            raise ExpressionError(token.column, f"{message}, found {token.text!r}")
        raise ExpressionError(self._end, f"{message}, but the expression ends here")

    def _condition(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH}: split it into indicators")
        parts = [self._both()]
        while self._next("word", "or"):
            parts.append(self._both())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Logic(parts[0].column, "or", tuple(parts))

    def _both(self) -> Node:
        parts = [self._negated()]
        while self._next("word", "and"):
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else Logic(parts[0].column, "and", tuple(parts))

    def _negated(self) -> Node:
        negations = []
        while token := self._next("word", "not"):
            negations.append(token)
        tree = self._comparison()
        for token in reversed(negations):
            tree = Not(token.column, tree)
        return tree

    def _comparison(self) -> Node:
        values = [self._sum()]
        relations = []
        while token := self._next("comparison") or self._next("cross"):
            relations.append(token)
            values.append(self._sum())
        parts: list[Node] = [
            Cross(left.column, relation.text, left, right)
            if relation.kind == "cross"
            else Compare(left.column, relation.text, left, right)
            for left, relation, right in zip(values, relations, values[1:], strict=False)
        ]
        if not parts:
            return values[0]
        return parts[0] if len(parts) == 1 else Logic(values[0].column, "and", tuple(parts))

    def _sum(self) -> Node:
        tree = self._product()
        while token := self._next("operator", "+", "-"):
            tree = Arithmetic(tree.column, token.text, tree, self._product())
        return tree

    def _product(self) -> Node:
        tree = self._signed()
        while token := self._next("operator", "*", "/"):
            tree = Arithmetic(tree.column, token.text, tree, self._signed())
        return tree

    def _signed(self) -> Node:
        minus = []
        while token := self._next("operator", "-"):
            minus.append(token)
        tree = self._value()
        for token in reversed(minus):
            tree = Number(token.column, -tree.value) if isinstance(tree, Number) else Minus(token.column, tree)
        return tree

    def _value(self) -> Node:
        if token := self._next("number"):
            tree: Node = Number(token.column, float(token.text))
        elif token := self._next("name"):
            tree = self._name_or_call(token)
        elif self._next("operator", "("):
            tree = self._condition()
            self._need(")")
        else:
            self._fail("expected a value")
        while bracket := self._next("operator", "["):
            tree = Shift(tree.column, tree, self._candles(bracket))
        return tree

    def _name_or_call(self, name: _Token) -> Node:
        if self._next("operator", "(") is None:
            return Name(name.column, name.text)
        arguments: list[Node] = []
        if self._next("operator", ")") is None:
            arguments.append(self._condition())
            while self._next("operator", ","):
                arguments.append(self._condition())
            self._need(")")
        return Call(name.column, name.text, tuple(arguments))

    def _candles(self, bracket: _Token) -> int:
        negative = self._next("operator", "-")
        number = self._next("number")
        if negative is not None and number is not None and float(number.text) != 0:
            raise ExpressionError(negative.column, "looks into the future: [1] is one candle back")
        if number is None or not number.text.isdigit() or int(number.text) > MAX_SHIFT:
            raise ExpressionError(bracket.column, f"[n] looks n candles back, n a whole number up to {MAX_SHIFT}")
        self._need("]")
        return int(number.text)
