"""What a database's errors ask of us: try again, let a person change something, or decide again."""

import sqlite3

from cfsm.application.errors import Conflict, Misconfigured, TryAgain

HOW_TO_RESTORE = "Nothing was written. `cfsm doctor` says more; `cfsm restore FILE --replace` restores a backup."
"""What to do about a store that is not sound."""


class StoreDamaged(Misconfigured):
    """The event store is not what was written; the message says how to restore it."""

    def __init__(self, place: object, what: object) -> None:
        super().__init__(f"the event store {place} is damaged: {what}. {HOW_TO_RESTORE}")


class WrongStatement(Exception):
    """A statement of ours is no SQL, or not for these tables: nobody but a programmer can mend it."""


def _locked(place: object, _: object) -> Exception:
    return TryAgain(f"the event store {place} is locked by another process")


def _full(place: object, _: object) -> Exception:
    return TryAgain(f"the disk of the event store {place} is full: free some space. Nothing was written")


def _denied(place: object, error: object) -> Exception:
    return Misconfigured(
        f"the event store {place} cannot be opened and written: {error}. Make it and its folder writable for this user"
        ", or choose another CFSM_HOME."
    )


_REACTIONS = {
    sqlite3.SQLITE_CONSTRAINT: lambda _, error: Conflict(str(error)),
    sqlite3.SQLITE_BUSY: _locked,
    sqlite3.SQLITE_LOCKED: _locked,
    sqlite3.SQLITE_FULL: _full,
    sqlite3.SQLITE_READONLY: _denied,
    sqlite3.SQLITE_PERM: _denied,
    sqlite3.SQLITE_CANTOPEN: _denied,
    sqlite3.SQLITE_AUTH: _denied,
    sqlite3.SQLITE_CORRUPT: StoreDamaged,
    sqlite3.SQLITE_NOTADB: StoreDamaged,
}
"""What to raise for each primary result code, of the place and the error."""


_DAMAGED = ("no such table", "no such column", "Could not decode to UTF-8")


def of_sqlite(error: sqlite3.Error, place: object) -> Exception:
    """Give the error to raise for one of SQLite's about the file at ``place``."""
    code = getattr(error, "sqlite_errorcode", 0)
    reaction = _REACTIONS.get(code & 0xFF)
    if reaction is not None:
        return reaction(place, error)
    if any(sign in str(error) for sign in _DAMAGED):
        return StoreDamaged(place, str(error))
    if code in {0, sqlite3.SQLITE_ERROR}:
        return WrongStatement(str(error))
    name = getattr(error, "sqlite_errorname", code)
    return TryAgain(f"the event store {place}: {error} ({name}). Is the disk full, or failing?")
