"""What the units said: the journal's records as lines, in the form of the embedded supervisor's logs."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from cfsm.adapters.units.layout import Scope
from cfsm.adapters.units.status import BOT, BOT_UNIT, worker_of
from cfsm.application.errors import Misconfigured

LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")


def unit_of(worker: str) -> str:
    """Give the pattern of a worker's services: ``cfsm-backtester@2.service`` of ``backtester-2``, all of a role's."""
    role, dash, instance = worker.rpartition("-")
    if BOT in {role, worker}:
        return f"{BOT_UNIT}{instance}-*.service" if dash else f"{BOT_UNIT}*.service"
    if dash and instance.isdigit():
        return f"cfsm-{role}@{instance}.service"
    return f"cfsm-{worker}[@.]*service"


def records(scope: Scope, matches: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Give the journal's records of these units or fields, the oldest first. Raise Misconfigured."""
    command = ["journalctl", *(["--user"] if scope is Scope.USER else []), "--no-pager", "--output=json", "--all"]
    try:
        process = subprocess.Popen(
            [*command, *matches], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    except FileNotFoundError as error:
        raise Misconfigured("journalctl is not here: this needs systemd's journal") from error
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                yield json.loads(line)
            if process.wait() != 0:
                raise Misconfigured(f"the journal cannot be read: {process.stderr.read().strip()}")
        finally:
            process.kill()


def said(scope: Scope, workers: Sequence[str], lines: int, *, follow: bool) -> Iterator[tuple[str, str]]:
    """Give the last lines of workers, or of all units, each with the worker's name; with ``follow`` the coming ones."""
    flag = "--user-unit" if scope is Scope.USER else "--unit"
    units = [f"{flag}={unit_of(worker)}" for worker in workers] or [f"{flag}=cfsm-*"]
    for record in records(scope, [*units, f"--lines={lines}", *(["--follow"] if follow else [])]):
        yield worker_of(_unit(record)), line_of(record)


def line_of(record: Mapping[str, Any]) -> str:
    """Give a record as a line."""
    at = datetime.fromtimestamp(int(record["__REALTIME_TIMESTAMP"]) / 1e6).astimezone()
    level = LEVELS[int(record.get("PRIORITY", 6))]
    logger = f" [{record['LOGGER']}]" if "LOGGER" in record else ""
    return f"{at:%Y-%m-%d %H:%M:%S} [{level:<9}] {_text(record.get('MESSAGE'))}{logger}"


def _unit(record: Mapping[str, Any]) -> str:
    """Give the unit that a record is of: that of who said it, or that systemd speaks of."""
    names = (record.get(name, "") for name in ("_SYSTEMD_USER_UNIT", "_SYSTEMD_UNIT", "USER_UNIT", "UNIT"))
    return next((name for name in names if name.startswith("cfsm")), "systemd")


def _text(message: Any) -> str:
    """Give a message as text; the journal gives bytes that are no UTF-8 as numbers."""
    return bytes(message).decode("utf-8", "replace") if isinstance(message, list) else str(message)
