"""What the control groups of this process leave to the factory: memory and cores; versions 1 and 2 of the kernel's.

Groups of single workers do not count: under systemd each has one of its own (``cfsm-…``), and what is asked here is for
the factory as a whole, the forge among it. What counts are the groups around them: a slice, a session, a container.
"""

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
OF_ONE_WORKER = "cfsm-"
_UNLIMITED_BYTES = 1 << 60
"""The first version says so by a number near 2^63."""


class ControlGroups:
    """The groups around this factory that have limits; where there are none, everything is None."""

    def __init__(self, root: Path = ROOT, own: Path = OWN) -> None:
        self._memory = [group for group in _groups(root, own, "memory") if _memory_limit(group) is not None]
        self._cores = [group for group in _groups(root, own, "cpu") if _quota(group) is not None]

    def memory_left_bytes(self) -> int | None:
        """Give how much more the tightest group grants; what it could drop at once (cached files) counts as left."""
        left = [_memory_left(group) for group in self._memory]
        return min((each for each in left if each is not None), default=None)

    def cores(self) -> float | None:
        """Give of how many cores the tightest group grants the time."""
        quotas = [_quota(group) for group in self._cores]
        return min((each for each in quotas if each is not None), default=None)

    def pressure_folders(self) -> tuple[Path, ...]:
        """Give where the pressure inside the limited groups is told, as far as it is (``cpu.pressure``)."""
        folders = dict.fromkeys([*self._memory, *self._cores])
        return tuple(folder for folder in folders if (folder / "cpu.pressure").exists())


def usable_cores(groups: ControlGroups | None = None) -> int:
    """Give how many cores this process may use: by its affinity, and by the time that its groups are granted."""
    granted = (groups or ControlGroups()).cores()
    allowed = len(os.sched_getaffinity(0))
    return allowed if granted is None else max(1, min(allowed, math.ceil(granted)))


def _groups(root: Path, own: Path, controller: str) -> Iterator[Path]:
    """Give the folders of the groups around this process that count, from the tree's root to the leaf."""
    place = _place(own, controller)
    if place is None:
        return
    version_1 = root / controller
    folder = version_1 if version_1.is_dir() else root
    yield folder
    for part in PurePosixPath(place.lstrip("/")).parts:
        if part.startswith(OF_ONE_WORKER):
            return
        folder /= part
        if not folder.is_dir():  # seen from inside a container, where the path is the host's
            return
        yield folder


def _place(own: Path, controller: str) -> str | None:
    """Give the path of the group that has the controller, or of the one group of the second version."""
    try:
        lines = [line.split(":", 2) for line in own.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return None
    places = {name: fields[2] for fields in lines if len(fields) == 3 for name in fields[1].split(",")}  # noqa: PLR2004
    return places.get(controller, places.get(""))


def _memory_limit(group: Path) -> int | None:
    limit = _number(group / "memory.max") or _number(group / "memory.limit_in_bytes")
    return None if limit is None or limit >= _UNLIMITED_BYTES else limit


def _memory_left(group: Path) -> int | None:
    limit = _memory_limit(group)
    used = _number(group / "memory.current") or _number(group / "memory.usage_in_bytes")
    if limit is None or used is None:
        return None
    statistics = _statistics(group / "memory.stat")
    cached = statistics.get("total_inactive_file", statistics.get("inactive_file", 0))
    return max(0, limit - max(0, used - cached))


def _quota(group: Path) -> float | None:
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (group / "cpu.cfs_period_us").read_text(encoding="ascii").strip()
        return None if quota in {"max", "-1"} else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # not there, or "max"
        return None


def _statistics(path: Path) -> Mapping[str, int]:
    try:
        rows = (line.split() for line in path.read_text(encoding="ascii").splitlines())
        return {row[0]: int(row[1]) for row in rows}
    except (OSError, ValueError, IndexError):
        return {}
