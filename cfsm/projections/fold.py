"""A projection folded into a database: page by page, each page with its position in one transaction."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from cfsm.domain.log import Log, LogEntry
from cfsm.projections.base import Projection

PAGE_ENTRIES = 2_000
"""How many entries one transaction takes in, at most."""

Progress = Callable[[int, int], None]
"""Hears after every page which entry was folded last, and which is the last to be folded."""

_TRACKING = (
    "CREATE TABLE tracking "
    "(name TEXT NOT NULL PRIMARY KEY, position INTEGER NOT NULL, fingerprint TEXT NOT NULL) STRICT"
)


class OutOfStep(Exception):
    """The rows do not come from this log: its last entry that they have seen is another one, or gone."""


class LogUnreadable(Exception):
    """The event log cannot be read; the message says why. The projection is as it was."""


class Fold:
    """A projection bound to a connection (in autocommit mode) that nobody else writes through."""

    def __init__(self, projection: Projection, connection: sqlite3.Connection) -> None:
        self.position = 0
        self._projection = projection
        self._connection = connection
        self._tracking_name = f"factory:{projection.name}"
        self._fingerprint = ""
        for table in projection.tables:
            table.bind(connection)

    def create(self) -> None:
        """Make the tables, empty."""
        with self._transaction():
            for statement in self._ddl():
                self._connection.execute(statement)
            self._connection.execute("INSERT INTO tracking VALUES (?, 0, '')", (self._tracking_name,))

    def resume(self) -> bool:
        """Go on from where the tables are; False if they are damaged or not those of this projection."""
        if self._connection.execute("PRAGMA quick_check(1)").fetchall() != [("ok",)]:
            return False
        there = self._connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY sql")
        if [sql for (sql,) in there] != sorted(self._ddl()):
            return False
        row = self._connection.execute(
            "SELECT position, fingerprint FROM tracking WHERE name = ?", (self._tracking_name,)
        ).fetchone()
        if row is None:
            return False
        self.position, self._fingerprint = row
        return True

    def run(
        self, log: Log, until: int | None = None, progress: Progress | None = None, page: int = PAGE_ENTRIES
    ) -> int:
        """Take in the log's entries up to ``until`` (all if None) and give the last one's id.

        Raise OutOfStep if the log is not the one that was folded so far, CannotFold for an event that cannot be
        (then everything before its page is kept), LogUnreadable.
        """
        goal = None
        while entries := self._next(log, until, page):
            self._take(entries)
            if progress is not None:
                if goal is None or goal < self.position:
                    goal = log.head() if until is None else min(until, log.head())
                progress(self.position, goal)
        return self.position

    def _next(self, log: Log, until: int | None, page: int) -> Sequence[LogEntry]:
        limit = page if until is None else max(0, min(page, until - self.position))  # ids rise by 1 or more
        if self.position == 0:
            entries = _read(log, 0, limit)
        else:
            # The last entry seen is read once more: it proves that the log is still the same one.
            entries = _read(log, self.position - 1, limit + 1)
            if not entries or entries[0].id != self.position or _fingerprint(entries[0]) != self._fingerprint:
                raise OutOfStep(f"{self._projection.name} has seen event {self.position}, which the log has not")
            entries = entries[1:]
        if until is not None and entries and entries[-1].id > until:
            return [entry for entry in entries if entry.id <= until]
        return entries

    def _take(self, entries: Sequence[LogEntry]) -> None:
        position, fingerprint = entries[-1].id, _fingerprint(entries[-1])
        with self._transaction():
            # The write before any read: a transaction that reads first may not be allowed to write later.
            moved = self._connection.execute(
                "UPDATE tracking SET position = ?, fingerprint = ? WHERE name = ? AND position = ?",
                (position, fingerprint, self._tracking_name, self.position),
            )
            if moved.rowcount != 1:
                raise OutOfStep(f"somebody else has written to {self._projection.name}")
            self._projection.fold(entries)
            for table in self._projection.tables:
                table.write()
        self.position, self._fingerprint = position, fingerprint

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            for table in self._projection.tables:
                table.forget()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _ddl(self) -> list[str]:
        return [_TRACKING, *(statement for table in self._projection.tables for statement in table.ddl)]


def _read(log: Log, after: int, limit: int) -> Sequence[LogEntry]:
    # Told apart from the same errors of the projection's own file, which have another cure.
    try:
        return log.read(after, limit)
    except (sqlite3.Error, OSError) as error:
        raise LogUnreadable(f"the event log cannot be read: {error}") from error


def _fingerprint(entry: LogEntry) -> str:
    whose = f"{entry.originator_id}:{entry.originator_version}:{entry.topic}:"
    return hashlib.sha256(whose.encode() + entry.state).hexdigest()
