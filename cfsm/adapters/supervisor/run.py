"""One run of a unit: a process, what it says, what it prints, and its deadlines."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Protocol

from cfsm.adapters.listening import LISTENER_FD
from cfsm.adapters.supervisor.life import Life, Order, Phase
from cfsm.adapters.supervisor.notify_socket import NotifySocket
from cfsm.adapters.supervisor.orders import Verb
from cfsm.adapters.supervisor.output import UnitOutput
from cfsm.adapters.supervisor.processes import UnitProcess, mark_of
from cfsm.adapters.supervisor.units import UnitSpec


@dataclass(frozen=True, slots=True)
class Exit:
    """How a run ended."""

    code: int | None
    """As subprocess has it; None: not known, as the unit had handed itself over to another process."""
    ran_seconds: float
    order: Order | None
    """What the supervisor did to end it, if a deadline was broken."""

    def __str__(self) -> str:
        after = f"after {self.ran_seconds:.1f} s"
        if self.order is not None:
            return f"{self.order.reason}, ended {after}"
        if self.code is None:
            return f"ended {after}"
        if self.code < 0:
            return f"killed by {_signal_name(-self.code)} {after}"
        return f"exit code {self.code} {after}"


class RunListener(Protocol):
    """Hears what a run does."""

    def on_started(self, pid: int) -> None:
        """Hear of the main process, the first one or the one that it handed over to."""

    def on_ready(self) -> None:
        """Hear READY=1, once."""

    def on_status(self, text: str) -> None:
        """Hear STATUS=."""

    def on_stopping(self) -> None:
        """Hear that it is on its way out, by itself or by order."""

    def on_overdue(self, order: Order) -> None:
        """Hear that a deadline was broken and what is sent for it."""

    def on_order(self, verb: Verb, unit: str) -> None:
        """Hear what it wants to happen to another unit."""

    def on_foreign(self, pid: int) -> None:
        """Hear, once, that a process that is not the main one spoke in its name."""


class Run:
    """Makes one run of a unit; ``until_end`` first, the rest while it goes on."""

    def __init__(
        self, spec: UnitSpec, runtime_dir: Path, output: UnitOutput, listener: RunListener, served: int | None = None
    ) -> None:
        """Start the process, which serves this socket. Raise ProgramUnusable, or OSError for what may pass."""
        self._loop = asyncio.get_running_loop()
        self._spec = spec
        self._output = output
        self._listener = listener
        self._wake = asyncio.Event()
        self._foreign_seen = False
        self._order: Order | None = None
        self._notify = NotifySocket(runtime_dir / f"{spec.name}.notify")
        try:
            mark = mark_of(runtime_dir, spec.name)
            passed = () if served is None else (served,)
            self._process = UnitProcess(spec.argv, spec.environ, mark, self._protocol(spec, served), passed)
        except BaseException:
            self._notify.close()
            raise
        self._started = self._loop.time()
        self._life = Life(spec, self._started)

    async def until_end(self) -> Exit:
        """Hold the process to its deadlines until it has ended. No process of its group is left afterwards."""
        self._loop.add_reader(self._process.pidfd, self._wake.set)
        self._loop.add_reader(self._notify.fileno(), self._wake.set)
        self._loop.add_reader(self._process.output, self._read)
        try:
            self._listener.on_started(self._process.pid)
            while not self._process.has_ended():
                self._wake.clear()
                self._hear()  # signs of life may have waited while this process slept
                self._judge()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(self._life.deadline):
                        await self._wake.wait()
            self._hear()
        finally:
            code = self._finish()
        return Exit(code, self._loop.time() - self._started, self._order)

    def stop(self) -> None:
        """Tell the process to stop, unless it is on its way out."""
        if self._life.phase in (Phase.STARTING, Phase.RUNNING):
            self._process.signal(Signals.SIGTERM)
            self._stopping()

    def hurry(self) -> None:
        """Leave the process little time to stop in."""
        self.stop()
        self._life.hurry(self._loop.time())
        self._wake.set()

    def kill(self) -> None:
        """End the process and its group now."""
        self._life.killed()
        self._process.signal(Signals.SIGKILL)

    def _protocol(self, spec: UnitSpec, served: int | None) -> Mapping[str, str]:
        protocol = {"NOTIFY_SOCKET": self._notify.address}
        if spec.watchdog_seconds is not None:
            protocol["WATCHDOG_USEC"] = str(round(spec.watchdog_seconds * 1e6))
        if served is not None:
            protocol[LISTENER_FD] = str(served)
        return protocol

    def _hear(self) -> None:
        for pid, assignments in self._notify.receive():
            if pid == self._process.pid:
                self._take(assignments)
            elif not self._foreign_seen:
                self._foreign_seen = True
                self._listener.on_foreign(pid)

    def _take(self, assignments: Mapping[str, str]) -> None:
        now = self._loop.time()
        if "STATUS" in assignments:
            self._listener.on_status(assignments["STATUS"])
        if _number(assignments, "MAINPID"):
            self._hand_over(_number(assignments, "MAINPID"))
        if assignments.get("READY") == "1":
            if self._life.phase is Phase.STARTING:
                self._listener.on_ready()
            self._life.ready(now)
        if assignments.get("WATCHDOG") == "1":
            self._life.ping(now)
        if assignments.get("STOPPING") == "1":
            self._stopping()
        for verb in Verb:
            if verb in assignments:
                self._listener.on_order(verb, assignments[verb])
        self._life.extend(_number(assignments, "EXTEND_TIMEOUT_USEC") / 1e6, now)

    def _stopping(self) -> None:
        if self._life.phase in (Phase.STARTING, Phase.RUNNING):
            self._life.stopping(self._loop.time())
            self._listener.on_stopping()
            self._wake.set()

    def _hand_over(self, pid: int) -> None:
        self._loop.remove_reader(self._process.pidfd)
        if self._process.hand_over(pid):
            self._listener.on_started(pid)
        self._loop.add_reader(self._process.pidfd, self._wake.set)

    def _judge(self) -> None:
        order = self._life.overdue(self._loop.time())
        if order is not None:
            self._order = self._order or order
            self._listener.on_overdue(order)
            self._process.signal(order.signal)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            if not self._output.read(self._process.output):
                self._loop.remove_reader(self._process.output)

    def _finish(self) -> int | None:
        """End the group before the pipe is read out: what it wrote is not lost, and nobody writes on."""
        for fd in (self._process.pidfd, self._notify.fileno(), self._process.output):
            self._loop.remove_reader(fd)
        self._notify.close()
        self._process.signal(Signals.SIGKILL)
        with contextlib.suppress(BlockingIOError):
            while self._output.read(self._process.output):
                pass
        self._output.end()
        return self._process.finish()


def _number(assignments: Mapping[str, str], name: str) -> int:
    text = assignments.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _signal_name(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"
