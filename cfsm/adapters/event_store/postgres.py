"""The event store on PostgreSQL: the same tables, for several machines."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresDatastore, PostgresFactory, PostgresProcessRecorder
from psycopg import Cursor
from psycopg.rows import DictRow, tuple_row
from psycopg.sql import SQL, Composed

from cfsm.adapters.event_store.tables import CREATE, TRACKING, Tables
from cfsm.application.tasks import Claim, Releasing, Settling, TaskKind
from cfsm.domain.chain import ChainReport
from cfsm.domain.log import LogEntry

ERA = "server"
"""Leases are times of the server's clock: it is one for all machines."""


class Recorder(PostgresProcessRecorder):
    """Records events with their links of the chain, and keeps the task table, in one schema."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self.tables = Tables(self._transaction, self._sql, self._lease_time, "FOR UPDATE SKIP LOCKED")
        self.sql_create_statements += [Composed([SQL(self._sql(statement))]) for statement in CREATE]
        self._insert = self._sql(
            f"INSERT INTO {{schema}}{self.events_table_name} "
            "(originator_id, originator_version, topic, state) VALUES (?, ?, ?, ?) RETURNING notification_id"
        )
        self._columns = f"notification_id, originator_id, originator_version, topic, state FROM {datastore.schema}."

    def _sql(self, statement: str) -> str:
        schema = f"{self.datastore.schema}."
        return statement.replace("{schema}", schema).replace("{bytes}", "BYTEA").replace("?", "%s")

    @contextmanager
    def _transaction(self, commit: bool) -> Iterator[Cursor[DictRow]]:
        with self.datastore.transaction(commit=commit) as cursor:
            yield cursor

    @staticmethod
    def _lease_time(cursor: Any) -> tuple[str, float]:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
        return ERA, cursor.fetchone()["now"]

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        task: Settling | Releasing | None = None,
        **kwargs: Any,
    ) -> Sequence[int] | None:
        """Record events, their links, the tracking and the task's change in one transaction."""
        with self._transaction(True) as cursor:
            if task is not None:
                self.tables.settle(cursor, task)
            self._insert_events(cursor, stored_events, **kwargs)
            if not stored_events:
                return []
            self._lock_table(cursor)
            self._notify_channel(cursor)
            entries = [self._insert_one(cursor, event) for event in stored_events]
            self.tables.chain(cursor, entries)
        return [entry.id for entry in entries]

    def _insert_one(self, cursor: Cursor[DictRow], event: StoredEvent) -> LogEntry:
        originator_id = event.originator_id
        assert isinstance(originator_id, UUID), "CFSM's ids are UUIDs"
        row = (originator_id, event.originator_version, event.topic, event.state)
        cursor.execute(self._insert, row)
        found = cursor.fetchone()
        assert found is not None, "RETURNING gives a row"
        return LogEntry(found["notification_id"], originator_id.hex, *row[1:])

    # The log

    def read(self, after: int, limit: int) -> Sequence[LogEntry]:
        """Give up to ``limit`` entries after the id ``after``."""
        where = "notification_id > %s ORDER BY notification_id LIMIT %s"
        return self._select(where, (after, limit))

    def stream(self, originator_id: UUID) -> Sequence[LogEntry]:
        """Give the entries of one aggregate."""
        return self._select("originator_id = %s ORDER BY originator_version", (originator_id,))

    def _select(self, where: str, parameters: tuple[Any, ...]) -> list[LogEntry]:
        statement = f"SELECT {self._columns}{self.events_table_name} WHERE {where}"
        with (
            self.datastore.get_connection() as connection,
            connection.cursor(row_factory=tuple_row) as cursor,
        ):
            cursor.execute(statement, parameters)
            return [
                LogEntry(place, originator_id.hex, version, topic, bytes(state))
                for place, originator_id, version, topic, state in cursor
            ]

    def head(self) -> int:
        """Give the id of the last entry, 0 for an empty log."""
        return self.max_notification_id() or 0

    def verify_chain(self) -> ChainReport:
        """Hold the log against the chain."""
        return self.tables.verify(self.read)

    def chain_head(self) -> tuple[int, str]:
        """Give the id of the last linked entry and its link in hex."""
        return self.tables.head()

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


class Factory(PostgresFactory):
    """Makes the recorder for a database."""

    process_recorder_class = Recorder
