"""The reference page of the command line, in Markdown, made from the commands themselves."""

import inspect
from collections.abc import Iterator

import rich_click as click

from cfsm.cli.root import COMMANDS, cfsm_command, command_named

HEAD = """\
# Command line

Made from the commands; `cfsm COMMAND --help` says the same.

- What is asked for goes to stdout, everything else to stderr. `--json` prints one JSON document; commands that tell of
  one event after the other print one JSON object on each line.
- A strategy is named by its name, its id, or the beginning of either; a run by its id or the beginning of it.
- On a terminal that is too narrow for a table each row becomes a few lines. A pipe gets the whole table.
- `eval "$(cfsm completion bash)"` lets the shell complete commands, options and the names of strategies.

## Exit codes

| code | meaning |
|---|---|
| 0 | done, or yes |
| 1 | failed, or the answer is no: no such strategy, a check that found something wrong |
| 2 | wrong usage; the message names the nearest command or option |
| 75 | not now: the event store is locked, the disk is full, the network is away; the same again may succeed |
| 78 | something has to be changed first: the configuration, the home, the candles; the message says what |
| 130 | interrupted by Ctrl+C |

## Environment

| variable | meaning |
|---|---|
| `CFSM_HOME` | folder of the factory, as `--home` |
| `CFSM_CONFIG` | configuration file, as `--config` |
| `CFSM_PROFILE` | profile, as `--profile` |
| `CFSM_<SECTION>__<KEY>` | any setting; see [configuration](../configuration.md) |
| `CFSM_LOG=json` | workers log one JSON object on each line |
| `CFSM_RUNTIME_DIR` | where sockets lie; `run` in the home if not given |
"""


def reference() -> str:
    """Give the page."""
    root = click.Context(cfsm_command, info_name="cfsm")
    parts = [HEAD, *_section(cfsm_command, root, 2)]
    for name in COMMANDS:
        parts += _walk(command_named(name), name, root, 2)
    return "\n".join(parts).rstrip() + "\n"


def _walk(command: click.Command, name: str, parent: click.Context, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    yield from _section(command, context, level)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None, "the group lists it"
            yield from _walk(found, below, context, level + 1)


def _section(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"{'#' * level} {context.command_path}\n"
    yield f"```\n{usage}\n```\n"
    yield from _text(inspect.cleandoc(command.help or ""))
    options = [param for param in command.params if isinstance(param, click.Option)]
    if options:
        yield "| option | meaning |\n|---|---|"
        yield from (_option(option, context) for option in options)
        yield ""


def _text(text: str) -> Iterator[str]:
    """Give the paragraphs; those that click is told to leave as they are, as blocks of code."""
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("\b\n"):
            title, *lines = paragraph.removeprefix("\b\n").split("\n")
            if lines and title.endswith(":"):
                yield f"{title}\n"
            else:
                lines = [title, *lines]
            yield f"```\n{inspect.cleandoc(chr(10).join(lines))}\n```\n"
        else:
            yield f"{paragraph}\n"


def _option(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    names, meaning = record or (" ".join(option.opts), "")
    escaped = " ".join(meaning.split()).replace("|", "\\|")
    return f"| `{names.replace('|', chr(92) + '|')}` | {escaped} |"
