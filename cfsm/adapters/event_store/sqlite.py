"""The event store on SQLite: one file, WAL, synchronous FULL."""

import sqlite3
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cfsm.adapters.durable import move_aside
from cfsm.adapters.event_store.database import Cursor, Database
from cfsm.adapters.event_store.errors import StoreDamaged, of_sqlite
from cfsm.adapters.event_store.sqlite_file import BESIDE, check_file, create_file
from cfsm.adapters.event_store.tables import CREATE, VERSION

LOCK_SECONDS = 5.0
"""How long a process waits for another's transaction before it gives up."""

LOG_BYTES = 64 * 2**20
"""The write-ahead log is cut back to this after a reader (a backup) has let it grow."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_WORDS = {
    "schema": "",
    "bigint": "INTEGER",
    "bytes": "BLOB",
    "real": "REAL",
    "strict": " STRICT",
    "now": "lease_clock()",
    "skip_locked": "",
}
_OPEN = (
    "PRAGMA synchronous = FULL",
    f"PRAGMA journal_size_limit = {LOG_BYTES}",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)


def lease_clock() -> float:
    """Give the seconds since the machine was started, sleep included: no change of the wall clock moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SQLite(Database):
    """One file. Each block takes a connection that nobody uses, or opens one; several threads may."""

    parameter = "?"

    def __init__(self, path: Path, lock_seconds: float = LOCK_SECONDS) -> None:
        era = _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else "boot"
        super().__init__(str(path), era, _WORDS)
        self._path = path
        self._lock_seconds = lock_seconds
        self._idle: deque[sqlite3.Connection] = deque()

    def create(self) -> None:
        """Make the file if there is none. Raise StoreDamaged or Misconfigured where it cannot be an event store."""
        create_file(self._path, VERSION, map(self.sql, CREATE))
        check_file(self._path, VERSION)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=self._lock_seconds,
        )
        try:
            for pragma in _OPEN:
                connection.execute(pragma)
            connection.create_function("lease_clock", 0, lease_clock)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect()
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.rollback()
                self._idle.append(connection)
        except sqlite3.Error as error:
            raise of_sqlite(error, self.place) from error
        except UnicodeDecodeError as error:  # SQLite's own words, about a name that is no text
            raise StoreDamaged(self.place, error) from error

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Give a cursor that may write from the start: nobody else writes until the block ends."""
        with self._connection() as connection:
            cursor = connection.execute("BEGIN IMMEDIATE")
            yield cursor
            cursor.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[Cursor]:
        """Give a cursor that sees the file as it is now until the block ends."""
        with self._connection() as connection:
            cursor = connection.execute("BEGIN")
            cursor.execute("SELECT 1 FROM stored_events LIMIT 1").fetchone()  # the first read takes the snapshot
            yield cursor

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Give the rows of one question."""
        with self._connection() as connection:
            return connection.execute(self.sql(statement), parameters).fetchall()

    def lock_log(self, cursor: Cursor) -> None:
        """Do nothing: the transaction holds the file's only lock, and the followers are rung after it."""

    def set_aside(self, name: str) -> None:
        """Move the file, with what SQLite keeps beside it, into a folder of that name beside it."""
        self.close()
        for end in ("", *BESIDE):
            move_aside(self._path.with_name(f"{self._path.name}{end}"), self._path.parent / name)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()
