"""How processes learn of each other's events on SQLite: a ping after the commit, and a look now and then.

Each follower binds a unix datagram socket in one folder; a writer sends a byte to each after its commit. A writer that
was killed between the commit and the ping is noticed by ``PRAGMA data_version`` at the next look.

Make the bell first and read the log then: what is committed in between rings.
"""

import contextlib
import os
import secrets
import select
import socket
import sqlite3
from pathlib import Path

from cfsm.adapters.durable import of_system
from cfsm.adapters.event_store.errors import of_sqlite

LOOK_SECONDS = 1.0
"""How long a follower sleeps at most before it looks by itself."""


class SQLiteBell:
    """Wakes one follower of an SQLite event store."""

    def __init__(self, folder: Path, database: Path) -> None:
        self._database = database
        self._connection = self._connect()
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind(str(self._path))
            self._version = self._data_version()
        except OSError as error:
            self.close()
            raise of_system(error, folder) from error
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        address = f"{self._database.absolute().as_uri()}?mode=ro"
        try:
            return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise of_sqlite(error, self._database) from error

    def _data_version(self) -> int:
        try:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as error:
            raise of_sqlite(error, self._database) from error

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
        with contextlib.suppress(OSError):  # gone, or the disk is read-only by now
            self._path.unlink()
        self._socket.close()
        self._connection.close()


class SQLiteRinger:
    """Wakes every follower whose socket lies in a folder. It never waits and never fails."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def __call__(self) -> None:
        """Wake them."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self._folder):  # noqa: PTH208  each commit waits for this: paths cost more
                self._ring(f"{self._folder}/{name}")

    def _ring(self, follower: str) -> None:
        try:
            self._socket.sendto(b"!", follower)
        except ConnectionRefusedError:  # nobody listens: its process is gone
            Path(follower).unlink(missing_ok=True)
        except OSError:  # its queue is full, so it is awake; or it went away just now
            pass

    def __del__(self) -> None:
        self._socket.close()
