"""The state of every unit, in a file that other processes read; replaced as a whole, so never half written."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import orjson

from cfsm.adapters.home import RUN_FOLDER
from cfsm.adapters.home_lock import Holder, holder_of


class UnitState(StrEnum):
    """Where a unit stands."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    WAITING = "waiting"
    """It ended and is started again after a pause."""
    FAILED = "failed"
    """It ended too often; it is tried again, seldom."""
    MISCONFIGURED = "misconfigured"
    """It is not started again before a person changed something."""
    RESTING = "resting"
    """Nobody needs it; it is started when somebody does."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class UnitStatus:
    """One unit as ``cfsm status`` shows it."""

    name: str
    state: UnitState
    since: datetime
    pid: int | None
    restarts: int
    """How often it was started again since the factory started."""
    status: str
    """What the worker last said of itself."""
    last_exit: str
    """How its last run ended; empty while the first one goes on."""
    reason: str
    """Why it waits, has failed or is misconfigured."""
    memory_mb: int | None
    """Of the process and its descendants, shared pages in parts (PSS), some seconds old."""


@dataclass(frozen=True, slots=True)
class FactoryStatus:
    """The factory of a home."""

    running: bool
    pid: int
    host: str
    started_at: datetime
    units: tuple[UnitStatus, ...]
    """What was last known of them; empty while the factory starts."""
    runs_under: str = "cfsm run"
    """Who supervises it: ``cfsm run`` or ``systemd``."""


def status_path(home: Path) -> Path:
    """Give the file that holds the status."""
    return home / RUN_FOLDER / "supervisor.json"


def write_status(home: Path, content: bytes) -> None:
    """Replace the status by this content. Raise OSError as the disk does."""
    path = status_path(home)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)


def status_content(pid: int, host: str, started_at: datetime, units: tuple[UnitStatus, ...]) -> bytes:
    """Give the file's content, the same for the same status."""
    return orjson.dumps(
        {"pid": pid, "host": host, "started_at": started_at, "units": units}, option=orjson.OPT_INDENT_2
    )


def read_status(home: Path) -> FactoryStatus | None:
    """Give the status of the home's factory, the last one known if it has ended; None if there never was one.

    Raise HomeUnusable if the home may not be read.
    """
    holder = holder_of(home)
    recorded = _recorded(home)
    if holder is None:
        return recorded
    if recorded is not None and (recorded.pid, recorded.host) == (holder.pid, holder.host):
        return FactoryStatus(True, recorded.pid, recorded.host, recorded.started_at, recorded.units)
    return _starting(holder)


def _starting(holder: Holder) -> FactoryStatus:
    return FactoryStatus(True, holder.pid, holder.host, holder.started_at, ())


def _recorded(home: Path) -> FactoryStatus | None:
    try:
        fields = orjson.loads(status_path(home).read_bytes())
        units = tuple(_unit(unit) for unit in fields["units"])
        return FactoryStatus(False, fields["pid"], fields["host"], datetime.fromisoformat(fields["started_at"]), units)
    except (OSError, ValueError, TypeError, KeyError):
        return None  # none yet, or of another version


def _unit(fields: dict[str, object]) -> UnitStatus:
    since = datetime.fromisoformat(str(fields["since"]))
    return UnitStatus(**fields | {"state": UnitState(str(fields["state"])), "since": since})  # type: ignore[arg-type]  # read back as it was written
