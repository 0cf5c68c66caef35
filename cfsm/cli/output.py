"""How commands print: tables for people, JSON for programs, talk on stderr; and the exit codes."""

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
import rich_click as click

EXIT_FAILED = 1
EXIT_TRY_AGAIN = 75
EXIT_CONFIGURATION = 78
EXIT_INTERRUPTED = 130

Command = TypeVar("Command", bound=Callable[..., Any])


def as_json(command: Command) -> Command:
    """Give the command the option ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(document: Any) -> None:
    """Print one JSON document, indented, keys and fields of dataclasses as they come."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    click.echo(orjson.dumps(document, default=str, option=option), nl=False)


def print_json_line(document: Any) -> None:
    """Print one line of JSON, for documents that come one after the other."""
    click.echo(orjson.dumps(document, default=str, option=orjson.OPT_APPEND_NEWLINE), nl=False)


def say(text: str) -> None:
    """Print the answer for people, on stdout; control characters are spelled out."""
    click.echo("\n".join(map(printable, text.split("\n"))))


def talk(text: str) -> None:
    """Say something beside the answer, on stderr; control characters are spelled out."""
    click.echo("\n".join(map(printable, text.split("\n"))), err=True)


def print_table(
    rows: Iterable[Sequence[object]], headers: Sequence[str], right: Sequence[str] = (), title: str = ""
) -> None:
    """Print rows under headers; the columns named in ``right`` stand to the right, as numbers do.

    Where the terminal is too narrow each row becomes a few lines: the column ``title`` (the first one if not given),
    and below it the others by name. A pipe has no width.
    """
    cells = [["-" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    lines = _table(cells, headers, right)
    if width is not None and any(len(line) > width for line in lines):
        lines = _records(cells, headers, headers.index(title) if title else 0, width)
    else:
        lines[0] = click.style(lines[0], bold=True)
    click.echo("\n".join(lines))


def _table(cells: Sequence[Sequence[str]], headers: Sequence[str], right: Sequence[str]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    aligns = [">" if header in right else "<" for header in headers]

    def line(row: Sequence[str]) -> str:
        placed = (f"{cell:{align}{width}}" for cell, align, width in zip(row, aligns, widths, strict=True))
        return "  ".join(placed).rstrip()

    return [line(headers), "  ".join("─" * width for width in widths), *map(line, cells)]


def _records(cells: Sequence[Sequence[str]], headers: Sequence[str], title: int, width: int) -> list[str]:
    lines = []
    for row in cells:
        lines.append(" ".join([*row[:title], click.style(row[title], bold=True)]))
        pairs = list(zip(headers[title + 1 :], row[title + 1 :], strict=True))
        indent, line = "   ", ""
        for word in (f"{header} {cell}" for header, cell in pairs if cell):
            if line and len(indent) + len(line) + len(word) + 3 > width:
                lines.append(indent + line)
                line = ""
            line = f"{line} · {word}" if line else word
        lines += [indent + line] if line else []
    return lines


def printable(text: str) -> str:
    """Give the text on one line, with control characters spelled out: safe for any terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one a line, values in one column."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        click.echo(f"{name:<{width}}  {'-' if value is None else printable(str(value))}")


def figure(value: float | None, digits: int = 2) -> str:
    """Give a figure for people; a dash for what is undefined."""
    return "-" if value is None else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """Give a fraction as percent for people."""
    return "-" if value is None else f"{value * 100:.2f} %"


def show_progress(words: str) -> None:
    """Show words in place of the last ones, on a terminal; no words take them away. Elsewhere nothing is shown."""
    if is_terminal():
        room = shutil.get_terminal_size().columns - 3
        click.echo(f"\r\033[K{f'  {printable(words)}'[:room]}" if words else "\r\033[K", err=True, nl=False)


def progress() -> Callable[[str, int, int], None]:
    """Give the function that shows how far something is: words, how much is done, of how much."""
    return lambda words, done, whole: show_progress(f"{done}/{whole} {words}" if done < whole else "")


def is_terminal() -> bool:
    """Say whether a person looks at stderr."""
    return sys.stderr.isatty()
