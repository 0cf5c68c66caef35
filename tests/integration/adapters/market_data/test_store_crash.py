"""A process that dies while it builds a dataset leaves none, and the next one builds it."""

import signal
import subprocess
import sys

import pytest

from cfsm.adapters.market_data import DatasetStore

PROGRAM = """
import os, signal, sys
from datetime import date
from pathlib import Path
from cfsm.adapters.market_data import DatasetStore

def die(what, done, total):
    if what.startswith(sys.argv[2]) and done >= 1:
        os.kill(os.getpid(), signal.SIGKILL)

DatasetStore(Path(sys.argv[1])).synthesise("made", pairs=["BTC/USDT:USDT"], end=date(2025, 1, 3), progress=die)
"""


def build(folder, until):
    return subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM, str(folder), until], check=False)


@pytest.mark.parametrize("until", ["making", "reading"])
def test_kill_9_midway_leaves_no_half_dataset(tmp_path, until):
    assert build(tmp_path, until).returncode == -signal.SIGKILL
    assert (tmp_path / ".made.building").is_dir()
    assert DatasetStore(tmp_path).list() == []

    assert build(tmp_path, "never").returncode == 0

    (dataset,) = DatasetStore(tmp_path).list()
    assert dataset.problems == ()
    assert not (tmp_path / ".made.building").exists()


def test_two_at_once_make_one(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path), "never"]
    both = [subprocess.Popen(command) for _ in range(2)]

    assert [process.wait() for process in both] == [0, 0]
    assert [dataset.name for dataset in DatasetStore(tmp_path).list()] == ["made"]
