"""What the embedded supervisor costs: ``.venv/bin/python benchmarks/supervisor.py [--units N] [--seconds S]``.

Idle units ping as often as the default watchdog asks. Measured: processor time of the supervisor while they idle, its
memory, from kill -9 of a unit to its next READY=1, the start of all units and their ordered stop. Units are bare
Python programs, so these are the supervisor's own times, without the workers' imports.
"""

import argparse
import asyncio
import os
import platform
import signal
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.table import say
from cfsm.adapters.supervisor.events import EventKind
from cfsm.adapters.supervisor.units import RestartPolicy, UnitSpec
from cfsm.adapters.systemd import PINGS_PER_WATCHDOG
from tests.fakes.supervised import all_ready, supervised, unit

KILLS = 20


def idle_unit(name: str, watchdog_seconds: float) -> UnitSpec:
    body = f"tell('READY=1')\nwhile True:\n    time.sleep({watchdog_seconds / PINGS_PER_WATCHDOG}); tell('WATCHDOG=1')"
    return unit(name, body, watchdog_seconds=watchdog_seconds)


async def measure(units: int, seconds: float, home: Path) -> None:
    names = [f"unit-{number}" for number in range(units)]
    specs = [idle_unit(name, UnitSpec(name="a", argv=("a",), environ={}).watchdog_seconds or 30.0) for name in names]
    began = time.perf_counter()
    async with supervised(home, *specs, policy=RestartPolicy(settled_seconds=0.0)) as watched:
        await all_ready(watched, *names)
        say(f"start of {units} units, all ready", time.perf_counter() - began, "s")
        used, since = time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        share = (time.process_time() - used) / (time.perf_counter() - since)
        say(f"idle for {seconds:g} s: processor time of one core", 100 * share, "%")
        say("supervisor's resident memory", psutil.Process().memory_info().rss / 2**20, "MB")
        again = []
        for kill in range(1, KILLS + 1):
            killed = time.perf_counter()
            os.kill(watched.status(names[0]).pid, signal.SIGKILL)
            await watched.until(EventKind.READY, names[0], times=kill + 1)
            again.append(time.perf_counter() - killed)
        say("kill -9 to ready again, p50", statistics.median(again), "s", beside="of it a pause of 0.1 s")
        say("kill -9 to ready again, longest", max(again), "s")
        began = time.perf_counter()
    say(f"stop of {units} units", time.perf_counter() - began, "s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--units", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(measure(arguments.units, arguments.seconds, Path(home)))


if __name__ == "__main__":
    main()
