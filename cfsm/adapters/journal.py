"""systemd's journal from the writer's side: records with fields, by its native protocol.

See https://systemd.io/JOURNAL_NATIVE_PROTOCOL.
"""

import array
import errno
import fcntl
import logging
import os
import re
import socket
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

JOURNAL = Path("/run/systemd/journal/socket")

PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
DEBUG_PRIORITY = 7
"""syslog's numbers; 5, notice, is used by none of ours."""

_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_TOO_LARGE = frozenset({errno.EMSGSIZE, errno.ENOBUFS})
_ALL_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def is_our_stderr(environ: Mapping[str, str], descriptor: int = 2) -> bool:
    """Say whether what is written to stderr goes to the journal line by line: then records may as well go whole."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


class Journal:
    """The journal's socket."""

    def __init__(self, address: Path = JOURNAL) -> None:
        self._address = str(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def send(self, fields: Mapping[str, Any]) -> None:
        """Send one record; names that the journal would refuse are left out. Raise OSError where it takes nothing."""
        record = b"".join(_field(name, value) for name, value in fields.items() if _NAME.fullmatch(name))
        try:
            self._socket.sendto(record, self._address)
        except OSError as error:
            if error.errno not in _TOO_LARGE:
                raise
            self._send_in_memory(record)

    def _send_in_memory(self, record: bytes) -> None:
        """Send a record that no datagram takes: the journal reads it from sealed memory."""
        memory = os.memfd_create("journal", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            left = memoryview(record)
            while left:
                left = left[os.write(memory, left) :]
            fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _ALL_SEALS)
            passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory]))]
            self._socket.sendmsg([b""], passed, 0, self._address)
        finally:
            os.close(memory)

    def close(self) -> None:
        """Let the socket go."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class JournalHandler(logging.Handler):
    """Sends every record with its fields; ``fields_of`` gives them: MESSAGE and what else is known in capitals."""

    def __init__(self, journal: Journal, fields_of: Callable[[logging.LogRecord], Mapping[str, Any]]) -> None:
        super().__init__()
        self._journal = journal
        self._fields_of = fields_of

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; one that cannot be sent is lost, as on any stream that is gone."""
        try:
            self._journal.send(
                {
                    "PRIORITY": priority_of(record.levelno),
                    "LOGGER": record.name,
                    "CODE_FILE": record.pathname,
                    "CODE_LINE": record.lineno,
                    "CODE_FUNC": record.funcName or "",
                    **self._fields_of(record),
                }
            )
        except Exception:  # noqa: BLE001  logging must not end a worker
            self.handleError(record)


def priority_of(level: int) -> int:
    """Give syslog's number for a level of logging."""
    return next((number for least, number in PRIORITIES if level >= least), DEBUG_PRIORITY)


def _field(name: str, value: Any) -> bytes:
    content = value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
    if b"\n" in content:
        return name.encode() + b"\n" + struct.pack("<Q", len(content)) + content + b"\n"
    return name.encode() + b"=" + content + b"\n"
