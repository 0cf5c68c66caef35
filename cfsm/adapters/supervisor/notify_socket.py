"""The supervisor's end of the notify protocol: one unix datagram socket per run of a unit."""

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from cfsm.adapters.systemd import MESSAGE_MAX_BYTES

PATH_MAX_BYTES = 107
"""sockaddr_un holds 108 bytes, the closing zero included."""

MESSAGES_PER_TURN = 64
"""One unit that talks too much must not keep the others from being heard."""

_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


class NotifySocket:
    """Receives assignments, with the pid of the process that sent them as the kernel knows it."""

    def __init__(self, path: Path) -> None:
        """Listen at this path; where it is too long for a unix socket, at an abstract address."""
        self._path: Path | None = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        # before bind, so that no message comes without credentials
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        if len(os.fsencode(path)) > PATH_MAX_BYTES:
            self._path = None
            self._socket.bind("")  # the kernel chooses an abstract address of this network namespace
            self.address = "@" + self._socket.getsockname()[1:].decode()
            return
        self.address = str(path)
        try:
            path.unlink(missing_ok=True)
            self._socket.bind(self.address)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Give the file descriptor to wait on."""
        return self._socket.fileno()

    def receive(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Give what has come, at most MESSAGES_PER_TURN: the sender's pid and its assignments."""
        for _ in range(MESSAGES_PER_TURN):
            try:
                data, ancillary, flags, _ = self._socket.recvmsg(
                    MESSAGE_MAX_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size)
                )
            except BlockingIOError:
                return
            if not flags & socket.MSG_TRUNC:
                yield _sender(ancillary), _assignments(data)

    def close(self) -> None:
        """Stop listening and take the path away."""
        self._socket.close()
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


def _sender(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            return int(_CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0])
    return 0


def _assignments(data: bytes) -> dict[str, str]:
    lines = data.decode("utf-8", "replace").split("\n")
    return {name: value for name, equals, value in (line.partition("=") for line in lines) if equals}
