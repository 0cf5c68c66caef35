"""What a factory takes that has nothing to do: ``python -m benchmarks.idle [--seconds S]``.

In each profile a factory with six pairs makes and backtests a strategy, so that the forge is warm, then idles for S
seconds (60). Memory is that of all its processes, the forge's among them, a page that several share counted once (PSS).
In cpu_optimized the forge ends when nobody needed it for a while; here for REST_SECONDS, so that nobody waits long.
"""

import argparse
import os
import platform
import subprocess
import tempfile
import time
from pathlib import Path

import orjson

from benchmarks.factory import cfsm, processor_seconds, running
from benchmarks.table import note, say, title
from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.memory import memory_bytes
from cfsm.adapters.supervisor.status import UnitState, read_status

PROFILES = {"standard": 600, "cpu_optimized": 400}
"""Each profile with the memory in MB that an idle factory may take."""

REST_SECONDS = 10
WORKING_SECONDS = 300.0
QUIET = """\
generation: {interval_seconds: 0}
backtest: {interval_seconds: 0}
optimization: {auto_optimization: false}
retention: {cleanup_old_strategies: false}
admission: {max_psi_cpu_some_percent: null}
workers: {forge_idle_seconds: SECONDS}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before it began")
    with tempfile.TemporaryDirectory(prefix="cfsm-idle-") as folder:
        for profile, most_mb in PROFILES.items():
            title(f"{profile}: idle for {options.seconds:g} s after a strategy was made and backtested")
            measure(Path(folder) / profile, profile, most_mb, options.seconds)


def measure(home: Path, profile: str, most_mb: float, seconds: float) -> None:
    rests = profile == "cpu_optimized"
    home.mkdir()
    (home / "cfsm.yaml").write_text(QUIET.replace("SECONDS", str(REST_SECONDS if rests else 0)))
    note("a market of six pairs")
    DatasetStore(home / "data").synthesise("synthetic")
    with running(home, "--profile", profile):
        work(home)
        if rests:
            until(lambda: state_of(home, "forge") is UnitState.RESTING)
        time.sleep(5)  # what the work left behind
        pids = processes(home)
        used = {name: processor_seconds(pid) for name, pid in pids.items()}
        time.sleep(seconds)
        shares = {name: 100 * (processor_seconds(pid) - used[name]) / seconds for name, pid in pids.items()}
        assert processes(home) == pids, "the factory was not idle: processes came or went"
        memory = {name: memory_bytes(pid) / 2**20 for name, pid in pids.items()}
    memory["supervisor"] -= sum(memory.values()) - memory["supervisor"]  # the others are its children
    for name in pids:
        say(name, memory[name], "MB", beside=f"{shares[name]:.2f} % of a core")
    say("memory in all", sum(memory.values()), "MB", at_most=most_mb)
    say("processor time of one core in all", sum(shares.values()), "%", at_most=1)


def work(home: Path) -> None:
    """Let the factory make and backtest one strategy."""
    note("a strategy is made and backtested")
    subprocess.run(cfsm(home, "generate", "--type", "trend"), check=True, capture_output=True)
    until(lambda: status(home)["events"] > 5 and not status(home)["due"])


def status(home: Path) -> dict:
    return orjson.loads(subprocess.run(cfsm(home, "status", "--json"), check=True, capture_output=True).stdout)


def processes(home: Path) -> dict[str, int]:
    found = read_status(home)
    assert found is not None
    return {"supervisor": found.pid, **{unit.name: unit.pid for unit in found.units if unit.pid}}


def state_of(home: Path, name: str) -> UnitState | None:
    found = read_status(home)
    return next((unit.state for unit in found.units if unit.name == name), None) if found else None


def until(condition) -> None:
    end = time.monotonic() + WORKING_SECONDS
    while not condition():
        assert time.monotonic() < end, "the factory did not come to the end of its work"
        time.sleep(0.5)


if __name__ == "__main__":
    main()
