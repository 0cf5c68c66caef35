"""What the bell of an SQLite event store does beyond what both databases' bells do."""

import socket
import tempfile

import pytest

from cfsm.adapters.event_store.opening import StoreTerms, open_bell, open_factory
from cfsm.adapters.event_store.sqlite_bell import SQLiteRinger
from cfsm.adapters.home import run_folder
from cfsm.application.errors import Misconfigured
from tests.fakes.stores import SetClock, generate


@pytest.fixture(autouse=True)
def _short_folder_for_sockets(monkeypatch):
    with tempfile.TemporaryDirectory(prefix="cfsm-run-") as run:  # the tests' own folders are too deep
        monkeypatch.setenv("CFSM_RUNTIME_DIR", run)
        yield


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def factory(home):
    factory = open_factory(home, StoreTerms(), actor="tester", clock=SetClock())
    yield factory
    factory.close()


@pytest.fixture
def bell(factory, home):
    bell = open_bell(home, StoreTerms())
    yield bell
    bell.close()


def sockets(home):
    return sorted((run_folder(home) / "bells").iterdir())


def test_nothing_new_is_not_rung(bell):
    assert not bell.wait(0)


def test_its_descriptor_can_be_waited_for_with_others(factory, bell):
    assert isinstance(bell.fileno(), int)


def test_the_socket_of_a_dead_follower_is_cleared_away(factory, bell, home):
    (living,) = sockets(home)
    dead = living.with_name("12345-dead")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        left.bind(str(dead))

    generate(factory, [1])

    assert sockets(home) == [living]
    assert bell.wait(0)


def test_a_follower_that_does_not_look_stops_nobody(factory, bell, home):
    generate(factory, range(600))  # far more rings than its queue holds

    assert factory.store.head() == 600
    assert bell.wait(0)


def test_its_socket_is_gone_when_it_is_closed(bell, home):
    bell.close()

    assert sockets(home) == []


@pytest.mark.parametrize("folder", ["nowhere", "a file"])
def test_ringing_never_fails(tmp_path, folder):
    (tmp_path / "a file").write_text("")

    SQLiteRinger(tmp_path / folder)()


def test_a_follower_without_a_home_is_told_so(tmp_path):
    with pytest.raises(Misconfigured, match="cannot be opened"):
        open_bell(tmp_path / "nowhere", StoreTerms())

    assert sockets(tmp_path / "nowhere") == []


def test_a_home_with_any_name_works(tmp_path):
    home = tmp_path / "a home?mode=memory#100%20 é"
    factory = open_factory(home, StoreTerms(), actor="tester", clock=SetClock())
    bell = open_bell(home, StoreTerms())

    generate(factory, [1])

    assert bell.wait(0)
    assert (home / "events.sqlite").exists()
    bell.close()
    factory.close()
