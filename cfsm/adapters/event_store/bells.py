"""How processes learn of each other's events: a ping after the commit, and a look now and then.

On SQLite each follower binds a unix datagram socket in one folder; a writer sends a byte to each after its commit. A
writer that was killed between the commit and the ping is noticed by ``PRAGMA data_version`` at the next look. On
PostgreSQL it is LISTEN and NOTIFY, and the same look now and then.
"""

import contextlib
import itertools
import os
import select
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg

LOOK_SECONDS = 1.0
"""How long a follower sleeps at most before it looks by itself."""

_serial = itertools.count()


class SQLiteBell:
    """Wakes one follower of an SQLite event store."""

    def __init__(self, folder: Path, database: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{os.getpid()}-{next(_serial)}"
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._path))
        self._socket.setblocking(False)
        self._connection = sqlite3.connect(
            f"file:{database}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        self._version = self._data_version()

    def _data_version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def fileno(self) -> int:
        """Give the descriptor that becomes readable when it rings."""
        return self._socket.fileno()

    def wait(self, seconds: float = LOOK_SECONDS) -> bool:
        """Sleep until it rings, at most so long; say whether there may be something new."""
        rang = bool(select.select([self._socket], [], [], seconds)[0])
        if rang:
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._socket.recv(16)
        version = self._data_version()
        changed = version != self._version
        self._version = version
        return rang or changed

    def close(self) -> None:
        """Take the socket away."""
        self._path.unlink(missing_ok=True)
        self._socket.close()
        self._connection.close()


def sqlite_ringer(folder: Path) -> Callable[[], None]:
    """Give the function that wakes every follower whose socket lies in the folder. It never waits and never fails."""
    ringer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ringer.setblocking(False)

    def ring() -> None:
        try:
            followers = list(folder.iterdir())
        except FileNotFoundError:
            return
        for follower in followers:
            try:
                ringer.sendto(b"!", str(follower))
            except BlockingIOError:
                pass  # its queue is full: it is awake already
            except OSError:  # nobody listens: its process is gone
                with contextlib.suppress(OSError):
                    follower.unlink()

    return ring


class PostgresBell:
    """Wakes one follower of a PostgreSQL event store. The server rings it; a lost connection is made again."""

    def __init__(self, conninfo: str, channel: str) -> None:
        self._conninfo = conninfo
        self._channel = channel
        self._connection: psycopg.Connection | None = None
        self._listen()

    def _listen(self) -> None:
        self._connection = psycopg.connect(self._conninfo, autocommit=True)
        self._connection.execute(f'LISTEN "{self._channel}"')

    def wait(self, seconds: float = LOOK_SECONDS) -> bool:
        """Sleep until it rings, at most so long; True also after ``seconds``: the follower looks by itself."""
        try:
            if self._connection is None:
                self._listen()
            assert self._connection is not None
            for _ in self._connection.notifies(timeout=seconds, stop_after=1):
                break
        except psycopg.OperationalError:
            self.close()
            select.select([], [], [], seconds)
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection = None
