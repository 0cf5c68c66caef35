"""How commands print: tables for people, JSON for programs, talk on stderr; and the exit codes."""

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
    """Print one JSON document, indented, keys as they come."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    click.echo(orjson.dumps(document, default=str, option=option), nl=False)


def print_json_line(document: Any) -> None:
    """Print one line of JSON, for documents that come one after the other."""
    click.echo(orjson.dumps(document, default=str, option=orjson.OPT_APPEND_NEWLINE), nl=False)


def talk(text: str) -> None:
    """Say something to the person, on stderr."""
    click.echo(text, err=True)


def print_table(rows: Iterable[Sequence[object]], headers: Sequence[str], right: Sequence[str] = ()) -> None:
    """Print rows under headers; the columns named in ``right`` stand to the right, as numbers do."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("-" if cell is None else str(cell)) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:  # a pipe has no width: nothing is folded
        console = Console(highlight=False, width=200)
    console.print(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one a line, values in one column."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        click.echo(f"{name:<{width}}  {'-' if value is None else value}")


def figure(value: float | None, digits: int = 2) -> str:
    """Give a figure for people; a dash for what is undefined."""
    return "-" if value is None else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """Give a fraction as percent for people."""
    return "-" if value is None else f"{value * 100:.2f} %"


def is_terminal() -> bool:
    """Say whether a person looks at stderr."""
    return sys.stderr.isatty()
