"""What a repair is, and edits of a text by the places of its syntax tree."""

import ast
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Repair:
    """One thing that was mended: a stable name, the line in the text before it, what was done.

    ``is_advice`` marks what the strategy would run without: good form, not need.
    """

    name: str
    line: int
    detail: str
    is_advice: bool = False


@dataclass
class Edits:
    """Replacements in a text, collected, then applied together. Of two that overlap the first one stays."""

    text: str
    _changes: list[tuple[int, int, str]] = field(default_factory=list)
    _taken: list[tuple[int, int]] = field(default_factory=list)

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        for line in self.text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        return starts

    def offset(self, line: int, byte_column: int) -> int:
        """Give the offset of a place as a syntax tree tells it: line from 1, column in UTF-8 bytes."""
        start = self._line_starts[line - 1]
        end = self._line_starts[line] if line < len(self._line_starts) else len(self.text)
        content = self.text[start:end]
        if content.isascii():
            return start + byte_column
        return start + len(content.encode()[:byte_column].decode(errors="ignore"))

    def line_of(self, offset: int) -> int:
        """Give the line (from 1) of an offset."""
        return bisect_right(self._line_starts, offset)

    def span(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword | ast.alias) -> tuple[int, int]:
        """Give where a node begins and ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> str:
        """Give a node's own text."""
        start, end = self.span(node)
        return self.text[start:end]

    def replace(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword | ast.alias, text: str) -> bool:
        """Put text in a node's place. Say whether nothing else was there already."""
        return self.replace_span(*self.span(node), text)

    def replace_span(self, start: int, end: int, text: str) -> bool:
        """Put text between two offsets. Say whether nothing else was there already."""
        after = bisect_right(self._taken, (start, end))
        overlaps_next = after < len(self._taken) and self._taken[after][0] < end
        overlaps_last = after > 0 and self._taken[after - 1][1] > start
        if overlaps_next or overlaps_last:
            return False
        self._taken.insert(after, (start, end))
        self._changes.append((start, end, text))
        return True

    def insert(self, offset: int, text: str) -> None:
        """Put text at an offset, behind what was put there before."""
        self._changes.append((offset, offset, text))

    def delete_lines(self, first: int, last: int) -> bool:
        """Take whole lines out, both included (from 1)."""
        end = self._line_starts[last] if last < len(self._line_starts) else len(self.text)
        return self.replace_span(self._line_starts[first - 1], end, "")

    def insert_line(self, before: int, text: str) -> None:
        """Put a line before another (from 1); beyond the end it is the last."""
        if before - 1 < len(self._line_starts) and self._line_starts[before - 1] < len(self.text):
            self.insert(self._line_starts[before - 1], f"{text}\n")
        else:
            gap = "" if self.text.endswith("\n") or not self.text else "\n"
            self.insert(len(self.text), f"{gap}{text}\n")

    def result(self) -> str:
        """Give the text with all changes."""
        pieces: list[str] = []
        at = 0
        ordered = sorted(enumerate(self._changes), key=lambda change: (change[1][0], change[1][1], change[0]))
        for _, (start, end, text) in ordered:
            pieces += [self.text[at:start], text]
            at = max(at, end)
        return "".join([*pieces, self.text[at:]])
