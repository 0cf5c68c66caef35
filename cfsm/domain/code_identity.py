"""What a strategy's code says, apart from how it is written: finds duplicates before they cost a backtest.

Only ``ast`` reads the source; nothing of it is ever executed. Source comes from strangers: whatever cannot be
read in bounded time, memory and depth is refused.
"""

import ast
import re
import warnings
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from hashlib import sha256

MAX_SOURCE_BYTES = 1_000_000
MAX_DEPTH = 200
"""Deeper trees are refused, so that recursive readers (the compiler, ``ast.unparse``) can follow."""

_FORMAT = b"cfsm-code-1\n"
"""Begins what is hashed; it changes whenever the same code would hash to something else."""

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)
_UTF8 = re.compile(rb"utf[-_]?8|utf[-_]8[-_](unix|dos|mac|sig)", re.IGNORECASE)
_IGNORED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_STATEMENT_FIELDS = frozenset({"body", "orelse", "finalbody"})


class NotPython(Exception):
    """This source cannot be read as Python: what is wrong, and in which line (None: the whole file)."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.message = message
        self.line = line


def normalised_hash(source: bytes) -> str:
    """Give the sha256 (64 hexadecimal digits) of what the source says.

    Equal for sources that differ only in comments, docstrings, layout, spelling of literals (``0.10`` and
    ``0.1``, quotes) and the names of the classes at module level. Raise NotPython as ``parse`` does.
    """
    tree = parse(source)
    names = {
        statement.name: f"<class {place}>"
        for place, statement in enumerate(each for each in tree.body if isinstance(each, ast.ClassDef))
    }
    digest = sha256(_FORMAT)
    for token in _tokens(tree, names):
        digest.update(token.encode("ascii"))
        digest.update(b"\n")
    return digest.hexdigest()


def parse(source: bytes) -> ast.Module:
    """Give the syntax tree of a source in UTF-8, at most 1,000,000 bytes and 200 levels deep.

    Raise NotPython for anything else: another encoding declared or used, NUL bytes, errors of syntax, nesting
    that Python's own parser gives up on. Not to be called in several threads at once (it silences warnings).
    """
    text = _decode(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape such as "\d" is the author's business
            tree = ast.parse(text)
    except SyntaxError as error:
        raise NotPython(error.msg, error.lineno) from error
    except (MemoryError, RecursionError) as error:
        raise NotPython(f"nested deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:
        raise NotPython(str(error)) from error
    _check_depth(tree)
    return tree


def _decode(source: bytes) -> str:
    if len(source) > MAX_SOURCE_BYTES:
        raise NotPython(f"{len(source)} bytes; at most {MAX_SOURCE_BYTES} are read")
    if b"\0" in source:
        raise NotPython("a NUL byte", _line(source, source.index(b"\0")))
    # Python heeds a declared encoding in the first two lines; a lone carriage return ends a line as well.
    head = b"\n".join(source.removeprefix(BOM_UTF8).split(b"\n", 2)[:2]).replace(b"\r", b"\n")
    for cookie in _COOKIE.finditer(head):
        if not _UTF8.fullmatch(cookie[1]):
            encoding = cookie[1].decode("ascii", "replace")[:40]
            line = _line(head, cookie.start())
            raise NotPython(f"declares the encoding {encoding}; only UTF-8 is read", line)
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotPython(f"not UTF-8 ({error.reason})", _line(source, error.start)) from error


def _line(source: bytes, place: int) -> int:
    return source.count(b"\n", 0, place) + 1


def _check_depth(tree: ast.Module) -> None:
    level: list[ast.AST] = [tree]
    line = 1
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
        line = getattr(level[0], "lineno", line)
    raise NotPython(f"nested deeper than {MAX_DEPTH} levels", line)


def _tokens(tree: ast.Module, names: Mapping[str, str]) -> Iterator[str]:
    """Give the tree as a flat sequence, without recursion; empty and missing fields are left out."""
    waiting: list[ast.AST | str] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node
            continue
        yield f"({type(node).__name__}"
        waiting.append(")")
        for field, value in reversed(list(ast.iter_fields(node))):
            if field not in _IGNORED_FIELDS:
                waiting.extend(reversed(_field(node, field, value, names)))


def _field(node: ast.AST, field: str, value: object, names: Mapping[str, str]) -> list[ast.AST | str]:
    if isinstance(value, list):
        items = [each for each in value if not (field in _STATEMENT_FIELDS and _does_nothing(each))]
        return [f".{field}[", *map(_item, items), "]"] if items else []
    if isinstance(node, ast.Name | ast.ClassDef) and isinstance(value, str):
        return [f".{field}=", ascii(names.get(value, value))]
    if value is None and not isinstance(node, ast.Constant):
        return []
    return [f".{field}=", _item(value)]


def _item(value: object) -> ast.AST | str:
    if isinstance(value, ast.AST):
        return value
    # Decimal text of huge whole numbers takes quadratic time and is forbidden beyond 4,300 digits.
    text = hex(value) if type(value) is int else ascii(value)
    return f"{type(value).__name__} {text}"


def _does_nothing(statement: ast.AST) -> bool:
    is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_constant or isinstance(statement, ast.Pass)
