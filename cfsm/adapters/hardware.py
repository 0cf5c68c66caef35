"""How loaded this machine is: memory, disk, pressure (PSI), use of the cores, heat. Cheap enough to ask often.

Where control groups limit the factory, as a container does, memory and pressure are the worse of both.
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from cfsm.adapters.control_group import ControlGroups
from cfsm.domain.admission import Load

PRESSURE = Path("/proc/pressure")
TEMPERATURE_SECONDS = 10.0
"""A sensor may take milliseconds to answer, and heat changes slowly."""

PROCESSOR_SENSORS = frozenset({"coretemp", "k10temp", "zenpower", "cpu_thermal", "acpitz"})
"""Names of the kernel's sensors of processors; a disk may well be hotter without any harm."""

LONGEST_WINDOWS = 5
"""A change over more windows than that is an old story: the kernel's own average of ten seconds is taken then."""


class Gauge:
    """Measures the machine and the disk of a folder, at most once in ``window_seconds``; between, the last is given."""

    def __init__(
        self,
        folder: Path,
        window_seconds: float,
        *,
        pressure: Path = PRESSURE,
        groups: ControlGroups | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._window_seconds = window_seconds
        self._now = now
        self._groups = groups or ControlGroups()
        folders = self._groups.pressure_folders()
        cpu = [pressure / "cpu", *(folder / "cpu.pressure" for folder in folders)]
        memory = [pressure / "memory", *(folder / "memory.pressure" for folder in folders)]
        self._cores = _Cores()
        self._cpu = [_Pressure(path, "some", window_seconds) for path in cpu]
        self._memory = [_Pressure(path, "full", window_seconds) for path in memory]
        self._measured_at = float("-inf")
        self._load: Load | None = None
        self._felt_at = float("-inf")
        self._temperature: float | None = None

    def load(self) -> Load:
        """Give the load. What this machine cannot tell is None; nothing is raised."""
        now = self._now()
        if self._load is None or now - self._measured_at >= self._window_seconds:
            self._load, self._measured_at = self._measure(now), now
        return self._load

    def _measure(self, now: float) -> Load:
        if now - self._felt_at >= TEMPERATURE_SECONDS:
            self._temperature, self._felt_at = _temperature_celsius(), now
        return Load(
            memory_available_mb=self._memory_available_mb(),
            disk_free_mb=_disk_free_mb(self._folder),
            psi_cpu_some_percent=_worst(self._cpu, now),
            psi_memory_full_percent=_worst(self._memory, now),
            cpu_percent=self._cores.percent(),
            temperature_celsius=self._temperature,
        )

    def _memory_available_mb(self) -> float | None:
        left_bytes = self._groups.memory_left_bytes()
        known = [_memory_available_mb(), None if left_bytes is None else left_bytes / 2**20]
        return min((each for each in known if each is not None), default=None)


class _Pressure:
    """One line of a pressure file: the share of time since it was last read."""

    def __init__(self, path: Path, line: str, window_seconds: float) -> None:
        self._path = path
        self._line = line
        self._longest_seconds = LONGEST_WINDOWS * window_seconds
        self._last: tuple[float, int] | None = None

    def percent(self, now: float) -> float | None:
        """Give the percentage, None where the kernel does not say."""
        try:
            text = self._path.read_text(encoding="ascii")
            words = next(line.split() for line in text.splitlines() if line.startswith(f"{self._line} "))
            fields = dict(word.split("=") for word in words[1:])
            average, total = float(fields["avg10"]), int(fields["total"])
        except (OSError, ValueError, KeyError, StopIteration):
            return None
        last, self._last = self._last, (now, total)
        if last is None or not 0 < now - last[0] <= self._longest_seconds:
            return average
        waited_seconds = (total - last[1]) / 1e6
        return min(100.0, max(0.0, 100 * waited_seconds / (now - last[0])))


class _Cores:
    """The use of all cores since it was last asked; psutil's own would begin anew in each thread, with 0."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None

    def percent(self) -> float | None:
        """Give the percentage; None the first time, and where the machine does not tell."""
        try:
            times = psutil.cpu_times()
        except (OSError, ValueError, IndexError):
            return None
        # Linux counts a guest's time in user and nice already.
        counted = {name: value for name, value in times._asdict().items() if not name.startswith("guest")}
        passed = float(sum(counted.values()))
        used = passed - float(counted["idle"]) - float(counted.get("iowait", 0.0))
        last, self._last = self._last, (passed, used)
        if last is None or passed <= last[0]:
            return None
        return min(100.0, max(0.0, 100 * (used - last[1]) / (passed - last[0])))


def _worst(pressures: Sequence[_Pressure], now: float) -> float | None:
    known = [pressure.percent(now) for pressure in pressures]
    return max((each for each in known if each is not None), default=None)


def _memory_available_mb() -> float | None:
    try:
        return float(psutil.virtual_memory().available) / 2**20
    except (OSError, ValueError, KeyError):  # a unit with ProcSubset=pid sees no /proc/meminfo
        return None


def _disk_free_mb(folder: Path) -> float | None:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize / 2**20


def _temperature_celsius() -> float | None:
    """Give that of the hottest sensor of the processor, or of the hottest of all where none is said to be its own."""
    try:
        sensors = psutil.sensors_temperatures()
    except (OSError, AttributeError, ValueError):
        return None
    readings = {
        name: [sensor.current for sensor in found if sensor.current] for name, found in sensors.items() if found
    }
    processor = [value for name, found in readings.items() if name in PROCESSOR_SENSORS for value in found]
    return max(processor or [value for found in readings.values() for value in found], default=None)
