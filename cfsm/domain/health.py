"""How well a worker is, as a score from 100 down, with every deduction in words. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

WELL = 80
"""A worker with this score is well."""

POORLY = 40
"""Below this a person should look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What is known of one process of the factory. None: not known, or not said of such a process."""

    is_wanted: bool = True
    """Whether it should run now; one that rests until it is needed should not."""
    is_running: bool
    trouble: str = ""
    """Why it does not run."""
    silent_seconds: float | None = None
    """Since its work loop last gave a sign of life."""
    lag_events: int | None = None
    """How many events of the log it has not taken in."""
    done: int = 0
    """Tasks done within the last hour."""
    failed: int = 0
    """Attempts at tasks that failed within the last hour."""
    restarts: int = 0
    """How often it was started again within the last hour after it had died."""
    memory_mb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRules:
    """From where on something is deducted. Memory: above ``memory_mb`` in part, above twice of it in full."""

    silent_seconds: float = 10.0
    """Twice the time between two signs of life of a worker that is well; from ``hung_seconds`` on it hangs."""
    hung_seconds: float = 30.0
    lag_events: int = 500
    memory_mb: float | None = 500.0


class Level(StrEnum):
    """A score in one word."""

    WELL = "well"
    POORLY = "poorly"
    ILL = "ill"
    RESTING = "resting"


@dataclass(frozen=True, slots=True)
class Deduction:
    """So many points less, and why."""

    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """A score, and what was deducted for it."""

    score: int
    level: Level
    deductions: tuple[Deduction, ...]

    @property
    def reason(self) -> str:
        """Give the deductions in words, the gravest first; empty where there is none."""
        return "; ".join(each.reason for each in sorted(self.deductions, key=lambda each: -each.points))


MOST_FOR_SILENCE = 100
MOST_FOR_LAG = 50
MOST_FOR_FAILURES = 60
MOST_FOR_MEMORY = 40
FOR_EACH_RESTART = 15
MOST_FOR_RESTARTS = 60


def health_of(vitals: Vitals, rules: HealthRules) -> Health:
    """Give how well a process is."""
    if not vitals.is_wanted:
        return Health(100, Level.RESTING, ())
    deductions = tuple(each for each in _deductions(vitals, rules) if each.points > 0)
    score = max(0, 100 - sum(each.points for each in deductions))
    level = Level.WELL if score >= WELL else Level.POORLY if score >= POORLY else Level.ILL
    return Health(score, level, deductions)


def _deductions(vitals: Vitals, rules: HealthRules) -> Iterator[Deduction]:
    if not vitals.is_running:
        yield Deduction(100, vitals.trouble or "it does not run")
        return
    if vitals.silent_seconds is not None:
        points = _share(vitals.silent_seconds, rules.silent_seconds, rules.hung_seconds, MOST_FOR_SILENCE)
        yield Deduction(points, f"silent for {vitals.silent_seconds:.0f} s")
    if vitals.lag_events is not None:
        points = _share(vitals.lag_events, rules.lag_events, 20 * rules.lag_events, MOST_FOR_LAG)
        yield Deduction(points, f"{vitals.lag_events} events behind the log")
    if vitals.failed:
        points = round(MOST_FOR_FAILURES * vitals.failed / (vitals.failed + vitals.done))
        tried = vitals.failed + vitals.done
        yield Deduction(points, f"{vitals.failed} of {tried} attempts failed within the hour")
    times = "once" if vitals.restarts == 1 else f"{vitals.restarts} times"
    points = min(MOST_FOR_RESTARTS, FOR_EACH_RESTART * vitals.restarts)
    yield Deduction(points, f"started again {times} within the hour")
    if vitals.memory_mb is not None and rules.memory_mb is not None:
        points = _share(vitals.memory_mb, rules.memory_mb, 2 * rules.memory_mb, MOST_FOR_MEMORY)
        yield Deduction(points, f"takes {vitals.memory_mb:.0f} MB where {rules.memory_mb:.0f} MB are expected")


def _share(value: float, least: float, most: float, points: int) -> int:
    """Give the points in proportion to where the value lies between two others; at least one above the least."""
    if value <= least:
        return 0
    return max(1, min(points, round(points * (value - least) / (most - least))))
