"""What is to be supervised: units, the order in which they stop, and the policy of restarts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

_DOUBLINGS_MAX = 64
"""Beyond this every delay is the longest one; the power itself must not outgrow a float."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSpec:
    """One process to keep running.

    ``environ`` is the whole environment of the process; the supervisor adds the variables of the protocol.
    ``argv`` has to start with a path, or a name that the supervisor's own PATH leads to.
    """

    name: str
    """Small letters, digits and ``_.@-``; it names the log file too."""
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    watchdog_seconds: float | None = 30.0
    """The longest silence allowed after READY=1; None: none is too long."""
    start_timeout_seconds: float = 30.0
    """Until READY=1; EXTEND_TIMEOUT_USEC asks for more."""
    stop_timeout_seconds: float = 10.0
    """From SIGTERM to SIGKILL; EXTEND_TIMEOUT_USEC asks for more."""
    stop_after: tuple[str, ...] = ()
    """The units that must have stopped before this one is told to. They start after it."""
    listens_at: Path | None = None
    """A unix socket on which the supervisor listens for it: the unit starts when somebody connects, and may end with
    exit code 0 when nobody needs it. It finds the socket by ``listening.passed_listener``."""

    is_reserve: bool = False
    """Whether it rests until it is asked for by an order."""
    may_order: bool = False
    """Whether it may give orders about the others; see ``orders``."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a unit's name has small letters, digits and _.@-, at most 64: not {self.name!r}")
        if not self.argv:
            raise ValueError(f"unit {self.name} has no program to run")


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """When a unit that ended is started again; there is no chance in it."""

    first_delay_seconds: float = 0.1
    longest_delay_seconds: float = 30.0
    settled_seconds: float = 60.0
    """Whoever ran so long has not crashed quickly: the count begins anew."""
    start_limit: int = 10
    """So many quick crashes in a row make a unit a failed one."""
    failed_delay_seconds: float = 60.0
    """A failed unit is still tried, so seldom."""

    def has_failed(self, quick_crashes: int) -> bool:
        """Tell whether so many quick crashes in a row are too many."""
        return quick_crashes >= self.start_limit

    def delay_seconds(self, quick_crashes: int) -> float:
        """Give the pause after the n-th quick crash in a row: 0.1 s, doubled each time up to 30 s."""
        if self.has_failed(quick_crashes):
            return self.failed_delay_seconds
        doublings = min(max(quick_crashes, 1) - 1, _DOUBLINGS_MAX)
        return float(min(self.first_delay_seconds * 2**doublings, self.longest_delay_seconds))


def in_start_order(specs: Iterable[UnitSpec]) -> tuple[UnitSpec, ...]:
    """Give the units so that each stands after those that stop after it.

    Raise ValueError for a name that is there twice, a name that is not there, or a circle.
    """
    by_name: dict[str, UnitSpec] = {}
    for spec in specs:
        if spec.name in by_name:
            raise ValueError(f"two units are called {spec.name}")
        by_name[spec.name] = spec
    for spec in by_name.values():
        for other in spec.stop_after:
            if other not in by_name:
                raise ValueError(f"unit {spec.name} stops after {other}, which is no unit")
    sorter = TopologicalSorter({spec.name: spec.stop_after for spec in by_name.values()})
    try:
        stop_order = tuple(sorter.static_order())
    except CycleError as error:
        raise ValueError(f"units stop after each other in a circle: {' after '.join(error.args[1])}") from error
    return tuple(by_name[name] for name in reversed(stop_order))
