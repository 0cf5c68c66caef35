"""How the units fare, in the words of the embedded supervisor."""

import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from cfsm.adapters.supervisor.status import FactoryStatus, UnitState, UnitStatus
from cfsm.adapters.units.layout import TARGET
from cfsm.adapters.units.systemctl import Systemctl, names_of

FACTS = (
    "Id",
    "ActiveState",
    "SubState",
    "Result",
    "ExecMainStatus",
    "ExecMainCode",
    "MainPID",
    "NRestarts",
    "StatusText",
    "MemoryCurrent",
    "StateChangeTimestamp",
)
SOCKET = "cfsm-forge.socket"

BOT, BOT_UNIT = "bot", "cfsm-dryrun@"
"""What a bot is called here, and what its unit's name begins with."""

CLD_EXITED = "1"
"""How a process ended that ended by itself (waitid's si_code); the others were killed."""

_STATES: Mapping[str, UnitState] = {
    "active": UnitState.RUNNING,
    "reloading": UnitState.RUNNING,
    "activating": UnitState.STARTING,
    "deactivating": UnitState.STOPPING,
    "failed": UnitState.FAILED,
}


def factory_status(systemctl: Systemctl) -> FactoryStatus:
    """Give the status of the factory whose units systemd runs. Raise Misconfigured or TryAgain."""
    names = [name for name in names_of(systemctl) if is_worker(name)]
    target, *units = systemctl.show([TARGET, *names], FACTS)
    is_asked = systemctl.show([SOCKET], ("ActiveState",))[0]["ActiveState"] == "active"
    reserves = {worker_of(name.removesuffix(".path")) for name in names_of(systemctl) if name.endswith(".path")}
    at_rest = {*reserves, "forge"} if is_asked else reserves
    shown = tuple(_resting(unit) if unit.name in at_rest else unit for unit in map(unit_status, units))
    is_running = target["ActiveState"] == "active" or any(unit.pid for unit in shown)
    return FactoryStatus(is_running, 0, socket.gethostname(), _moment(target), shown, "systemd")


def _resting(unit: UnitStatus) -> UnitStatus:
    """Give a unit that does not run as one that rests: systemd starts it when it is wanted."""
    return replace(unit, state=UnitState.RESTING) if unit.state is UnitState.STOPPED else unit


def is_worker(name: str) -> bool:
    """Say whether a unit is a worker's, a bot's or the forge's, rather than the calendar's."""
    return name.endswith(".service") and ("@" in name or name == "cfsm-forge.service")


def worker_of(name: str) -> str:
    """Give the worker's name of a unit's: ``backtester-2`` of ``cfsm-backtester@2.service``.

    A bot's is ``bot-3``, by the number of its connection: systemd's name also has whose connection it is.
    """
    if name.startswith(BOT_UNIT):
        return f"{BOT}-{name.removeprefix(BOT_UNIT).partition('-')[0]}"
    role, _, instance = name.removeprefix("cfsm-").removesuffix(".service").partition("@")
    return role if instance in {"", "1"} else f"{role}-{instance}"


def unit_status(facts: Mapping[str, str]) -> UnitStatus:
    """Give what systemd tells of a unit."""
    state = _STATES.get(facts["ActiveState"], UnitState.STOPPED)
    misconfigured = facts["ExecMainCode"] == CLD_EXITED and facts["ExecMainStatus"] == str(os.EX_CONFIG)
    if state is UnitState.FAILED and misconfigured:
        state = UnitState.MISCONFIGURED
    elif facts["SubState"] == "auto-restart":
        state = UnitState.WAITING
    ended = "" if facts["ExecMainCode"] in {"", "0"} else _end(facts)
    failed = state in {UnitState.FAILED, UnitState.MISCONFIGURED}
    return UnitStatus(
        name=worker_of(facts["Id"]),
        state=state,
        since=_moment(facts),
        pid=int(facts["MainPID"] or 0) or None,
        restarts=int(facts["NRestarts"] or 0),
        status=facts["StatusText"],
        last_exit=ended,
        reason=f"{facts['Result']}: {ended}; see `cfsm logs`" if failed else "",
        memory_mb=round(int(facts["MemoryCurrent"]) / 2**20) if facts["MemoryCurrent"].isdigit() else None,
    )


def _end(facts: Mapping[str, str]) -> str:
    how = "exit status" if facts["ExecMainCode"] == CLD_EXITED else "signal"
    return f"{how} {facts['ExecMainStatus']}"


def _moment(facts: Mapping[str, str]) -> datetime:
    text = facts["StateChangeTimestamp"].removeprefix("@")
    return datetime.fromtimestamp(int(text) if text.isdigit() else 0, UTC)
