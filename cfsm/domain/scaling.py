"""How many processes of a role should run: by what waits, what the machine has left, and what was at rest. Pure."""

from dataclasses import dataclass

from cfsm.domain.admission import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingRules:
    """Between which numbers, and after which time without work a process more than the least is ended."""

    least: int
    most: int
    idle_seconds: float = 60.0

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise ValueError(f"between {self.least} and {self.most} processes there is none")


@dataclass(frozen=True, slots=True)
class Scaling:
    """How many should run, and why another number than now; empty where nothing changes."""

    count: int
    reason: str = ""


def scale(
    rules: ScalingRules, *, running: int, waiting: int, idle_seconds: float, shortage: Refused | None = None
) -> Scaling:
    """Say how many should run, where ``running`` do and ``waiting`` tasks nobody has claimed.

    One more at a time, so that the next look sees what it did. While the machine is only busy none is added and none
    taken; where it lacks memory or disk, all beyond the least end.
    """
    if running < rules.least:
        return Scaling(rules.least, "fewer than the least run")
    if shortage is not None and not shortage.code.is_only_busy:
        return _fewer(rules.least, running, shortage.reason)
    if running > rules.most:
        return Scaling(rules.most, "more than the most run")
    if waiting:
        more = running < rules.most and (shortage is None or not running)  # even a busy machine does one at a time
        return Scaling(running + 1, _tasks(waiting)) if more else Scaling(running)
    if idle_seconds >= rules.idle_seconds:
        return _fewer(max(rules.least, running - 1), running, f"nothing waited for {idle_seconds:.0f} s")
    return Scaling(running)


def _fewer(count: int, running: int, reason: str) -> Scaling:
    return Scaling(count, reason) if count < running else Scaling(running)


def _tasks(waiting: int) -> str:
    return "a task waits" if waiting == 1 else f"{waiting} tasks wait"
