"""What a strategy's text may contain: an allow-list over its syntax tree.

It is a gate of quality and an early word to whoever wrote the code; what holds hostile code is the cage. The text is
parsed inside the cage too: a parser can be attacked.
"""

import ast
import re
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from cfsm.adapters.freqtrade.findings import finding
from cfsm.domain.evaluation import Finding

MAX_SOURCE_BYTES = 256 * 1024
_MOST_FINDINGS = 20


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LIBRARIES = _words(
    "numpy pandas talib technical pandas_ta scipy sklearn "
    "datetime typing typing_extensions functools math logging __future__ statistics collections decimal "
    "itertools enum dataclasses abc warnings time operator copy random arrow dateutil zoneinfo numbers "
    "fractions bisect heapq string re textwrap types cmath calendar"
)
_FREQTRADE = (
    "freqtrade.strategy",
    "freqtrade.persistence",
    "freqtrade.vendor",
    "freqtrade.enums",
    "freqtrade.constants",
    "freqtrade.exchange",
    "freqtrade.optimize.space",
    "freqtrade.data.dataprovider",
    "freqtrade.exceptions",
)
_FORBIDDEN_FROM_FREQTRADE = frozenset({"Exchange", "Session", "init_db", "custom_data"})
_FORBIDDEN_SUBMODULES = _words(
    "io f2py ctypeslib testing distutils _core core compat _libs util _config datasets conftest openml"
)
_BUILTINS = _words(
    "eval exec compile open input globals locals vars breakpoint memoryview delattr help exit quit copyright credits "
    "license __import__ __builtins__ __loader__ __spec__ __file__"
)
_DUNDERS = _words("__init__ __name__ __class__ __doc__ __len__ __post_init__ __version__ __setattr__")
_ATTRIBUTES = _words(
    # Files and other ways to the outside of numpy and pandas.
    "read_pickle read_csv read_table read_fwf read_json read_html read_xml read_excel read_hdf read_feather "
    "read_parquet read_orc read_sql read_sql_table read_sql_query read_sas read_spss read_stata read_gbq "
    "read_clipboard to_pickle to_csv to_json to_html to_xml to_excel to_hdf to_feather to_parquet to_orc to_sql "
    "to_stata to_gbq to_clipboard to_latex to_markdown fromfile tofile memmap open_memmap loadtxt savetxt "
    "genfromtxt fromregex savez savez_compressed DataSource ExcelFile ExcelWriter HDFStore ctypeslib f2py ctypes "
    "testing distutils "
    # Ways from a library to the system and to Python's insides.
    "os sys io subprocess builtins importlib modules socket shutil pathlib system popen spawnl execv fork eval "
    "gi_frame gi_code cr_frame f_globals f_locals f_back f_builtins tb_frame func_globals co_code mro "
    # Freqtrade's own insides.
    "bt_trades bt_trades_open bt_trades_open_pp bt_total_profit original_config query_session session use_db "
    "_exchange"
)
_LOADERS = frozenset({"load", "save", "dump", "loads", "dumps"})
_INSIDES = re.compile(
    r"__(class|base|bases|mro|subclasses|globals|builtins|import|dict|code|reduce|reduce_ex|getattribute|init_subclass)__"
)
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_ONE_BYTE_A_LETTER = re.compile(r"ascii|us-ascii|latin-?1|l1|iso-?8859-\d+|iso8859-\d+|cp125\d|windows-125\d")
"""Encodings in which ASCII is ASCII: whatever the other bytes mean, they are in comments, texts and names."""
_CALLING_BY_NAME = _words("agg aggregate apply transform pipe map")
_PATCHED_SELF = frozenset({"self", "cls"})


def judge(source: bytes) -> list[Finding]:
    """Give what the policy finds in a strategy's bytes, in order of lines; empty when nothing."""
    found = list(_of_bytes(source))
    if found:
        return found
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a docstring is no reason to refuse
            tree = ast.parse(source)
            compile(tree, "<strategy>", "exec")
    except SyntaxError as error:
        return [finding("SOURCE_SYNTAX", f"{error.msg}", error.lineno)]
    except ValueError as error:
        return [finding("SOURCE_SYNTAX", str(error))]
    except (RecursionError, MemoryError):
        return [finding("SOURCE_NESTING")]
    try:
        unique = dict.fromkeys(_Reader(tree).read())
    except RecursionError:
        return [finding("SOURCE_NESTING")]
    return sorted(unique, key=lambda found: found.line or 0)[:_MOST_FINDINGS]


