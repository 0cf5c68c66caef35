"""The database under an event store: transactions, and the words in which SQLite and PostgreSQL differ."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol


class Cursor(Protocol):
    """What both databases' cursors can do; rows are tuples."""

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Any:
        """Run a statement."""

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]], /) -> Any:
        """Run a statement once for each row of parameters."""

    def fetchone(self) -> Any:
        """Give the next row, or None."""

    def fetchmany(self, size: int, /) -> Any:
        """Give up to so many of the rows that are left."""


class Database(ABC):
    """A database that keeps an event store.

    Whatever goes wrong leaves its methods as TryAgain, Misconfigured, or Conflict where a row is there already.
    ``place`` says in messages which database it is. ``era`` names the run of its lease clock: a lease of another era
    (the machine was started anew) is no lease.
    """

    parameter: ClassVar[str]

    def __init__(self, place: str, era: str, words: Mapping[str, str]) -> None:
        self.place = place
        self.era = era
        self._words = words
        self._statements: dict[str, str] = {}

    def sql(self, statement: str) -> str:
        """Give a statement with its ``{words}`` and ``?`` as this database spells them."""
        found = self._statements.get(statement)
        if found is None:
            found = statement.replace("?", self.parameter)
            for word, spelling in self._words.items():
                found = found.replace(f"{{{word}}}", spelling)
            self._statements[statement] = found
        return found

    @abstractmethod
    def create(self) -> None:
        """Make the tables where there are none; of several processes at once one does it."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Cursor]:
        """Give the cursor of a transaction that is on the disk when the block ends, and undone when it raises."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Cursor]:
        """Give a cursor that sees the database as it is now until the block ends, and may only read."""

    @abstractmethod
    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Give the rows of one question."""

    @abstractmethod
    def lock_log(self, cursor: Cursor) -> None:
        """Let nobody else append until the transaction ends, and wake the log's followers when it is committed."""

    @abstractmethod
    def set_aside(self, name: str) -> None:
        """Keep the whole store, if there is one, under another name; nothing is left in its place."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""
