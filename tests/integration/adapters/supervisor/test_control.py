"""A whole factory as a process of its own: stopped from outside, killed, detached, hung up."""

import asyncio
import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import textwrap
import time

import pytest

from cfsm.adapters.home_lock import HomeLock, holder_of, lock_path
from cfsm.adapters.supervisor.control import CannotStop, StillRunning, send_stop
from cfsm.adapters.supervisor.events import EventKind
from cfsm.adapters.supervisor.processes import end_remnants, mark_of
from cfsm.adapters.supervisor.status import UnitState, read_status
from tests.fakes.supervised import PATIENCE_SECONDS, ROOT, is_alive, supervised, unit

FACTORY = """
import asyncio, fcntl, sys, termios
from pathlib import Path
from cfsm.adapters.detach import detach
from cfsm.adapters.home_lock import HomeLock
from cfsm.adapters.supervisor.group import Supervisor, run_until_signalled
from cfsm.adapters.supervisor.output import Terminal
from tests.fakes.supervised import QUICK, unit

home, mode, body = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
if mode != "plain":
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
with HomeLock.acquire(home) as lock:
    if mode == "detached":
        if pid := detach(home / "logs" / "factory.log"):
            print(pid, flush=True)
            sys.stdin.readline()
            sys.exit(0)
        lock.record_holder()

    async def main():
        units = [unit("worker", body, package=True)]
        supervisor = Supervisor(units, home, lambda event: print(event.kind, flush=True), policy=QUICK, terminal=Terminal(2))
        await run_until_signalled(supervisor)

    asyncio.run(main())
"""

WATCHING = """
from cfsm.adapters.lifeline import exit_when_supervisor_dies
exit_when_supervisor_dies()
tell('READY=1'); run_on()
"""

