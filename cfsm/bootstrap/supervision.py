"""Who supervises the factory of a home: systemd, where its units are installed for it, else `cfsm run`."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.bootstrap.house import House

if TYPE_CHECKING:  # imported where they are used
    from cfsm.adapters.supervisor.status import FactoryStatus
    from cfsm.adapters.units.layout import Layout

LOOK_SECONDS = 0.05


class Supervision(Protocol):
    """Starts and stops a factory, and tells how it fares."""

    def status(self) -> "FactoryStatus | None":
        """Give how it fares; None if it never ran."""

    def logs(self, workers: Sequence[str], lines: int, *, follow: bool) -> Iterator[tuple[str, str]]:
        """Give the last lines that workers, or all, said, with their names; with ``follow`` the coming ones too."""

    def start(self, timeout_seconds: float) -> None:
        """Start it in the background and wait until its workers have started. Raise Misconfigured or TryAgain."""

    def stop(self, timeout_seconds: float) -> bool:
        """Stop it and wait until no process of it is left; say whether it ran. Raise Misconfigured or TryAgain."""


def supervision_of(house: House) -> Supervision:
    """Give who supervises the factory of this home."""
    from cfsm.adapters.units.layout import installed_for

    layout = installed_for(house.path, house.environ)
    return Embedded(house) if layout is None else Systemd(house, layout)


class Systemd:
    """systemd, by the units that are installed."""

    def __init__(self, house: House, layout: "Layout") -> None:
        from cfsm.adapters.units.systemctl import Systemctl

        self._embedded = Embedded(house)
        self._scope = layout.scope
        self._systemctl = Systemctl(layout.scope)

    def status(self) -> "FactoryStatus":
        """Give how its units fare."""
        from cfsm.adapters.units.status import factory_status

        return factory_status(self._systemctl)

    def logs(self, workers: Sequence[str], lines: int, *, follow: bool) -> Iterator[tuple[str, str]]:
        """Give what the journal has of them."""
        from cfsm.adapters.units.logs import said

        return said(self._scope, workers, lines, follow=follow)

    def start(self, timeout_seconds: float) -> None:
        """Start the target and what it wants, which may have failed before; wait until each is ready or has failed."""
        from cfsm.adapters.units.layout import TARGET

        self._systemctl.run("reset-failed", "cfsm*")
        wanted = self._systemctl.show([TARGET], ("Wants",))[0]["Wants"].split()
        with suppress(Misconfigured):  # a unit that cannot start is told of by its status
            self._systemctl.run("start", TARGET, *wanted, timeout_seconds=timeout_seconds)

    def stop(self, timeout_seconds: float) -> bool:
        """Stop every unit: the target alone would be stopped before its workers are. A `cfsm run` is stopped too."""
        from cfsm.adapters.units.systemctl import names_of

        ran = self.status().running
        self._systemctl.run("stop", *names_of(self._systemctl), timeout_seconds=timeout_seconds)
        return self._embedded.stop(timeout_seconds) or ran


class Embedded:
    """The embedded supervisor, in a process of its own."""

    def __init__(self, house: House) -> None:
        self._house = house

    def status(self) -> "FactoryStatus | None":
        """Give what it last wrote down of its units."""
        from cfsm.adapters.supervisor.status import read_status

        return read_status(self._house.path)

    def logs(self, workers: Sequence[str], lines: int, *, follow: bool) -> Iterator[tuple[str, str]]:
        """Give what their logs have."""
        from cfsm.adapters.supervisor.said import said

        return said(self._house.path, workers, lines, follow=follow)

    def start(self, timeout_seconds: float) -> None:
        """Run `cfsm run --detach` and wait until no worker is starting any more. One that runs is let run."""
        from cfsm.adapters.supervisor.status import UnitState

        before = self.status()
        if before is not None and before.running:
            return
        command = [sys.executable, "-m", "cfsm", "--home", str(self._house.path)]
        if self._house.file is not None:
            command += ["--config", str(self._house.file.absolute())]
        if self._house.profile is not None:
            command += ["--profile", self._house.profile]
        done = subprocess.run(
            [*command, "run", "--detach", "--quiet"],
            env={**self._house.environ},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            words = done.stderr.strip().removeprefix("Error: ")
            raise (Misconfigured if done.returncode == os.EX_CONFIG else TryAgain)(words)

        def has_started() -> bool:
            status = self.status()
            if status is None or not status.running:
                raise Misconfigured("the factory ended while it started: `cfsm logs` shows why")
            begun = (UnitState.STARTING, UnitState.WAITING)  # who waits without a reason has not begun yet
            return bool(status.units) and all(unit.state not in begun or unit.reason for unit in status.units)

        _until(has_started, timeout_seconds, "the factory is still starting")

    def stop(self, timeout_seconds: float) -> bool:
        """Tell the supervisor to stop and wait for its end."""
        from cfsm.adapters.supervisor.control import StillRunning, send_stop

        try:
            return send_stop(self._house.path, timeout_seconds) is not None
        except StillRunning as error:
            raise TryAgain(str(error)) from error


def _until(holds: Callable[[], bool], seconds: float, words: str) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TryAgain(f"{words} after {seconds:g} s: see `cfsm status`")
        time.sleep(LOOK_SECONDS)
