"""JSON read into a tree, with `//` and `/* */` comments and trailing commas as people write them in configurations."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from cfsm.settings.tree import NotReadable, Scalar, TreeBuilder

TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+|//[^\n]*|/\*.*?\*/)
      | (?P<text>"(?:[^"\\\n]|\\.)*")
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)
      | (?P<word>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<mark>[][{}:,])""",
    re.DOTALL | re.VERBOSE,
)
WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
LONGEST_NUMBER = 400
END = ""  # no token reads so


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def parse_json(text: str, builder: TreeBuilder) -> None:
    """Feed the builder what the text says. Raise NotReadable if it is not JSON."""
    reader = _Reader(text)
    reader.value(builder)
    reader.expect(END, "nothing may follow the closing bracket")


class _Reader:
    """One pass over the tokens, one ahead. The builder's bound on depth bounds the recursion."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = next(self._tokens)

    def expect(self, text: str, otherwise: str) -> None:
        """Take the token with this text. Raise NotReadable with the other words if it is not the next."""
        if self._next.text != text:
            raise NotReadable(self._next.line, f"not JSON: {otherwise}")
        self._take()

    def value(self, builder: TreeBuilder) -> None:
        """Take a whole value."""
        token = self._take()
        if token.text == "{":
            builder.begin({}, token.line)
            self._section(builder)
        elif token.text == "[":
            builder.begin([], token.line)
            self._list(builder)
        else:
            builder.scalar(_scalar(token), token.line)

    def _section(self, builder: TreeBuilder) -> None:
        while self._next.text != "}":
            token = self._take()
            if token.kind != "text":
                raise NotReadable(token.line, 'not JSON: expected a key in double quotes, or "}"')
            builder.key(_text(token), token.line)
            self.expect(":", "a ':' must follow the key")
            self.value(builder)
            self._separator("}")
        self._take()
        builder.end()

    def _list(self, builder: TreeBuilder) -> None:
        while self._next.text != "]":
            self.value(builder)
            self._separator("]")
        self._take()
        builder.end()

    def _separator(self, closing: str) -> None:
        if self._next.text != closing:
            self.expect(",", f"expected ',' or '{closing}'")

    def _take(self) -> _Token:
        token, self._next = self._next, next(self._tokens, self._next)
        return token


def _tokens(text: str) -> Iterator[_Token]:
    """The tokens of the text, blanks and comments left out, and an end. Raise NotReadable at what is none."""
    place, line = 0, 1
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            raise NotReadable(line, f"not JSON: {_stray(text[place : place + 2])}")
        if found.lastgroup != "blank":
            yield _Token(str(found.lastgroup), found.group(), line)
        line += found.group().count("\n")
        place = found.end()
    yield _Token("end", END, line)


def _stray(text: str) -> str:
    if text.startswith('"'):
        return "text without its closing quote"
    if text == "/*":
        return "a comment without its end"
    return f"unexpected {text[0]!r}"


def _scalar(token: _Token) -> Scalar:
    if token.kind == "text":
        return _text(token)
    if token.kind == "number":
        return _number(token)
    if token.kind == "word" and token.text in WORDS:
        return WORDS[token.text]
    if token.kind == "word":
        raise NotReadable(token.line, "not JSON: text must stand in double quotes")
    raise NotReadable(token.line, "not JSON: a value is missing")


def _text(token: _Token) -> str:
    try:
        return str(json.loads(token.text))
    except ValueError:
        raise NotReadable(token.line, "not JSON: a wrong escape or a tab inside the quotes") from None


def _number(token: _Token) -> int | float:
    try:
        number: int | float = json.loads(token.text[:LONGEST_NUMBER])
    except ValueError:
        raise NotReadable(token.line, "not JSON: a number written wrongly") from None
    return number
