"""The shell completes commands, options, choices and the names of strategies."""

import shutil
import subprocess
import sys

import pytest

from tests.fakes.home import NAMES


def complete(home, *words, directory=None):
    """Give what bash would be offered for the last word."""
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "CFSM_HOME": str(home),
        "_CFSM_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["cfsm", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [sys.executable, "-m", "cfsm"], env=environ, capture_output=True, text=True, check=True, cwd=directory
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["his"], ["history"]),
        (["str"], ["strategies"]),
        (["history", "v"], ["verify"]),
        (["leaderboard", "--j"], ["--json"]),
        (["worker", "pro"], ["projector"]),
        (["strategies", "list", "--state", "Ret"], ["retired"]),
        (["projections", "rebuild", "lea"], ["leaderboard"]),
        (["lineage", "Mom"], [NAMES[1]]),
        (["strategies", "show", "Tr"], [NAMES[0]]),
        (["history", "show", "Nobody"], []),
    ],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_a_word_is_completed(home, words, offered):
    if words[0] == "lineage" or "show" in words:
        subprocess.run(
            [sys.executable, "-m", "cfsm", "--home", home, "strategies", "list"], check=True, capture_output=True
        )

    assert complete(home, *words) == offered


def test_completion_of_a_home_that_is_not_there_makes_none(tmp_path):
    assert complete(tmp_path / "none", "lineage", "Tr") == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_the_shells_own_language(cfsm, shell, tmp_path):
    result = cfsm("completion", shell)

    assert (result.code, result.err) == (0, "")
    assert f"_CFSM_COMPLETE={shell}_complete" in result.out
    if shutil.which(shell):
        file = tmp_path / "completion"
        file.write_text(result.out)
        subprocess.run([shell, "-n", file], check=True, capture_output=True)
