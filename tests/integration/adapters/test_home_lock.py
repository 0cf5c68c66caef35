"""One factory per home, with real processes."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys

import pytest

from cfsm.adapters.home_lock import HomeInUse, HomeLock, HomeUnusable, holder_of, lock_path, process_birth
from cfsm.application.ports import Misconfigured
from tests.fakes.supervised import ROOT

HOLD = """
import sys, time
from pathlib import Path
from cfsm.adapters.home_lock import HomeLock
lock = HomeLock.acquire(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(1000)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the home."""
    argv = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_home_is_made_and_held_and_let_go(tmp_path):
    home = tmp_path / "state" / "cfsm"

    with HomeLock.acquire(home) as lock:
        holder = holder_of(home)
        assert (holder.pid, holder.host) == (os.getpid(), socket.gethostname())
        assert holder.is_here
        assert stat.S_IMODE((home / "run").stat().st_mode) == 0o700
    lock.release()

    assert holder_of(home) is None
    HomeLock.acquire(home).release()


def test_a_free_home_has_no_holder(tmp_path):
    assert holder_of(tmp_path) is None


def test_a_second_factory_is_refused_with_all_that_helps(tmp_path, other):
    with pytest.raises(HomeInUse) as refusal:
        HomeLock.acquire(tmp_path)

    message = str(refusal.value)
    assert f"{tmp_path}: pid {other.pid} since 20" in message
    assert re.search(r"\d\d:\d\d:\d\d UTC", message)
    assert "`cfsm status`" in message
    assert "`cfsm stop`" in message
    assert "CFSM_HOME" in message
    assert isinstance(refusal.value, Misconfigured)


def test_a_second_holder_in_the_same_process_is_refused(tmp_path):
    with HomeLock.acquire(tmp_path), pytest.raises(HomeInUse):
        HomeLock.acquire(tmp_path)


def test_a_refusal_leaves_the_holder_as_it_was(tmp_path, other):
    before = lock_path(tmp_path).read_bytes()
    with pytest.raises(HomeInUse):
        HomeLock.acquire(tmp_path)

    assert lock_path(tmp_path).read_bytes() == before
    assert holder_of(tmp_path).pid == other.pid


def test_a_killed_factorys_lock_is_taken(tmp_path, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert json.loads(lock_path(tmp_path).read_bytes())["pid"] == other.pid, "what is left names the dead one"

    assert holder_of(tmp_path) is None
    with HomeLock.acquire(tmp_path):
        assert holder_of(tmp_path).pid == os.getpid()


HAND_OVER = """
import os, sys
from pathlib import Path
from cfsm.adapters.home_lock import HomeLock
with HomeLock.acquire(Path(sys.argv[1])) as lock:
    if os.fork():
        sys.exit(0)  # lets go on its way out
    lock.record_holder()
    print(os.getpid(), flush=True)
    sys.stdin.read()
"""


def test_a_process_that_goes_on_in_the_holders_place_keeps_the_home(tmp_path):
    argv = [sys.executable, "-c", HAND_OVER, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as launcher:
        pid = int(launcher.stdout.readline())
        assert launcher.wait() == 0

        assert holder_of(tmp_path).pid == pid
        with pytest.raises(HomeInUse, match=f"pid {pid}"):
            HomeLock.acquire(tmp_path)


def test_garbage_in_the_lock_file_does_not_matter(tmp_path):
    lock_path(tmp_path).parent.mkdir()
    lock_path(tmp_path).write_bytes(b"\xff" * 10_000)

    with HomeLock.acquire(tmp_path):
        assert holder_of(tmp_path).pid == os.getpid()


def test_whoever_looks_while_the_home_is_taken_does_not_refuse_it(tmp_path):
    lock_path(tmp_path).parent.mkdir()
    lock_path(tmp_path).touch()
    look = f"""
import fcntl, os, time
fd = os.open({str(lock_path(tmp_path))!r}, os.O_RDONLY)
fcntl.flock(fd, fcntl.LOCK_SH)
print("looks", flush=True)
time.sleep(0.1)
"""
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", look], stdout=subprocess.PIPE) as looking:
        looking.stdout.readline()

        HomeLock.acquire(tmp_path).release()


def test_another_hosts_factory_is_named(tmp_path, other):
    fields = json.loads(lock_path(tmp_path).read_bytes()) | {"host": "elsewhere"}
    lock_path(tmp_path).write_text(json.dumps(fields))

    assert not holder_of(tmp_path).is_here
    with pytest.raises(HomeInUse, match=f"pid {other.pid} on elsewhere"):
        HomeLock.acquire(tmp_path)


def test_a_pid_that_another_process_got_is_not_the_holder(tmp_path):
    with HomeLock.acquire(tmp_path):
        fields = json.loads(lock_path(tmp_path).read_bytes()) | {"birth": "another boot/1"}
        lock_path(tmp_path).write_text(json.dumps(fields))

        assert not holder_of(tmp_path).is_here


def test_a_process_that_never_was_or_is_only_left_to_be_reaped_has_no_birth():
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert process_birth(process.pid) == ""
    assert process_birth(2**22 + 1) == ""
    assert process_birth(os.getpid()) == process_birth(os.getpid()) != ""


@pytest.mark.parametrize("use", [HomeLock.acquire, holder_of])
def test_a_home_that_cannot_be_is_named_with_the_way_out(tmp_path, use):
    (tmp_path / "file").touch()

    with pytest.raises(HomeUnusable, match=r"file/home.*Not a directory.*CFSM_HOME"):
        use(tmp_path / "file" / "home")


def test_a_full_disk_is_named(tmp_path):
    lock_path(tmp_path).parent.mkdir()
    lock_path(tmp_path).symlink_to("/dev/full")

    with pytest.raises(HomeUnusable, match=r"factory\.lock: No space left on device"):
        HomeLock.acquire(tmp_path)


def test_units_share_a_home_and_let_no_other_factory_in(tmp_path):
    with HomeLock.share(tmp_path), HomeLock.share(tmp_path):
        assert holder_of(tmp_path) is None  # none that `cfsm stop` could end by a signal

        with pytest.raises(HomeInUse, match="such as the units of systemd"):
            HomeLock.acquire(tmp_path)

    HomeLock.acquire(tmp_path).release()


def test_units_are_refused_a_home_that_another_factory_holds(tmp_path, other):
    with pytest.raises(HomeInUse, match=f"pid {other.pid}"):
        HomeLock.share(tmp_path)
