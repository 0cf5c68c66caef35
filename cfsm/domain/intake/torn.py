"""Where a text fails to parse."""

import ast
import warnings
from dataclasses import dataclass


@dataclass(frozen=True)
class Torn:
    """A text that does not parse: the lines, and the parser's word on the first error."""

    text: str
    line: int
    column: int
    message: str
    is_cut: bool

    @property
    def lines(self) -> list[str]:
        """Give the lines of the text."""
        return self.text.split("\n")

    @property
    def current(self) -> str:
        """Give the line of the error."""
        lines = self.lines
        return lines[self.line - 1] if self.line <= len(lines) else ""

    def with_line(self, number: int, text: str | None) -> str:
        """Give the text with one line changed, or taken out."""
        lines = self.lines
        lines[number - 1 : number] = [] if text is None else [text]
        return "\n".join(lines)


class TooDeep(Exception):
    """The text is nested deeper than Python's parser follows."""


def torn(text: str, *, is_cut: bool = False) -> Torn | None:
    """Give where a text fails to parse, or None if it parses. Raise TooDeep."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a docstring is the author's business
            # Compiling finds what parsing alone lets pass: a return outside of a function. Nothing is run.
            compile(ast.parse(text), "<strategy>", "exec", dont_inherit=True)
    except SyntaxError as error:
        if error.msg == "too many nested parentheses":
            raise TooDeep from error
        line = min(error.lineno or 1, text.count("\n") + 1)
        return Torn(text, line, error.offset or 1, error.msg, is_cut)
    except (RecursionError, MemoryError) as error:
        raise TooDeep from error
    except ValueError as error:
        return Torn(text, 1, 1, str(error), is_cut)
    return None
