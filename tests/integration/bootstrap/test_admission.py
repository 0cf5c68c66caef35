"""The machine's load, the configured rules and the tasks in work decide together whether a worker takes on another."""

import socket

import pytest

from cfsm.adapters import hardware
from cfsm.application.tasks import TaskKind
from cfsm.bootstrap import refusal_of
from tests.fakes.gauge import FakeGauge
from tests.fakes.home import StoredStory, house_at

BUSY = {"psi_cpu_some_percent": 99.0}
HERE = socket.gethostname()


@pytest.fixture
def house(tmp_path):
    """A house with a task of each of two kinds due."""
    house = house_at(tmp_path / "home")
    story = StoredStory(house.factory)
    story.generate()
    story.request()
    house.factory.plan()
    return house


@pytest.fixture
def load(monkeypatch):
    """Set the machine's load."""
    gauge = FakeGauge()
    monkeypatch.setattr(hardware, "Gauge", lambda *_: gauge)
    return gauge.set


def claim(house, kind, owner):
    assert house.open_factory(owner).claim([kind], 60) is not None


def test_a_calm_machine_takes_on_work(house, load):
    load()
    claim(house, TaskKind.VALIDATE, f"validator@{HERE}")

    assert refusal_of(house, house.factory)() == ""


def test_on_a_busy_machine_one_thing_is_done_at_a_time(house, load):
    load(**BUSY)
    refusal = refusal_of(house, house.factory)
    assert refusal() == ""

    claim(house, TaskKind.VALIDATE, f"validator@{HERE}")

    assert "waited for the CPU is 99; at most 60 is allowed" in refusal()


def test_the_work_of_other_machines_makes_this_one_no_busier(house, load):
    load(**BUSY)
    claim(house, TaskKind.VALIDATE, "validator@another-machine")

    assert refusal_of(house, house.factory)() == ""


def test_light_work_waits_for_nobody_and_nobody_for_it(house, load):
    load(**BUSY)
    claim(house, TaskKind.GENERATE, f"generator@{HERE}")
    assert refusal_of(house, house.factory)() == ""

    claim(house, TaskKind.VALIDATE, f"validator@{HERE}")
    assert refusal_of(house, house.factory, is_light=True)() == ""


def test_a_full_disk_stops_light_work_too(house, load):
    load(disk_free_mb=1)

    assert "disk free is 1 MB" in refusal_of(house, house.factory, is_light=True)()


def test_the_rules_are_the_configured_ones(house, load):
    (house.path / "cfsm.yaml").write_text("admission: {min_disk_free_mb: 60000, max_psi_cpu_some_percent: null}\n")
    load(**BUSY)

    assert "at least 60000 MB is wanted" in refusal_of(house_at(house.path), house.factory)()
