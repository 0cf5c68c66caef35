"""The forge's process: priorities, cancellation, runs side by side, fresh starts, a socket that is handed over, death."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from cfsm.adapters.freqtrade.client import ForgeEngine, forge_command
from cfsm.application.ports import BrokenStrategy, Cancelled, Misconfigured, TryAgain
from cfsm.domain.evaluation import Conditions, Job, Limits
from tests.fakes.strategy_texts import NAME, in_indicators, right

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

CONDITIONS = Conditions(dataset="synthetic")
SHORT = Job("short", NAME, right(), CONDITIONS)
LONG = Job("long", NAME, in_indicators("while True:", "    pass"), CONDITIONS, limits=Limits(wall_seconds=60.0))
PATIENCE_SECONDS = 60.0
HANDING_OVER = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


def silent(*_):
    pass


def until(question, patience_seconds=PATIENCE_SECONDS):
    end = time.monotonic() + patience_seconds
    while not (answer := question()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return answer


class Forges:
    """Starts forges and ends them."""

    def __init__(self, datasets):
        self.datasets = datasets
        self.folder = Path(tempfile.mkdtemp(prefix="cfsm-test-"))  # a socket's path must be short
        self.socket = self.folder / "f.sock"
        self.processes = []

    def start(self, *options, notify="", stderr=None):
        """Start a forge with these options and give a client once it answers."""
        command = forge_command(self.socket, self.datasets, *options)
        environment = os.environ | {"NOTIFY_SOCKET": str(notify)}
        self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr, env=environment))
        engine = ForgeEngine(self.socket)
        until(lambda: answers(engine))
        return engine

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder)


def answers(engine):
    with contextlib.suppress(TryAgain):
        return engine.status()
    return None


@pytest.fixture
def forges(datasets):
    forges = Forges(datasets)
    yield forges
    forges.close()


class Runs:
    """Backtests in threads of their own; remembers in which order they ended, and how."""

    def __init__(self, path):
        self._path = path
        self._threads = []
        self.called_off = threading.Event()
        self.ended = []

    def start(self, name, job, *, urgent=False):
        engine = ForgeEngine(self._path, urgent=urgent)
        self._threads.append(threading.Thread(target=self._run, args=(name, engine, job)))
        self._threads[-1].start()

    def _run(self, name, engine, job):
        try:
            engine.backtest(job, self._mind)
        except (BrokenStrategy, Cancelled, Misconfigured, TryAgain) as error:
            self.ended.append((name, type(error).__name__, str(error)))
        else:
            self.ended.append((name, "done", ""))

    def _mind(self, *_):
        if self.called_off.is_set():
            raise Cancelled("nobody waits any more")

    def join(self):
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        return self.ended


def test_an_urgent_run_goes_before_those_that_wait(forges):
    engine = forges.start("--slots", "1")
    first, runs = Runs(forges.socket), Runs(forges.socket)
    first.start("long", LONG)
    until(lambda: engine.status()["working"])

    for place, (name, urgent) in enumerate([("one", False), ("two", False), ("urgent", True)], 1):
        runs.start(name, SHORT, urgent=urgent)
        until(lambda expected=place: engine.status()["waiting"] == expected)
    first.called_off.set()

    assert [name for name, how, _ in runs.join() if how == "done"] == ["urgent", "one", "two"]
    assert first.join()[0][:2] == ("long", "Cancelled")


def test_a_run_that_is_called_off_frees_its_slot_and_one_that_waits_leaves_the_queue(forges):
    engine = forges.start("--slots", "1")
    working, waiting = Runs(forges.socket), Runs(forges.socket)
    working.start("working", LONG)
    until(lambda: engine.status()["working"])
    waiting.start("waiting", LONG)
    until(lambda: engine.status()["waiting"])

    waiting.called_off.set()
    until(lambda: not engine.status()["waiting"])
    working.called_off.set()
    until(lambda: not engine.status()["working"])

    assert engine.backtest(SHORT, silent).trades
    assert {how for runs in (working, waiting) for _, how, _ in runs.join()} == {"Cancelled"}


def test_as_many_runs_as_there_are_slots_go_side_by_side(forges):
    engine = forges.start("--slots", "2")
    runs = Runs(forges.socket)

    for number in range(3):
        runs.start(str(number), replace(LONG, run_id=f"long-{number}"))
    until(lambda: len(engine.status()["working"]) == 2 and engine.status()["waiting"] == 1)
    runs.called_off.set()

    runs.join()
    assert engine.status()["memory_mb"] > 0


@pytest.mark.parametrize("option", [("--recycle-mb", "1"), ("--recycle-hours", "0")], ids=["memory", "age"])
def test_a_forge_starts_afresh_when_it_is_due_and_idle_and_nobody_notices(forges, option):
    engine = forges.start(*option)
    process_id = engine.status()["pid"]

    first = engine.backtest(SHORT, silent)
    until(lambda: (status := answers(engine)) and status["served"] == 0 and not status["datasets"])
    second = engine.backtest(SHORT, silent)

    assert first.result_hash == second.result_hash
    assert until(lambda: answers(engine))["pid"] == process_id


def test_idle_memory_is_told(forges):
    engine = forges.start()
    engine.backtest(SHORT, silent)

    status = engine.status()

    assert status["memory_mb"] > status["candles_mb"] >= 0
    assert (status["waiting"], status["working"], status["served"], status["datasets"]) == (0, [], 1, ["synthetic"])


def test_the_status_for_systemd_says_what_is_done_how_far_it_is_and_how_many_wait(forges):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(forges.folder / "notify"))
        engine = forges.start("--slots", "1", notify=forges.folder / "notify")
        runs = Runs(forges.socket)
        for name in ("working", "waiting"):
            runs.start(name, replace(LONG, run_id=name))
        (run,) = until(lambda: [run for run in engine.status()["working"] if run["percent"] >= 30])
        told = until(lambda: (text := notify.recv(4096).decode()).startswith("STATUS=backtesting") and text)
        runs.called_off.set()
        runs.join()

    assert (run["strategy"], run["ask"], run["stage"]) == (NAME, "backtest", "analyzing")
    assert told == f"STATUS=backtesting {NAME} 30 %, 1 waiting, 0 served"


def test_freqtrades_lines_go_to_the_forges_log_or_to_who_asks_for_them(forges):
    job = replace(SHORT, source=in_indicators("import logging", 'logging.getLogger("mine").warning("cube\\n of 8")'))
    log = forges.folder / "log"
    with log.open("wb") as stderr:
        forges.start(stderr=stderr)
    with ForgeEngine(forges.socket, keeps_log=True) as asking:
        asking.backtest(job, silent)
        kept, written = {said.text for said in asking.log}, log.read_text()
        asking.backtest(SHORT, silent)
        kept_of_next = {said.text for said in asking.log}

    ForgeEngine(forges.socket).backtest(job, silent)

    moved = "Moving start-date by 120 candles to account for startup time."
    assert (kept, kept_of_next) == ({moved, "cube of 8"}, {moved})
    assert written == ""
    assert "cube of 8" in log.read_text()


def test_a_socket_that_systemd_listens_on_is_served(datasets):
    with tempfile.TemporaryDirectory(prefix="cfsm-test-") as folder:
        path = Path(folder) / "f.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(path))
            listener.listen()
            number = listener.fileno()
            served = forge_command(Path(folder) / "other.sock", datasets)
            command = [sys.executable, "-c", HANDING_OVER, str(number), *served]
            process = subprocess.Popen(command, pass_fds=(number,), stdin=subprocess.DEVNULL)
        try:
            assert ForgeEngine(path).backtest(SHORT, silent).trades
        finally:
            process.kill()
            process.wait()


def test_a_forge_that_is_killed_in_the_middle_is_to_be_asked_again_and_a_new_one_answers(forges):
    engine = forges.start()
    runs = Runs(forges.socket)
    runs.start("long", LONG)
    until(lambda: engine.status()["working"])

    forges.processes[0].kill()
    forges.processes[0].wait()

    assert runs.join()[0][:2] == ("long", "TryAgain")
    assert forges.start().backtest(SHORT, silent).trades


def test_a_forge_that_is_stopped_says_so_to_those_who_wait(forges):
    engine = forges.start("--slots", "1")
    runs = Runs(forges.socket)
    for name in ("working", "waiting"):
        runs.start(name, LONG)
    until(lambda: engine.status()["waiting"])

    forges.processes[0].send_signal(signal.SIGTERM)

    assert {(how, words) for _, how, words in runs.join()} == {("TryAgain", "The forge is stopping")}
    assert forges.processes[0].wait(30) == 0


def test_data_that_changed_under_a_run_are_loaded_anew_for_the_next(datasets, tmp_path):
    own = tmp_path / "datasets"
    shutil.copytree(datasets, own)
    forges = Forges(own)
    try:
        engine, runs = forges.start("--slots", "2"), Runs(forges.socket)
        before = engine.backtest(SHORT, silent)
        busy = in_indicators("total = sum(number * number for number in range(30_000_000))")
        runs.start("overtaken", replace(SHORT, source=busy))
        until(lambda: engine.status()["working"])

        for file in (own / "synthetic" / "futures").glob("*BTC*-futures.feather"):
            os.utime(file)
        meanwhile = engine.backtest(replace(SHORT, conditions=replace(CONDITIONS, max_open_trades=1)), silent)

        (_, how, words), *_ = runs.join()
        assert (how, words) == ("TryAgain", "Dataset synthetic changed under the run")
        assert engine.backtest(SHORT, silent).result_hash == before.result_hash
        assert meanwhile.identity.config_hash != before.identity.config_hash
    finally:
        forges.close()


def test_a_run_that_reaches_its_limit_after_its_data_were_replaced_ends_no_forge(datasets, tmp_path):
    own = tmp_path / "datasets"
    shutil.copytree(datasets, own)
    forges = Forges(own)
    try:
        engine, runs = forges.start("--slots", "2"), Runs(forges.socket)
        runs.start("long", replace(LONG, limits=Limits(wall_seconds=4.0)))
        until(lambda: engine.status()["working"])

        for file in (own / "synthetic" / "futures").glob("*.feather"):
            os.utime(file)
        engine.backtest(replace(SHORT, conditions=replace(CONDITIONS, max_open_trades=1)), silent)

        (_, how, words), *_ = runs.join()
        assert (how, "4 seconds" in words) == ("BrokenStrategy", True)
        assert engine.backtest(SHORT, silent).trades
    finally:
        forges.close()


def children_of(engine):
    return [child.pid for child in psutil.Process(engine.status()["pid"]).children()]


def test_what_concludes_is_kept_for_the_next_run_and_ends_when_nobody_needs_it(forges):
    engine = forges.start("--slots", "1")
    first = engine.backtest(SHORT, silent)
    (kept,) = children_of(engine)

    second = engine.backtest(SHORT, silent)

    assert children_of(engine) == [kept]
    assert first.result_hash == second.result_hash
    until(lambda: not children_of(engine))


def test_what_concludes_is_replaced_when_it_was_killed_and_when_there_are_other_conditions(forges):
    engine = forges.start("--slots", "1")
    first = engine.backtest(SHORT, silent)
    (killed,) = children_of(engine)
    os.kill(killed, signal.SIGKILL)

    second = engine.backtest(SHORT, silent)
    (outdated,) = children_of(engine)
    other = engine.backtest(replace(SHORT, conditions=replace(CONDITIONS, max_open_trades=1)), silent)

    assert first.result_hash == second.result_hash
    assert other.identity.config_hash != first.identity.config_hash
    assert killed != outdated
    assert outdated not in children_of(engine)


def test_what_concluded_a_broken_result_concludes_no_other(forges):
    engine = forges.start("--slots", "1")

    with pytest.raises(BrokenStrategy):
        engine.backtest(replace(SHORT, source=right().replace(b"stoploss = -", b"stoploss = ")), silent)

    assert children_of(engine) == []
