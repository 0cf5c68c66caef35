"""Ctrl+C at any moment of a factory's life: it ends, nothing of it is left, and the next one goes on."""

import signal
import subprocess
import sys
import time

import pytest

from cfsm.adapters.home_lock import holder_of
from tests.fakes.running_factory import ROOT, RunningFactory, processes_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MOMENTS = [0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0]
"""Seconds after its start: while Python loads, the home is opened, workers start, are ready, and work."""

ENDED = {0, 130, -signal.SIGINT}
"""In order, interrupted before there was anything to stop, or before Python could say so."""


@pytest.fixture(scope="module")
def factory(tmp_path_factory):
    with RunningFactory(tmp_path_factory.mktemp("interrupted") / "home", seconds=1.0) as factory:
        factory.make_candles()
        factory.cfsm("generate", "--count", "40")
        yield factory


def interrupt(process, seconds, times=1):
    """Press Ctrl+C so many times, so long after the start."""
    time.sleep(seconds)
    for _ in range(times):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
    return process.wait(60)


@pytest.mark.parametrize("seconds", MOMENTS)
def test_a_factory_ends_and_leaves_nothing_behind(factory, seconds):
    factory.start()

    code = interrupt(factory._process, seconds)

    assert code in ENDED, factory.log()
    factory.until(lambda: not processes_of(factory.home), patience_seconds=10)
    assert holder_of(factory.home) is None


@pytest.mark.parametrize("times", [2, 3])
def test_who_will_not_wait_presses_again(factory, times):
    factory.start().until_ready()

    began = time.monotonic()
    interrupt(factory._process, 0.5, times)

    assert time.monotonic() - began < 30  # the stop itself may take 20 seconds for each worker
    factory.until(lambda: not processes_of(factory.home), patience_seconds=10)


@pytest.mark.parametrize(
    "command", [["status"], ["leaderboard"], ["generate"], ["projections", "rebuild"], ["metrics"]]
)
@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.6, 1.0])
def test_a_command_ends_without_a_traceback_of_ours(factory, command, seconds):
    process = subprocess.Popen(
        [sys.executable, "-m", "cfsm", "--home", str(factory.home), *command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )

    code = interrupt(process, seconds)

    said = process.stderr.read()
    process.stderr.close()
    assert code in {*ENDED, 1}, said
    assert "cfsm/__main__.py" not in said  # before that Python is starting, and may say so


def test_the_next_factory_does_what_the_interrupted_ones_left(factory):
    factory.start().until_ready()

    factory.until_idle(patience_seconds=240)

    assert factory.stop() == 0
    assert "none altered" in factory.cfsm("history", "verify").stdout
    assert not factory.due()
