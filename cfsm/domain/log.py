"""An entry of the event log, as it was recorded: what projections and history read."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class LogEntry(NamedTuple):
    """One event as it lies in the log.

    ``id`` is its place in the log (from 1, rising), ``originator_id`` the aggregate's id as 32 hexadecimal digits,
    ``state`` the event's facts as JSON text in UTF-8: ``timestamp`` (ISO 8601, UTC), ``meta``, and its own.
    """

    id: int
    originator_id: str
    originator_version: int
    topic: str
    state: bytes


class Log(Protocol):
    """Gives the entries of the event log in order."""

    def read(self, after: int, limit: int) -> Sequence[LogEntry]:
        """Give up to ``limit`` entries whose id is greater than ``after``."""

    def head(self) -> int:
        """Give the id of the last entry, 0 when there is none."""
