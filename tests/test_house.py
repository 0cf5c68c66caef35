"""The rules of the house: lint, format, types, layers, and what is never committed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "--output-format", "concise", "."),
        ("ruff", "format", "--check", "."),
        ("mypy", "-p", "cfsm"),
        ("lint-imports",),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_checkout_passes(command):
    program = BIN / command[0]
    if not program.exists():
        pytest.skip(f"{command[0]} is not installed: `./dev test` installs it")

    done = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def committed():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def test_nothing_committed_names_a_machine():
    homes = re.compile(rb"(?<![\w.])/(?:root|work|home/\w+)/\w")
    found = [
        f"{path.relative_to(ROOT)}: {line.decode(errors='replace').strip()[:80]}"
        for path in committed()
        for line in path.read_bytes().splitlines()
        if homes.search(line) and path != Path(__file__)
    ]

    assert found == []


def test_nothing_committed_is_large():
    assert [str(path) for path in committed() if path.stat().st_size > 1_000_000] == []
