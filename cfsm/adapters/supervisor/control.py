"""What another process asks of a running factory."""

import os
import signal
import socket
from pathlib import Path

from cfsm.adapters.home_lock import Holder, holder_of
from cfsm.adapters.supervisor.processes import wait_for_end
from cfsm.application.errors import Misconfigured

STOP_TIMEOUT_SECONDS = 60.0


class CannotStop(Misconfigured):
    """The factory is not this user's, or not this machine's, to stop; the message says whose it is."""


class StillRunning(Exception):
    """The factory was told to stop and has not ended in time; the message says what to do."""


def send_stop(home: Path, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> Holder | None:
    """Tell the home's factory to stop, wait until it has gone, and give who it was; None if none ran.

    Raise CannotStop, StillRunning, or HomeUnusable if the home may not be read.
    """
    holder = holder_of(home)
    if holder is None:
        return None
    if holder.host != socket.gethostname():
        raise CannotStop(f"the factory of {home} runs on {holder.host} as pid {holder.pid}: stop it there")
    try:
        pidfd = os.pidfd_open(holder.pid)
    except ProcessLookupError:
        return _gone(home, holder)
    try:
        if not holder.is_here:  # the pidfd pins the process, so this answer stays true
            return _gone(home, holder)
        signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        if not wait_for_end(pidfd, timeout_seconds):
            raise StillRunning(
                f"pid {holder.pid} is still stopping after {timeout_seconds:g} s. `cfsm status` shows what it waits "
                f"for; `kill -KILL {holder.pid}` ends it at once, work in flight is done again at the next start."
            )
    except PermissionError as error:
        raise CannotStop(f"pid {holder.pid} runs as another user: stop it as that user") from error
    except ProcessLookupError:
        return _gone(home, holder)
    finally:
        os.close(pidfd)
    return holder


def _gone(home: Path, holder: Holder) -> Holder:
    """Give the holder if it has ended since; if the home is still held, it is by a process that is not seen here."""
    if holder_of(home) is None:
        return holder
    raise CannotStop(
        f"the factory of {home} holds its lock as pid {holder.pid}, which is no process that can be seen from here "
        "(another container?): stop it there"
    )
