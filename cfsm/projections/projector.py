"""The one writer of a projection's file: keeps it up to date, builds it anew, and heals it."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from cfsm.domain.log import Log
from cfsm.projections.base import Projection
from cfsm.projections.damage import is_damage
from cfsm.projections.files import Home
from cfsm.projections.fold import PAGE_ENTRIES, Fold, OutOfStep, Progress

BUSY_SECONDS = 10.0
WAL_LIMIT_BYTES = 16_000_000
CACHE_KB = 4_096
BUILDING_CACHE_KB = 16_384


class CannotWrite(Exception):
    """The disk does not take the projection for now (full, read-only, failing); nothing that it had is lost."""


class Projector:
    """Holds the right to write one projection from its making until ``close``. Raise InUse or CannotWrite.

    ``note`` hears, in a sentence, whenever the projection is built anew and why. ``page`` bounds a transaction.
    """

    def __init__(
        self,
        projection: type[Projection],
        directory: Path,
        note: Callable[[str], None] = lambda _: None,
        page: int = PAGE_ENTRIES,
    ) -> None:
        self._projection = projection
        self._home = Home.of(projection, directory)
        self._note = note
        self._page = page
        self._connection: sqlite3.Connection | None = None
        self._fold: Fold | None = None
        self._inode: tuple[int, int] | None = None
        with _named(self._home):
            self._lock = self._home.lock()

    def catch_up(self, log: Log, until: int | None = None, progress: Progress | None = None) -> int:
        """Take in what the log has beyond the projection, and give the id of the last event that is in it.

        A file that is missing, damaged, of another shape, folded from another log, or wished away, is built anew.
        Raise CannotWrite, or CannotFold for an event that cannot be taken in.
        """
        with _named(self._home):
            why = self._why_not_as_it_is()
            if why is None:
                assert self._fold is not None, "it was opened"
                try:
                    return self._fold.run(log, until, progress, self._page)
                except OutOfStep as error:
                    why = str(error)
                except sqlite3.DatabaseError as error:
                    why = _damage(error)
            self._note(f"The projection {self._projection.name} is built: {why}.")
            return self._build(log, until, progress)

    def rebuild(self, log: Log, progress: Progress | None = None) -> int:
        """Fold the whole log anew, beside what readers see meanwhile, and swap. Raise as ``catch_up``."""
        with _named(self._home):
            return self._build(log, None, progress)

    def close(self) -> None:
        """Give the right to write back; again is no error."""
        self._release()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _why_not_as_it_is(self) -> str | None:
        """Say why the file readers find cannot be gone on with; None if it can, and is open."""
        inode = self._home.inode()
        if inode is None:
            return "there is no file of it yet"
        if self._home.wish.exists():
            return "it was asked for"
        if self._fold is not None and inode == self._inode:
            return None
        return self._open(inode)

    def _open(self, inode: tuple[int, int]) -> str | None:
        self._release()
        self._connection = connection = _connect(self._home.path, "rw")
        fold = Fold(self._projection(), connection)
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
            connection.execute("PRAGMA journal_mode = WAL")
            if not fold.resume():
                return "its file is damaged or of another shape"
        except sqlite3.DatabaseError as error:
            return _damage(error)
        self._fold, self._inode = fold, inode
        return None

    def _build(self, log: Log, until: int | None, progress: Progress | None) -> int:
        self._home.clear_building()
        try:
            self._fill(log, until, progress)
            self._release()  # also moves what the old file's write-ahead log holds into it, for its last readers
            self._home.swap()
        finally:
            self._home.clear_building()
        inode = self._home.inode()
        why = "it is gone again" if inode is None else self._open(inode)
        if why is not None or self._fold is None:
            raise CannotWrite(f"the projection {self._projection.name} was built, and {why}: check the disk")
        return self._fold.run(log, until, progress, self._page)

    def _fill(self, log: Log, until: int | None, progress: Progress | None) -> None:
        connection = _connect(self._home.building, "rwc")
        try:
            # Whatever goes wrong, the file is thrown away: it needs no journal, and is synced once, at the end.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"PRAGMA cache_size = -{BUILDING_CACHE_KB}")
            fold = Fold(self._projection(), connection)
            fold.create()
            fold.run(log, until, progress, self._page)
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()

    def _release(self) -> None:
        self._fold, self._inode = None, None
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def _named(home: Home) -> Iterator[None]:
    """Turn what the disk or SQLite refuses into CannotWrite, with the projection's name."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise CannotWrite(
            f"the projection {home.name} cannot be written to {home.directory}: {error}. Free space there or make "
            "it writable; nothing is lost, it goes on from where it was"
        ) from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)


def _damage(error: sqlite3.DatabaseError) -> str:
    """Say that the file is damaged; raise the error again where it says something else."""
    if is_damage(error):
        return f"its file is damaged ({error})"
    raise error
