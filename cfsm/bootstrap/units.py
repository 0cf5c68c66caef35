"""What the embedded supervisor runs, and when it starts it again."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cfsm.bootstrap.house import House
from cfsm.bootstrap.workers import COORDINATOR, ROLES, least_instances, most_instances, worker_name

if TYPE_CHECKING:  # imported where they are used
    from cfsm.adapters.supervisor.units import RestartPolicy, UnitSpec


def restart_policy(house: House) -> "RestartPolicy":
    """Give when the embedded supervisor starts a worker again that ended."""
    from cfsm.adapters.supervisor.units import RestartPolicy

    workers = house.settings.workers
    return RestartPolicy(
        first_delay_seconds=workers.restart_backoff_first_seconds,
        longest_delay_seconds=workers.restart_backoff_most_seconds,
    )


def units(house: House) -> "list[UnitSpec]":
    """Give what the embedded supervisor runs: the forge, and the workers, which stop before it."""
    least, most = least_instances(house), most_instances(house)
    workers = {worker_name(role, instance): (role, instance) for role in ROLES for instance in range(1, most[role] + 1)}
    forge = replace(
        _unit(house, "forge", forge_argv(house, house.forge_socket), stop_after=workers),
        listens_at=house.forge_socket if house.settings.workers.forge_idle_seconds else None,
    )
    return [forge, *(_worker(house, name, role, instance, least) for name, (role, instance) in workers.items())]


def _worker(house: House, name: str, role: str, instance: int, least: Mapping[str, int]) -> "UnitSpec":
    spec = _unit(house, name, _worker_command(house, role, instance))
    return replace(spec, is_reserve=instance > least[role], may_order=role == COORDINATOR)


def forge_argv(house: House, socket: Path) -> list[str]:
    """Give the command of the forge that serves this socket."""
    from cfsm.adapters.freqtrade.client import forge_command

    idle_seconds = house.settings.workers.forge_idle_seconds
    options = ("--idle-exit-seconds", str(idle_seconds)) if idle_seconds else ()
    return forge_command(socket, house.data_folder, *options)


def _worker_command(house: House, role: str, instance: int) -> list[str]:
    command = [sys.executable, "-m", "cfsm", "--home", str(house.path)]
    if house.file:
        command += ["--config", str(house.file.absolute())]
    if house.profile:
        command += ["--profile", house.profile]
    return [*command, "worker", role, "--instance", str(instance)]


def _unit(house: House, name: str, command: Sequence[str], stop_after: Iterable[str] = ()) -> "UnitSpec":
    from cfsm.adapters.supervisor.units import UnitSpec

    workers = house.settings.workers
    return UnitSpec(
        name=name,
        argv=tuple(command),
        environ={**house.environ, "CFSM_HOME": str(house.path), "PYTHONUNBUFFERED": "1"},
        watchdog_seconds=workers.watchdog_seconds,
        start_timeout_seconds=workers.start_timeout_seconds,
        stop_timeout_seconds=workers.stop_timeout_seconds,
        stop_after=tuple(stop_after),
    )
