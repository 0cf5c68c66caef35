"""A factory that runs as its user runs it, ``cfsm run`` in a process of its own, for tests that look on from outside."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.supervisor.status import UnitState, read_status
from cfsm.bootstrap import House

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 90.0
"""After this a test has failed; none takes so long."""

QUICK = """\
generation: {interval_seconds: 0}
backtest: {interval_seconds: 0}
retention: {cleanup_old_strategies: false, max_strategies: 1000}
workers: {restart_backoff_most_seconds: 0.2}
admission: {max_psi_cpu_some_percent: null, max_psi_memory_full_percent: null, min_memory_available_mb: 0,
            min_disk_free_mb: 0, max_temperature_celsius: null}
"""
"""Nothing by the clock, and whatever the machine has to do besides."""


class RunningFactory:
    """``cfsm run`` on a home. ``seconds`` bounds a pretended run of a strategy; None is the real forge."""

    def __init__(self, home, *, seconds=0.0, configuration=QUICK):
        self.home = home
        self._seconds = seconds
        self._process = None
        self._killed = set()
        home.mkdir(parents=True, exist_ok=True)
        (home / "cfsm.yaml").write_text(configuration)
        self.house = House.at(home, file=None, profile=None, environ={**os.environ, "CFSM_HOME": str(home)})

    def make_candles(self):
        """Make a market of one pair and two months, in a second."""
        datasets = DatasetStore(self.home / "data")
        if "synthetic" not in datasets:
            datasets.synthesise(
                "synthetic", pairs=("BTC/USDT:USDT",), timeframes=("1h",), start=date(2025, 1, 1), end=date(2025, 3, 1)
            )

    def command(self, *arguments):
        program = ["cfsm"] if self._seconds is None else ["tests.fakes.quick_factory", str(self._seconds)]
        return [sys.executable, "-m", *program, "--home", str(self.home), *arguments]

    def start(self):
        """Start it; it may be a while until it is ready."""
        log = (self.home / "run.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                self.command("run", "--quiet"), cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def cfsm(self, *arguments, check=True):
        """Run a command on the home; give how it ended."""
        done = subprocess.run(
            self.command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    @property
    def pid(self):
        return self._process.pid

    @property
    def exit_code(self):
        return self._process.poll()

    def pids(self):
        """Give the processes by the unit's name, the supervisor among them."""
        if self._process is None or self._process.poll() is not None:
            return {}
        status = read_status(self.home)
        units = {} if status is None or status.pid != self.pid else {unit.name: unit.pid for unit in status.units}
        return {"supervisor": self.pid, **{name: pid for name, pid in units.items() if pid}}

    def until_ready(self, *names):
        """Wait until these units, or all of them, are at work."""

        def ready():
            assert self._process.poll() is None, self.log()
            status = read_status(self.home)
            if status is None or status.pid != self.pid or not status.units:
                return False
            asked = [unit for unit in status.units if not names or unit.name in names]
            if self._killed.intersection(unit.pid for unit in asked):
                return False  # the supervisor has not said yet what happened
            return all(unit.state in {UnitState.RUNNING, UnitState.RESTING} for unit in asked)

        self.until(ready)
        return self

    def until(self, condition, every_seconds=0.05, patience_seconds=PATIENCE_SECONDS):
        """Wait until a condition holds."""
        end = time.monotonic() + patience_seconds
        while not condition():
            assert time.monotonic() < end, self.log()
            time.sleep(every_seconds)

    def until_idle(self, patience_seconds=PATIENCE_SECONDS):
        """Wait until every task is done."""
        self.until(lambda: not self.due(), 0.2, patience_seconds)

    def due(self):
        self.house.factory.plan()
        return self.house.factory.store.overview()

    def kill(self, pid=None):
        """Kill a process of it as ``kill -9`` does; the supervisor if none is said."""
        os.kill(pid or self.pid, signal.SIGKILL)
        self._killed.add(pid or self.pid)
        if pid in {None, self.pid}:
            self._process.wait()

    def stop(self):
        """Stop it in order; give its exit code."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(PATIENCE_SECONDS)

    def log(self):
        """Give what was said, for a failed test."""
        files = [self.home / "run.log", *sorted((self.home / "logs").glob("*.log"))]
        return "\n".join(f"--- {file.name}\n{file.read_text()[-3000:]}" for file in files if file.exists())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self.house.factory.close()


def processes_of(home):
    """Give the processes of this machine that belong to a home, by what their command line or environment says."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes() + b"\0" + (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(home).encode() in words and state not in "ZX":
            found[int(entry.name)] = words.split(b"\0\0")[0].replace(b"\0", b" ").decode(errors="replace")[:200]
    return found
