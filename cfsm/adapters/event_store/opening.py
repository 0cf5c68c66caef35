"""Opens the event store that the settings name, and the bells of those who follow it."""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cfsm.application.factory import Factory
from cfsm.application.ports import Bell, Clock, Misconfigured
from cfsm.application.tasks import POLICY, TaskKind

EVENTS_FILE = "events.sqlite"
LOCK_SECONDS = 10
CORRUPTING = ((3, 7, 0), (3, 51, 2))
"""SQLite's versions, first and last, whose write-ahead log several processes can corrupt."""
SOCKET_FOLDER_BYTES = 80
"""A unix socket's path may have 107 bytes; what is left is for its name."""


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
    connect_timeout_seconds: int = 10
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
        except (OSError, IndexError) as error:
            raise Misconfigured(f"store.password_file {self.password_file} cannot be read: {error}") from error


def run_folder(home: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Give where the home's sockets lie: CFSM_RUNTIME_DIR, ``run`` in the home, or a short one if that is too long."""
    wanted = Path(environ.get("CFSM_RUNTIME_DIR") or home / "run")
    if len(os.fsencode(wanted)) <= SOCKET_FOLDER_BYTES:
        return wanted
    digest = sha256(os.fsencode(wanted)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"cfsm-{os.getuid()}-{digest}"


def check_sqlite() -> None:
    """Raise Misconfigured if this SQLite can corrupt a log that several processes write."""
    import sqlite3

    first, last = CORRUPTING
    if first <= sqlite3.sqlite_version_info <= last:
        raise Misconfigured(
            f"SQLite {sqlite3.sqlite_version} can corrupt a database that several processes write "
            "(the write-ahead log's reset bug, 3.7.0 to 3.51.2). Install the package pysqlite3, which brings a newer one."
        )


def open_factory(
    home: Path,
    terms: StoreTerms,
    *,
    actor: str,
    clock: Clock,
    policy: Mapping[str, TaskKind] = POLICY,
) -> Factory:
    """Open the event store of a home, making it if it is new. Raise Misconfigured or TryAgain."""
    if terms.is_postgres:
        return Factory(_postgres(terms), clock=clock, actor=actor, policy=policy)
    check_sqlite()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"{home} cannot be made: {error.strerror}. Choose another with --home.") from error
    return Factory(_sqlite(home), clock=clock, actor=actor, ring=_ringer(home), policy=policy)


def _sqlite(home: Path) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "cfsm.adapters.event_store.sqlite:Factory",
        "SQLITE_DBNAME": str(home / EVENTS_FILE),
        "SQLITE_LOCK_TIMEOUT": str(LOCK_SECONDS),
    }


def _postgres(terms: StoreTerms) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "cfsm.adapters.event_store.postgres:Factory",
        "POSTGRES_DBNAME": terms.dbname,
        "POSTGRES_HOST": terms.host,
        "POSTGRES_PORT": str(terms.port),
        "POSTGRES_USER": terms.user,
        "POSTGRES_PASSWORD": terms.secret(),
        "POSTGRES_CONNECT_TIMEOUT": str(terms.connect_timeout_seconds),
        "POSTGRES_POOL_SIZE": str(terms.pool_size),
    }


def _ringer(home: Path) -> Callable[[], None]:
    from cfsm.adapters.event_store.bells import sqlite_ringer

    return sqlite_ringer(run_folder(home) / "bells")


def open_bell(home: Path, terms: StoreTerms) -> Bell:
    """Give a bell that rings when something is recorded in the home's event store."""
    from cfsm.adapters.event_store.bells import PostgresBell, SQLiteBell

    if not terms.is_postgres:
        return SQLiteBell(run_folder(home) / "bells", home / EVENTS_FILE)
    import psycopg

    conninfo = psycopg.conninfo.make_conninfo(
        host=terms.host, port=terms.port, dbname=terms.dbname, user=terms.user, password=terms.secret()
    )
    return PostgresBell(conninfo, "factory_events")
