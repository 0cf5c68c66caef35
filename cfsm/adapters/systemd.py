"""systemd's notify protocol from the worker's side; the embedded supervisor speaks the same one."""

import logging
import os
import socket
import struct
import unicodedata
from collections.abc import Mapping
from typing import Self

from sdnotify import SystemdNotifier

MESSAGE_MAX_BYTES = 4096
"""systemd throws away a longer datagram (NOTIFY_BUFFER_MAX, systemd 252)."""

SEND_TIMEOUT_SECONDS = 1
"""A stalled supervisor may hold a worker up for so long per message, then the message is lost."""

PINGS_PER_WATCHDOG = 2
"""sd_watchdog_enabled(3) asks for a ping in half of the time allowed."""

log = logging.getLogger(__name__)


class Notifier(SystemdNotifier):  # type: ignore[misc]  # sdnotify has no types
    """Tells the supervisor how its worker fares; does nothing where nobody supervises.

    Differs from sdnotify: text goes as UTF-8 (Latin-1 loses the whole message at the first "≥"), a status that
    is too long is cut instead of being lost, the address comes as an argument, and a failure is logged.
    """

    def __init__(self, address: str | None = None, watchdog_seconds: float | None = None) -> None:
        # sdnotify's own __init__ reads os.environ and hides its errors.
        self.debug = False
        self.socket: socket.socket | None = None
        self._address = address or ""
        self._watchdog_seconds = watchdog_seconds
        self._failing = False
        if address is not None:
            self.socket = _open()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Give the notifier that NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID describe."""
        return cls(_address(environ.get("NOTIFY_SOCKET", "")), _watchdog_seconds(environ))

    @property
    def watchdog_interval_seconds(self) -> float | None:
        """How often to call ``watchdog``, from the work loop, never from a thread; None if nobody watches."""
        return None if self._watchdog_seconds is None else self._watchdog_seconds / PINGS_PER_WATCHDOG

    def ready(self) -> None:
        """Say that starting is over and work begins."""
        self.notify("READY=1")

    def status(self, text: str) -> None:
        """Say in one line what the worker is doing; what is too long ends in "…"."""
        self.notify(f"STATUS={_fitting(one_line(text))}")

    def watchdog(self) -> None:
        """Say that the work loop still turns."""
        self.notify("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the worker is on its way out."""
        self.notify("STOPPING=1")

    def extend_timeout(self, seconds: float) -> None:
        """Ask for at least this much more time, from now on, to start or to stop."""
        self.notify(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

    def notify(self, state: str) -> None:
        """Send assignments, one per line. A failure is logged, once until a message gets through again."""
        if self.socket is None:
            return
        try:
            self.socket.sendto(state.encode("utf-8", "replace"), self._address)
        except OSError as error:
            if not self._failing:
                log.warning("the supervisor does not hear this worker (%s): %s", error, state)
            self._failing = True
        else:
            self._failing = False

    def close(self) -> None:
        """Let the socket go; what is said afterwards is not heard."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def printable(text: str) -> str:
    """Give the text without the control characters that would move a terminal's cursor or recolour it."""
    if text.isprintable():
        return text
    tame = text.replace("\t", "    ")
    return "".join("?" if unicodedata.category(character) == "Cc" else character for character in tame)


def one_line(text: str) -> str:
    """Give the text on one line, single blanks between the words, without control characters."""
    return printable(" ".join(text.split()))


def _fitting(text: str) -> str:
    room = MESSAGE_MAX_BYTES - len("STATUS=")
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= room:
        return text
    return encoded[: room - len("…".encode())].decode("utf-8", "ignore") + "…"


def _open() -> socket.socket:
    """Give a socket whose sends wait in the kernel, for a bounded time.

    Python's own timeout would spin here: a datagram socket that is not connected is always said to be writable.
    """
    notify_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    notify_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_TIMEOUT_SECONDS, 0))
    return notify_socket


def _address(text: str) -> str | None:
    if text.startswith("@"):
        return "\0" + text[1:]
    if text.startswith("/"):
        return text
    if text:
        log.warning("NOTIFY_SOCKET=%s is neither a path nor an abstract socket: nothing is notified", text)
    return None


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None  # it is another process that is watched; the environment was only inherited
    text = environ.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isascii() and text.isdigit() and int(text) else None
