"""A worker's end of the pipe that tells it that the embedded supervisor is dead.

The supervisor holds the writing end and never writes. The kernel closes it however the supervisor dies, kill -9
included, and signals the worker: no thread, no polling, no window between fork and exec as PR_SET_PDEATHSIG has.
"""

import fcntl
import os
import select
import signal
import stat
from collections.abc import Callable, MutableMapping

SUPERVISOR_FD = "CFSM_SUPERVISOR_FD"
"""The variable that names the pipe's file descriptor."""

GRACE_SECONDS = 20
"""How long a worker may take to stop in order once it is alone; then SIGALRM ends it."""


def stop_like_sigterm() -> None:
    """Send SIGTERM to this process."""
    signal.raise_signal(signal.SIGTERM)


def exit_when_supervisor_dies(
    callback: Callable[[], None] = stop_like_sigterm,
    *,
    environ: MutableMapping[str, str] = os.environ,
    grace_seconds: int = GRACE_SECONDS,
) -> bool:
    """Call back when the supervisor has died, at once if it already has; False if there is none to watch.

    The callback runs as a signal handler in the main thread (which has to call this) and should ask for an
    ordered stop. A process that is still there ``grace_seconds`` later is ended by SIGALRM. The variable is taken
    out of ``environ``, as the pipe is not for this process's children.
    """
    pipe = _pipe(environ.pop(SUPERVISOR_FD, ""))
    if pipe is None:
        return False
    called = False

    def look(*_: object) -> None:
        nonlocal called
        if called or not _hung_up(pipe):
            return
        called = True
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(grace_seconds)
        callback()

    signal.signal(signal.SIGIO, look)
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    look()
    return True


def _pipe(number: str) -> int | None:
    """Give the file descriptor, made private, if it is there and a pipe."""
    if not (number.isascii() and number.isdigit()):
        return None
    try:
        if not stat.S_ISFIFO(os.fstat(int(number)).st_mode):
            return None
        os.set_inheritable(int(number), False)
    except OSError:
        return None  # inherited by name alone
    return int(number)


def _hung_up(pipe: int) -> bool:
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return any(events & select.POLLHUP for _, events in poll.poll(0))
