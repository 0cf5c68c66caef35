"""A bot's process, whoever is its parent: started, looked at, killed, stopped, and never left alone."""

import os
import signal
import socket
import time
from pathlib import Path

import orjson
import pytest

from cfsm.adapters.freqtrade.dry_run.asked import Units
from cfsm.adapters.freqtrade.dry_run.folder import BOT_FOLDER, STRATEGY_FOLDER, Instructions, Stepping
from cfsm.adapters.freqtrade.dry_run.processes import CHILDREN
from cfsm.adapters.sandbox.bot_cage import missing_for_bots
from cfsm.application.errors import Misconfigured, TryAgain
from tests.fakes.socket_units import SocketUnits

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(missing_for_bots()), reason=f"no complete cage for bots: {missing_for_bots()}"),
]

PATIENCE_SECONDS = 60.0


@pytest.fixture
def systemd(tmp_path):
    units = SocketUnits(tmp_path / "sock", tmp_path / "bots")
    yield units
    units.close()


@pytest.fixture(params=["child", "unit"])
def processes(request):
    if request.param == "child":
        return CHILDREN
    return Units(request.getfixturevalue("systemd").path)


@pytest.fixture
def folder(tmp_path):
    """The folder of a bot whose gateway is away: it waits."""
    made = tmp_path / "bots" / "Some-1" / BOT_FOLDER
    made.mkdir(parents=True)
    (made.parent / STRATEGY_FOLDER).mkdir()
    stepping = Stepping(begin_ms=1_744_070_400_000, end_ms=1_744_156_800_000, step_ms=75_000, spread_bps=1.0, seed=0)
    Instructions("Some", "http://127.0.0.1:9", 9, 10, memory_mb=1536, stepping=stepping).write(made)
    return made


def until(condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def is_there(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def is_caged(pid):
    return "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()


def test_it_lives_until_it_is_stopped(processes, folder):
    processes.require()
    process = processes.start(folder)

    state = process.state()
    assert state.exit_words == ""
    assert state.memory_bytes > 0
    assert is_there(state.pid)

    process.stop()
    assert not is_there(state.pid)
    assert process.state().exit_words
    process.stop()


def test_how_it_ended_is_told_as_often_as_asked(processes, folder):
    process = processes.start(folder)

    os.kill(process.state().pid, signal.SIGKILL)

    assert until(lambda: process.state().exit_words) == "signal 9"
    assert process.state().exit_words == "signal 9"
    assert process.state().pid is None
    process.stop()
    assert process.state().exit_words == "signal 9"


def test_one_that_cannot_begin_ends_and_leaves_why_in_its_log(processes, folder):
    (folder / "instructions.json").unlink()
    process = processes.start(folder)

    assert until(lambda: process.state().exit_words) == "exit status 1"
    assert "instructions.json" in (folder / "bot.log").read_text()
    process.stop()


def test_it_ends_with_whoever_started_it(processes, folder):
    ours, theirs = os.pipe()
    starter = os.fork()
    if not starter:
        try:
            process = processes.start(folder)
            os.write(theirs, str(process.state().pid).encode())
            time.sleep(PATIENCE_SECONDS)
        finally:
            os._exit(1)
    pid = int(os.read(ours, 100))
    assert is_there(pid)
    until(lambda: is_caged(pid))

    os.kill(starter, signal.SIGKILL)
    os.waitpid(starter, 0)

    until(lambda: not is_there(pid))
    os.close(ours)
    os.close(theirs)


def test_a_unit_that_is_killed_takes_its_bot_along(systemd, folder):
    process = Units(systemd.path).start(folder)
    pid = process.state().pid
    until(lambda: is_caged(pid))

    systemd.started[0].kill()

    assert until(lambda: process.state().exit_words) == "its unit was ended"
    until(lambda: not is_there(pid))
    process.stop()


def test_a_unit_that_is_told_to_end_stops_its_bot(systemd, folder):
    process = Units(systemd.path).start(folder)
    pid = process.state().pid

    systemd.started[0].terminate()

    assert systemd.started[0].wait(PATIENCE_SECONDS) == 0
    assert not is_there(pid)
    assert process.state().exit_words
    process.stop()


@pytest.mark.parametrize(
    "order", [b'{"bot": ".."}', b'{"bot": "../bots/Some-1"}', b'{"bot": ""}', b'{"bot": 7}', b"[]", b"{", b""]
)
def test_a_unit_starts_nothing_that_is_no_bot_of_its_folder(systemd, folder, order):
    (folder.parents[2] / BOT_FOLDER).mkdir()  # what ".." would lead to
    with socket.socket(socket.AF_UNIX) as asker:
        asker.settimeout(PATIENCE_SECONDS)
        asker.connect(str(systemd.path))
        asker.sendall(order + b"\n")
        answer = asker.makefile("rb").readline()

    assert "refused" in orjson.loads(answer)
    until(lambda: systemd.started and systemd.started[0].poll() == 0)
    assert not (folder.parents[2] / BOT_FOLDER / "bot.log").exists()


def test_without_the_socket_it_is_said_what_to_do(tmp_path):
    with pytest.raises(Misconfigured, match="cfsm systemd install"):
        Units(tmp_path / "sock").require()
    with pytest.raises(TryAgain):
        Units(tmp_path / "sock").start(tmp_path)
