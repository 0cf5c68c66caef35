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
from cfsm.adapters.freqtrade.scopes import variables_of_functions
from cfsm.domain.evaluation import Finding

MAX_SOURCE_BYTES = 256 * 1024
_MOST_FINDINGS = 20


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LIBRARIES = _words(
    "numpy pandas talib technical pandas_ta scipy sklearn "
    "datetime typing typing_extensions functools math logging __future__ statistics collections decimal "
    "itertools enum dataclasses abc warnings time operator copy random arrow dateutil zoneinfo numbers "
    "fractions bisect heapq string re textwrap types cmath calendar json cachetools hashlib uuid contextlib pprint"
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
    "freqtrade.util",
)
_FORBIDDEN_FROM_FREQTRADE = frozenset({"Exchange", "Session", "init_db", "custom_data"})
_CLASSES_OF_PANDAS = {"pandas.core.frame": "DataFrame", "pandas.core.series": "Series", "pandas.core.indexes": "Index"}
_TABLES_OF_FUNCTIONS = ("talib", "talib.abstract", "technical.indicators", "technical.qtpylib")
"""Modules that hold nothing but indicators: which of them, may be computed."""

_FORBIDDEN_SUBMODULES = _words(
    "io f2py ctypeslib testing distutils core compat util datasets conftest openml externals handlers config"
)
_BUILTINS = _words(
    "eval exec compile open input globals locals vars breakpoint memoryview delattr help exit quit copyright credits "
    "license __import__ __builtins__ __loader__ __spec__ __file__"
)
_DUNDERS = _words("__init__ __name__ __class__ __doc__ __len__ __post_init__ __version__ __setattr__")
_WORDS_ABOUT_THE_FILE = _words(
    "__all__ __author__ __copyright__ __credits__ __date__ __email__ __license__ __maintainer__ __status__ __version__"
)
_OPEN_PRIVATE = _words("_asdict _replace _fields _make _append")
_INSIDERS = _words("dp wallets trade order")
_ATTRIBUTES = _words(
    # Files and other ways to the outside of numpy and pandas.
    "read_pickle read_csv read_table read_fwf read_json read_html read_xml read_excel read_hdf read_feather "
    "read_parquet read_orc read_sql read_sql_table read_sql_query read_sas read_spss read_stata read_gbq "
    "read_clipboard to_pickle to_csv to_json to_html to_xml to_excel to_hdf to_feather to_parquet to_orc to_sql "
    "to_stata to_gbq to_clipboard to_latex to_markdown fromfile tofile memmap open_memmap loadtxt savetxt "
    "genfromtxt fromregex savez savez_compressed DataSource ExcelFile ExcelWriter HDFStore ctypeslib f2py ctypes "
    "testing distutils FileHandler RotatingFileHandler TimedRotatingFileHandler basicConfig fileConfig dictConfig "
    # Ways from a library to the system and to Python's insides.
    "os sys io subprocess builtins importlib modules socket shutil pathlib system popen spawnl execv fork linecache "
    "get_type_hints ForwardRef make_dataclass get_field vformat "
    "gi_frame gi_code cr_frame f_globals f_locals f_back f_builtins tb_frame func_globals co_code mro "
    # Freqtrade's own insides.
    "bt_trades bt_trades_open bt_trades_open_pp bt_total_profit original_config query_session session use_db "
    "_exchange"
)
_MODULES_IN_LIBRARIES = _words(
    "codecs inspect gc threading multiprocessing pickle marshal tempfile glob runpy pkgutil asyncio urllib http ssl "
    "traceback tokenize zipfile weakref contextvars ast dis"
)
"""What libraries import for themselves and do not mean to offer."""

