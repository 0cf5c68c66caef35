"""Backtesters in reserve under a real systemd: wanted by a file, ended by a signal."""

import pytest

from tests.systemd.host import HOME

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RESERVE = "cfsm-backtester@2"


@pytest.fixture(scope="module")
def running(host):
    """The factory, with one backtester in reserve, ended after a second without work."""
    host.configure(workers={"backtester_most": 2, "reserve_idle_seconds": 3})
    host.cfsm("start")
    return host


def state(machine):
    return next(unit["state"] for unit in machine.json("status")["factory"]["units"] if unit["name"] == "backtester-2")


def test_a_worker_in_reserve_rests_and_is_well(running):
    assert running.show(f"{RESERVE}.path", "ActiveState") == "active"
    assert running.show(f"{RESERVE}.service", "ActiveState") == "inactive"

    assert "backtester-2" not in running.cfsm("status").stdout or state(running) == "resting"


def test_it_is_started_while_backtests_wait_and_ends_when_none_does(running):
    running.run("systemctl", "stop", "cfsm-backtester@1.service")  # so that one surely waits
    running.cfsm("generate", "--seed", "11")
    running.until(lambda: running.show(f"{RESERVE}.service", "ActiveState") == "active", patience_seconds=240)

    running.until(lambda: running.show(f"{RESERVE}.service", "ActiveState") == "inactive", patience_seconds=240)
    assert running.show(f"{RESERVE}.service", "Result") == "success"
    assert state(running) == "resting"
    running.run("systemctl", "start", "cfsm-backtester@1.service")
    assert "scaled" in running.run("journalctl", "--no-pager", "--unit=cfsm-coordinator@1.service").stdout


def test_a_wanted_worker_that_is_killed_comes_back_and_an_unwanted_one_does_not(running):
    running.run("systemctl", "stop", "cfsm-coordinator@1.service")  # it would end what nobody needs
    running.run("runuser", "-u", "cfsm", "--", "mkdir", "-p", f"{HOME}/run/wanted")
    running.run("touch", f"{HOME}/run/wanted/backtester-2")
    running.until(lambda: running.show(f"{RESERVE}.service", "ActiveState") == "active")
    before = running.show(f"{RESERVE}.service", "MainPID")
    running.run("kill", "-9", before)
    running.until(lambda: running.show(f"{RESERVE}.service", "MainPID") not in {"0", before})

    running.run("rm", f"{HOME}/run/wanted/backtester-2")
    running.run("systemctl", "kill", "--signal=SIGTERM", f"{RESERVE}.service")
    running.until(lambda: running.show(f"{RESERVE}.service", "ActiveState") == "inactive")


def test_it_stops_with_the_factory(running):
    running.cfsm("start", "--timeout", "150")
    running.cfsm("stop")

    assert running.show(f"{RESERVE}.path", "ActiveState") == "inactive"
    assert running.show(f"{RESERVE}.service", "MainPID") == "0"
