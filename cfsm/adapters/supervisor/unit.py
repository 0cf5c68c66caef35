"""One unit, kept running: started again when it ends, with pauses, until it is stopped or misconfigured."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cfsm.adapters.memory import memory_bytes
from cfsm.adapters.supervisor.doorbell import Doorbell, DoorUnusable
from cfsm.adapters.supervisor.events import EventKind, SupervisorEvent
from cfsm.adapters.supervisor.life import Order
from cfsm.adapters.supervisor.orders import Verb
from cfsm.adapters.supervisor.output import UnitOutput
from cfsm.adapters.supervisor.processes import ProgramUnusable, end_remnants, mark_of
from cfsm.adapters.supervisor.reserve import Reserve
from cfsm.adapters.supervisor.run import Exit, Run
from cfsm.adapters.supervisor.status import UnitState, UnitStatus
from cfsm.adapters.supervisor.units import RestartPolicy, UnitSpec
from cfsm.adapters.systemd import one_line


class Unit:
    """Keeps one unit running. It hears its runs itself (``RunListener``)."""

    def __init__(
        self,
        spec: UnitSpec,
        policy: RestartPolicy,
        runtime_dir: Path,
        output: UnitOutput,
        report: Callable[[SupervisorEvent], None],
        changed: Callable[[], None],
        order: Callable[[Verb, str], None],
    ) -> None:
        """Report what happens; ``changed`` is called whenever ``status`` has become another one.

        ``order`` hears what the unit, if it may, wants to happen to another one.
        """
        self.spec = spec
        self.over = asyncio.Event()
        """Set once no process of the unit runs or will be started."""
        self.status = UnitStatus(spec.name, UnitState.WAITING, datetime.now(UTC), None, 0, "", "", "", None)
        self._policy = policy
        self._runtime_dir = runtime_dir
        self._output = output
        self._report = report
        self._changed = changed
        self._order = order
        self._stop_wanted = asyncio.Event()
        self._reserve = Reserve(self._stop_wanted) if spec.is_reserve else None
        self._told_to_end = False
        self._run: Run | None = None
        self._quick_crashes = 0

    async def run(self) -> None:
        """Keep the unit running until it is told to stop, or cannot run. If cancelled, it leaves no process."""
        try:
            if self.spec.listens_at is None:
                await self._keep_running(self._reserve)
            else:
                async with Doorbell(self.spec.listens_at, self._stop_wanted) as door:
                    await self._keep_running(door)
            if self.status.state is not UnitState.MISCONFIGURED:
                self._show(state=UnitState.STOPPED, reason="")
                self._tell(EventKind.STOPPED, f"stopped ({self.status.last_exit or 'it did not run'})")
        except (ProgramUnusable, DoorUnusable) as error:
            self._misconfigured(str(error))
        finally:
            self.over.set()

    def stop(self) -> None:
        """Stop the unit and do not start it again."""
        self._stop_wanted.set()
        if self._run is not None:
            self._run.stop()

    def obey(self, verb: Verb) -> bool:
        """Run, rest, or start again, as it was ordered; False if this unit does not do that."""
        if verb is not Verb.RESTART:
            if self._reserve is None:
                return False
            self._reserve.set(wanted=verb is Verb.WAKE)
        if verb is not Verb.WAKE and self._run is not None and not self._told_to_end:
            self._told_to_end = True
            if verb is Verb.RESTART:
                self._show(restarts=self.status.restarts + 1)
            self._run.stop()
        return True

    def hurry(self) -> None:
        """Stop the unit and leave it little time."""
        self._stop_wanted.set()
        if self._run is not None:
            self._run.hurry()

    def kill(self) -> None:
        """Stop the unit at once, whatever it does."""
        self._stop_wanted.set()
        if self._run is not None:
            self._run.kill()

    def measure(self) -> None:
        """Look up how much memory the unit takes."""
        pid = self.status.pid
        self._show(memory_mb=None if pid is None else round(memory_bytes(pid) / 2**20))

    def on_started(self, pid: int) -> None:
        """Hear of the main process."""
        self._show(pid=pid)
        self._tell(EventKind.STARTED, f"runs as pid {pid}")

    def on_ready(self) -> None:
        """Hear that work begins."""
        self._show(state=UnitState.RUNNING, reason="")
        self._tell(EventKind.READY, "ready")

    def on_status(self, text: str) -> None:
        """Hear what the worker says of itself."""
        self._show(status=one_line(text))

    def on_stopping(self) -> None:
        """Hear that it is on its way out."""
        self._show(state=UnitState.STOPPING)
        self._tell(EventKind.STOPPING, "stopping")

    def on_overdue(self, order: Order) -> None:
        """Hear that it broke a deadline."""
        self._tell(EventKind.OVERDUE, f"{order.reason}: {order.signal.name}")

    def on_order(self, verb: Verb, unit: str) -> None:
        """Hear what it wants to happen to another unit."""
        if self.spec.may_order:
            self._order(verb, unit)

    def on_foreign(self, pid: int) -> None:
        """Hear that another process spoke in its name."""
        self._tell(EventKind.IGNORED, f"what pid {pid} says in its name is ignored: it is not the main process")

    async def _keep_running(self, door: Doorbell | Reserve | None) -> None:
        while not self._stop_wanted.is_set():
            if door is not None and not await self._is_called(door):
                return
            self._told_to_end = False
            end = await self._run_once(door)
            if end.code == os.EX_CONFIG:
                self._misconfigured(self.status.status or self._output.last_line or "it does not say why")
                return
            if not self._is_in_order(door, end):
                await self._pause(end)

    async def _is_called(self, door: Doorbell | Reserve) -> bool:
        """Rest until somebody connects; False if it is to stop."""
        if not door.is_ringing():
            self._show(state=UnitState.RESTING, reason="", status="starts when it is needed")
            self._tell(EventKind.RESTING, "rests until it is needed")
        return await door.wait()

    async def _run_once(self, door: Doorbell | Reserve | None) -> Exit:
        self._show(state=UnitState.STARTING, status="", memory_mb=None)
        self._output.begin()
        try:
            served = None if door is None else door.fileno()
            self._run = Run(self.spec, self._runtime_dir, self._output, self, served)
            end = await self._run.until_end()
        except OSError as error:  # no memory, no process or descriptor to be had: it may pass
            self._tell(EventKind.EXITED, f"cannot be started: {error.strerror}")
            end = Exit(None, 0, None)
        finally:
            self._run = None
            self._end_remnants()
        self._show(pid=None, memory_mb=None, last_exit=str(end))
        if not self._is_in_order(door, end):
            self._tell(EventKind.EXITED, self._why(end))
        return end

    def _is_in_order(self, door: Doorbell | Reserve | None, end: Exit) -> bool:
        return self._stop_wanted.is_set() or self._told_to_end or (door is not None and door.lets_rest(end.code))

    async def _pause(self, end: Exit) -> None:
        settled = end.ran_seconds >= self._policy.settled_seconds
        self._quick_crashes = 1 if settled else self._quick_crashes + 1
        seconds = self._policy.delay_seconds(self._quick_crashes)
        if self._policy.has_failed(self._quick_crashes):
            state, kind = UnitState.FAILED, EventKind.FAILED
            words = f"failed {self._quick_crashes} times in a row; tried again every {seconds:g} s"
        else:
            state, kind, words = UnitState.WAITING, EventKind.WAITING, f"starts again in {seconds:g} s"
        self._show(state=state, reason=f"{self._why(end)}; {words}", restarts=self.status.restarts + 1)
        self._tell(kind, words)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop_wanted.wait()

    def _misconfigured(self, reason: str) -> None:
        self._show(state=UnitState.MISCONFIGURED, reason=reason)
        self._tell(EventKind.MISCONFIGURED, f"is not started again before this is changed: {reason}")

    def _end_remnants(self) -> None:
        if killed := end_remnants(mark_of(self._runtime_dir, self.spec.name)):
            self._tell(EventKind.REMNANTS, f"left processes behind, killed: {', '.join(map(str, killed))}")

    def _why(self, end: Exit) -> str:
        return f"{end}: {self._output.last_line}" if self._output.last_line else str(end)

    def _show(self, **changes: object) -> None:
        if changes.get("state", self.status.state) != self.status.state:
            changes["since"] = datetime.now(UTC)
        status = replace(self.status, **changes)  # type: ignore[arg-type]  # the fields of UnitStatus
        if status != self.status:
            self.status = status
            self._changed()

    def _tell(self, kind: EventKind, message: str) -> None:
        self._report(SupervisorEvent(kind, self.spec.name, message, self.status.pid))
