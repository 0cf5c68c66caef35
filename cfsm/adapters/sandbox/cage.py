"""The cage: everything that a forked child gives up before the first line of untrusted code runs in it."""

import contextlib
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cfsm.adapters.sandbox.landlock import allow_only_reading, landlock_abi
from cfsm.adapters.sandbox.seccomp import allow_only_computing, compiled_filter
from cfsm.adapters.sandbox.syscalls import PR_SET_PDEATHSIG, prctl

_OPEN_FILES = 64
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8", "TZ": "UTC"}
_SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/etc/localtime", "/sys/devices/system/cpu")


@dataclass(frozen=True)
class Cage:
    """What a child keeps: the descriptor of its result, the files it may read, the processor and memory it may use.

    ``memory_mb`` comes on top of what the parent had mapped already, which the child shares.
    """

    result_descriptor: int
    readable: tuple[Path, ...]
    cpu_seconds: float
    memory_mb: int


def missing_layers() -> list[str]:
    """Name what this machine lacks for a complete cage, each with what to do; empty when nothing is missing."""
    missing = []
    if landlock_abi() < 1:
        missing.append("Landlock: the kernel has none (Linux 5.13 or later, with lsm=...,landlock)")
    try:
        compiled_filter()
    except OSError as error:
        missing.append(f"seccomp: {error.strerror}")
    return missing


def enter(cage: Cage) -> int:
    """Lock this process in, for good, and give the descriptor of its result. Raise OSError where a layer fails.

    Whoever calls this is a forked child with one thread; after an error it must end without going on.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    compiled_filter()  # while files can still be opened, if the parent has not done it
    descriptor = _keep_only(cage.result_descriptor)
    os.environ.clear()
    os.environ.update(_ENVIRONMENT)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    _be_the_first_to_go()
    _limit(cage)
    readable = [Path(folder) for folder in (*_SYSTEM_FOLDERS, sys.prefix, sys.base_prefix)]
    allow_only_reading([*readable, *cage.readable])
    allow_only_computing()
    return descriptor


def spawn(work: Callable[[], None]) -> int:
    """Fork a child that does this work and then is no more, whatever happens; give its process id."""
    process_id = os.fork()
    if process_id:
        return process_id
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)  # nothing of the parent's (exit handlers, buffers, exceptions) runs in the child


def _keep_only(descriptor: int) -> int:
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.dup2(descriptor, 3, inheritable=False)
    os.closerange(4, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return 3


def _be_the_first_to_go() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")


def _limit(cage: Cage) -> None:
    seconds = max(1, int(cage.cpu_seconds + 0.999))
    memory = _mapped_bytes() + cage.memory_mb * 1024 * 1024
    limits = {
        resource.RLIMIT_CPU: (seconds, seconds + 1),
        resource.RLIMIT_AS: (memory, memory),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (_OPEN_FILES, _OPEN_FILES),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
    }
    for which, values in limits.items():
        resource.setrlimit(which, values)


def _mapped_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()
