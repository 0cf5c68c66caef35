"""A log of entries in a SQLite file with the event store's columns: for reading from several processes."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from cfsm.domain.log import LogEntry

COLUMNS = "rowid, originator_id, originator_version, topic, state"


class SqliteLog:
    """Reads the file as the event store reads its own; each object has its own connection."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path)

    @staticmethod
    def create(path: Path, entries: Iterable[LogEntry]) -> None:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE stored_events (originator_id TEXT, originator_version INTEGER, topic TEXT, state BLOB, "
            "PRIMARY KEY (originator_id, originator_version))"
        )
        with connection:
            connection.executemany(f"INSERT INTO stored_events ({COLUMNS}) VALUES (?, ?, ?, ?, ?)", entries)
        connection.close()

    def read(self, after: int, limit: int) -> Sequence[LogEntry]:
        rows = self._connection.execute(
            f"SELECT {COLUMNS} FROM stored_events WHERE rowid > ? ORDER BY rowid LIMIT ?", (after, limit)
        )
        return [LogEntry._make(row) for row in rows]

    def head(self) -> int:
        return self._connection.execute("SELECT max(rowid) FROM stored_events").fetchone()[0] or 0

    def close(self) -> None:
        self._connection.close()
