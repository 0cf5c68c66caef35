"""What a caged process can still do, tried from inside."""

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cfsm.adapters.sandbox.cage import Cage, enter, missing_layers, spawn

pytestmark = pytest.mark.skipif(bool(missing_layers()), reason=f"no complete cage here: {missing_layers()}")

LIBC = ctypes.CDLL(None, use_errno=True)


def in_cage(attempt, *, readable=(), cpu_seconds=20, memory_mb=256, wait_seconds=20):
    """Give what the attempt gives in a cage, as text, and the exit status of its process."""
    ours, theirs = os.pipe()

    def work():
        result = enter(Cage(theirs, tuple(readable), cpu_seconds, memory_mb))
        try:
            text = repr(attempt())
        except BaseException as error:  # noqa: BLE001 (whatever it is, it is the answer)
            text = f"{type(error).__name__}: {error}"
        os.write(result, text.encode()[:4000])

    process_id = spawn(work)
    os.close(theirs)
    ready, _, _ = select.select([ours], [], [], wait_seconds)
    text = os.read(ours, 4096).decode() if ready else "nothing"
    os.close(ours)
    if not ready:
        os.kill(process_id, signal.SIGKILL)
    _, status = os.waitpid(process_id, 0)
    return text, os.waitstatus_to_exitcode(status)


def syscall(name, *arguments):
    import pyseccomp

    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    if LIBC.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "done"


def fcntl_owner():
    import fcntl

    return fcntl.fcntl(3, fcntl.F_SETOWN, os.getppid())


def other_thread_of_the_parent():
    return syscall("tgkill", os.getppid(), os.getppid(), 0)


def raised_limit():
    import resource

    return resource.setrlimit(resource.RLIMIT_CORE, (1, 1))


BLOCKED = {
    "read a file": lambda: Path("/etc/passwd").read_bytes(),
    "list the root": lambda: list(Path("/").iterdir()),
    "read another process": lambda: Path("/proc/1/environ").read_bytes(),
    "read its own environment": lambda: Path("/proc/self/environ").read_bytes(),
    "write a file": lambda: Path("/tmp/cfsm-cage-test").write_text("x"),
    "write a readable file": lambda: os.open("/usr/lib/os-release", os.O_WRONLY),
    "truncate": lambda: os.truncate("/usr/lib/os-release", 0),
    "remove": lambda: Path("/tmp/cfsm-cage-test").unlink(),
    "rename": lambda: Path("/tmp").rename("/tmp2"),
    "make a folder": lambda: Path("/tmp/cfsm-cage-test").mkdir(),
    "link": lambda: Path("/tmp/cfsm-cage-test").symlink_to("/etc"),
    "chmod": lambda: Path("/tmp").chmod(0o777),
    "change times": lambda: os.utime("/tmp"),
    "memory file": lambda: os.memfd_create("x"),
    "tcp": socket.socket,
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "unix socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
    "pair of sockets": socket.socketpair,
    "fork": os.fork,
    "program": lambda: subprocess.run(["/bin/true"], check=False),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "kill init": lambda: os.kill(1, 0),
    "kill the parent": lambda: os.kill(os.getppid(), 0),
    "kill its group": lambda: os.killpg(0, 0),
    "signal the parent's thread": other_thread_of_the_parent,
    "signal by owner of a descriptor": fcntl_owner,
    "queue a signal": lambda: syscall("rt_sigqueueinfo", 1, 0, 0),
    "pidfd": lambda: os.pidfd_open(1),
    "ptrace": lambda: syscall("ptrace", 16, 1, 0, 0),
    "read another memory": lambda: syscall("process_vm_readv", 1, 0, 0, 0, 0, 0),
    "namespaces": lambda: syscall("unshare", 0x10000000),
    "io_uring": lambda: syscall("io_uring_setup", 1, 0),
    "openat2": lambda: syscall("openat2", -100, b"/etc", 0, 24),
    "clone3": lambda: syscall("clone3", 0, 0),
    "mount": lambda: syscall("mount", 0, 0, 0, 0, 0),
    "bpf": lambda: syscall("bpf", 0, 0, 0),
    "keyring": lambda: syscall("keyctl", 0, 0),
    "userfaultfd": lambda: syscall("userfaultfd", 0),
    "new limits": raised_limit,
    "new session": os.setsid,
    "another user": lambda: os.setuid(65534),
    "lock a file": lambda: __import__("fcntl").flock(3, 2),
    "death signal": lambda: syscall("prctl", 1, 0),
}


