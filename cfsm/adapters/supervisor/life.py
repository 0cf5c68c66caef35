"""What one run of a unit owes to its supervisor, and by when. No I/O; times are passed in (seconds, any clock)."""

from dataclasses import dataclass
from enum import StrEnum
from signal import Signals

from cfsm.adapters.supervisor.units import UnitSpec

ABORT_GRACE_SECONDS = 1.0
"""From SIGABRT, which lets faulthandler print where a hung process stands, to SIGKILL."""

HURRIED_STOP_SECONDS = 2.0
"""What is left to a stopping unit when the user will not wait."""

EXTENSION_MAX_SECONDS = 3600.0
"""A unit may ask for so much more time at once, and as often as it likes."""


OVERSLEPT_SECONDS = 2.0
"""Whoever looks at a deadline so late did not run itself: the machine stood still, and the unit could not speak."""

WAKING_SECONDS = 5.0
"""What a unit has to speak in after its machine stood still."""


class Phase(StrEnum):
    """Where a run stands."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    ABORTED = "aborted"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Order:
    """A signal to send now, and why."""

    signal: Signals
    reason: str


class Life:
    """One run of a unit, from its spawn to its end."""

    def __init__(self, spec: UnitSpec, now: float) -> None:
        self._spec = spec
        self.phase = Phase.STARTING
        self.deadline: float | None = now + spec.start_timeout_seconds
        """When ``overdue`` is to be asked again; None: never."""

    def ready(self, now: float) -> None:
        """Hear READY=1."""
        if self.phase is Phase.STARTING:
            self.phase = Phase.RUNNING
        self.ping(now)

    def ping(self, now: float) -> None:
        """Hear WATCHDOG=1; it counts only while running."""
        if self.phase is Phase.RUNNING:
            limit = self._spec.watchdog_seconds
            self.deadline = None if limit is None else now + limit

    def extend(self, seconds: float, now: float) -> None:
        """Hear EXTEND_TIMEOUT_USEC: at least so much more time to start or to stop."""
        if self.phase in (Phase.STARTING, Phase.STOPPING) and self.deadline is not None:
            self.deadline = max(self.deadline, now + min(seconds, EXTENSION_MAX_SECONDS))

    def stopping(self, now: float) -> None:
        """Hear STOPPING=1, or tell the unit to stop: its time runs from the first of the two."""
        if self.phase in (Phase.STARTING, Phase.RUNNING):
            self.phase = Phase.STOPPING
            self.deadline = now + self._spec.stop_timeout_seconds

    def hurry(self, now: float) -> None:
        """Leave a stopping unit little time."""
        if self.phase is Phase.STOPPING and self.deadline is not None:
            self.deadline = min(self.deadline, now + HURRIED_STOP_SECONDS)

    def killed(self) -> None:
        """Hear that SIGKILL was sent; nothing is due any more."""
        self.phase = Phase.KILLED
        self.deadline = None

    def overdue(self, now: float) -> Order | None:
        """Give what is to be done about a deadline that has passed, and go on to the next one."""
        if self.deadline is None or now < self.deadline:
            return None
        if now - self.deadline > OVERSLEPT_SECONDS and self.phase in (Phase.STARTING, Phase.RUNNING):
            self.deadline = now + WAKING_SECONDS
            return None
        spec = self._spec
        if self.phase is Phase.STARTING:
            return self._abort(now, f"not ready within {spec.start_timeout_seconds:g} s")
        if self.phase is Phase.RUNNING:
            return self._abort(now, f"no sign of life for {spec.watchdog_seconds:g} s")
        was = self.phase
        self.killed()
        if was is Phase.STOPPING:
            return Order(Signals.SIGKILL, "did not stop in the time it had")
        return Order(Signals.SIGKILL, f"still there {ABORT_GRACE_SECONDS:g} s after SIGABRT")

    def _abort(self, now: float, reason: str) -> Order:
        self.phase = Phase.ABORTED
        self.deadline = now + ABORT_GRACE_SECONDS
        return Order(Signals.SIGABRT, reason)
