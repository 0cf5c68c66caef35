"""Which errors of SQLite say that a file is not what was written to it."""

import sqlite3

DAMAGE = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,  # a table that was there is gone
        sqlite3.SQLITE_SCHEMA,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_FORMAT,
    }
)


def is_damage(error: sqlite3.Error) -> bool:
    """Say whether the file is damaged. All other errors (a full disk, a lock) leave it as it is."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE
