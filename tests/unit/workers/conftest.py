"""A workplace for every test of a worker."""

import pytest

from cfsm.adapters.event_store import sqlite
from tests.fakes.workplace import Workplace


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("CFSM_RUNTIME_DIR", raising=False)

    def lease_clock():
        return workplace.lease_clock()

    monkeypatch.setattr(sqlite, "lease_clock", lease_clock)
    workplace = Workplace(tmp_path / "home")
    yield workplace
    workplace.close()
