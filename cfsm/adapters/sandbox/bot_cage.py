"""The cage of a bot: a living process, which needs a network and a disk, and gets as little of both as it can do with.

It may read Python and what is given, write into its own folder, connect to one port of TCP and listen at another one.
No other family of sockets, no name lookups, no other program, no other process.
"""

import contextlib
import os
import resource
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cfsm.adapters.sandbox.cage import missing_layers
from cfsm.adapters.sandbox.landlock import ABI_WITH_NETWORK, allow_only, landlock_abi
from cfsm.adapters.sandbox.seccomp import allow_only_living, compiled_filter
from cfsm.adapters.sandbox.syscalls import PR_SET_PDEATHSIG, prctl

_OPEN_FILES = 256
_SYSTEM_FILES = (
    *("/usr", "/lib", "/lib64", "/etc/localtime", "/etc/ssl", "/etc/mime.types", "/etc/nsswitch.conf", "/etc/hosts"),
    *("/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo", "/proc/self", "/dev/null", "/dev/urandom"),
)


@dataclass(frozen=True)
class BotCage:
    """What a bot keeps. ``memory_mb`` bounds its address space, ``file_mb`` each file that it writes."""

    folder: Path
    readable: tuple[Path, ...]
    connect_port: int
    listen_port: int
    memory_mb: int
    file_mb: int = 64


def missing_for_bots() -> list[str]:
    """Name what this machine lacks for a complete cage of a bot, each with what to do; empty if nothing is missing."""
    missing = missing_layers()
    if not missing and landlock_abi() < ABI_WITH_NETWORK:
        missing.append("Landlock: the kernel's cannot restrict TCP (Linux 6.7 or later can)")
    return missing


def enter(cage: BotCage) -> None:
    """Lock this process in, for good. Raise OSError where a layer fails; it must then end without going on.

    Whoever calls this has one thread. The process ends with its parent.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    compiled_filter(living=True)  # while files can still be opened
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", "ascii")
    _limit(cage)
    python = [Path(folder) for folder in (sys.prefix, sys.base_prefix, *sys.path) if folder]
    allow_only(
        reading=[*map(Path, _SYSTEM_FILES), *python, *cage.readable],
        writing=[cage.folder, Path(os.devnull)],
        connect=[cage.connect_port],
        bind=[cage.listen_port],
    )
    allow_only_living()


def _limit(cage: BotCage) -> None:
    mb = 1024 * 1024
    limits: Iterable[tuple[int, int]] = (
        (resource.RLIMIT_AS, cage.memory_mb * mb),
        (resource.RLIMIT_FSIZE, cage.file_mb * mb),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    )
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file at its limit is an error of its writer
    for which, most in limits:
        resource.setrlimit(which, (most, most))
