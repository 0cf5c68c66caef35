"""The status file."""

import os
import socket
from datetime import UTC, datetime

import pytest

from cfsm.adapters.home_lock import HomeLock
from cfsm.adapters.supervisor.status import (
    FactoryStatus,
    UnitState,
    UnitStatus,
    read_status,
    status_content,
    status_path,
    write_status,
)

NOON = datetime(2026, 11, 21, 12, 0, 0, 250000, tzinfo=UTC)
WORKER = UnitStatus("worker", UnitState.RUNNING, NOON, 4711, 2, "≥ 1.3", "exit code 1 after 0.2 s", "", 63)


@pytest.fixture
def home(tmp_path):
    status_path(tmp_path).parent.mkdir()
    return tmp_path


def recorded(home, pid):
    write_status(home, status_content(pid, socket.gethostname(), NOON, (WORKER,)))


def test_without_a_factory_there_is_no_status(tmp_path):
    assert read_status(tmp_path) is None


def test_the_status_of_a_running_factory_is_read_back_whole(home):
    with HomeLock.acquire(home):
        recorded(home, os.getpid())

        assert read_status(home) == FactoryStatus(True, os.getpid(), socket.gethostname(), NOON, (WORKER,))


def test_a_factory_that_has_ended_is_shown_as_such(home):
    recorded(home, 4710)

    assert read_status(home) == FactoryStatus(False, 4710, socket.gethostname(), NOON, (WORKER,))


def test_an_earlier_factorys_status_is_not_taken_for_the_present_ones(home):
    recorded(home, 4710)
    with HomeLock.acquire(home):
        status = read_status(home)

    assert (status.running, status.pid, status.units) == (True, os.getpid(), ())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"pid": 1, "units": [{"name": "a"}]}', b"\xff"])
def test_a_file_of_another_version_is_no_status(home, content):
    status_path(home).write_bytes(content)

    assert read_status(home) is None


def test_a_reader_in_the_middle_of_a_file_reads_that_one_to_its_end(home):
    write_status(home, b"before" * 10_000)
    with status_path(home).open("rb") as reading:
        start = reading.read(5)
        write_status(home, b"after" * 10_000)

        assert start + reading.read() == b"before" * 10_000
    assert status_path(home).read_bytes() == b"after" * 10_000


def test_the_same_status_is_the_same_bytes():
    assert status_content(1, "host", NOON, (WORKER,)) == status_content(1, "host", NOON, (WORKER,))
