"""What the coordinator asks of the embedded supervisor: a reserve to run or to rest, a worker to start again.

Orders travel by the notify protocol, as assignments that systemd does not know and ignores; the kernel vouches for the
sender, and only a unit that may give orders is heard.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from cfsm.adapters.supervisor.status import UnitState, UnitStatus, read_status


class Verb(StrEnum):
    """What is to happen to a unit."""

    WAKE = "X_CFSM_WAKE"
    REST = "X_CFSM_REST"
    RESTART = "X_CFSM_RESTART"


_AT_REST = {UnitState.RESTING, UnitState.STOPPING}


class SupervisedProcesses:
    """The processes under the embedded supervisor of a home (``Processes``)."""

    def __init__(
        self, home: Path, notify: Callable[[str], None], name_of: Callable[[str, int], str], roles: Mapping[str, int]
    ) -> None:
        """``notify`` speaks to the supervisor; ``roles`` says how many units a role has, reserves among them."""
        self._home = home
        self._notify = notify
        self._name_of = name_of
        self._roles = roles

    def name_of(self, role: str, instance: int) -> str:
        """Give the name of a worker of a role; the first instance is 1."""
        return self._name_of(role, instance)

    def count(self, role: str) -> int | None:
        """Give how many of a role run or are about to; None if no supervisor tells."""
        units = self._units(role)
        return sum(unit.state not in _AT_REST for unit in units) if units else None

    def run(self, role: str, count: int) -> None:
        """Let the first ``count`` of a role run and no others."""
        for place, unit in enumerate(self._units(role), start=1):
            if place <= count and unit.state in _AT_REST:
                self._notify(f"{Verb.WAKE}={unit.name}")
            elif place > count and unit.state not in _AT_REST:
                self._notify(f"{Verb.REST}={unit.name}")

    def restart(self, name: str) -> None:
        """Let a worker end in order and start again."""
        self._notify(f"{Verb.RESTART}={name}")

    def _units(self, role: str) -> list[UnitStatus]:
        """Give the units of a role, the first one first; none where no factory runs."""
        status = read_status(self._home)
        if status is None or not status.running:
            return []
        by_name = {unit.name: unit for unit in status.units}
        names = (self._name_of(role, number) for number in range(1, self._roles.get(role, 0) + 1))
        return [by_name[name] for name in names if name in by_name]
