"""Online backup of an event store and its blobs into one file, and restoring it, on either database."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cfsm import __version__
from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.durable import make_durable, move_aside, of_system
from cfsm.adapters.event_store import archive
from cfsm.adapters.event_store.archive import BadBackup, Manifest
from cfsm.adapters.event_store.database import Database
from cfsm.adapters.event_store.errors import StoreDamaged, of_sqlite
from cfsm.adapters.event_store.moving import copy_log
from cfsm.adapters.event_store.opening import StoreTerms, open_database
from cfsm.adapters.event_store.recorder import Recorder
from cfsm.adapters.event_store.sqlite import SQLite
from cfsm.adapters.event_store.sqlite_file import check_file
from cfsm.adapters.event_store.tables import RELEASE_LEASES, VERSION
from cfsm.adapters.home import BLOBS_FOLDER, EVENTS_FILE, PROJECTIONS_FOLDER, RESTORING, make_home
from cfsm.application.blob_references import blobs_of
from cfsm.application.errors import Misconfigured
from cfsm.application.ports import BlobCorrupted, BlobMissing
from cfsm.application.progress import Progress, silent
from cfsm.domain.log import pages

PAGES_AT_ONCE = 4_096
"""How many pages of the database are copied between two words of progress."""


@dataclass(frozen=True)
class Restored:
    """What was restored, and where that lies which was in the home before (None if there was nothing)."""

    events: int
    blobs: int
    head: str
    aside: Path | None


# Backup


def backup(
    home: Path, terms: StoreTerms, file: Path, *, overwrite: bool = False, progress: Progress = silent
) -> Manifest:
    """Back up the events as they are now and every blob that they refer to, while the factory works.

    The file is whole or not there. Blobs that are lost already are named in the manifest. Raise Misconfigured if the
    file is there (unless ``overwrite``), StoreDamaged if the log is not what was recorded, or TryAgain.
    """
    _refuse_existing(file, overwrite)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as folder:
            events = Path(folder) / EVENTS_FILE
            _copy_events(home, terms, events, progress)
            manifest, blobs = _describe(home, terms, events)
            whole = Path(folder) / "whole"
            packed = events.with_name(archive.EVENTS)
            archive.write(whole, manifest, packed, blobs, lambda done: progress("blobs", done, len(blobs)))
            _refuse_existing(file, overwrite)
            whole.replace(file)
        make_durable(file.parent)
    except OSError as error:
        raise of_system(error, Path(error.filename or file)) from error
    return manifest


def _refuse_existing(file: Path, overwrite: bool) -> None:
    if file.exists() and not overwrite:
        raise Misconfigured(f"{file} is there already: choose another name, or say --overwrite")


def _copy_events(home: Path, terms: StoreTerms, target: Path, progress: Progress) -> None:
    if not terms.is_postgres:
        _copy_file(home / EVENTS_FILE, target, progress)
        return
    with _closing(open_database(home, terms)) as source, _closing(SQLite(target)) as copy:
        copy.create()
        copy_log(source, copy, progress)


def _copy_file(source: Path, target: Path, progress: Progress) -> None:
    check_file(source, VERSION)
    address = f"{source.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as reading:
            # While this connection reads, it sees the database of this moment: writers do not make it start again.
            reading.execute("BEGIN")
            reading.execute("SELECT 1 FROM stored_events LIMIT 1").fetchone()
            with closing(sqlite3.connect(target)) as copy:
                reading.backup(
                    copy,
                    pages=PAGES_AT_ONCE,
                    progress=lambda _, left, whole: progress("pages of events", whole - left, whole),
                )
    except sqlite3.Error as error:
        raise of_sqlite(error, source) from error


def _describe(home: Path, terms: StoreTerms, events: Path) -> tuple[Manifest, dict[str, Path]]:
    """Verify the copy, pack it, and give what the backup will hold."""
    with _closing(SQLite(events)) as database:
        with database.transaction() as cursor:
            cursor.execute(database.sql(RELEASE_LEASES))  # whoever restores it has other workers
        log = Recorder(database)
        report = log.verify_chain()
        if report.broken:
            what = f"event {report.broken.id} was {report.broken.what} (`cfsm history verify`)"
            raise StoreDamaged(open_database(home, terms).place, what)
        wanted = sorted(_references(log))
    blobs, missing = _sound(BlobFolder(home / BLOBS_FOLDER), wanted)
    size, digest = archive.pack(events, events.with_name(archive.EVENTS))
    manifest = Manifest(
        format=archive.FORMAT,
        cfsm=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        engine=terms.engine,
        events=report.events,
        head=report.head,
        blobs=len(blobs),
        missing=missing,
        events_bytes=size,
        events_sha256=digest,
    )
    return manifest, blobs


def _references(log: Recorder) -> set[str]:
    return {blob_hash for entry in pages(log.read, log.head()) for blob_hash in blobs_of(entry)}


def _sound(folder: BlobFolder, wanted: list[str]) -> tuple[dict[str, Path], tuple[str, ...]]:
    found, missing = {}, []
    for blob_hash in wanted:
        try:
            folder.get(blob_hash)
        except (BlobMissing, BlobCorrupted):
            missing.append(blob_hash)
        else:
            found[blob_hash] = folder.path(blob_hash)
    return found, tuple(missing)


@contextmanager
def _closing(database: Database) -> Iterator[Database]:
    try:
        yield database
    finally:
        database.close()


# Restore


def restore(
    file: Path, home: Path, terms: StoreTerms, *, replace: bool = False, progress: Progress = silent
) -> Restored:
    """Restore a backup into a home in which no factory runs: its events, its blobs; projections are made anew.

    Everything in the backup is verified before anything in the home is touched, and what is in the home is moved
    aside, never deleted. Raise BadBackup, Misconfigured if the home has events (unless ``replace``), or TryAgain.
    """
    make_home(home)
    if not replace and not (home / RESTORING).exists():
        _refuse_events(home, terms)
    try:
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=home) as folder:
            staged = Path(folder)
            manifest, blobs = archive.unpack_into(file, staged, lambda *done: progress("blobs", *done))
            _verify(file, staged / EVENTS_FILE, manifest, blobs)
            aside = _swap(home, terms, staged, progress)
    except OSError as error:
        raise of_system(error, Path(error.filename or home)) from error
    return Restored(manifest.events, manifest.blobs, manifest.head, aside)


def _refuse_events(home: Path, terms: StoreTerms) -> None:
    if not terms.is_postgres and not (home / EVENTS_FILE).exists():
        return
    with _closing(open_database(home, terms)) as database:
        database.create()
        events = Recorder(database).head()
    if events:
        raise Misconfigured(
            f"the event store {database.place} has {events} events: say --replace to move them aside, or choose "
            "another CFSM_HOME"
        )


def _verify(file: Path, events: Path, manifest: Manifest, blobs: set[str]) -> None:
    try:
        check_file(events, VERSION)
        with _closing(SQLite(events)) as database:
            log = Recorder(database)
            report = log.verify_chain()
            lost = _references(log) - blobs - set(manifest.missing)
    except Misconfigured as error:
        raise BadBackup(file, error) from error
    if report.broken:
        raise BadBackup(file, f"its event {report.broken.id} was {report.broken.what}")
    if (report.events, report.head) != (manifest.events, manifest.head):
        raise BadBackup(file, "its events are not those that its manifest tells of")
    if lost:
        raise BadBackup(file, f"the blob {min(lost)} is missing")


def _swap(home: Path, terms: StoreTerms, staged: Path, progress: Progress) -> Path | None:
    """Put the staged parts in place. While it is at it, ``RESTORING`` keeps everybody else out of the home."""
    aside = home / f"replaced_{datetime.now(UTC):%Y%m%d_%H%M%S_%f}"
    (home / RESTORING).mkdir(mode=0o700, exist_ok=True)
    make_durable(home)
    for name in (PROJECTIONS_FOLDER, BLOBS_FOLDER):
        move_aside(home / name, aside)
    if (staged / BLOBS_FOLDER).exists():
        (staged / BLOBS_FOLDER).rename(home / BLOBS_FOLDER)
    with _closing(open_database(home, terms)) as target:
        target.set_aside(aside.name)
        if terms.is_postgres:
            _into(target, staged / EVENTS_FILE, progress)
        else:
            (staged / EVENTS_FILE).rename(home / EVENTS_FILE)
    make_durable(home)
    (home / RESTORING).rmdir()
    return aside if aside.exists() else None


def _into(target: Database, events: Path, progress: Progress) -> None:
    target.create()
    with _closing(SQLite(events)) as source:
        copy_log(source, target, progress)
