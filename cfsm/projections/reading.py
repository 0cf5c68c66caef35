"""Views opened over a projection's file, or folded in memory up to a moment of the past."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from cfsm.domain.log import Log
from cfsm.projections.base import Projection, View
from cfsm.projections.damage import is_damage
from cfsm.projections.files import Home
from cfsm.projections.fold import Fold, Progress

BUSY_SECONDS = 5.0
OPENINGS = 5
"""How often a reader opens again when a new file is swapped in just while it opens the old one."""

ViewKind = TypeVar("ViewKind", bound=View)


class NotBuilt(Exception):
    """There is nothing to show yet; the message says what to do."""


class Unreadable(Exception):
    """The projection's file cannot be read; the message says what to do. The events are not touched by this."""


def read(view: type[ViewKind], directory: Path) -> ViewKind:
    """Give a view over the file in this directory, as it is at each question.

    A question raises NotBuilt if there is no file, Unreadable if it is damaged: its writer is then asked to build it
    anew. Readers keep no writer waiting, make no file, and see a file that is swapped in with their next question.
    """
    return view(_FileSource(view.projection, directory))


def fold(view: type[ViewKind], log: Log, until: int | None = None, progress: Progress | None = None) -> ViewKind:
    """Give a view as it was after the event ``until`` (the last one if None), folded in memory.

    The same log up to the same event gives the same answers, to the last byte. Raise as ``Fold.run``.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None)
    folded = Fold(view.projection(), connection)
    folded.create()
    folded.run(log, until, progress)
    return view(_MemorySource(connection))


class _MemorySource:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        yield  # nobody changes it


class _FileSource:
    """Rows of the newest readable file of a projection, opened again when another one takes its place."""

    def __init__(self, projection: type[Projection], directory: Path) -> None:
        oldest = projection.version if projection.readable_from is None else projection.readable_from
        self._homes = [
            Home(directory, projection.name, version) for version in range(projection.version, oldest - 1, -1)
        ]
        self._name = projection.name
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[Home, tuple[int, int]] | None = None
        self._in_snapshot = False

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._explained():
            return self._current().execute(sql, parameters).fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self._explained():
            connection = self._current()
            connection.execute("BEGIN")
        self._in_snapshot = True
        try:
            yield
        finally:
            self._in_snapshot = False
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _current(self) -> sqlite3.Connection:
        if self._connection is not None and (self._in_snapshot or self._opened == self._there()):
            return self._connection
        for _ in range(OPENINGS):
            there = self._there()
            if there is None:
                break
            self._close()
            if self._open(*there):
                assert self._connection is not None, "it was opened"
                return self._connection
        raise NotBuilt(
            f"the projection {self._name} is not built yet: start the factory with `cfsm run`, or fold it with "
            f"`cfsm projections rebuild {self._name}`"
        )

    def _there(self) -> tuple[Home, tuple[int, int]] | None:
        for home in self._homes:
            inode = home.inode()
            if inode is not None:
                return home, inode
        return None

    def _open(self, home: Home, inode: tuple[int, int]) -> bool:
        """Open the file; False if another one took its place before its write-ahead log was surely the right one."""
        try:
            connection = sqlite3.connect(_uri(home.path), uri=True, isolation_level=None, timeout=BUSY_SECONDS)
        except sqlite3.OperationalError:
            if home.inode() == inode:
                raise
            return False
        try:
            connection.execute("SELECT position FROM tracking").fetchall()
        except BaseException:
            connection.close()
            raise
        if home.inode() != inode:
            connection.close()
            return False
        self._connection, self._opened = connection, (home, inode)
        return True

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._opened = None, None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            home = self._homes[0]
            self._close()
            raise Unreadable(_advice(home, error)) from error


def _advice(home: Home, error: sqlite3.Error) -> str:
    if not is_damage(error):
        return f"the projection {home.name} in {home.directory} cannot be read: {error}"
    if home.ask_for_rebuild():
        return (
            f"the file of the projection {home.name} is damaged ({error}). A running factory builds it anew at once; "
            f"else run `cfsm projections rebuild {home.name}`"
        )
    return f"the file of the projection {home.name} is damaged ({error}), and {home.directory} is not writable"


def _uri(path: Path) -> str:
    """Give the address for reading only; on a read-only disk, where no index can be made, as a file that stays."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    real = path.resolve()
    if os.access(real.parent, os.W_OK) or real.with_name(f"{real.name}-wal").exists():
        return uri
    return f"{uri}&immutable=1"
