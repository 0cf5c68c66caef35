"""An entry of the event log, as it is recorded: what the factory writes, and projections and history read."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol


class NewEntry(NamedTuple):
    """One event on its way into the log, where it has no place yet.

    ``originator_id`` is the aggregate's id as 32 hex digits, ``state`` the event's facts as JSON text in UTF-8:
    ``timestamp`` (ISO 8601, UTC), ``meta``, and its own.
    """

    originator_id: str
    originator_version: int
    topic: str
    state: bytes


class LogEntry(NamedTuple):
    """One event as it lies in the log: a ``NewEntry`` with ``id``, its place there (from 1, rising)."""

    id: int
    originator_id: str
    originator_version: int
    topic: str
    state: bytes

    @property
    def name(self) -> str:
        """The name by which another event refers to it: ``<originator's id in hex>:<version>``."""
        return f"{self.originator_id}:{self.originator_version}"


class Log(Protocol):
    """Gives the entries of the event log in order."""

    def read(self, after: int, limit: int) -> Sequence[LogEntry]:
        """Give up to ``limit`` entries whose id is greater than ``after``."""

    def head(self) -> int:
        """Give the id of the last entry, 0 when there is none."""


def pages(
    read: Callable[[int, int], Sequence[LogEntry]], until: int, after: int = 0, size: int = 5_000
) -> Iterator[LogEntry]:
    """Give the entries whose ids are greater than ``after`` and at most ``until``, read ``size`` at a time."""
    while entries := read(after, size):
        after = entries[-1].id
        if after >= until:
            yield from (entry for entry in entries if entry.id <= until)
            return
        yield from entries
