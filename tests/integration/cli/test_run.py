"""Running a factory from the terminal: one on a home, stopped in order, and nothing left behind."""

import os
import signal
import subprocess
import sys
from datetime import date

import psutil
import pytest

from cfsm.adapters.home_lock import HomeLock
from cfsm.adapters.market_data import DatasetStore
from tests.fakes.home import start, until


@pytest.fixture
def with_candles(home):
    """The home, with a small market that its configuration names."""
    DatasetStore(home / "data").synthesise(
        "small", pairs=("BTC/USDT:USDT",), timeframes=("1h",), start=date(2025, 1, 1), end=date(2025, 1, 8)
    )
    (home / "cfsm.yaml").write_text("market_data: {dataset: small}\n")
    return home


def test_a_second_factory_on_a_home_is_refused(cfsm):
    with HomeLock.acquire(cfsm.home):
        run, restore = cfsm("run"), cfsm("restore", "some-backup", "--replace")
        status = cfsm("status")

    assert (run.code, restore.code) == (78, 78)
    for refusal in (run, restore):
        assert f"a factory already runs on {cfsm.home}: pid {os.getpid()}" in refusal.err
        assert "`cfsm stop`" in refusal.err
    assert f"runs as pid {os.getpid()}" in status.out


def test_a_factory_without_its_candles_is_refused_before_anything_starts(cfsm):
    (cfsm.home / "cfsm.yaml").write_text("market_data: {dataset: mine}\n")

    for command in ("run", "demo"):
        result = cfsm(command)

        assert result.code == 78
        assert "there is no dataset 'mine'" in result.err
        assert "cfsm data import" in result.err


def test_stopping_a_factory_that_does_not_run_is_no_error(cfsm):
    result = cfsm("stop")

    assert (result.code, result.out) == (0, "")
    assert "was not running" in result.err


def test_what_has_no_effect_is_said_when_the_factory_starts(cfsm):
    (cfsm.home / "cfsm.yaml").write_text("coordinator: {health_check_interval: 60}\nmarket_data: {dataset: mine}\n")

    assert (
        "cfsm.yaml:1: coordinator.health_check_interval: has no effect: workers are watched all the time"
        in cfsm("run").err
    )


def test_a_worker_alone_works_until_it_is_told_to_stop(home):
    worker = start(home, "worker", "projector")
    try:
        until(lambda: list((home / "projections").glob("health-v*.sqlite")), worker)
        worker.send_signal(signal.SIGTERM)
        out, err = worker.communicate(timeout=30)
    finally:
        worker.kill()

    assert worker.returncode == 0, err
    assert out == ""
    assert "stopped" in err


def test_a_worker_logs_json_lines_when_asked_to(home, monkeypatch):
    monkeypatch.setenv("CFSM_LOG", "json")
    worker = start(home, "worker", "cleaner")
    try:
        line = worker.stderr.readline()
        worker.terminate()
        worker.communicate(timeout=30)
    finally:
        worker.kill()

    assert '"WORKER":"cleaner"' in line
    assert line.startswith("{")


def test_a_demo_whose_factory_does_not_start_ends_with_its_exit_code(cfsm, with_candles, monkeypatch):
    def start_one_that_ends(_):
        end, lifeline = os.pipe()
        os.close(end)
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(78)"]), lifeline

    monkeypatch.setattr("cfsm.cli.demo._start", start_one_that_ends)

    result = cfsm("demo", "--count", 1, "--timeout", 60)

    assert (result.code, result.out) == (78, "")
    assert "The factory ended with exit code 78" in result.err


@pytest.mark.slow
def test_a_factory_runs_refuses_a_second_and_stops_in_order(with_candles):
    factory = start(with_candles, "run", "--quiet", stderr=subprocess.DEVNULL)
    try:
        until(lambda: list(units(with_candles).values()).count("running") > 6, factory)
        until(lambda: set(units(with_candles).values()) == {"running", "resting"}, factory)
        second = start(with_candles, "run")
        assert second.wait(60) == 78
        second.communicate()
        stopping = start(with_candles, "stop")
        _, said = stopping.communicate(timeout=90)
        assert factory.wait(30) == 0
    finally:
        factory.kill()
        factory.communicate()

    assert stopping.returncode == 0
    assert f"The factory of {with_candles} has stopped." in said
    assert set(units(with_candles).values()) == {"stopped"}
    assert not processes_of(with_candles)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_demo_that_is_ended_leaves_no_process(with_candles, number):
    demo = start(with_candles, "demo", "--count", "3", start_new_session=True)
    try:
        until(lambda: "running" in units(with_candles).values(), demo)
        demo.send_signal(number)
        demo.communicate(timeout=90)
        until(lambda: not processes_of(with_candles), seconds=60)
    finally:
        demo.kill()

    assert demo.returncode in {-number, 130}


@pytest.mark.slow
def test_a_detached_factory_outlives_its_terminal(with_candles):
    launcher = start(with_candles, "run", "--detach", start_new_session=True)
    _, said = launcher.communicate(timeout=90)
    try:
        assert launcher.returncode == 0, said
        until(lambda: "running" in units(with_candles).values())
    finally:
        stopping = start(with_candles, "stop")
        stopping.communicate(timeout=90)

    assert stopping.returncode == 0
    until(lambda: not processes_of(with_candles), seconds=30)


def units(home):
    from cfsm.adapters.supervisor.status import read_status

    status = read_status(home)
    return {} if status is None else {unit.name: str(unit.state) for unit in status.units}


def processes_of(home):
    """The processes that were started for a home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("CFSM_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    return found
