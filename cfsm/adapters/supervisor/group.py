"""The supervisor of a home: starts its units, keeps them running, stops them in order."""

import asyncio
import contextlib
import math
import os
import signal
import socket
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from cfsm.adapters.home import LOGS_FOLDER, RUN_FOLDER
from cfsm.adapters.supervisor.events import EventKind, SupervisorEvent
from cfsm.adapters.supervisor.orders import Verb
from cfsm.adapters.supervisor.output import LogFile, Terminal, UnitOutput
from cfsm.adapters.supervisor.processes import end_remnants, mark_of
from cfsm.adapters.supervisor.status import UnitStatus, status_content, write_status
from cfsm.adapters.supervisor.unit import Unit
from cfsm.adapters.supervisor.units import RestartPolicy, UnitSpec, in_start_order

STATUS_AT_MOST_EVERY_SECONDS = 0.5
MEMORY_EVERY_SECONDS = 30.0
"""The kernel walks all pages of a process to tell: milliseconds for the forge."""


class Supervisor:
    """Runs units as child processes of this one, which must hold the home's lock. No threads.

    Under ``home``: run/supervisor.json has the status, logs/NAME.log what each unit printed.
    """

    def __init__(
        self,
        units: Iterable[UnitSpec],
        home: Path,
        on_event: Callable[[SupervisorEvent], None],
        *,
        terminal: Terminal | None = None,
        policy: RestartPolicy | None = None,
    ) -> None:
        """Take units in any order. Raise ValueError for names or an order of stopping that cannot be.

        ``terminal`` gets every line too, prefixed by the unit's name. An OSError out of ``on_event`` is ignored:
        where it prints to may be gone, and the units must not stop for that.
        """
        self._home = home.absolute()
        self._on_event = on_event
        self._terminal = terminal or Terminal(None)
        self._started_at = datetime.now(UTC)
        self._status_changed = asyncio.Event()
        self._written = b""
        self._status_failing = False
        specs = in_start_order(units)
        width = max((len(spec.name) for spec in specs), default=0)
        self._units = {spec.name: self._unit(spec, width, policy or RestartPolicy()) for spec in specs}

    @property
    def units(self) -> tuple[UnitStatus, ...]:
        """How every unit fares now, in the order of starting."""
        return tuple(unit.status for unit in self._units.values())

    async def run(self, stop: asyncio.Event) -> tuple[UnitStatus, ...]:
        """Run the units until ``stop`` is set and all have stopped, or until none of them can run.

        Give how they ended. When this is cancelled, no process is left either.
        """
        self._runtime_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if killed := end_remnants(mark_of(self._runtime_dir)):
            words = f"{len(killed)} processes outlived an earlier run of this factory; they were killed"
            self._report(SupervisorEvent(EventKind.REMNANTS, "", words))
        try:
            async with asyncio.TaskGroup() as beside:
                helpers = (beside.create_task(self._stop_in_order(stop)), beside.create_task(self._keep_status()))
                async with asyncio.TaskGroup() as units:
                    for unit in self._units.values():
                        units.create_task(unit.run())
                for helper in helpers:
                    helper.cancel()
        finally:
            self._write_status()
            self._terminal.flush()
        return self.units

    def hurry(self) -> None:
        """Stop every unit now, in no order, and leave it little time."""
        for unit in self._units.values():
            unit.hurry()

    def kill(self) -> None:
        """End every unit at once."""
        for unit in self._units.values():
            unit.kill()

    @property
    def _runtime_dir(self) -> Path:
        return self._home / RUN_FOLDER

    def _unit(self, spec: UnitSpec, width: int, policy: RestartPolicy) -> Unit:
        log = LogFile(self._home / LOGS_FOLDER / f"{spec.name}.log")

        def on_log_error(error: OSError) -> None:
            self._report(SupervisorEvent(EventKind.UNWRITABLE, spec.name, f"its log cannot be written: {error}"))

        output = UnitOutput(f"{spec.name:<{width}} | ", log, self._terminal, on_log_error)
        changed = self._status_changed.set
        return Unit(spec, policy, self._runtime_dir, output, self._report, changed, self._order)

    def _order(self, verb: Verb, name: str) -> None:
        unit = self._units.get(name)
        if unit is None or not unit.obey(verb):
            self._report(SupervisorEvent(EventKind.IGNORED, name, f"{verb} of {name!r} is ignored: it cannot be done"))

    def _report(self, event: SupervisorEvent) -> None:
        with contextlib.suppress(OSError):
            self._on_event(event)

    async def _stop_in_order(self, stop: asyncio.Event) -> None:
        await stop.wait()
        async with asyncio.TaskGroup() as stops:
            for unit in self._units.values():
                stops.create_task(self._stop_in_turn(unit))

    async def _stop_in_turn(self, unit: Unit) -> None:
        for name in unit.spec.stop_after:
            await self._units[name].over.wait()
        unit.stop()

    async def _keep_status(self) -> None:
        measured = -math.inf
        loop = asyncio.get_running_loop()
        while True:
            if loop.time() - measured >= MEMORY_EVERY_SECONDS:
                measured = loop.time()
                for unit in self._units.values():
                    unit.measure()
                self._terminal.flush()
            self._write_status()
            await asyncio.sleep(STATUS_AT_MOST_EVERY_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(measured + MEMORY_EVERY_SECONDS):
                    await self._status_changed.wait()

    def _write_status(self) -> None:
        self._status_changed.clear()
        content = status_content(os.getpid(), socket.gethostname(), self._started_at, self.units)
        if content == self._written:
            return
        try:
            write_status(self._home, content)
        except OSError as error:
            if not self._status_failing:
                words = f"the status cannot be written, `cfsm status` shows an old one: {error}"
                self._report(SupervisorEvent(EventKind.UNWRITABLE, "", words))
            self._status_failing = True
        else:
            self._written = content
            self._status_failing = False


async def run_until_signalled(supervisor: Supervisor) -> tuple[UnitStatus, ...]:
    """Run a supervisor until a signal stops it, and give how the units ended.

    SIGTERM, the loss of the terminal (SIGHUP, unless it is ignored) and Ctrl+C stop the units in order; Ctrl+C a
    second time leaves them little time, a third time kills them.
    """
    stop = asyncio.Event()
    steps = (stop.set, supervisor.hurry, supervisor.kill)
    taken = 0

    def end() -> None:
        if not taken:
            interrupt()

    def interrupt() -> None:
        nonlocal taken
        steps[min(taken, len(steps) - 1)]()
        taken += 1

    handlers = {signal.SIGTERM: end, signal.SIGINT: interrupt, signal.SIGHUP: end}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # by nohup, or because it was detached
        del handlers[signal.SIGHUP]
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        return await supervisor.run(stop)
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
