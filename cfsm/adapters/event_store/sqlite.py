"""The event store on SQLite: one file, WAL, synchronous FULL."""

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import (
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteFactory,
    SQLiteProcessRecorder,
)
from eventsourcing.utils import Environment, EnvType

from cfsm.adapters.event_store.tables import CREATE, TRACKING, Tables
from cfsm.application.tasks import Claim, Releasing, Settling, TaskKind
from cfsm.domain.chain import ChainReport
from cfsm.domain.log import LogEntry

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
COLUMNS = "rowid, originator_id, originator_version, topic, state"


def _sql(statement: str) -> str:
    return statement.replace("{schema}", "").replace("{bytes}", "BLOB").replace("BIGINT", "INTEGER")


class DurablePool(SQLiteConnectionPool):
    """Connections whose commits are on the disk when they return."""

    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        connection.cursor().execute("PRAGMA synchronous = FULL")
        return connection


class Recorder(SQLiteProcessRecorder):
    """Records events with their links of the chain, and keeps the task table, in one file."""

    def __init__(self, datastore: SQLiteDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self._era = BOOT_ID.read_text().strip() if BOOT_ID.exists() else "boot"
        self.tables = Tables(self._transaction, _sql, self._lease_time)

    def construct_create_table_statements(self) -> list[str]:
        """Give the library's statements and CFSM's."""
        return super().construct_create_table_statements() + [_sql(statement) for statement in CREATE]

    @contextmanager
    def _transaction(self, commit: bool) -> Iterator[SQLiteCursor]:
        with self.datastore.transaction(commit=commit) as cursor:
            yield cursor

    def _lease_time(self, _: Any) -> tuple[str, float]:
        return self._era, time.clock_gettime(time.CLOCK_BOOTTIME)

    def _insert_events(
        self,
        c: SQLiteCursor,
        stored_events: Sequence[StoredEvent],
        task: Settling | Releasing | None = None,
        **kwargs: Any,
    ) -> Sequence[int] | None:
        if task is not None:
            self.tables.settle(c, task)
        ids = super()._insert_events(c, stored_events, **kwargs)
        assert ids is not None, "an application recorder gives ids"
        self.tables.chain(c, [_entry(place, event) for place, event in zip(ids, stored_events, strict=True)])
        return ids

    # The log

    def read(self, after: int, limit: int) -> Sequence[LogEntry]:
        """Give up to ``limit`` entries after the id ``after``."""
        with self.datastore.get_connection(commit=False) as connection:
            rows = self._plain(connection).execute(
                f"SELECT {COLUMNS} FROM {self.events_table_name} WHERE rowid > ? ORDER BY rowid LIMIT ?",
                (after, limit),
            )
            return [LogEntry._make(row) for row in rows]

    def head(self) -> int:
        """Give the id of the last entry, 0 for an empty log."""
        return self.max_notification_id() or 0

    def stream(self, originator_id: UUID) -> Sequence[LogEntry]:
        """Give the entries of one aggregate."""
        with self.datastore.get_connection(commit=False) as connection:
            rows = self._plain(connection).execute(
                f"SELECT {COLUMNS} FROM {self.events_table_name} WHERE originator_id = ? ORDER BY originator_version",
                (originator_id.hex,),
            )
            return [LogEntry._make(row) for row in rows]

    def verify_chain(self) -> ChainReport:
        """Hold the log against the chain."""
        return self.tables.verify(self.read)

    def chain_head(self) -> tuple[int, str]:
        """Give the id of the last linked entry and its link in hex."""
        return self.tables.head()

    @staticmethod
    def _plain(connection: SQLiteConnection) -> sqlite3.Cursor:
        cursor = connection.cursor().sqlite_cursor
        cursor.row_factory = None
        return cursor

    # The tasks

    def plan(self, policy: Mapping[str, TaskKind]) -> int:
        """Plan what new entries ask for."""
        return self.tables.plan(self.read, lambda: self.max_tracking_id(TRACKING) or 0, self._insert_tracking, policy)

    def claim(self, kinds: Sequence[str], owner: str, lease_seconds: float) -> Claim | None:
        """Claim the oldest due task of these kinds, or give None."""
        return self.tables.claim(kinds, owner, lease_seconds)

    def renew(self, claim: Claim, lease_seconds: float, progress: str) -> None:
        """Hold a claim for longer. Raise LeaseLost."""
        self.tables.renew(claim, lease_seconds, progress)

    def put_back(self, claim: Claim, delay_seconds: float) -> None:
        """Make a task due again after the delay."""
        self.tables.put_back(claim, delay_seconds)

    def overview(self) -> list[dict[str, Any]]:
        """Give the tasks that are not done, oldest first."""
        return self.tables.overview()


def _entry(place: int, event: StoredEvent) -> LogEntry:
    originator = event.originator_id
    originator_hex = originator.hex if isinstance(originator, UUID) else originator
    return LogEntry(place, originator_hex, event.originator_version, event.topic, event.state)


class Factory(SQLiteFactory):
    """Makes the recorder for a file."""

    process_recorder_class = Recorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        pool = self.datastore.pool
        self.datastore.pool = DurablePool(db_name=pool.db_name, lock_timeout=pool.lock_timeout)
        pool.close()
