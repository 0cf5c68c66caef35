"""What a worker tells of itself while it works, for whoever looks after the factory."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Record:
    """What a worker does and has done since it started."""

    doing: str = ""
    waits_because: str = ""
    """Why it takes on no tasks now; empty where it does."""
    done: int = 0
    """Tasks done."""
    failed: int = 0
    """Attempts at tasks that failed."""
    last_error: str = ""
    position: int | None = None
    """The last event that it has taken in; None for a worker that follows no projection."""


class Pulse(Protocol):
    """Passes on signs of life."""

    def beat(self, record: Record) -> None:
        """Give a sign of life; what is told too often is not passed on."""

    def end(self) -> None:
        """Say that the worker ends in order."""


class _NoPulse:
    def beat(self, record: Record) -> None:
        pass

    def end(self) -> None:
        pass


NO_PULSE: Pulse = _NoPulse()
"""Tells nobody."""
