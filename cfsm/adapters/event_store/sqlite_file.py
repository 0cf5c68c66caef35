"""An event store's SQLite file from outside: whether it is whole and ours, and how it comes into being."""

import os
import sqlite3
import struct
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cfsm.adapters.durable import make_durable, of_system
from cfsm.adapters.event_store.errors import StoreDamaged, of_sqlite
from cfsm.application.errors import Misconfigured

APPLICATION_ID = int.from_bytes(b"CFSM")
"""What an event store's file says it is, in SQLite's header and to `file`."""

MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a database."""

BROKEN_FROM, BROKEN_TO = (3, 7, 0), (3, 51, 2)
"""SQLite's versions whose write-ahead log can be corrupted by several processes (the WAL-reset bug)."""


def check_sqlite(version: str = sqlite3.sqlite_version) -> None:
    """Raise Misconfigured if this SQLite library can corrupt a file that several processes write."""
    if BROKEN_FROM <= tuple(map(int, version.split("."))) <= BROKEN_TO:
        raise Misconfigured(
            f"SQLite {version} can corrupt a database that several processes write (every version from 3.7.0 to "
            "3.51.2). Install the package pysqlite3 (0.6.1 or newer) into CFSM's environment; it brings its own SQLite."
        )


def check_file(path: Path, version: int) -> None:
    """Raise StoreDamaged or Misconfigured if the file cannot be an event store of this version or an older one.

    Reads the first hundred bytes only: what is wrong further in, SQLite's own check finds.
    """
    try:
        with path.open("rb") as file:
            header, size = file.read(HEADER_BYTES), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise Misconfigured(f"the event store {path} cannot be read: {error.strerror}") from error
    if size < HEADER_BYTES:
        raise StoreDamaged(path, f"it is cut off ({size} bytes are left)")
    if not header.startswith(MAGIC):
        raise StoreDamaged(path, "it is not an SQLite database")
    page_bytes, pages_written = struct.unpack_from(">H", header, 16)[0], struct.unpack_from(">I", header, 28)[0]
    page_bytes = 65_536 if page_bytes == 1 else page_bytes
    if page_bytes < 512 or page_bytes & (page_bytes - 1):  # noqa: PLR2004  SQLite's smallest page
        raise StoreDamaged(path, f"no SQLite database has pages of {page_bytes} bytes")
    changed, valid_for = struct.unpack_from(">I", header, 24)[0], struct.unpack_from(">I", header, 92)[0]
    if changed == valid_for and size < pages_written * page_bytes and not _has_log(path):
        raise StoreDamaged(path, f"it is cut off ({size} of {pages_written * page_bytes} bytes are left)")
    user_version, application_id = struct.unpack_from(">I4xI", header, 60)
    if application_id != APPLICATION_ID:
        raise Misconfigured(f"{path} is the database of another program, not an event store. Move it away.")
    if user_version > version:
        raise Misconfigured(f"the event store {path} was made by a newer CFSM than this one. Upgrade CFSM.")


def _has_log(path: Path) -> bool:
    # After a crash within a checkpoint the missing pages are still in the write-ahead log.
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def create_file(path: Path, version: int, statements: Iterable[str]) -> None:
    """Make the file with its tables, beside, and give it its name when it is whole; one that is there stays.

    So no process ever sees half a file, and one that is empty was cut off. Raise TryAgain or Misconfigured.
    """
    if path.exists():
        return
    left = [path.with_name(path.name + end) for end in BESIDE if path.with_name(path.name + end).exists()]
    if left:
        raise Misconfigured(
            f"{path} is missing but {left[0].name} is there: put the file back beside it, or restore a backup with "
            "`cfsm restore FILE --replace`."
        )
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            beside = Path(folder) / path.name
            _write(beside, version, statements)
            try:
                os.link(beside, path)
            except FileExistsError:
                return  # another process was faster
        make_durable(path.parent)
    except sqlite3.Error as error:
        raise of_sqlite(error, path) from error
    except OSError as error:
        raise of_system(error, path) from error


def _write(path: Path, version: int, statements: Iterable[str]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")  # nobody sees the file before it is made durable as a whole
        connection.execute("BEGIN")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    path.chmod(0o600)
    make_durable(path)
