"""Homes for commands, and the commands."""

import os
import shutil

import pytest

from tests.fakes.home import Cli, tell


@pytest.fixture(scope="session")
def told(tmp_path_factory):
    """A home with a past; only to be copied."""
    home = tmp_path_factory.mktemp("told") / "home"
    tell(home)
    return home


@pytest.fixture
def home(told, tmp_path):
    """A home with a past, of the test's own."""
    return shutil.copytree(told, tmp_path / "home")


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("CFSM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def cfsm(home, capfd):
    """Call a command on the home with a past."""
    return Cli(home, capfd)


@pytest.fixture
def new(tmp_path, capfd):
    """Call a command on a home that is not there yet."""
    return Cli(tmp_path / "new", capfd)
