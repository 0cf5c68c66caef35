"""How processes learn of each other's events on PostgreSQL: LISTEN and NOTIFY, and a look now and then."""

import contextlib
import time

import psycopg

from cfsm.adapters.event_store.postgres import Server
from cfsm.adapters.event_store.postgres_errors import of_postgres
from cfsm.adapters.event_store.sqlite_bell import LOOK_SECONDS


class PostgresBell:
    """Wakes one follower of a PostgreSQL event store. The server rings it; a lost connection is made again."""

    def __init__(self, server: Server) -> None:
        self._server = server
        try:
            self._connection: psycopg.Connection | None = self._listening()
        except psycopg.Error as error:
            raise of_postgres(error, server.place) from error

    def _listening(self) -> psycopg.Connection:
        connection = psycopg.connect(self._server.conninfo, autocommit=True)
        connection.execute(f'LISTEN "{self._server.channel}"'.encode())
        return connection

    def wait(self, seconds: float = LOOK_SECONDS) -> bool:
        """Sleep until it rings, at most so long; True also after ``seconds``: the follower looks by itself."""
        try:
            if self._connection is None:
                self._connection = self._listening()
                return True  # nobody rang while nobody listened
            for _ in self._connection.notifies(timeout=seconds, stop_after=1):
                pass
            for _ in self._connection.notifies(timeout=0):
                pass  # what rang together is one look
        except psycopg.Error:
            self.close()
            time.sleep(seconds)
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection = None
