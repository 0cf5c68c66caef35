"""What the documents say can be done can be done: commands and options exist, links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
import rich_click as click

from cfsm.cli.root import COMMANDS, cfsm_command, command_named
from cfsm.settings.fields import EVERYTHING

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("systemd/*.md")),
]
FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)")


def name_of(page):
    return str(page.relative_to(ROOT))


def commands(page):
    """Give the commands of a page: those in blocks of code, and those in the text between backticks."""
    text = page.read_text()
    blocks = "\n".join(FENCE.findall(text))
    lines = [line.strip() for line in re.split(r"\n|&&|;|\$\((?=cfsm)", blocks.replace("\\\n", " "))]
    inline = re.findall(r"`((?:\./dev )?cfsm [a-z][^`]*)`", FENCE.sub("", text))
    for line in (*lines, *inline):
        called = re.match(r"(?:\$ )?(?:[\d*]+ .*\*  )?(?:\./dev )?cfsm (.*)", line)
        if called:
            words = re.split(r"  +#| # |[|>)\"…]|[;,] ", called[1])[0]
            yield line, shlex.split(words.replace("'", ""))


def check(words):
    """Follow the words from command to command; give what does not exist."""
    command, rest = cfsm_command, list(words)
    known = options_of(cfsm_command)
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            if word.partition("=")[0] not in known:
                return word
            if takes_a_value(command, word) or takes_a_value(cfsm_command, word):
                rest[:1] = []
        elif isinstance(command, click.Group) and word.islower():
            found = command_named(word) if command is cfsm_command and word in COMMANDS else command.commands.get(word)
            if found is None:
                return word
            command = found
            known = options_of(command)
    return None


def options_of(command):
    own = {name for param in command.params for name in (*param.opts, *param.secondary_opts) if name.startswith("-")}
    return own | {"-h", "--help"}


def takes_a_value(command, word):
    return any(
        word in param.opts and not getattr(param, "is_flag", False)
        for param in command.params
        if isinstance(param, click.Option)
    )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_of_a_page_exists(page):
    wrong = {line: unknown for line, words in commands(page) if (unknown := check(words)) is not None}

    assert wrong == {}


def test_commands_are_found_where_they_are():
    found = [words for page in PAGES for _, words in commands(page)]

    assert ["history", "verify"] in found
    assert len(found) > 80
    assert check(["histroy"]) == "histroy"
    assert check(["history", "replay", "--evnt", "3"]) == "--evnt"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page):
    for target, anchor in LINK.findall(FENCE.sub("", page.read_text())):
        file = (page.parent / target) if target else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_setting_of_a_page_exists(page):
    sections = {key for key in EVERYTHING if "." not in key} - {"profile"}
    named = re.findall(rf"`((?:{'|'.join(sections)})\.[a-z_.]+[a-z_])`", page.read_text())

    assert {key for key in named if key not in EVERYTHING} <= {"generation.mode"}, named


def test_every_page_is_found_from_the_index():
    index = (ROOT / "docs" / "index.md").read_text()

    for page in (ROOT / "docs").rglob("*.md"):
        assert f"({page.relative_to(ROOT / 'docs')})" in index or page.name == "index.md", page
