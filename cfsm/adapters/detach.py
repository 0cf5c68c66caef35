"""Going on in the background, out of the reach of the terminal's end."""

import os
import signal
import sys
from pathlib import Path

from cfsm.application.errors import Misconfigured


class CannotDetach(Misconfigured):
    """The log cannot be written, or no process can be made; the message says which."""


def detach(log_path: Path) -> int | None:
    """Go on in a new session: in the process that was launched give the pid of the one that goes on, in that None.

    As fork does, this returns twice. The one that goes on has no terminal, reads nothing, prints into the log
    (appended) and ignores SIGHUP, as do the processes it starts. The working directory stays. Locks by flock are
    kept: take the home first, so that a refusal is still seen on the terminal, then ``record_holder`` again.
    Call it before any thread or event loop is there. Raise CannotDetach.
    """
    log = _open_log(log_path)
    sys.stdout.flush()
    sys.stderr.flush()
    pid_end, tell_end = os.pipe()
    try:
        first = os.fork()
    except OSError as error:
        raise CannotDetach(f"no process can be made: {error.strerror}") from error
    if first:
        os.close(log)
        os.close(tell_end)
        os.waitpid(first, 0)
        return _told_pid(pid_end)
    _leave_session()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _redirect(log)
    os.close(pid_end)
    os.write(tell_end, str(os.getpid()).encode())
    os.close(tell_end)
    return None


def _leave_session() -> None:
    """Go on in a process that leads no session, so that it can get no terminal again."""
    os.setsid()
    try:
        second = os.fork()
    except OSError:
        os._exit(1)  # the launcher sees that no pid comes
    if second:
        os._exit(0)


def _open_log(log_path: Path) -> int:
    try:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        words = f"the log {log_path} cannot be written: {error.strerror} ({error.filename})"
        raise CannotDetach(
            f"{words}. Make it writable for this user, or run without going to the background."
        ) from error


def _told_pid(pid_end: int) -> int:
    with os.fdopen(pid_end, "rb") as pipe:
        told = pipe.read()
    if not told:
        raise CannotDetach("the process in the background ended before it began; is memory short?")
    return int(told)


def _redirect(log: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for fd in {null, log} - {0, 1, 2}:
        os.close(fd)
