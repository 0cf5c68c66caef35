"""What a supervisor tells of its units."""

import logging
from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """What happened to a unit."""

    STARTED = "started"
    READY = "ready"
    OVERDUE = "overdue"
    """It broke a deadline and was signalled; the message says which."""
    EXITED = "exited"
    WAITING = "waiting"
    """It is started again after a pause."""
    FAILED = "failed"
    """It crashed too often; it is still tried, seldom."""
    MISCONFIGURED = "misconfigured"
    """It is not started again; the message says what to change."""
    RESTING = "resting"
    """It starts again when somebody connects to its socket."""
    STOPPING = "stopping"
    STOPPED = "stopped"
    IGNORED = "ignored"
    """Another process spoke in its name, told once per run."""
    REMNANTS = "remnants"
    """Processes that it left behind were killed."""
    UNWRITABLE = "unwritable"
    """Its log, or the status, cannot be written; told once until it can."""


_LEVELS = {
    EventKind.OVERDUE: logging.WARNING,
    EventKind.EXITED: logging.WARNING,
    EventKind.WAITING: logging.WARNING,
    EventKind.FAILED: logging.ERROR,
    EventKind.MISCONFIGURED: logging.ERROR,
    EventKind.IGNORED: logging.WARNING,
    EventKind.REMNANTS: logging.WARNING,
    EventKind.UNWRITABLE: logging.ERROR,
}


@dataclass(frozen=True, slots=True)
class SupervisorEvent:
    """One thing that happened, in words for people."""

    kind: EventKind
    unit: str
    """The unit's name; empty if it concerns the supervisor itself."""
    message: str
    pid: int | None = None

    @property
    def level(self) -> int:
        """Logging's level for it."""
        return _LEVELS.get(self.kind, logging.INFO)
