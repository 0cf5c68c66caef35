"""Opens the event store that the settings name, and the bells of those who follow it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cfsm.adapters.durable import of_system
from cfsm.adapters.event_store.database import Database
from cfsm.adapters.event_store.recorder import Recorder
from cfsm.adapters.event_store.sqlite import SQLite
from cfsm.adapters.event_store.sqlite_bell import SQLiteBell, SQLiteRinger
from cfsm.adapters.event_store.sqlite_file import check_sqlite
from cfsm.adapters.home import EVENTS_FILE, RESTORING, make_home, run_folder
from cfsm.application.errors import Misconfigured
from cfsm.application.factory import Factory
from cfsm.application.ports import Bell, Clock
from cfsm.application.tasks import POLICY, TaskKind

if TYPE_CHECKING:
    from cfsm.adapters.event_store.postgres import Server

BELLS_FOLDER = "bells"
LOCK_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class StoreTerms:
    """Which database keeps the events, and how it is reached."""

    engine: str = "sqlite"
    host: str = "localhost"
    port: int = 5432
    dbname: str = "cfsm"
    user: str = "cfsm"
    password: str | None = None
    password_file: Path | None = None
    schema: str = "cfsm"
    connect_timeout_seconds: float = 10
    pool_size: int = 5

    @property
    def is_postgres(self) -> bool:
        """Say whether it is PostgreSQL."""
        return self.engine == "postgres"

    def secret(self) -> str:
        """Give the password. Raise Misconfigured if its file cannot be read."""
        if self.password_file is None:
            return self.password or ""
        try:
            return self.password_file.read_text().splitlines()[0]
        except (OSError, IndexError, UnicodeDecodeError) as error:
            raise Misconfigured(f"store.password_file {self.password_file} cannot be read: {error}") from error

    def server(self) -> "Server":
        """Give the PostgreSQL server. Raise Misconfigured as ``secret`` does."""
        from cfsm.adapters.event_store.postgres import Server  # noqa: PLC0415  psycopg takes long to import

        return Server(
            host=self.host,
            port=self.port,
            dbname=self.dbname,
            user=self.user,
            password=self.secret(),
            schema=self.schema,
            connect_timeout_seconds=self.connect_timeout_seconds,
            pool_size=self.pool_size,
        )


def open_factory(
    home: Path,
    terms: StoreTerms,
    *,
    actor: str,
    clock: Clock,
    policy: Mapping[str, TaskKind] = POLICY,
) -> Factory:
    """Open the event store of a home, making it if it is new; any number of processes may at once.

    Raise Misconfigured (StoreDamaged among it) or TryAgain.
    """
    make_home(home)
    if (home / RESTORING).exists():
        raise Misconfigured(f"a restore into {home} was cut off: run `cfsm restore FILE --replace` again")
    if not terms.is_postgres:
        check_sqlite()
    database = open_database(home, terms)
    try:
        database.create()
    except BaseException:
        database.close()
        raise
    ring = _silence if terms.is_postgres else SQLiteRinger(_bells(home))  # PostgreSQL rings by itself
    return Factory(Recorder(database), clock=clock, actor=actor, ring=ring, policy=policy)


def open_database(home: Path, terms: StoreTerms) -> Database:
    """Give the database under a home's event store. Nothing is made, and nothing read until it is asked."""
    if not terms.is_postgres:
        return SQLite(home / EVENTS_FILE, LOCK_SECONDS)
    from cfsm.adapters.event_store.postgres import Postgres  # noqa: PLC0415  psycopg takes long to import

    return Postgres(terms.server())


def open_bell(home: Path, terms: StoreTerms) -> Bell:
    """Give a bell that rings when something is recorded in the home's event store. Raise as ``open_factory``."""
    if not terms.is_postgres:
        return SQLiteBell(_own(_bells(home)), home / EVENTS_FILE)
    from cfsm.adapters.event_store.postgres_bell import PostgresBell  # noqa: PLC0415  psycopg takes long to import

    return PostgresBell(terms.server())


def _silence() -> None:
    pass


def _bells(home: Path) -> Path:
    return run_folder(home) / BELLS_FOLDER


def _own(folder: Path) -> Path:
    """Give the folder, made if need be. Raise Misconfigured if it is somebody else's, who could listen in its place."""
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.parent.stat().st_uid
    except OSError as error:
        raise of_system(error, folder) from error
    if owner not in {os.getuid(), 0}:
        raise Misconfigured(f"{folder.parent} belongs to another user: remove it, or set CFSM_RUNTIME_DIR to another.")
    return folder