@pytest.mark.parametrize("what", BLOCKED)
def test_the_cage_does_not_let(what):
    text, _ = in_cage(BLOCKED[what])

    blocked = ("Errno 1]", "Errno 13]", "Errno 38]", "PermissionError", "not allowed to raise maximum limit")
    assert any(word in text for word in blocked), text


ALLOWED = {
    "compute": lambda: sum(range(10)),
    "read Python": lambda: len(Path(sys.prefix, "pyvenv.cfg").read_text()) > 0,
    "threads": lambda: [thread.start() or thread.join() for thread in [threading.Thread(target=int)]] == [None],
    "the clock": lambda: time.time() > 0,
    "write to nowhere": lambda: os.write(1, b"x" * 1000) == 1000,
    "chance": lambda: len(os.urandom(8)) == 8,
    "abort itself only": lambda: signal.pthread_kill(threading.get_ident(), 0),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_the_cage_lets(what):
    text, status = in_cage(ALLOWED[what])

    assert text in {"True", "45", "None"}
    assert status == 0


def test_what_is_declared_readable_is(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "candles").write_text("7")
    (tmp_path / "two").write_text("8")

    assert in_cage((tmp_path / "one" / "candles").read_text, readable=[tmp_path / "one"])[0] == "'7'"
    assert "PermissionError" in in_cage((tmp_path / "two").read_text, readable=[tmp_path / "one"])[0]


def test_the_environment_is_empty(monkeypatch):
    monkeypatch.setenv("API_SECRET", "canary")

    text, _ = in_cage(lambda: sorted(os.environ))

    assert text == "['HOME', 'LANG', 'PATH', 'TZ']"


def test_no_descriptor_of_the_parent_is_left(tmp_path):
    with (tmp_path / "secret").open("w+") as file:
        number = file.fileno()
        text, _ = in_cage(lambda: [n for n in range(256) if _is_open(n)])

    assert number > 3
    assert text == "[0, 1, 2, 3]"


def _is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def test_memory_is_limited():
    assert "MemoryError" in in_cage(lambda: bytearray(600 * 1024 * 1024), memory_mb=256)[0]


def test_a_crowd_of_threads_is_limited():
    def crowd():
        started = 0
        stop = threading.Event()
        try:
            for _ in range(20_000):
                threading.Thread(target=stop.wait, daemon=True).start()
                started += 1
        except (RuntimeError, MemoryError):
            return started
        finally:
            stop.set()
        return started

    text, _ = in_cage(crowd, memory_mb=256)

    assert int(text) < 2_000


def test_processor_time_is_limited():
    def spin():
        while True:
            pass

    text, status = in_cage(spin, cpu_seconds=1)

    assert text == ""
    assert status in {-signal.SIGXCPU, -signal.SIGKILL}


def test_a_process_that_ignores_the_soft_limit_is_killed():
    def spin():
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        while True:
            pass

    assert in_cage(spin, cpu_seconds=1)[1] == -signal.SIGKILL


def test_the_child_dies_with_its_parent():
    code = (
        "import os, time\n"
        "from cfsm.adapters.sandbox.cage import Cage, enter, spawn\n"
        "ours, theirs = os.pipe()\n"
        "ready, steady = os.pipe()\n"
        "def work():\n"
        "    enter(Cage(theirs, (), 60, 256)); os.write(3, b'x'); time.sleep(60)\n"
        "child = spawn(work)\n"
        "os.read(ours, 1)\n"
        "print(child, flush=True)\n"
        "os._exit(0)\n"
    )
    child = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)

    end = time.monotonic() + 10
    while _lives(child) and time.monotonic() < end:
        time.sleep(0.01)
    assert not _lives(child)


def _lives(process_id):
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_nothing_of_the_parent_runs_when_the_child_ends(capfd):
    import atexit

    atexit.register(print, "exit handler of the parent")
    try:
        os.waitpid(spawn(lambda: None), 0)
        _, status = os.waitpid(spawn(lambda: 1 / 0), 0)
    finally:
        atexit.unregister(print)

    assert os.waitstatus_to_exitcode(status) == 1
    assert "exit handler" not in capfd.readouterr().out
