"""A configuration file's values with their lines, built under bounds from what a parser reads."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cfsm.settings.problems import SHOWN_CHARACTERS

MAX_DEPTH = 16
MAX_VALUES = 20_000

Path = tuple[str | int, ...]
Scalar = str | int | float | bool | None


class NotReadable(Exception):
    """The text cannot be read. `line` is None where the text has no lines to point at."""

    def __init__(self, line: int | None, message: str) -> None:
        self.line = line
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line on which its key stands."""

    value: "Scalar | dict[str, Node] | list[Node]"
    line: int | None = None

    def plain(self) -> object:
        """The value alone: dictionaries, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def child(self, part: str | int) -> "Node | None":
        """The value under the key of a section, or at the place in a list; None if there is none."""
        if isinstance(self.value, dict):
            return self.value.get(str(part))
        if isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            return self.value[part]
        return None

    def follow(self, path: Path) -> Iterator["Node"]:
        """The values along the path, as far as it goes."""
        node: Node | None = self
        for part in path:
            node = node.child(part) if node else None
            if node is None:
                return
            yield node


@dataclass(slots=True)
class _Open:
    """A section or list whose end has not been read."""

    value: dict[str, Node] | list[Node]
    line: int
    key: str | None = None
    key_line: int = 0
    lines: dict[str, int] = field(default_factory=dict)


class TreeBuilder:
    """Builds the tree from begin, scalar and end, as a parser reads them. Raise NotReadable beyond the bounds.

    Keys that are written twice are kept in `doubles` as (line, dotted key, first line).
    """

    def __init__(self) -> None:
        self.doubles: list[tuple[int, str, int]] = []
        self.root: Node | None = None
        self._open: list[_Open] = []
        self._count = 0

    @property
    def wants_key(self) -> bool:
        """Whether the next scalar is a key."""
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def begin(self, value: dict[str, Node] | list[Node], line: int) -> None:
        """Open a section (an empty dict) or a list (an empty list)."""
        self._check(line)
        if self.wants_key:
            raise NotReadable(line, "a key must be a word, not a section or a list")
        if len(self._open) >= MAX_DEPTH:
            raise NotReadable(line, f"sections and lists are nested more than {MAX_DEPTH} deep")
        self._open.append(_Open(value, line))

    def key(self, text: str, line: int) -> None:
        """Take the key of the value that follows."""
        self._check(line)
        top = self._open[-1]
        if text in top.lines:
            dotted = ".".join([*(outer.key for outer in self._open[:-1] if outer.key), text])
            self.doubles.append((line, dotted, top.lines[text]))
        else:
            top.lines[text] = line
        top.key, top.key_line = text, line

    def scalar(self, value: Scalar, line: int) -> None:
        """Take a value that is no section and no list."""
        self._check(line)
        self._add(Node(value, line))

    def end(self) -> None:
        """Close the section or list opened last."""
        done = self._open.pop()
        self._add(Node(done.value, done.line))

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        top = self._open[-1]
        if isinstance(top.value, list):
            top.value.append(node)
        elif top.key is not None:
            top.value[top.key] = Node(node.value, top.key_line)
            top.key = None

    def _check(self, line: int) -> None:
        self._count += 1
        if self._count > MAX_VALUES:
            raise NotReadable(line, f"there are more than {MAX_VALUES} keys and values")


def dotted(path: Path) -> str:
    """The path as a key is written: `section.key`, with list places in brackets; cut where it is huge."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return text if len(text) <= 4 * SHOWN_CHARACTERS else text[: 4 * SHOWN_CHARACTERS - 1] + "…"
