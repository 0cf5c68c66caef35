"""What supervised processes print: to a log file of bounded size each, and to the terminal, prefixed."""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from cfsm.adapters.systemd import printable

LOG_MAX_BYTES = 5 * 1024 * 1024
LOG_BACKUPS = 2
"""A unit's log takes at most (1 + LOG_BACKUPS) * LOG_MAX_BYTES of disk."""

LINE_MAX_BYTES = 16 * 1024
"""Where a line that does not end is broken; a terminal is shown no more of any line."""

READ_MAX_BYTES = 64 * 1024
"""Read at once from one unit, before the others have their turn."""

TERMINAL_BACKLOG_BYTES = 64 * 1024
"""What waits for a terminal that takes nothing (Ctrl+S, a paused pager); lines beyond it are counted and dropped."""


class LogFile:
    """Appends to ``path`` and keeps older parts as ``path.1``, ``path.2``, … Raise OSError as the disk does."""

    def __init__(self, path: Path, max_bytes: int = LOG_MAX_BYTES, backups: int = LOG_BACKUPS) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._fd = -1
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append the data, in a new file if it would not fit into the present one."""
        if self._fd < 0:
            self._open()
        if self._size and self._size + len(data) > self._max_bytes:
            self._rotate()
        while data:
            written = os.write(self._fd, data)
            self._size += written
            data = data[written:]

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        self.close()
        for number in range(self._backups, 0, -1):
            older = self._path if number == 1 else self._numbered(number - 1)
            with contextlib.suppress(FileNotFoundError):
                older.replace(self._numbered(number))
        if not self._backups:
            self._path.unlink(missing_ok=True)
        self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


class Terminal:
    """Writes text to a terminal, pipe or file without ever waiting for it; serves as a text stream too."""

    def __init__(self, fd: int | None) -> None:
        """Write to this file descriptor; None writes nowhere."""
        self._fd: int | None = None
        self._own = False
        if fd is not None:
            self._fd, self._own = _without_waiting(fd)
        self._backlog = b""
        self._dropped = 0

    def write(self, text: str) -> int:
        """Write the text, or keep it for later, or count it as dropped."""
        if self._fd is None:
            return len(text)
        self.flush()
        if len(self._backlog) + len(text) > TERMINAL_BACKLOG_BYTES:
            self._dropped += 1
        else:
            self._backlog += text.encode("utf-8", "replace")
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Write what waits, as far as it is taken."""
        try:
            self._flush_backlog()
            if self._dropped and not self._backlog:
                self._backlog = f"… {self._dropped} lines not shown: the terminal did not take them\n".encode()
                self._dropped = 0
                self._flush_backlog()
        except BlockingIOError:
            pass  # later
        except OSError:
            self._backlog = b""  # the terminal is gone; the log files have everything

    def isatty(self) -> bool:
        """Tell whether it is a terminal, for whom lines may be coloured."""
        return self._fd is not None and os.isatty(self._fd)

    def close(self) -> None:
        """Write no more."""
        if self._fd is not None and self._own:
            os.close(self._fd)
        self._fd = None

    def _flush_backlog(self) -> None:
        while self._backlog and self._fd is not None:
            self._backlog = self._backlog[os.write(self._fd, self._backlog) :]


class UnitOutput:
    """Takes one unit's lines apart and hands them on."""

    def __init__(self, prefix: str, log: LogFile, terminal: Terminal, on_log_error: Callable[[OSError], None]) -> None:
        """``on_log_error`` hears of the first failure to write the log, and again once it had worked in between."""
        self._prefix = prefix
        self._log = log
        self._terminal = terminal
        self._on_log_error = on_log_error
        self._log_failing = False
        self._partial = b""
        self.last_line = ""
        """The last line of this run that was not empty, fit for a terminal."""

    def begin(self) -> None:
        """Forget the former run's last line."""
        self.last_line = ""

    def read(self, fd: int) -> bool:
        """Read once from the unit's pipe; False once nobody can write to it. Raise BlockingIOError if it is empty."""
        data = os.read(fd, READ_MAX_BYTES)
        if data:
            self._take(data)
        return bool(data)

    def end(self) -> None:
        """Hand on a last line without a line end, and close the log."""
        if self._partial:
            self._take(b"\n")
        self._log.close()

    def _take(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        while len(self._partial) > LINE_MAX_BYTES:
            lines.append(self._partial[:LINE_MAX_BYTES])
            self._partial = self._partial[LINE_MAX_BYTES:]
        if not lines:
            return
        self._write_log(b"\n".join(lines) + b"\n")
        shown = [printable(line[:LINE_MAX_BYTES].decode("utf-8", "replace").rstrip("\r")) for line in lines]
        self.last_line = next((line.strip() for line in reversed(shown) if line.strip()), self.last_line)
        self._terminal.write("".join(f"{self._prefix}{line}\n" for line in shown))

    def _write_log(self, data: bytes) -> None:
        try:
            self._log.write(data)
        except OSError as error:
            if not self._log_failing:
                self._on_log_error(error)
            self._log_failing = True
        else:
            self._log_failing = False


def _without_waiting(fd: int) -> tuple[int, bool]:
    """Give a descriptor of the same file whose writes do not block, and whether it is a new one to be closed.

    A terminal or pipe is opened anew: O_NONBLOCK on the one that the shell handed down would change the shell's.
    """
    mode = os.fstat(fd).st_mode
    if stat.S_ISFIFO(mode) or os.isatty(fd):
        with contextlib.suppress(OSError):  # not ours to open, after su: then writes may wait
            return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), True
    return fd, False
