"""Small programs that speak the notify protocol, and a supervisor to run them under, for tests."""

import asyncio
import sys
import textwrap
from contextlib import asynccontextmanager
from pathlib import Path

from cfsm.adapters.supervisor.events import EventKind
from cfsm.adapters.supervisor.group import Supervisor
from cfsm.adapters.supervisor.units import RestartPolicy, UnitSpec

ROOT = Path(__file__).resolve().parents[2]

PATIENCE_SECONDS = 30.0
"""After this a test has failed; none takes so long."""

QUICK = RestartPolicy(first_delay_seconds=0.01, start_limit=50)

PRELUDE = """
import os, signal, socket, sys, time

_notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
_address = os.environ["NOTIFY_SOCKET"]
_address = "\\0" + _address[1:] if _address.startswith("@") else _address

def tell(text):
    _notify.sendto(text.encode(), _address)

def say(text):
    print(text, flush=True)

def end(*_):
    sys.exit(0)

signal.signal(signal.SIGTERM, end)

def run_on():
    while True:
        time.sleep(0.02)
        tell("WATCHDOG=1")
"""

WORKS = "tell('READY=1'); run_on()"


def unit(name, body=WORKS, *, package=False, **options):
    """Give a unit whose program is ``body``; with ``package`` it can import this project."""
    flags = [] if package else ["-I", "-S"]
    environ = {"PYTHONPATH": str(ROOT)} if package else {}
    argv = (sys.executable, *flags, "-c", PRELUDE + textwrap.dedent(body))
    return UnitSpec(name=name, argv=argv, environ=options.pop("environ", environ), **options)


class Watched:
    """A supervisor under test and what it told."""

    def __init__(self, home, units, policy, terminal=None):
        self.events = []
        self._news = asyncio.Event()
        self.stop = asyncio.Event()
        self.supervisor = Supervisor(units, home, self._hear, policy=policy, terminal=terminal)

    def _hear(self, event):
        self.events.append(event)
        self._news.set()

    def told(self, kind, unit=None):
        return [event for event in self.events if event.kind is kind and unit in (None, event.unit)]

    def status(self, name):
        return next(status for status in self.supervisor.units if status.name == name)

    async def until(self, kind, unit=None, times=1):
        """Wait for the n-th event of a kind and give it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(told := self.told(kind, unit)) < times:
                self._news.clear()
                await self._news.wait()
        return told[times - 1]

    async def until_true(self, condition):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.01)


@asynccontextmanager
async def supervised(home, *units, policy=QUICK, terminal=None):
    """Run the units inside the block and stop them at its end."""
    watched = Watched(home, units, policy, terminal)
    running = asyncio.create_task(watched.supervisor.run(watched.stop))
    try:
        yield watched
        watched.stop.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def all_ready(watched, *names):
    for name in names:
        await watched.until(EventKind.READY, name)


def is_alive(pid):
    """Tell whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
