"""The reference page says what the commands say."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cfsm.cli.manual import manual
from cfsm.cli.reference import reference
from cfsm.cli.root import COMMANDS, command_named

ROOT = Path(__file__).parents[3]


def test_the_reference_page_is_up_to_date():
    assert (ROOT / "docs/reference/cli.md").read_text() == reference(), (
        "the commands have changed; write it again: .venv/bin/python -c "
        "'from cfsm.cli.reference import reference; print(reference(), end=\"\")' > docs/reference/cli.md"
    )


def test_the_page_of_the_manual_is_up_to_date():
    assert (ROOT / "systemd/cfsm.1").read_text() == manual(), (
        "the commands have changed; write it again: .venv/bin/python -c "
        "'from cfsm.cli.manual import manual; print(manual(), end=\"\")' > systemd/cfsm.1"
    )


@pytest.mark.skipif(shutil.which("man") is None, reason="no man here (Debian: apt install man-db)")
def test_the_page_of_the_manual_is_read_without_a_warning():
    page = ROOT / "systemd/cfsm.1"

    shown = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True, check=True)

    assert shown.stderr == ""
    for name in COMMANDS:
        assert f"cfsm {name}" in shown.stdout


def test_every_command_has_its_section():
    page = reference()

    for name in COMMANDS:
        assert f"\n## cfsm {name}\n" in page
    assert "\n### cfsm history verify\n" in page


def test_the_line_in_the_help_is_true_of_the_command():
    for name, (_, line) in COMMANDS.items():
        assert line.endswith("."), name
        assert command_named(name).name == name


def test_every_option_says_what_it_does():
    silent = re.findall(r"^\| `[^|]*` \| (?:\[[^|]*\])? *\|$", reference(), re.MULTILINE)

    assert silent == []


def test_the_page_is_the_same_on_every_machine(monkeypatch):
    before = reference()
    monkeypatch.setenv("CFSM_HOME", "/elsewhere")
    monkeypatch.setenv("COLUMNS", "40")

    assert reference() == before
