"""Workers under systemd are wanted by files and ended by signals."""

import signal
import subprocess
import sys
import time

import pytest

from cfsm.adapters.pulse import PULSES_FOLDER, read_sign
from cfsm.adapters.units.reserves import ReservesOfSystemd

WORKER = """
import signal, sys, time
from pathlib import Path
from cfsm.adapters.pulse import PulseFile
from cfsm.application.pulse import Record
PulseFile(Path(sys.argv[1]), "backtester-2").beat(Record("idle"))
time.sleep(60)
"""


@pytest.fixture
def reserves(tmp_path):
    return ReservesOfSystemd(
        tmp_path,
        tmp_path / "run",
        lambda role, n: role if n == 1 else f"{role}-{n}",
        {"backtester": 1},
        {"backtester": 3},
    )


@pytest.fixture
def worker(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path / "run")])
    end = time.monotonic() + 30
    while read_sign(tmp_path / "run", "backtester-2") is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    yield process
    process.kill()
    process.wait()


def wanted(folder):
    return sorted(path.name for path in (folder / "run" / "wanted").iterdir())


def test_a_file_stands_for_each_worker_that_is_wanted(reserves, tmp_path):
    reserves.run("backtester", 3)
    assert wanted(tmp_path) == ["backtester-2", "backtester-3"]

    reserves.run("backtester", 2)
    assert wanted(tmp_path) == ["backtester-2"]

    reserves.run("backtester", 0)
    assert wanted(tmp_path) == []


def test_a_worker_that_is_no_longer_wanted_is_told_to_end(reserves, worker):
    reserves.run("backtester", 2)
    assert worker.poll() is None

    reserves.run("backtester", 1)

    assert worker.wait(10) == -signal.SIGTERM


def test_a_worker_is_told_to_end_so_that_systemd_starts_it_again(reserves, worker):
    reserves.restart("backtester-2")

    assert worker.wait(10) == -signal.SIGTERM


def test_a_process_of_which_nothing_was_heard_for_long_is_left_alone(reserves, worker, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "cfsm.adapters.units.reserves.now_seconds", lambda: time.clock_gettime(time.CLOCK_BOOTTIME) + 999
    )

    reserves.restart("backtester-2")
    time.sleep(0.1)

    assert worker.poll() is None
    assert (tmp_path / "run" / PULSES_FOLDER).exists()


def test_a_worker_that_is_gone_is_no_error(reserves, worker):
    worker.kill()
    worker.wait()

    reserves.restart("backtester-2")
    reserves.restart("a worker that never was")
