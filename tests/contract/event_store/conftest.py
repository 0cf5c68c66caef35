"""Each test of this folder runs on an SQLite file and on a schema of a real PostgreSQL server."""

import tempfile

import pytest

from cfsm.adapters.event_store.opening import StoreTerms, open_bell, open_factory
from tests.fakes.stores import SetClock


@pytest.fixture(params=["sqlite", "postgres"])
def terms(request):
    """Which event store: a new one for each test."""
    if request.param == "sqlite":
        return StoreTerms()
    return request.getfixturevalue("postgres").terms()


@pytest.fixture
def home(tmp_path, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="cfsm-run-") as run:  # the tests' own folders are too deep for sockets
        monkeypatch.setenv("CFSM_RUNTIME_DIR", run)
        yield tmp_path / "home"


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def opened(home, terms, clock):
    """Open a factory of the event store under test, as another process would; closed at the end."""
    made = []

    def opened(actor="tester@here", **others):
        made.append(open_factory(home, terms, actor=actor, clock=clock, **others))
        return made[-1]

    yield opened
    for factory in made:
        factory.close()


@pytest.fixture
def factory(opened):
    return opened()


@pytest.fixture
def bell(factory, home, terms):
    bell = open_bell(home, terms)
    yield bell
    bell.close()
