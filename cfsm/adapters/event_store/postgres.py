"""The event store on PostgreSQL: the same tables, for several machines."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any, cast
from zlib import crc32

import psycopg
from psycopg.conninfo import make_conninfo

from cfsm.adapters.event_store.database import Cursor, Database
from cfsm.adapters.event_store.postgres_errors import of_postgres
from cfsm.adapters.event_store.tables import CREATE, STORE, TRACKING_COLUMNS, VERSION, insert
from cfsm.application.errors import Misconfigured, TryAgain

LOCK_SECONDS = 5.0
"""How long a process waits for another's transaction before it gives up."""

MUTE_SECONDS = 30.0
"""How long a server may say nothing before the connection is taken for dead."""

ERA = "server"
"""Leases are times of the server's clock: it is one for all machines."""

_HAS_SCHEMA = "SELECT to_regnamespace(?) IS NOT NULL"
_HAS_TABLES = "SELECT to_regclass(?) IS NOT NULL"
_MADE = "SELECT position FROM {schema}tracking WHERE name = ?"


@dataclass(frozen=True)
class Server:
    """Which database of which server, as whom, and in which schema of it."""

    host: str = "localhost"
    port: int = 5432
    dbname: str = "cfsm"
    user: str = "cfsm"
    password: str = ""
    schema: str = "cfsm"
    connect_timeout_seconds: float = 10.0
    pool_size: int = 5

    def __post_init__(self) -> None:
        if not (self.schema.isidentifier() and self.schema.isascii()):
            raise Misconfigured(f"{self.schema!r} is no name for a schema: letters, digits and _ only")

    @property
    def conninfo(self) -> str:
        """What PostgreSQL's library connects by. It holds the password."""
        timeouts = f"-c lock_timeout={LOCK_SECONDS}s -c idle_in_transaction_session_timeout={2 * MUTE_SECONDS}s"
        return make_conninfo(
            host=self.host,
            port=self.port,
            dbname=self.dbname,
            user=self.user,
            password=self.password or None,
            connect_timeout=max(1, round(self.connect_timeout_seconds)),
            tcp_user_timeout=round(MUTE_SECONDS * 1_000),
            application_name="cfsm",
            options=timeouts,
        )

    @property
    def place(self) -> str:
        """Where it is, in words without the password."""
        return f"{self.user}@{self.host}:{self.port}/{self.dbname} (schema {self.schema})"

    @property
    def channel(self) -> str:
        """On which the server tells of new events."""
        return f"cfsm_{self.schema}"


class Postgres(Database):
    """One schema of a server's database. Each block takes a connection that nobody uses, or opens one."""

    parameter = "%s"

    def __init__(self, server: Server) -> None:
        words = {
            "schema": f'"{server.schema}".',
            "bigint": "BIGINT",
            "bytes": "BYTEA",
            "real": "DOUBLE PRECISION",
            "strict": "",
            "now": "extract(epoch FROM clock_timestamp())::float8",
            "skip_locked": "FOR UPDATE SKIP LOCKED",
        }
        super().__init__(server.place, ERA, words)
        self._server = server
        key = crc32(server.schema.encode())
        self._lock = f"SELECT pg_advisory_xact_lock({key})"
        self._lock_and_tell = f"SELECT pg_advisory_xact_lock({key}), pg_notify('{server.channel}', '')"
        self._free = BoundedSemaphore(server.pool_size)
        self._idle: deque[psycopg.Connection] = deque()

    def create(self) -> None:
        """Make the schema and its tables where there are none. Raise Misconfigured if a newer CFSM made them."""
        schema = self._server.schema
        with self.transaction() as cursor:
            cursor.execute(self._lock)
            if not self._says(cursor, _HAS_SCHEMA, f'"{schema}"'):
                cursor.execute(f'CREATE SCHEMA "{schema}"')
            if not self._says(cursor, _HAS_TABLES, f'"{schema}".stored_events'):
                for statement in CREATE:
                    cursor.execute(self.sql(statement))
                cursor.execute(self.sql(insert("tracking", TRACKING_COLUMNS)), (STORE, VERSION))
            cursor.execute(self.sql(_MADE), (STORE,))
            (version,) = cursor.fetchone() or (0,)
        if version > VERSION:
            raise Misconfigured(f"the event store {self.place} was made by a newer CFSM than this one. Upgrade CFSM.")

    def _says(self, cursor: Cursor, question: str, of: str) -> bool:
        cursor.execute(self.sql(question), (of,))
        return bool(cursor.fetchone()[0])

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        if not self._free.acquire(timeout=self._server.connect_timeout_seconds):
            raise TryAgain(f"the event store {self.place}: all {self._server.pool_size} connections are in use")
        try:
            connection = self._take()
            try:
                yield connection
            finally:
                if not connection.closed:
                    self._idle.append(connection)
        except psycopg.Error as error:
            raise of_postgres(error, self.place) from error
        finally:
            self._free.release()

    def _take(self) -> psycopg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection
        return psycopg.connect(self._server.conninfo, autocommit=True)

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Give the cursor of a transaction."""
        with self._connection() as connection, connection.transaction():
            yield cast("Cursor", connection.cursor(binary=True))

    @contextmanager
    def snapshot(self) -> Iterator[Cursor]:
        """Give a cursor that sees the database as it is now until the block ends."""
        with self._connection() as connection, connection.transaction(force_rollback=True):
            cursor = cast("Cursor", connection.cursor(binary=True))
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield cursor

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Give the rows of one question."""
        with self._connection() as connection:
            cursor = connection.cursor(binary=True)
            return cursor.execute(self.sql(statement).encode(), parameters).fetchall()

    def lock_log(self, cursor: Cursor) -> None:
        """Let nobody else append until the transaction ends; with its commit the server rings the followers."""
        cursor.execute(self._lock_and_tell)

    def set_aside(self, name: str) -> None:
        """Rename the schema."""
        schema = self._server.schema
        with self.transaction() as cursor:
            if self._says(cursor, _HAS_SCHEMA, f'"{schema}"'):
                cursor.execute(f'ALTER SCHEMA "{schema}" RENAME TO "{schema}_{name}"')

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()