def _of_bytes(source: bytes) -> Iterator[Finding]:
    if len(source) > MAX_SOURCE_BYTES:
        yield finding("SOURCE_SIZE", f"The file has {len(source)} bytes; {MAX_SOURCE_BYTES} are the most")
        return
    yield from _of_cookie(source)
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        byte, line = source[error.start], source.count(b"\n", 0, error.start) + 1
        yield finding("SOURCE_ENCODING", f"Byte {error.start} (0x{byte:02x}) is not UTF-8", line)
        return
    if "\0" in text:
        yield finding("SOURCE_SYNTAX", "The file holds zero bytes")


def _of_cookie(source: bytes) -> Iterator[Finding]:
    """Look at the encoding that the file declares, if it does, in the lines where Python minds it."""
    for number, line in enumerate(re.split(rb"\r\n|\r|\n", source, maxsplit=2)[:2], start=1):
        cookie = _COOKIE.match(line)
        if cookie:
            name = cookie.group(1).decode("ascii", "replace").lower().replace("_", "-")
            is_utf8 = name in {"utf-8", "utf8", "utf-8-sig"} or name.startswith("utf-8-")
            is_ascii = source.isascii() and _ONE_BYTE_A_LETTER.fullmatch(name) is not None
            if not (is_utf8 or is_ascii):
                code = "SOURCE_ENCODING" if _ONE_BYTE_A_LETTER.fullmatch(name) else "SOURCE_COOKIE"
                yield finding(code, f"The file declares {name[:40]!r} as its encoding", number)
            return
        if not _BLANK.match(line):
            return


