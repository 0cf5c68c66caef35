"""The page of the manual, ``man cfsm``, made from the commands themselves."""

import inspect
from collections.abc import Iterator

import rich_click as click

from cfsm.cli.root import COMMANDS, cfsm_command, command_named

HEAD = """\
.TH CFSM 1 "" "CFSM" "User Commands"
.SH NAME
cfsm \\- an event-sourced factory of Freqtrade futures strategies
.SH SYNOPSIS
.B cfsm
.RI [ options ]
.I command
.RI [ arguments ]
"""

TAIL = """\
.SH EXIT STATUS
.TP
.B 0
done, or yes
.TP
.B 1
failed, or the answer is no
.TP
.B 2
wrong usage
.TP
.B 75
not now: the same again may succeed later
.TP
.B 78
something has to be changed first; the message says what
.TP
.B 130
interrupted
.SH ENVIRONMENT
.TP
.B CFSM_HOME
folder of the factory, as \\-\\-home; without it the home of the installed units, or cfsm under the XDG state directory
.TP
.B CFSM_CONFIG
configuration file, as \\-\\-config
.TP
.B CFSM_PROFILE
profile, as \\-\\-profile
.TP
.BI CFSM_ SECTION __ KEY
any setting
.SH UNITS
Written by
.BR "cfsm systemd install" .
.TP
.B cfsm.target
the factory: start, stop and enable this one
.TP
.BI cfsm\\- ROLE @ N .service
one worker; the target wants as many of each role as are configured
.TP
.BR cfsm\\-forge.socket ", " cfsm\\-forge.service
where strategies are executed; started at the first connection
.TP
.BR cfsm\\-generation.timer ", " cfsm\\-reevaluation.timer ", " cfsm\\-cleaning.timer
the calendar: each asks once for each of its slots
.PP
.RB "What a strategy went through: " "journalctl \\-u 'cfsm\\-*' STRATEGY_ID=" \\fIid\\fR
.SH FILES
.TP
.I /var/lib/cfsm
home of a machine's factory
.TP
.IR /etc/cfsm/credentials/ name
secrets, owned by root, that systemd hands to the units that may read them
.SH SEE ALSO
.BR freqtrade (1),
.BR systemctl (1),
.BR journalctl (1),
.BR systemd\\-analyze (1)
"""


def manual() -> str:
    """Give the page."""
    lines = [HEAD, ".SH DESCRIPTION", *_paragraphs(cfsm_command.help or ""), ".SH OPTIONS", *_options(cfsm_command)]
    lines.append(".SH COMMANDS")
    for name in COMMANDS:
        lines += _command(command_named(name), name, name)
    return "\n".join([*lines, TAIL])


def _command(command: click.Command, name: str, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    yield f".SS {_plain(' '.join(['cfsm', path, *command.collect_usage_pieces(context)]))}"
    yield from _paragraphs(command.help or "")
    yield from _options(command)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None, "the group lists it"
            yield from _command(found, below, f"{path} {below}")


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        yield ".PP"
        if paragraph.startswith("\b\n"):
            yield from (".nf", *map(_plain, paragraph.removeprefix("\b\n").split("\n")), ".fi")
        else:
            yield _plain(" ".join(paragraph.split()))


def _options(command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=command.name or "")
    for option in command.params:
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record is not None:
            yield from (".TP", f".B {_plain(record[0])}", _plain(" ".join(record[1].split())))


def _plain(text: str) -> str:
    """Give a line that roff takes as text."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in {".", "'"} else escaped
