"""Looks at a home's event store and blobs: what is wrong, and what to do about it."""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.event_store.database import Database
from cfsm.adapters.event_store.errors import StoreDamaged
from cfsm.adapters.event_store.opening import StoreTerms, open_database
from cfsm.adapters.event_store.recorder import Recorder
from cfsm.adapters.event_store.sqlite_file import check_file, check_sqlite
from cfsm.adapters.event_store.tables import VERSION
from cfsm.adapters.home import BLOBS_FOLDER, EVENTS_FILE, RESTORING
from cfsm.application.blob_references import blobs_of
from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.application.ports import BlobCorrupted, BlobMissing
from cfsm.domain.log import pages

MIN_FREE_MB = 256
"""With less free space than this the event store may fill the disk at any moment."""

LEFT_OVER_SECONDS = 3_600
"""Whoever writes a file has given it its name long before this."""

MAX_NAMED = 5
"""How many files a message names; it counts the others."""

RESTORE = "Restore a backup: `cfsm restore FILE --replace`. What is there is moved aside, not deleted."


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: whether it is well, in words, and what to do if not."""

    name: str
    ok: bool
    message: str
    what_to_do: str = ""


def inspect(home: Path, terms: StoreTerms, *, deep: bool = False) -> list[Check]:
    """Look at everything; ``deep`` reads every event and every blob too. Nothing is changed."""
    checks = [_sqlite(), _home(home), _privacy(home), _free_space(home)]
    events = _events(home, terms, deep=deep)
    checks.append(events)
    if events.ok and (terms.is_postgres or (home / EVENTS_FILE).exists()):
        database = open_database(home, terms)
        try:
            log = Recorder(database)
            checks += [_chain(log)] if deep else []
            checks.append(_blobs(log, BlobFolder(home / BLOBS_FOLDER), deep=deep))
        finally:
            database.close()
    return [*checks, _left_over(home)]


def require_sound(home: Path, terms: StoreTerms) -> None:
    """Raise Misconfigured, with what to do, if a factory must not start on this home. A home that is new is sound."""
    looks = [_sqlite()]
    if home.exists():
        looks += [_home(home), _free_space(home), _events(home, terms, deep=False)]
    for check in looks:
        if not check.ok:
            raise Misconfigured(f"{check.name}: {check.message}. {check.what_to_do}".strip())


def _sqlite() -> Check:
    try:
        check_sqlite()
    except Misconfigured as error:
        return Check("SQLite", ok=False, message=str(error), what_to_do="Install the package pysqlite3.")
    return Check("SQLite", ok=True, message=sqlite3.sqlite_version)


def _home(home: Path) -> Check:
    make_writable = f"Make {home} a folder that this user owns and may write: chown, chmod 700; or set CFSM_HOME."
    if not home.is_dir():
        return Check("home", ok=False, message=f"{home} is not a folder", what_to_do=make_writable)
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        return Check("home", ok=False, message=f"{home} cannot be written: {error.strerror}", what_to_do=make_writable)
    return Check("home", ok=True, message=str(home))


def _privacy(home: Path) -> Check:
    """Look at who may read the home. That others may is worth knowing, and no reason to refuse work."""
    others = [path for path in (home, home / EVENTS_FILE) if path.exists() and path.stat().st_mode & 0o077]
    if others:
        what = f"other users of this machine may enter {_named(others)}"
        return Check("privacy", ok=False, message=what, what_to_do=f"chmod go= {' '.join(map(str, others))}")
    return Check("privacy", ok=True, message="no other user may read the home")


def _free_space(home: Path) -> Check:
    place = home
    while not place.exists():
        place = place.parent
    free_mb = shutil.disk_usage(place).free // 2**20
    enough = free_mb >= MIN_FREE_MB
    what_to_do = "" if enough else "Free some space, or move the home to another disk."
    return Check("free space", ok=enough, message=f"{free_mb} MB, at least {MIN_FREE_MB}", what_to_do=what_to_do)


def _events(home: Path, terms: StoreTerms, *, deep: bool) -> Check:
    if (home / RESTORING).exists():
        what_to_do = "Run `cfsm restore FILE --replace` again."
        return Check("events", ok=False, message="a restore was cut off", what_to_do=what_to_do)
    if not terms.is_postgres and not (home / EVENTS_FILE).exists():
        return Check("events", ok=True, message="none yet")
    database = open_database(home, terms)
    try:
        if not terms.is_postgres:
            check_file(home / EVENTS_FILE, VERSION)
            _check_pages(database, deep=deep)
        head = Recorder(database).head()
    except StoreDamaged as error:
        return Check("events", ok=False, message=f"refused: {error}", what_to_do=RESTORE)
    except Misconfigured as error:
        return Check("events", ok=False, message=str(error))
    except TryAgain as error:
        return Check("events", ok=False, message=str(error), what_to_do="Try again when it is free.")
    finally:
        database.close()
    return Check("events", ok=True, message=f"{head} in {database.place}")


def _check_pages(database: Database, *, deep: bool) -> None:
    rows = database.query(f"PRAGMA {'integrity_check' if deep else 'quick_check'}({MAX_NAMED})")
    if rows != [("ok",)]:
        raise StoreDamaged(database.place, "; ".join(str(row[0]) for row in rows))


def _chain(log: Recorder) -> Check:
    report = log.verify_chain()
    if report.broken is None:
        return Check("chain", ok=True, message=f"{report.events} events hold; head {report.head or 'none'}")
    what = f"event {report.broken.id} was {report.broken.what}; the {report.events} before it hold"
    return Check("chain", ok=False, message=what, what_to_do=RESTORE)


def _blobs(log: Recorder, folder: BlobFolder, *, deep: bool) -> Check:
    wanted = sorted({blob_hash for entry in pages(log.read, log.head()) for blob_hash in blobs_of(entry)})
    lost = list(_lost(folder, wanted, deep=deep))
    if lost:
        what = f"{len(lost)} of {len(wanted)} are missing or damaged: {_named(lost)}"
        return Check("blobs", ok=False, message=what, what_to_do=RESTORE)
    return Check("blobs", ok=True, message=f"{len(wanted)} that events refer to are {'sound' if deep else 'there'}")


def _lost(folder: BlobFolder, wanted: Iterable[str], *, deep: bool) -> Iterator[Path | str]:
    for blob_hash in wanted:
        try:
            if deep:
                folder.get(blob_hash)
            elif blob_hash not in folder:
                yield folder.path(blob_hash)
        except BlobMissing:
            yield blob_hash
        except BlobCorrupted:
            yield folder.path(blob_hash)


def _left_over(home: Path) -> Check:
    left = left_over(home)
    if not left:
        return Check("left over", ok=True, message="nothing")
    what = f"{len(left)} that a killed process did not finish: {_named(left)}"
    return Check("left over", ok=False, message=what, what_to_do="They hold nothing: remove them.")


def left_over(home: Path, older_seconds: float = LEFT_OVER_SECONDS) -> list[Path]:
    """Give the files and folders that killed processes did not finish."""
    before = time.time() - older_seconds
    left = BlobFolder(home / BLOBS_FOLDER).unfinished(older_seconds)
    for pattern in (".restore-*", f".{EVENTS_FILE}-*"):
        for path in sorted(home.glob(pattern)):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    left.append(path)
    return left


def _named(paths: Iterable[os.PathLike[str] | str]) -> str:
    names = list(map(str, paths))
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