class _Reader:
    """Reads one tree; knows which names stand for imported things."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._imported: set[str] = set()

    def read(self) -> Iterator[Finding]:
        """Give the findings of the whole tree."""
        nodes = list(ast.walk(self._tree))
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from self._import(node)
        for node in nodes:
            yield from self._node(node)

    def _node(self, node: ast.AST) -> Iterator[Finding]:
        match node:
            case ast.Name(id=name):
                if name in _BUILTINS or (_is_dunder(name) and name not in _DUNDERS):
                    yield finding("POLICY_NAME", f"`{name}` is not for strategies", node.lineno)
            case ast.Attribute():
                yield from self._attribute(node)
            case ast.Call():
                yield from self._call(node)
            case ast.Constant(value=str(text)):
                if _INSIDES.search(text):
                    yield finding("POLICY_STRING", f"The text {text[:60]!r} names Python's insides", node.lineno)
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.Delete():
                yield from self._assignment(node)
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                yield finding("POLICY_SYNTAX", "Strategies have no use for async", node.lineno)

    def _import(self, node: ast.Import | ast.ImportFrom) -> Iterator[Finding]:
        for alias in node.names:
            self._imported.add((alias.asname or alias.name).partition(".")[0])
        if isinstance(node, ast.ImportFrom):
            if node.level:
                yield finding("POLICY_IMPORT", "Relative imports reach other files", node.lineno)
                return
            yield from self._module(node.module or "", node.lineno)
            yield from self._names(node)
        else:
            for alias in node.names:
                yield from self._module(alias.name, node.lineno)

    def _module(self, module: str, line: int) -> Iterator[Finding]:
        root, *parts = module.split(".")
        if root == "freqtrade":
            if not any(module == known or module.startswith(f"{known}.") for known in _FREQTRADE):
                yield _not_allowed(module, _freqtrade_has(parts), line)
        elif root not in _LIBRARIES:
            exists = root in sys.stdlib_module_names or find_spec(root) is not None
            yield _not_allowed(module, exists, line)
        elif any(part in _FORBIDDEN_SUBMODULES for part in parts):
            yield finding("POLICY_IMPORT", f"`{module}` is not for strategies", line)

    def _names(self, node: ast.ImportFrom) -> Iterator[Finding]:
        in_freqtrade = (node.module or "").startswith("freqtrade")
        for alias in node.names:
            name = alias.name
            forbidden = name in _FORBIDDEN_FROM_FREQTRADE if in_freqtrade else _is_forbidden_attribute(name)
            if forbidden or name in _FORBIDDEN_SUBMODULES:
                yield finding("POLICY_IMPORT", f"`{name}` of `{node.module}` is not for strategies", node.lineno)

    def _attribute(self, node: ast.Attribute) -> Iterator[Finding]:
        name = node.attr
        of_self = isinstance(node.value, ast.Name) and node.value.id in _PATCHED_SELF
        of_super = isinstance(node.value, ast.Call) and _name_of(node.value.func) == "super"
        if _is_dunder(name):
            allowed = name in _DUNDERS and (name != "__class__" or of_self)
        elif name.startswith("_"):
            allowed = of_self or of_super
        else:
            allowed = not _is_forbidden_attribute(name) or (of_self and name not in {"dp", "wallets"})
            allowed = allowed and not (name in _LOADERS and self._is_imported(node.value))
        if not allowed:
            yield finding("POLICY_ATTRIBUTE", f"`.{name}` is not for strategies", node.lineno)

    def _call(self, node: ast.Call) -> Iterator[Finding]:
        name = _name_of(node.func)
        if name in {"getattr", "setattr", "hasattr"}:
            yield from self._reflection(name, node)
        if isinstance(node.func, ast.Attribute):
            yield from self._method(node, node.func)

    def _reflection(self, name: str, node: ast.Call) -> Iterator[Finding]:
        if len(node.args) < 2:  # noqa: PLR2004 (an object and a name)
            return
        target, key = node.args[0], node.args[1]
        word = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
        if word is not None and (word.startswith("_") or _is_forbidden_attribute(word)):
            yield finding("POLICY_ATTRIBUTE", f"{name}() of `{word}` is not for strategies", node.lineno)
        elif word is None and self._is_imported(target):
            yield finding("POLICY_ATTRIBUTE", f"{name}() of a module with a computed name", node.lineno)
        elif name == "setattr" and self._is_imported(target):
            yield finding("POLICY_PATCH", f"setattr() on `{_name_of(target)}`", node.lineno)

    def _method(self, node: ast.Call, function: ast.Attribute) -> Iterator[Finding]:
        first = node.args[0] if node.args else None
        text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
        if function.attr == "query" and (text is None or re.search(r"[@(]|__", text)):
            yield finding("POLICY_STRING", "query() with a computed text, with `@` or with calls", node.lineno)
        named = text if function.attr in _CALLING_BY_NAME else None
        if named is not None and (named.startswith("_") or _is_forbidden_attribute(named)):
            yield finding("POLICY_ATTRIBUTE", f"{function.attr}({named!r}) is not for strategies", node.lineno)

    def _assignment(self, node: ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete) -> Iterator[Finding]:
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
        for target in targets:
            for owner in _owners(target):
                if isinstance(owner, ast.Attribute) and self._is_imported(owner.value):
                    yield finding("POLICY_PATCH", f"`{ast.unparse(owner)[:60]}` belongs to a library", node.lineno)

    def _is_imported(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self._imported


def _name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _is_forbidden_attribute(name: str) -> bool:
    return name in _ATTRIBUTES


def _owners(target: ast.expr) -> Iterator[ast.expr]:
    """Give what an assignment changes: of ``a.b[i], c = ...`` the expressions ``a.b`` and ``c``."""
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _owners(part)
    elif isinstance(target, ast.Subscript | ast.Starred):
        yield from _owners(target.value)
    else:
        yield target


def _not_allowed(module: str, exists: bool, line: int) -> Finding:
    if exists:
        return finding("POLICY_IMPORT", f"`{module}` is not for strategies", line)
    return finding("MISSING_MODULE", f"There is no module `{module}` here", line)


def _freqtrade_has(parts: list[str]) -> bool:
    """Say whether Freqtrade has this module, without importing it."""
    package = find_spec("freqtrade")
    folders = (package.submodule_search_locations if package else None) or []
    paths = [Path(folder, *parts) for folder in folders]
    return any(path.is_dir() or path.with_suffix(".py").is_file() for path in paths)
