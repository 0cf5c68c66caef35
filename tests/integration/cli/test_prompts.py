"""``cfsm prompts`` on the prompts that are shipped, and on a folder with more versions."""

import pytest

from cfsm.adapters import prompts
from cfsm.adapters.prompts import PromptFolder


@pytest.fixture
def two_versions(monkeypatch, tmp_path):
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "1.md").write_text("=== user\nJudge it.\nBe short.\n")
    (tmp_path / "judge" / "2.md").write_text("=== user\nJudge it.\nBe exact.\n")
    monkeypatch.setattr(prompts, "PromptFolder", lambda: PromptFolder(tmp_path))


def test_prompts_are_listed_with_versions_and_size(new):
    found = {each["name"]: each for each in new("prompts", "list", "--json").json}

    assert {"write-source", "write-blueprint", "repair-source", "judge", "ideas", "opinion"} <= set(found)
    assert found["judge"]["versions"][0] == 1
    assert 0 < found["write-source"]["tokens"] < 4096


def test_a_prompt_is_printed_as_it_lies_in_its_file(new):
    text = new("prompts", "show", "judge", "--version", "1").out

    assert text == f"{PromptFolder().text('judge', 1).rstrip()}\n"
    assert new("prompts", "show", "judge", "--json").json["name"] == "judge"


def test_the_last_two_versions_are_compared_unless_others_are_named(new, two_versions):
    changed = new("prompts", "diff", "judge").out.splitlines()

    assert [line for line in changed if line[0] in "-+"] == ["--- judge 1", "+++ judge 2", "-Be short.", "+Be exact."]
    assert new("prompts", "diff", "judge", "2", "1").out.splitlines()[-1] == "+Be short."
    assert "say the same" in new("prompts", "diff", "judge", "2", "2").err


def test_one_version_has_nothing_to_be_compared_with(new, two_versions, tmp_path):
    (tmp_path / "judge" / "2.md").unlink()

    assert "one version only" in new("prompts", "diff", "judge").err


@pytest.mark.parametrize("arguments", [("show", "nowhere"), ("show", "judge", "--version", "99"), ("diff", "nowhere")])
def test_what_is_not_there_is_told_with_what_is(new, arguments):
    result = new("prompts", *arguments)

    assert (result.code, result.out) == (1, "")
    assert "judge" in result.err
