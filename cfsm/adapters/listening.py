"""A unix socket to be served by one process at a time, and its hand-over to a process that serves it."""

import fcntl
import os
import socket
from collections.abc import MutableMapping
from pathlib import Path

LISTENER_FD = "CFSM_LISTENER_FD"
"""The variable that names the file descriptor of the socket that the embedded supervisor listens on."""

_BACKLOG = 128
_FIRST_PASSED_DESCRIPTOR = 3


def listen_at(path: Path) -> tuple[socket.socket, int] | None:
    """Listen on a socket that only this user may use; None if another process has it.

    Give the descriptor of its lock too: whoever holds it open keeps others from listening there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        os.close(lock)
        raise
    finally:
        os.umask(umask)
    listener.listen(_BACKLOG)
    return listener, lock


def passed_listener(environ: MutableMapping[str, str] = os.environ) -> socket.socket | None:
    """Give the socket that systemd or the embedded supervisor listens on for this process, if one does."""
    number = environ.pop(LISTENER_FD, "")
    if number.isascii() and number.isdigit():
        return _taken(int(number))
    if environ.get("LISTEN_PID") == str(os.getpid()) and environ.get("LISTEN_FDS") == "1":
        return _taken(_FIRST_PASSED_DESCRIPTOR)
    return None


def pass_on(listener: socket.socket) -> dict[str, str]:
    """Give the variables by which the program that this process becomes next finds the socket."""
    os.set_inheritable(listener.fileno(), True)
    return {LISTENER_FD: str(listener.fileno())}


def _taken(number: int) -> socket.socket:
    os.set_inheritable(number, False)
    return socket.socket(fileno=number)
