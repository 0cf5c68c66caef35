"""``./dev`` sets itself up in a fresh clone, from any directory, once; without uv too; and needs no network afterwards."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9/simple"
OFFLINE = {
    "PIP_INDEX_URL": NOWHERE,
    "UV_INDEX_URL": NOWHERE,
    "UV_DEFAULT_INDEX": NOWHERE,
    "UV_OFFLINE": "1",
    "PIP_NO_INDEX": "1",
    "PIP_CONFIG_FILE": os.devnull,
    "UV_NO_CONFIG": "1",
    "http_proxy": NOWHERE,
    "https_proxy": NOWHERE,
}
SETTING_UP = "dev: setting up"
A_FEW_TESTS = (
    "-q",
    "-p",
    "no:cacheprovider",
    "tests/unit/settings/test_loading.py",
    "tests/unit/adapters/test_shipped.py",
)


def dev(clone, *arguments, cwd=None, check=True, **environ):
    """Run the clone's ``./dev`` as a new user would, and give what it printed."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("CFSM_", "VIRTUAL_ENV", "PYTEST_"))
    }
    done = subprocess.run(
        [clone / "dev", *arguments],
        cwd=cwd or clone,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A fresh clone, in a folder with a blank in its name."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    folder = tmp_path_factory.mktemp("fresh") / "a clone"
    subprocess.run(["git", "clone", "-q", ROOT, folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def ready(clone):
    """The clone, set up for its users and its developers."""
    if dev(clone, "cfsm", "--version", check=False, cwd="/").returncode:
        pytest.skip("the dependencies cannot be installed here (no network?)")
    dev(clone, "test", "--version")
    return clone


@pytest.mark.slow
@pytest.mark.timeout(1800)
class TestFreshClone:
    def test_a_second_call_installs_nothing_and_needs_no_network(self, ready, tmp_path):
        for _ in range(2):
            done = dev(ready, "cfsm", "--home", tmp_path, "config", "check", cwd=tmp_path, **OFFLINE)

            assert SETTING_UP not in done.stderr
            assert done.stderr == "The configuration is right.\n"

    def test_the_tests_run_from_any_directory_without_a_network(self, ready):
        done = dev(ready, "test", *A_FEW_TESTS, cwd="/", **OFFLINE)

        assert SETTING_UP not in done.stderr
        assert " passed" in done.stdout

    def test_what_lies_in_the_current_directory_is_not_imported(self, ready, tmp_path):
        for name in ("cfsm", "freqtrade", "click", "json", "sqlite3"):
            (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the current directory')\n")

        done = dev(ready, "cfsm", "--home", tmp_path / "home", "strategies", "list", cwd=tmp_path, **OFFLINE)

        assert done.stdout == ""
        assert "There is no such strategy." in done.stderr

    def test_the_main_job_runs_without_a_network(self, ready, tmp_path):
        done = dev(ready, "run", "--count", "2", cwd=tmp_path, CFSM_HOME=str(tmp_path / "home"), **OFFLINE)

        assert "[2/2]" in done.stderr
        assert f"{ready}/dev cfsm history verify" in done.stderr
        assert "The candles are synthetic" in done.stdout

    def test_a_checkout_that_was_moved_sets_itself_up_again(self, ready, tmp_path_factory):
        moved = tmp_path_factory.mktemp("moved") / "clone"
        shutil.copytree(ready, moved, symlinks=True)

        done = dev(moved, "cfsm", "--version")

        assert SETTING_UP in done.stderr
        assert done.stdout.startswith("cfsm, version")

    def test_without_uv_pip_does_it(self, clone, tmp_path_factory):
        folder = tmp_path_factory.mktemp("pip") / "clone"
        subprocess.run(["git", "clone", "-q", clone, folder], check=True, capture_output=True)

        first = dev(folder, "cfsm", "--version", check=False, CFSM_DEV_NO_UV="1")
        if first.returncode:
            pytest.skip("the dependencies cannot be installed here (no network?)")
        second = dev(folder, "cfsm", "--version", CFSM_DEV_NO_UV="1", **OFFLINE)

        assert "installing with pip" in first.stderr
        assert not (folder / ".venv" / "bin" / "uv").exists()
        assert second.stderr == ""


def test_dev_says_what_it_can_do_and_refuses_what_it_cannot():
    said = subprocess.run([ROOT / "dev"], capture_output=True, text=True, check=True).stdout
    wrong = subprocess.run([ROOT / "dev", "rnu"], capture_output=True, text=True, check=False)

    for command in ("run", "test", "cfsm", "lock"):
        assert f"./dev {command}" in said
    assert wrong.returncode != 0
    assert "./dev run" in wrong.stdout + wrong.stderr


def test_dev_is_plain_shell():
    for shell in ("dash", "bash", "busybox"):
        if shutil.which(shell):
            command = [shell, "sh", "-n"] if shell == "busybox" else [shell, "-n"]
            subprocess.run([*command, ROOT / "dev"], check=True, capture_output=True)


def test_another_python_is_refused_before_anything_is_made(tmp_path):
    shutil.copy(ROOT / "dev", tmp_path / "dev")
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)

    done = dev(tmp_path, "cfsm", check=False, PYTHON=str(python))

    assert done.returncode == 1
    assert "is not Python 3.11" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_without_python_the_package_to_install_is_named(tmp_path):
    shutil.copy(ROOT / "dev", tmp_path / "dev")
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)

    done = dev(tmp_path, "run", check=False, PYTHON="python3.11-that-is-not-there")

    assert done.returncode == 1
    assert "apt install python3" in done.stderr