_LOADERS = frozenset({"load", "save", "dump", "loads", "dumps"})
_INSIDES = re.compile(
    r"__(mro|bases|subclasses|globals|builtins|import|code|reduce|reduce_ex|getattribute)__"
    r"|[{@][^}]*__\w+__"  # in what is formatted or evaluated
    r"|^[\w.]*__(class|base|dict|init_subclass|init)__[\w.]*$"  # as the path of an attribute
)
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_ONE_BYTE_A_LETTER = re.compile(r"ascii|us-ascii|latin-?1|l1|iso-?8859-\d+|iso8859-\d+|cp125\d|windows-125\d")
"""Encodings in which ASCII is ASCII: whatever the other bytes mean, they are in comments, texts and names."""
_CALLING_BY_NAME = _words("agg aggregate apply transform pipe map")
_GETTERS = _words("attrgetter methodcaller")
_REFLECTING = _words("getattr setattr hasattr")
_TRYING = _words("ImportError ModuleNotFoundError Exception BaseException")
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
        self._nodes = list(ast.walk(tree))
        self._imported: dict[str, str] = {}
        self._variables = variables_of_functions(tree)
        self._tried = {id(node) for tried in self._nodes if _tries_imports(tried) for node in ast.walk(tried)}
        self._called = {id(node.func) for node in self._nodes if isinstance(node, ast.Call)}
        self._prose = {id(node.value) for node in self._nodes if isinstance(node, ast.Expr)}
        self._has_everything = False

    def read(self) -> Iterator[Finding]:
        """Give the findings of the whole tree."""
        for node in self._nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from self._import(node)
        for node in self._nodes:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and self._is_imported(node.value):
                other = (target.id for target in node.targets if isinstance(target, ast.Name))
                self._imported.update(dict.fromkeys(other, self._imported[node.value.id]))
        for node in self._nodes:
            yield from self._node(node)

    def _node(self, node: ast.AST) -> Iterator[Finding]:
        match node:
            case ast.Name():
                if id(node) not in self._variables:
                    yield from self._name(node)
            case ast.Attribute():
                yield from self._attribute(node)
            case ast.Call():
                yield from self._call(node)
            case ast.Constant(value=str(text)):
                if id(node) not in self._prose and (text == "original_config" or _INSIDES.search(text)):
                    yield finding("POLICY_STRING", f"The text {text[:60]!r} names Python's insides", node.lineno)
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.Delete():
                yield from self._assignment(node)
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                yield finding("POLICY_SYNTAX", "Strategies have no use for async", node.lineno)

    def _name(self, node: ast.Name) -> Iterator[Finding]:
        name = node.id
        is_own = isinstance(node.ctx, ast.Store) and name in _WORDS_ABOUT_THE_FILE
        if name in _BUILTINS or (_is_dunder(name) and name not in _DUNDERS and not is_own):
            yield finding("POLICY_NAME", f"`{name}` is not for strategies", node.lineno)
        elif name in _REFLECTING and id(node) not in self._called:
            yield finding("POLICY_NAME", f"`{name}` is for calling it", node.lineno)
        elif self._has_everything and (name in _LOADERS or _is_forbidden_attribute(name)):
            yield finding("POLICY_NAME", f"`{name}` of a library is not for strategies", node.lineno)

    def _import(self, node: ast.Import | ast.ImportFrom) -> Iterator[Finding]:
        origin = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            whole = origin + alias.name
            self._imported[(alias.asname or alias.name).partition(".")[0]] = whole
            self._has_everything |= alias.name == "*" and not whole.startswith("freqtrade.")
        if isinstance(node, ast.ImportFrom):
            if node.level:
                yield finding("POLICY_IMPORT", "Relative imports reach other files", node.lineno)
                return
            if _CLASSES_OF_PANDAS.get(node.module or "") in {alias.name for alias in node.names} and not node.names[1:]:
                return
            yield from self._module(node.module or "", node)
            yield from self._names(node)
        else:
            for alias in node.names:
                yield from self._module(alias.name, node)

    def _module(self, module: str, node: ast.stmt) -> Iterator[Finding]:
        root, *parts = module.split(".")
        line, is_tried = node.lineno, id(node) in self._tried
        if root == "freqtrade":
            if not any(module == known or module.startswith(f"{known}.") for known in _FREQTRADE):
                yield from _not_allowed(module, line, exists=_freqtrade_has(parts), is_tried=is_tried)
        elif root not in _LIBRARIES:
            exists = root in sys.stdlib_module_names or find_spec(root) is not None
            yield from _not_allowed(module, line, exists=exists, is_tried=is_tried)
        elif (
            any(part in _FORBIDDEN_SUBMODULES or part.startswith("_") for part in parts) and module != "technical.util"
        ):
            yield finding("POLICY_IMPORT", f"`{module}` is not for strategies", line)

    def _names(self, node: ast.ImportFrom) -> Iterator[Finding]:
        in_freqtrade = (node.module or "").startswith("freqtrade")
        is_json = node.module == "json"
        for alias in node.names:
            name = alias.name
            forbidden = name in _FORBIDDEN_FROM_FREQTRADE if in_freqtrade else _is_forbidden_attribute(name)
            if forbidden or name in _FORBIDDEN_SUBMODULES or (name in _LOADERS and not is_json):
                yield finding("POLICY_IMPORT", f"`{name}` of `{node.module}` is not for strategies", node.lineno)

    def _attribute(self, node: ast.Attribute) -> Iterator[Finding]:
        name = node.attr
        of_self = isinstance(node.value, ast.Name) and node.value.id in _PATCHED_SELF
        of_super = isinstance(node.value, ast.Call) and _name_of(node.value.func) == "super"
        if _is_dunder(name):
            allowed = name in _DUNDERS and (name != "__class__" or of_self)
        elif name.startswith("_") and name not in _ATTRIBUTES:
            allowed = of_self or of_super or name in _OPEN_PRIVATE or not self._is_strange(node.value)
        else:
            allowed = of_self or not _is_forbidden_attribute(name)
            allowed = allowed and not (name in _MODULES_IN_LIBRARIES and self._is_imported(node.value))
            allowed = allowed and not (name in _LOADERS and self._is_imported(node.value, but="json"))
        if not allowed:
            yield finding("POLICY_ATTRIBUTE", f"`.{name}` is not for strategies", node.lineno)

    def _call(self, node: ast.Call) -> Iterator[Finding]:
        name = _name_of(node.func)
        if name in _REFLECTING:
            yield from self._reflection(name, node)
        if (node.func.attr if isinstance(node.func, ast.Attribute) else name) in _GETTERS:
            yield from self._getter(node)
        if isinstance(node.func, ast.Attribute):
            yield from self._method(node, node.func)

    def _reflection(self, name: str, node: ast.Call) -> Iterator[Finding]:
        if len(node.args) < 2:  # noqa: PLR2004 (an object and a name)
            return
        target, key = node.args[0], node.args[1]
        word = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
        if word is not None and (word.startswith("_") or _is_forbidden_attribute(word)):
            yield finding("POLICY_ATTRIBUTE", f"{name}() of `{word}` is not for strategies", node.lineno)
        elif word is None and self._is_imported(target) and not self._holds_only_functions(target):
            yield finding("POLICY_ATTRIBUTE", f"{name}() of a module with a computed name", node.lineno)
        elif name == "setattr" and self._is_imported(target):
            yield finding("POLICY_PATCH", f"setattr() on `{_name_of(target)}`", node.lineno)

    def _getter(self, node: ast.Call) -> Iterator[Finding]:
        for argument in node.args:
            text = argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None
            if text is None or any(part.startswith("_") or _is_forbidden_attribute(part) for part in text.split(".")):
                yield finding("POLICY_ATTRIBUTE", "A getter of an attribute by its name", node.lineno)

    def _method(self, node: ast.Call, function: ast.Attribute) -> Iterator[Finding]:
        first = node.args[0] if node.args else None
        text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
        if function.attr in {"query", "eval"} and (text is None or re.search(r"[@(]|__", text)):
            words = f"{function.attr}() with a computed text, with `@` or with calls"
            yield finding("POLICY_STRING", words, node.lineno)
        named = text if function.attr in _CALLING_BY_NAME else None
        if named is not None and (named.startswith("_") or _is_forbidden_attribute(named)):
            yield finding("POLICY_ATTRIBUTE", f"{function.attr}({named!r}) is not for strategies", node.lineno)

    def _assignment(self, node: ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete) -> Iterator[Finding]:
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
        for target in targets:
            for owner in _owners(target):
                if isinstance(owner, ast.Attribute) and (
                    self._is_library(owner.value) or _is_another_type(owner.value)
                ):
                    yield finding("POLICY_PATCH", f"`{ast.unparse(owner)[:60]}` belongs to a library", node.lineno)

    def _is_imported(self, node: ast.expr, but: str = "") -> bool:
        root = _root_of(node)
        return isinstance(root, ast.Name) and root.id in self._imported and self._imported[root.id] != but

    def _is_library(self, node: ast.expr) -> bool:
        """Say whether this belongs to something imported, and is not one of pandas' options."""
        first = node
        while isinstance(first, ast.Attribute) and isinstance(first.value, ast.Attribute):
            first = first.value
        return self._is_imported(node) and not (isinstance(first, ast.Attribute) and first.attr == "options")

    def _is_strange(self, node: ast.expr) -> bool:
        """Say whether this is part of what the strategy was given, not of its own."""
        parts = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
        root = _root_of(node)
        return self._is_imported(node) or bool(parts & _INSIDERS) or (_name_of(root) in _INSIDERS)

    def _holds_only_functions(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and self._imported.get(node.id) in _TABLES_OF_FUNCTIONS


def _root_of(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def _tries_imports(node: ast.AST) -> bool:
    """Say whether this statement goes on where a module is not there."""
    if not isinstance(node, ast.Try):
        return False
    caught = (part for handler in node.handlers for part in ast.walk(handler.type or ast.Name("Exception")))
    return any(isinstance(part, ast.Name) and part.id in _TRYING for part in caught)


def _is_another_type(node: ast.expr) -> bool:
    """Say whether this is the type of something else than the strategy."""
    if not (isinstance(node, ast.Call) and _name_of(node.func) == "type" and node.args):
        return False
    return _name_of(node.args[0]) not in _PATCHED_SELF


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


def _not_allowed(module: str, line: int, *, exists: bool, is_tried: bool) -> Iterator[Finding]:
    if exists:
        yield finding("POLICY_IMPORT", f"`{module}` is not for strategies", line)
    elif not is_tried:
        yield finding("MISSING_MODULE", f"There is no module `{module}` here", line)


def _freqtrade_has(parts: list[str]) -> bool:
    """Say whether Freqtrade has this module, without importing it."""
    package = find_spec("freqtrade")
    folders = (package.submodule_search_locations if package else None) or []
    paths = [Path(folder, *parts) for folder in folders]
    return any(path.is_dir() or path.with_suffix(".py").is_file() for path in paths)