DEAF = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
tell('READY=1'); time.sleep(1000)
"""


def until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def worker(home):
    status = read_status(home)
    return status.units[0] if status and status.units else None


def until_running(home):
    until(lambda: worker(home) and worker(home).state is UnitState.RUNNING and read_status(home).running)


@pytest.fixture
def factory(tmp_path):
    """Start a factory that runs one worker; whatever of it is left at the end is killed."""
    started = []

    def start(mode="plain", body=WATCHING, **options):
        argv = [sys.executable, "-c", FACTORY, str(tmp_path), mode, textwrap.dedent(body)]
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            "cwd": ROOT,
        } | options
        process = subprocess.Popen(argv, **options)
        started.append(process)
        return process

    yield start
    if holder := holder_of(tmp_path):
        os.kill(holder.pid, signal.SIGKILL)
    end_remnants(mark_of(tmp_path / "run"))
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def test_a_factory_is_stopped_from_outside(tmp_path, factory):
    process = factory()
    until_running(tmp_path)

    holder = send_stop(tmp_path)

    assert holder.pid == process.pid
    assert not is_alive(process.pid)
    assert process.wait() == 0
    assert holder_of(tmp_path) is None
    assert read_status(tmp_path).running is False
    assert worker(tmp_path).state is UnitState.STOPPED


def test_where_no_factory_runs_there_is_nothing_to_stop(tmp_path):
    assert send_stop(tmp_path) is None


def test_whoever_takes_long_to_stop_is_named(tmp_path, factory):
    process = factory(body=DEAF)
    until_running(tmp_path)

    with pytest.raises(StillRunning, match=f"pid {process.pid} is still stopping after 0.1 s.*kill -KILL"):
        send_stop(tmp_path, timeout_seconds=0.1)


def test_a_factory_of_another_host_is_not_stopped(tmp_path):
    with HomeLock.acquire(tmp_path):
        fields = json.loads(lock_path(tmp_path).read_bytes()) | {"host": "elsewhere"}
        lock_path(tmp_path).write_text(json.dumps(fields))

        with pytest.raises(CannotStop, match="runs on elsewhere as pid"):
            send_stop(tmp_path)


def test_a_process_that_only_got_the_factorys_pid_is_not_stopped(tmp_path):
    with HomeLock.acquire(tmp_path), subprocess.Popen(["sleep", "1000"]) as stranger:
        fields = json.loads(lock_path(tmp_path).read_bytes()) | {"pid": stranger.pid}
        lock_path(tmp_path).write_text(json.dumps(fields))

        with pytest.raises(CannotStop, match="no process that can be seen from here"):
            send_stop(tmp_path)

        assert stranger.poll() is None
        stranger.kill()


def test_no_worker_outlives_a_killed_supervisor(tmp_path, factory):
    process = factory()
    until_running(tmp_path)
    pid = worker(tmp_path).pid

    process.kill()
    process.wait()

    until(lambda: not is_alive(pid))
    assert read_status(tmp_path).running is False


def test_what_outlived_a_killed_supervisor_is_ended_by_the_next_one(tmp_path, factory):
    process = factory(body=DEAF)
    until_running(tmp_path)
    pid = worker(tmp_path).pid
    process.kill()
    process.wait()
    assert is_alive(pid)

    async def scenario():
        async with supervised(tmp_path, unit("worker")) as watched:
            await watched.until(EventKind.READY)
            return watched.told(EventKind.REMNANTS)

    (told,) = asyncio.run(scenario())

    assert told.message.startswith("2 processes outlived an earlier run")
    assert not is_alive(pid)


def test_a_second_factory_does_not_disturb_the_first(tmp_path, factory):
    factory()
    until_running(tmp_path)
    pid = worker(tmp_path).pid

    second = factory(stderr=subprocess.PIPE, text=True)

    assert "a factory already runs on" in second.communicate()[1]
    assert second.returncode == 1
    assert is_alive(pid)


@pytest.fixture
def terminal():
    master, slave = pty.openpty()
    yield master, slave
    for fd in (master, slave):
        with contextlib.suppress(OSError):  # the test may have closed it
            os.close(fd)


def test_a_detached_factory_outlives_its_terminal(tmp_path, factory, terminal):
    master, slave = terminal
    launcher = factory("detached", stdin=slave, stdout=subprocess.PIPE, stderr=slave, start_new_session=True)
    pid = int(launcher.stdout.readline())
    os.close(slave)
    until_running(tmp_path)
    assert holder_of(tmp_path).pid == pid == read_status(tmp_path).pid
    assert os.getsid(pid) != os.getsid(launcher.pid)

    os.close(master)
    assert launcher.wait() == -signal.SIGHUP
    before = worker(tmp_path).pid
    os.kill(pid, signal.SIGHUP)
    os.kill(before, signal.SIGHUP)
    os.kill(before, signal.SIGKILL)
    until(lambda: worker(tmp_path).pid not in (before, None) and worker(tmp_path).state is UnitState.RUNNING)

    assert is_alive(pid)
    assert send_stop(tmp_path).pid == pid
    assert (tmp_path / "logs" / "factory.log").read_text().splitlines()[-1] == "stopped"


def test_without_detaching_the_terminals_end_stops_the_factory_in_order(tmp_path, factory, terminal):
    master, slave = terminal
    process = factory("attached", stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    until_running(tmp_path)

    os.close(master)
    process.wait(PATIENCE_SECONDS)

    assert worker(tmp_path).state is UnitState.STOPPED
    assert "exit code 0" in worker(tmp_path).last_exit


def test_ctrl_c_stops_the_factory_and_not_the_workers_behind_its_back(tmp_path, factory, terminal):
    master, slave = terminal
    process = factory(
        "attached", stdin=slave, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    until_running(tmp_path)

    os.write(master, b"\x03")
    process.wait(PATIENCE_SECONDS)

    assert process.returncode == 0
    assert worker(tmp_path).state is UnitState.STOPPED
    assert worker(tmp_path).restarts == 0
    assert "exit code 0" in worker(tmp_path).last_exit


def test_a_stop_from_outside_finds_the_holder_by_its_lock_alone(tmp_path):
    lock_path(tmp_path).parent.mkdir()
    content = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started_at": "2026-11-21T12:00:00+00:00",
        "birth": "x",
    }
    lock_path(tmp_path).write_text(json.dumps(content))

    assert send_stop(tmp_path) is None
