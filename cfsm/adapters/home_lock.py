"""One factory per home: a lock that the kernel releases however its holder ends."""

import fcntl
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cfsm.adapters.home import RUN_FOLDER
from cfsm.application.errors import Misconfigured

ATTEMPTS = 10
ATTEMPT_EVERY_SECONDS = 0.05
"""Whoever only asks for the holder takes the lock for microseconds: one refusal proves nothing."""


class HomeInUse(Misconfigured):
    """Another factory runs on this home; the message says which, since when and what to do."""


class HomeUnusable(Misconfigured):
    """The home cannot be written to; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that runs the factory of a home."""

    pid: int
    host: str
    started_at: datetime
    """When it took the home, in UTC."""
    birth: str
    """Boot and clock ticks at which the process began: with the pid, it names one process for ever."""

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine, alive, and not another one that got its pid."""
        return self.host == socket.gethostname() and self.birth == process_birth(self.pid)


def lock_path(home: Path) -> Path:
    """Give the file that is locked."""
    return home / RUN_FOLDER / "factory.lock"


class HomeLock:
    """Holds a home until ``release``, the end of the ``with`` block, or the end of the process."""

    def __init__(self, home: Path, fd: int) -> None:
        self.home = home
        self._fd = fd

    @classmethod
    def acquire(cls, home: Path) -> Self:
        """Take the home, making it when it is not there. Raise HomeInUse or HomeUnusable."""
        return cls._taken(home, fcntl.LOCK_EX)

    @classmethod
    def share(cls, home: Path) -> Self:
        """Take the home as one of several units that systemd runs: no factory of another kind can have it meanwhile.

        Raise HomeInUse or HomeUnusable.
        """
        return cls._taken(home, fcntl.LOCK_SH)

    @classmethod
    def _taken(cls, home: Path, kind: int) -> Self:
        try:
            lock_path(home).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(lock_path(home), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(home, error) from error
        try:
            _take(home, fd, kind)
            lock = cls(home, fd)
            if kind == fcntl.LOCK_EX:
                lock.record_holder()
        except OSError as error:
            os.close(fd)
            raise _unusable(home, error) from error
        except BaseException:
            os.close(fd)
            raise
        return lock

    def record_holder(self) -> None:
        """Write down that this process holds the home; to be repeated after a fork that goes on in its place."""
        now = datetime.now(UTC)
        holder = Holder(os.getpid(), socket.gethostname(), now, process_birth(os.getpid()))
        content = json.dumps(asdict(holder) | {"started_at": now.isoformat()}).encode()
        try:
            os.pwrite(self._fd, content, 0)  # in place: another file under this name would not be locked
            os.ftruncate(self._fd, len(content))
        except OSError as error:
            raise _unusable(self.home, error) from error

    def release(self) -> None:
        """Let the home go; again is no error. A process that goes on in this one's place keeps it.

        What is written stays, as after kill -9: the lock alone says whether the home is held.
        """
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def holder_of(home: Path) -> Holder | None:
    """Give the process that holds the home, None if it is free. Raise HomeUnusable if it may not be read.

    A holder that has only just taken the home has not written down who it is: it is given time to.
    """
    holder = None
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(ATTEMPT_EVERY_SECONDS)
        try:
            fd = os.open(lock_path(home), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(home, error) from error
        try:
            if _try_lock(fd, fcntl.LOCK_SH):
                return None
            holder = _read(fd)
        finally:
            os.close(fd)
        if holder and (holder.is_here or holder.host != socket.gethostname()):
            break
    if holder:
        return holder
    raise HomeUnusable(f"{lock_path(home)} is locked by a process that does not say who it is: end that process")


def process_birth(pid: int) -> str:
    """Give when a process of this machine began, as its boot and clock ticks; empty if there is none."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # the name in parentheses may hold anything, blanks and parentheses too
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    state, start_ticks = fields[0], fields[19]
    return "" if state in b"ZX" else f"{boot}/{start_ticks.decode()}"


def _take(home: Path, fd: int, kind: int) -> None:
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(ATTEMPT_EVERY_SECONDS)
        if _try_lock(fd, kind):
            return
        if (holder := _read(fd)) and holder.is_here:
            break
    raise HomeInUse(_refusal(home, _read(fd)))


def _try_lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(fd: int) -> Holder | None:
    try:
        fields = json.loads(os.pread(fd, 4096, 0))
        return Holder(**fields | {"started_at": datetime.fromisoformat(fields["started_at"])})
    except (ValueError, TypeError, KeyError):
        return None  # not yet written, or half


def _refusal(home: Path, holder: Holder | None) -> str:
    who = "processes that do not say who they are, such as the units of systemd"
    if holder is not None and (holder.is_here or holder.host != socket.gethostname()):
        where = "" if holder.host == socket.gethostname() else f" on {holder.host}"
        who = f"pid {holder.pid}{where} since {holder.started_at:%Y-%m-%d %H:%M:%S} UTC"
    return (
        f"a factory already runs on {home}: {who}. See it with `cfsm status`, end it with `cfsm stop`, "
        "or give this one another home by CFSM_HOME."
    )


def _unusable(home: Path, error: OSError) -> HomeUnusable:
    return HomeUnusable(
        f"{error.filename or lock_path(home)}: {error.strerror}. Make the home {home} writable for this user, "
        "or choose another one by CFSM_HOME."
    )
