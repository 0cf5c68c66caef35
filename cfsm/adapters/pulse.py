"""Signs of life of the workers: one small file each in the run folder, the same with systemd and without it."""

import contextlib
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from cfsm.adapters.memory import own_memory_bytes
from cfsm.application.pulse import Record

PULSES_FOLDER = "pulses"
BEAT_SECONDS = 5.0
"""How often a worker that has nothing new to tell gives a sign of life."""

NEWS_SECONDS = 0.5
"""How often at most news are told."""

MEMORY_SECONDS = 30.0
"""How often memory is measured, for which the kernel walks all pages."""

HOUR_SECONDS = 3600.0
KEPT = 10_000
"""Of so many things at most within the hour is the time known."""

log = logging.getLogger(__name__)


def now_seconds() -> float:
    """Tell the time since this machine started, the same for all its processes; no clock that is set moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """The last sign of life of a worker. ``at`` and ``started_at`` are seconds since the machine started."""

    name: str
    pid: int
    started_at: float
    at: float
    doing: str
    waits_because: str
    done: int
    failed: int
    done_within_hour: int
    failed_within_hour: int
    last_error: str
    position: int | None
    memory_mb: float
    cpu_seconds: float
    cpu_percent: float
    """Of one core, since the sign before."""
    deaths: list[float] = field(default_factory=list)
    """When it was started again within the last hour after it had died."""
    has_ended: bool = False


class PulseFile:
    """Writes a worker's signs of life. What cannot be written is logged once; it never stops the worker."""

    def __init__(self, folder: Path, name: str, now: Callable[[], float] = now_seconds) -> None:
        """Begin; if the one before did not end in order, it died."""
        self._path = folder / PULSES_FOLDER / f"{name}.json"
        self._name = name
        self._now = now
        self._started_at = now()
        self._deaths = _deaths_until(_read(self._path), self._started_at)
        self._told_at = float("-inf")
        self._used = (self._started_at, time.process_time())
        self._measured_at = float("-inf")
        self._memory_mb = 0.0
        self._told: Record | None = None
        self._done: deque[float] = deque(maxlen=KEPT)
        self._failed: deque[float] = deque(maxlen=KEPT)
        self._is_failing = False

    def beat(self, record: Record) -> None:
        """Write a sign of life: news soon, nothing new seldom."""
        now = self._now()
        if now - self._told_at < (BEAT_SECONDS if record == self._told else NEWS_SECONDS):
            return
        before = self._told or Record()
        self._done.extend([now] * (record.done - before.done))
        self._failed.extend([now] * (record.failed - before.failed))
        self._write(record, now)
        self._told, self._told_at = Record(**asdict(record)), now

    def end(self) -> None:
        """Say that the worker ends in order."""
        self._write(self._told or Record(), self._now(), has_ended=True)

    def _write(self, record: Record, now: float, *, has_ended: bool = False) -> None:
        for times in (self._done, self._failed):
            while times and times[0] < now - HOUR_SECONDS:
                times.popleft()
        if now - self._measured_at >= MEMORY_SECONDS:
            self._memory_mb, self._measured_at = round(own_memory_bytes(os.getpid()) / 2**20, 1), now
        (then, used_then), self._used = self._used, (now, time.process_time())
        used = self._used[1]
        sign = Sign(
            name=self._name,
            pid=os.getpid(),
            started_at=self._started_at,
            at=now,
            **asdict(record),
            done_within_hour=len(self._done),
            failed_within_hour=len(self._failed),
            memory_mb=self._memory_mb,
            cpu_seconds=round(used, 3),
            cpu_percent=round(100 * (used - used_then) / (now - then), 1) if now > then else 0.0,
            deaths=[at for at in self._deaths if at >= now - HOUR_SECONDS],
            has_ended=has_ended,
        )
        fresh = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.write_bytes(orjson.dumps(sign))
            fresh.replace(self._path)
        except OSError as error:
            if not self._is_failing:
                log.warning("signs of life cannot be written: %s", error)
            self._is_failing = True
        else:
            self._is_failing = False


def read_sign(folder: Path, name: str) -> Sign | None:
    """Give the last sign of life of a worker, if it ever gave one."""
    return _read(folder / PULSES_FOLDER / f"{name}.json")


def read_signs(folder: Path) -> Mapping[str, Sign]:
    """Give the last sign of life of every worker that ever gave one, by name."""
    signs = (_read(path) for path in sorted((folder / PULSES_FOLDER).glob("*.json")))
    return {sign.name: sign for sign in signs if sign is not None}


def _read(path: Path) -> Sign | None:
    with contextlib.suppress(OSError, ValueError, TypeError):  # none yet, or of another version
        return Sign(**orjson.loads(path.read_bytes()))
    return None


def _deaths_until(last: Sign | None, now: float) -> list[float]:
    if last is None or last.at > now:  # the machine was started again since
        return []
    return last.deaths if last.has_ended else [*last.deaths, now]
