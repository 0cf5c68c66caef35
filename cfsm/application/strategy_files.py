"""Strategy files that are not in the factory: what can be said of one before an engine sees it.

Nothing of a file is executed here, and of its text only the syntax tree is read.
"""

import re
from dataclasses import dataclass

from cfsm.application.adding import NotAStrategy, class_name_of
from cfsm.domain.code_identity import NotPython
from cfsm.domain.evaluation import Finding

MAX_FILE_BYTES = 256 * 1024
"""More than any strategy has; no more of a file is read."""

_CLASS = re.compile(rb"^class\s+([A-Za-z_][A-Za-z0-9_]*)", re.MULTILINE)
_NO_CLASS = "Strategy"
"""The name under which an engine is asked about a file that names no class."""

_ASCII_NAME = "Name the class with letters from a to z, digits and _."
_BASES = b"IStrategy"
_ONE_CLASS = "A file has one strategy: a class that derives from freqtrade.strategy.IStrategy."


@dataclass(frozen=True)
class StrategyFile:
    """A file's bytes with the name of its class, or with the finding that says why it cannot be a strategy.

    With a finding there may still be a name: then an engine can look for what makes the file unsafe. Without one
    nothing is to be asked of an engine.
    """

    source: bytes
    name: str | None
    finding: Finding | None = None


def read_text(source: bytes) -> StrategyFile:
    """Give what a file's bytes say, without executing any of them."""
    finding = _unreadable(source)
    if finding is not None:
        return StrategyFile(source, None, finding)
    try:
        name = class_name_of(source)
    except NotAStrategy as error:
        return _without_one_class(source, error)
    if not name.isascii():
        line = source.count(b"\n", 0, source.find(name.encode())) + 1
        return StrategyFile(source, None, Finding("CLASS_NAME", f"The class is called {name[:60]}", line, _ASCII_NAME))
    return StrategyFile(source, name)


def _unreadable(source: bytes) -> Finding | None:
    if len(source) > MAX_FILE_BYTES:
        message = f"The file has more than {MAX_FILE_BYTES} bytes"
        return Finding("SOURCE_SIZE", message, 1, "A strategy fits into 256 kB: move tables out of it.")
    if not source.strip():
        return Finding("CLASS_NAME", "The file is empty", 1, _ONE_CLASS)
    if b"\0" in source:
        line = source.count(b"\n", 0, source.index(b"\0")) + 1
        return Finding("SOURCE_SYNTAX", "The file holds zero bytes: it is no text", line, "Give the strategy's source.")
    return None


def _without_one_class(source: bytes, error: NotAStrategy) -> StrategyFile:
    named = list(_CLASS.finditer(source))
    cause = error.__cause__
    if isinstance(cause, NotPython):
        finding = Finding("SOURCE_SYNTAX", cause.message, cause.line or 1, "Correct the line.")
    elif _BASES in source and len(named) == 1:
        # IStrategy under another name: Freqtrade decides whether that is a strategy.
        return StrategyFile(source, named[0][1].decode("ascii"))
    else:
        line = _line_of(source, named[1] if len(named) > 1 else named[0]) if named else 1
        finding = Finding("CLASS_NAME", f"No strategy: {error}", line, _ONE_CLASS)
    return StrategyFile(source, named[0][1].decode("ascii") if named else _NO_CLASS, finding)


def _line_of(source: bytes, match: re.Match[bytes]) -> int:
    return source.count(b"\n", 0, match.start()) + 1
