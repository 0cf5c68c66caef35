"""The reference page says what the commands say."""

import re
from pathlib import Path

from cfsm.cli.reference import reference
from cfsm.cli.root import COMMANDS, command_named

ROOT = Path(__file__).parents[3]


def test_the_reference_page_is_up_to_date():
    wanted = (
        "the commands have changed; write it again: .venv/bin/python -c "
        "'from cfsm.cli.reference import reference; print(reference(), end=\"\")' > docs/reference/cli.md"
    )

    assert (ROOT / "docs/reference/cli.md").read_text() == reference(), wanted


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
