"""Tables fit any terminal, pipes get every column, and nothing printed can move a terminal's cursor."""

import io
import os
import sys

import click
import pytest

from cfsm.cli import output
from cfsm.cli.output import figure, percent, print_facts, print_table, printable, show_progress

ROWS = [(1, "A" * 30, 2.5, None), (2, "B", -10.25, "")]
HEADERS = ("#", "strategy", "score", "retired because")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Give what is printed on a terminal of so many columns."""

    def print_on(columns, *arguments, **options):
        out = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(output.shutil, "get_terminal_size", lambda: os.terminal_size((columns, 24)))
            print_table(*arguments, **options)
        return click.unstyle(out.getvalue()).splitlines()

    return print_on


def test_a_pipe_gets_the_whole_table(capsys):
    print_table(ROWS, HEADERS, ("score",))

    assert capsys.readouterr().out.splitlines() == [
        "#  strategy                         score  retired because",
        "─  ──────────────────────────────  ──────  ───────────────",
        f"1  {'A' * 30}     2.5  -",
        "2  B                               -10.25",
    ]


def test_a_wide_terminal_gets_the_same_table(terminal, capsys):
    print_table(ROWS, HEADERS, ("score",))

    assert terminal(80, ROWS, HEADERS, ("score",)) == capsys.readouterr().out.splitlines()


def test_a_narrow_terminal_gets_a_few_lines_for_each_row(terminal):
    assert terminal(40, ROWS, HEADERS, ("score",), title="strategy") == [
        f"1 {'A' * 30}",
        "   score 2.5 · retired because -",
        "2 B",
        "   score -10.25",
    ]


@pytest.mark.parametrize("columns", [10, 33, 57])
def test_no_column_is_lost_on_a_narrow_terminal(terminal, columns):
    text = " ".join(terminal(columns, ROWS, HEADERS, ("score",), title="strategy"))

    for word in ("score 2.5", "score -10.25", "retired because -", "A" * 30):
        assert word in text


def test_control_characters_are_spelled_out(capsys):
    print_table([("a\x1b[2J\nb\tc",)], ("name",))
    print_facts({"error": "x\r\x07y"})

    out = capsys.readouterr().out
    assert "a\\x1b[2J\\nb\\tc" in out
    assert "x\\r\\x07y" in out
    assert all(character.isprintable() or character == "\n" for character in out)
    assert printable("Größe ≥ 3 →") == "Größe ≥ 3 →"


def test_figures_are_rounded_and_what_is_undefined_is_a_dash():
    assert [figure(1.236), figure(None), figure(2.0, 0)] == ["1.24", "-", "2"]
    assert [percent(-0.12345), percent(None)] == ["-12.35 %", "-"]


def test_progress_is_shown_on_a_terminal_only(monkeypatch, capsys):
    show_progress("3/10 pages")
    assert capsys.readouterr().err == ""

    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setattr(output.shutil, "get_terminal_size", lambda: os.terminal_size((12, 24)))
    show_progress("3/10 pages of events")
    assert capsys.readouterr().err == "\r  3/10 pa"  # what moves the cursor is for terminals alone
