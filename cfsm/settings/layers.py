"""Where settings come from: profiles and files, and the environment; each read into a tree with its places."""

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from cfsm.settings import earlier_names
from cfsm.settings.fields import PREFIX, SECTIONS, SEPARATOR, VARIABLES, is_known, is_list, is_text
from cfsm.settings.json_text import parse_json
from cfsm.settings.problems import Problem, nearest
from cfsm.settings.tree import Node, NotReadable, Path, TreeBuilder, dotted
from cfsm.settings.yaml_text import parse_yaml, scalar

ENVIRONMENT = "environment"
MAX_BYTES = 1_000_000
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters, and what stands for bytes that are no text."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Values of one origin. `names` says under which name the origin knows a key that we call otherwise.

    `problems` must be changed, `notices` are only worth knowing.
    """

    name: str
    root: Node = field(default_factory=lambda: Node({}))
    names: Mapping[Path, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()

    def plain(self) -> dict[str, Any]:
        """The values alone, as the schema takes them."""
        values = self.root.plain()
        return values if isinstance(values, dict) else {}

    def line(self, path: Path) -> int | None:
        """The line of the value at the path, or of the section that would hold it."""
        found = list(self.root.follow(path))
        return found[-1].line if found else None

    def has(self, path: Path) -> bool:
        """Whether this origin says anything at the path."""
        return len(list(self.root.follow(path))) == len(path)

    def own_name(self, path: Path) -> str:
        """The path as this origin writes it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.names:
                return dotted((self.names[path[:length]], *path[length:]))
        return dotted(path)

    def problem(self, path: Path, message: str) -> Problem:
        """A problem with the value at the path."""
        return Problem(self.name, self.line(path), self.own_name(path), message)


def read_file(path: FilePath) -> Layer:
    """The settings of a file: JSON if it is named so, else YAML. Never raises: problems are in the layer."""
    name = str(path)
    builder = TreeBuilder()
    parse = parse_json if path.suffix.lower() in {".json", ".jsonc"} else parse_yaml
    try:
        parse(_text(path), builder)
        root = _sections(builder.root)
    except NotReadable as unreadable:
        return Layer(name, problems=(Problem(name, unreadable.line, "", unreadable.message),))
    doubles = [(line, key, f"is on line {first} already; keep one") for line, key, first in builder.doubles]
    translated = earlier_names.translate(root)
    problems = [Problem(name, *remark) for remark in (*doubles, *translated.problems)]
    notices = [Problem(name, *remark) for remark in translated.notices]
    return Layer(name, _without_empty_sections(root), translated.names, tuple(problems), tuple(notices))


def _sections(root: Node | None) -> Node:
    """The file's sections, none for an empty file. Raise NotReadable if it holds something else."""
    if root is None or root.value is None:
        return Node({})
    if not isinstance(root.value, dict):
        kind = "a list" if isinstance(root.value, list) else "a single value"
        raise NotReadable(root.line, f"must hold sections of keys, not {kind}")
    return root


def _without_empty_sections(node: Node, path: Path = ()) -> Node:
    """The tree without sections in which everything is commented out (`generation:` and nothing more)."""
    if not isinstance(node.value, dict):
        return node
    kept = {
        key: _without_empty_sections(child, (*path, key))
        for key, child in node.value.items()
        if child.value is not None or dotted((*path, key)) not in SECTIONS
    }
    return Node(kept, node.line)


def _text(path: FilePath) -> str:
    """The file's text. Raise NotReadable with what to change if there is none."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # asked before opening: opening a pipe would wait for ever
            raise NotReadable(None, "is not a regular file; name a YAML or JSON file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotReadable(None, f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise NotReadable(None, "is no file's name") from None
    if len(data) > MAX_BYTES:
        raise NotReadable(None, f"is larger than {MAX_BYTES} bytes, too large for a configuration")
    return _decoded(data)


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"byte 0x{error.object[error.start]:02x}"
        raise NotReadable(line, f"is not UTF-8 text ({byte}); save it as UTF-8") from None
    control = CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise NotReadable(line, f"has the control character U+{ord(control.group()):04X}; is it a text file?")
    return text


def read_environment(environ: Mapping[str, str]) -> Layer:
    """The settings among the variables: those named CFSM_<SECTION>__<KEY>, and CFSM_PROFILE. Never raises."""
    root: dict[str, Node] = {}
    names: dict[Path, str] = {}
    problems: list[Problem] = []
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        path = tuple(variable.removeprefix(PREFIX).lower().split(SEPARATOR))
        try:
            if _is_setting(variable, path):
                _put(root, path, _value(".".join(path), environ[variable]))
                names[path] = variable
        except NotReadable as unreadable:
            problems.append(Problem(ENVIRONMENT, None, variable, unreadable.message))
    return Layer(ENVIRONMENT, Node(root), names, tuple(problems))


def _is_setting(variable: str, path: tuple[str, ...]) -> bool:
    """Whether the variable is a setting. Raise NotReadable if it only looks like one.

    Other variables of ours (CFSM_HOME and the like) have no two underscores and are no settings.
    """
    if path == ("profile",):
        return True
    if len(path) > 1:
        if is_known(path):
            return True
        raise NotReadable(None, f"is no setting{nearest(variable, list(VARIABLES))}")
    joined = {name.replace(SEPARATOR, "_"): name for name in VARIABLES if SEPARATOR in name}
    if variable in joined:
        raise NotReadable(None, f"is no setting; did you mean {joined[variable]}?")
    return False


def _value(key: str, text: str) -> Node:
    """What the text of a variable means for the key."""
    if CONTROL.search(text):
        raise NotReadable(None, "has a control character or a byte that is no text")
    if is_text(key):
        return Node(text or None)
    if is_list(key) and not text.lstrip().startswith("["):
        return Node([Node(scalar(part.strip())) for part in text.split(",") if part.strip()])
    builder = TreeBuilder()
    parse_yaml(text, builder)
    if builder.doubles:
        raise NotReadable(None, f"names {builder.doubles[0][1]} twice; keep one")
    return _without_lines(builder.root or Node(None))


def _without_lines(node: Node) -> Node:
    if isinstance(node.value, dict):
        return Node({key: _without_lines(child) for key, child in node.value.items()})
    if isinstance(node.value, list):
        return Node([_without_lines(child) for child in node.value])
    return Node(node.value)


def _put(root: dict[str, Node], path: tuple[str, ...], node: Node) -> None:
    """Set the value at the path. Raise NotReadable if another variable gave the section above it a value."""
    *outer, last = path
    for part in outer:
        inner = root.setdefault(part, Node({})).value
        if not isinstance(inner, dict):
            raise NotReadable(None, "contradicts the variable that sets the whole section; keep one")
        root = inner
    root[last] = node
