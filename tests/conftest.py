"""What tests of several folders share: a forge with a small synthetic market, started when the first test asks; and a
workplace for workers."""

import shutil
import signal
import tempfile
from datetime import date
from pathlib import Path

import pytest
import structlog

from cfsm.adapters.event_store import sqlite
from cfsm.adapters.market_data import DatasetStore
from tests.fakes.workplace import Workplace

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""What runs in the background, or behind nohup, ignores these signals, and so would every program under test."""

SYNTHETIC_PAIRS = ("BTC/USDT:USDT", "ETH/USDT:USDT")


@pytest.fixture(scope="session")
def datasets(tmp_path_factory):
    """A folder of datasets with one, called synthetic: two pairs, 15m, 1h and 4h, January and February 2025."""
    folder = tmp_path_factory.mktemp("datasets")
    DatasetStore(folder).synthesise(
        "synthetic",
        pairs=SYNTHETIC_PAIRS,
        timeframes=("15m", "1h", "4h"),
        start=date(2025, 1, 1),
        end=date(2025, 3, 1),
    )
    return folder


@pytest.fixture(scope="session")
def forge(datasets):
    """An engine whose forge is running and has the synthetic dataset."""
    from cfsm.adapters.freqtrade.client import ForgeEngine

    run = Path(tempfile.mkdtemp(prefix="cfsm-test-"))  # a socket's path must be short
    with ForgeEngine(run / "forge.sock", datasets) as engine:
        yield engine
    shutil.rmtree(run)


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server of the tests' own; a test that asks for it is skipped where none is installed."""
    from tests.fakes.postgres_server import PostgresServer, binaries

    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt install postgresql)")
    server = PostgresServer(programs).start()
    yield server
    server.stop()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A factory in a folder, whose clocks the test moves, for workers under test."""
    monkeypatch.delenv("CFSM_RUNTIME_DIR", raising=False)

    def lease_clock():
        return workplace.lease_clock()

    monkeypatch.setattr(sqlite, "lease_clock", lease_clock)
    workplace = Workplace(tmp_path / "home")
    yield workplace
    workplace.close()
    structlog.contextvars.clear_contextvars()  # what a worker binds in its own process for its own time
