"""Processes of a unit: spawned into a session of their own, watched through a pidfd, ended to the last one."""

import contextlib
import errno
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cfsm.adapters.lifeline import SUPERVISOR_FD

MARK = "CFSM_SUPERVISED_AS"
"""Set for every process of a unit, see ``mark_of``: by it those that escaped their process group are found."""

_NOT_HANDED_DOWN = frozenset(
    # what this process's own supervisor told it alone
    ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "JOURNAL_STREAM")
)

REMNANTS_GONE_SECONDS = 2.0
"""How long killed processes are waited for; one that hangs in the kernel is left to it."""

_PROGRAM_AT_FAULT = frozenset({errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ENOEXEC, errno.ELOOP})


class ProgramUnusable(Exception):
    """The program is not there or cannot be run; trying again does not help."""


class UnitProcess:
    """One run of a unit. Attributes: ``pid`` of the main process, ``output`` to read what all of them print."""

    def __init__(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        mark: str,
        extra: Mapping[str, str],
        passed_fds: Sequence[int] = (),
    ) -> None:
        """Start it. Raise ProgramUnusable, or OSError for what may pass, as a lack of memory."""
        self.output, output_end = os.pipe()
        lifeline_end, self._lifeline = os.pipe()
        try:
            self._leader = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output_end,
                stderr=output_end,
                env={**_inherited(environ), **extra, MARK: mark, SUPERVISOR_FD: str(lifeline_end)},
                pass_fds=(lifeline_end, *passed_fds),
                start_new_session=True,
            )
        except BaseException as error:
            os.close(self.output)
            os.close(self._lifeline)
            if isinstance(error, OSError) and error.errno in _PROGRAM_AT_FAULT:
                raise ProgramUnusable(f"{argv[0]} cannot be run: {error.strerror}") from error
            raise
        finally:
            os.close(output_end)
            os.close(lifeline_end)
        os.set_blocking(self.output, False)
        self.pid = self._leader.pid
        self.pidfd = os.pidfd_open(self.pid)  # readable once the process has ended

    def hand_over(self, pid: int) -> bool:
        """Make another process of the same session the main one; False if it is none."""
        try:
            if os.getsid(pid) != self._leader.pid:
                return False
            pidfd = os.pidfd_open(pid)
        except OSError:
            return False
        os.close(self.pidfd)
        self.pid, self.pidfd = pid, pidfd
        return True

    def has_ended(self) -> bool:
        """Tell whether the main process is over."""
        return is_over(self.pidfd)

    def signal(self, number: signal.Signals) -> None:
        """Signal the main process; SIGKILL goes to the whole process group."""
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(self._leader.pid, number)
            signal.pidfd_send_signal(self.pidfd, number)

    def finish(self) -> int | None:
        """Kill what is left of the process group and give the main process's exit code; None: it is not known.

        As subprocess has it: minus the signal's number if a signal ended it.
        """
        self.signal(signal.SIGKILL)  # the leader, not yet waited for, keeps the group's number from being used again
        exit_code = self._leader.wait()
        handed_over = self.pid != self._leader.pid
        for fd in (self.pidfd, self.output, self._lifeline):
            os.close(fd)
        return None if handed_over else exit_code


def mark_of(runtime_dir: Path, unit: str | None = None) -> str:
    """Give the mark of a unit's processes, or, without a unit, what all marks of this directory begin with."""
    return f"{runtime_dir}:" if unit is None else f"{runtime_dir}:{unit}:"


def is_over(pidfd: int) -> bool:
    """Tell whether the process behind a pidfd has ended."""
    return wait_for_end(pidfd, 0)


def wait_for_end(pidfd: int, timeout_seconds: float) -> bool:
    """Wait for the end of the process behind a pidfd; False if it is still there."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(timeout_seconds * 1000))


def end_remnants(mark: str) -> tuple[int, ...]:
    """Kill every process of this machine whose mark begins with this one; give their pids.

    They are what left its process group, or what outlived a supervisor that was killed.
    """
    deadline = time.monotonic() + REMNANTS_GONE_SECONDS
    killed: list[int] = []
    while remnants := [pid for pid in _marked(mark) if pid not in killed]:  # killed ones may have forked meanwhile
        for pid in remnants:
            _kill_marked(pid, mark, deadline)
        killed += remnants
    return tuple(killed)


def _inherited(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in _NOT_HANDED_DOWN}


def _marked(mark: str) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _has_mark(int(entry.name), mark):
            yield int(entry.name)


def _has_mark(pid: int, mark: str) -> bool:
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False  # gone, or another user's
    return b"\0" + os.fsencode(f"{MARK}={mark}") in b"\0" + environ


def _kill_marked(pid: int, mark: str, deadline: float) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if _has_mark(pid, mark):  # asked again: the pidfd now pins the process
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            wait_for_end(pidfd, max(0, deadline - time.monotonic()))
    except ProcessLookupError:
        pass
    finally:
        os.close(pidfd)
