"""A worker whose supervisor dies, with real processes."""

import os
import signal
import subprocess
import sys

import pytest

from cfsm.adapters.lifeline import SUPERVISOR_FD, exit_when_supervisor_dies
from tests.fakes.supervised import ROOT

ALONE = """
import os, signal, sys, time
from cfsm.adapters.lifeline import SUPERVISOR_FD, exit_when_supervisor_dies
{before}
watched = exit_when_supervisor_dies({arguments})
print(watched, SUPERVISOR_FD in os.environ, flush=True)
{after}
while True:
    time.sleep(1000)
"""


@pytest.fixture
def worker():
    started = []

    def start(*, before="", arguments="", after=""):
        reading, writing = os.pipe()
        script = ALONE.format(before=before, arguments=arguments, after=after)
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=(reading,),
            cwd=ROOT,
            env=os.environ | {SUPERVISOR_FD: str(reading)},
        )
        os.close(reading)
        started.append(process)
        return process, writing

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_worker_ends_like_by_sigterm_when_its_supervisor_dies(worker):
    process, lifeline = worker()
    assert process.stdout.readline() == "True False\n"
    assert process.poll() is None

    os.close(lifeline)

    assert process.wait(30) == -signal.SIGTERM


def test_a_worker_may_stop_in_order(worker):
    process, lifeline = worker(arguments="lambda: (print('stops in order', flush=True), sys.exit(7))")
    process.stdout.readline()

    os.close(lifeline)

    assert process.wait(30) == 7
    assert process.stdout.read() == "stops in order\n"


def test_an_event_loop_is_woken(worker):
    after = """
import asyncio
async def work():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("works", flush=True)
    await stop.wait()
    print("stops", flush=True)
asyncio.run(work())
sys.exit(0)
"""
    process, lifeline = worker(after=after)
    process.stdout.readline()
    assert process.stdout.readline() == "works\n"

    os.close(lifeline)

    assert process.wait(30) == 0
    assert process.stdout.read() == "stops\n"


def test_a_worker_that_was_started_by_a_dead_supervisor_ends_too(worker):
    process, lifeline = worker(before="os.read(int(os.environ[SUPERVISOR_FD]), 1)  # until it is dead")

    os.close(lifeline)

    assert process.wait(30) == -signal.SIGTERM


def test_a_worker_that_does_not_stop_is_ended(worker):
    process, lifeline = worker(arguments="lambda: None, grace_seconds=1")
    process.stdout.readline()

    os.close(lifeline)

    assert process.wait(30) == -signal.SIGALRM


def test_a_supervisor_that_writes_is_not_a_dead_one(worker):
    process, lifeline = worker(
        before="signal.signal(signal.SIGUSR1, lambda *_: (print('alive', flush=True), sys.exit(0)))"
    )
    process.stdout.readline()

    os.write(lifeline, b"x")
    process.send_signal(signal.SIGUSR1)

    assert process.stdout.readline() == "alive\n"
    os.close(lifeline)


@pytest.mark.parametrize("value", ["", "nonsense", "-1", "9999", "file"])
def test_without_a_lifeline_nothing_is_watched(tmp_path, value):
    with (tmp_path / "file").open("w") as file:
        environ = {SUPERVISOR_FD: str(file.fileno()) if value == "file" else value}

        assert exit_when_supervisor_dies(environ=environ) is False
        assert environ == {}
    assert exit_when_supervisor_dies(environ={}) is False
