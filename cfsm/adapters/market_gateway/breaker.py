"""A circuit breaker: after failures in a row nothing is asked for a while, then one request is let through to see."""

from collections.abc import Callable
from enum import StrEnum

FAILURES = 5
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 120.0


class BreakerState(StrEnum):
    """Whether requests go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Counts failures. ``changed`` hears of each new state with why and for how many seconds; ``now`` is in seconds."""

    def __init__(self, now: Callable[[], float], changed: Callable[[BreakerState, str, float], None]) -> None:
        self._now = now
        self._changed = changed
        self.state = BreakerState.CLOSED
        self._failures = 0
        self._pause = FIRST_PAUSE_SECONDS
        self._open_until = 0.0

    def lets_through(self) -> bool:
        """Say whether a request may be made now; of a half-open breaker one may, until its outcome is known."""
        if self.state is BreakerState.OPEN and self._now() >= self._open_until:
            self._become(BreakerState.HALF_OPEN, "", 0.0)
            return True
        return self.state is BreakerState.CLOSED

    @property
    def wait_seconds(self) -> float:
        """How long nothing goes through."""
        return max(0.0, self._open_until - self._now()) if self.state is BreakerState.OPEN else 0.0

    def succeeded(self) -> None:
        """Hear of a good answer."""
        self._failures, self._pause = 0, FIRST_PAUSE_SECONDS
        if self.state is not BreakerState.CLOSED:
            self._become(BreakerState.CLOSED, "", 0.0)

    def failed(self, why: str) -> None:
        """Hear of a failure."""
        self._failures += 1
        if self.state is BreakerState.HALF_OPEN:
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            self._open(why, self._pause)
        elif self.state is BreakerState.CLOSED and self._failures >= FAILURES:
            self._open(f"{self._failures} failures in a row, the last: {why}", self._pause)

    def ban(self, seconds: float) -> None:
        """Open for as long as the exchange says, without being told of as opened: a ban is told of by itself."""
        self.state = BreakerState.OPEN
        self._open_until = max(self._open_until, self._now() + seconds)

    def _open(self, why: str, seconds: float) -> None:
        self._open_until = self._now() + seconds
        self._become(BreakerState.OPEN, why, seconds)

    def _become(self, state: BreakerState, why: str, seconds: float) -> None:
        self.state = state
        self._changed(state, why, seconds)
