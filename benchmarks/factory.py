"""What the whole factory costs and how fast it answers: ``python -m benchmarks.factory [--events N] [--seconds S]``.

Commands on a home with N events (100,000), each in a process of its own as a user runs it; then ``cfsm run`` on it:
what each process takes while nothing is to be done for S seconds (60), and how soon it reacts. Last, ``cfsm demo`` in
an empty home. Options: --no-demo leaves that out.
"""

import argparse
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

import orjson

from benchmarks.projections import events
from benchmarks.table import note, say, title
from cfsm.adapters.clock import SystemClock
from cfsm.adapters.event_store.opening import StoreTerms, open_factory
from cfsm.adapters.event_store.tables import CHAIN_COLUMNS, EVENT_COLUMNS, insert
from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.supervisor.status import UnitState, read_status
from cfsm.application.factory import Factory
from cfsm.domain.chain import START, link
from cfsm.domain.housekeeping import Cleaning
from cfsm.domain.log import LogEntry
from cfsm.projections.reading import read
from cfsm.projections.strategies import StrategiesView

RUNS = 7
CLEANINGS = 100
STARTING_SECONDS = 120.0
QUIET = """\
generation: {interval_seconds: 0}
backtest: {interval_seconds: 0, auto_backtest: false}
retention: {cleanup_old_strategies: false, max_strategies: 100000, max_strategy_age_days: 36500}
selection: {min_backtest_score: -100}
workers: {on_demand: []}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--no-demo", action="store_true")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before it began")
    with tempfile.TemporaryDirectory(prefix="cfsm-benchmark-") as folder:
        home = Path(folder) / "home"
        factory = long_home(home, options.events)
        commands(home, options.events)
        with running(home):
            idle(home, options.seconds)
            reaction(home, factory)
        factory.close()
        if not options.no_demo:
            demo(Path(folder) / "new")


def long_home(home: Path, count: int) -> Factory:
    """Make a home whose log has whole lives of strategies."""
    note(f"a home with {count:,} events")
    home.mkdir()
    (home / "cfsm.yaml").write_text(QUIET)
    DatasetStore(home / "data").synthesise(
        "synthetic", pairs=("BTC/USDT:USDT",), timeframes=("1h",), start=date(2025, 1, 1), end=date(2025, 3, 1)
    )
    factory = open_factory(home, StoreTerms(), actor="benchmark", clock=SystemClock())
    database = factory.store.database
    before, rows, links = START, [], []
    for place, (originator, version, topic, state) in enumerate(events(count), start=1):
        entry = LogEntry(place, UUID(originator).hex, version, topic, state)
        before = link(before, entry)
        rows.append(entry)
        links.append((place, before))
    with database.transaction() as cursor:
        cursor.executemany(database.sql(insert("stored_events", EVENT_COLUMNS)), rows)
        cursor.executemany(database.sql(insert("chain", CHAIN_COLUMNS)), links)
    factory.plan()
    with database.transaction() as cursor:  # what these events ask for was done, or there would be no rest
        cursor.execute("UPDATE task SET state = 'done'")
    return factory


def cfsm(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "cfsm", "--home", str(home), *arguments]


def commands(home: Path, count: int) -> None:
    title(f"Commands, with {count:,} events in the store; median of {RUNS}")
    subprocess.run(cfsm(home, "projections", "rebuild"), check=True, capture_output=True)
    name = orjson.loads(
        subprocess.run(
            cfsm(home, "strategies", "list", "--limit", "1", "--json"), check=True, capture_output=True
        ).stdout
    )[0]["name"]
    measured = {
        "cfsm --help": (["--help"], 0.3),
        "cfsm strategies list --limit 50": (["strategies", "list", "--limit", "50"], 0.6),
        "cfsm strategies list (all of them)": (["strategies", "list"], None),
        "cfsm leaderboard": (["leaderboard"], 0.6),
        "cfsm history show": (["history", "show", name], 0.6),
        "cfsm lineage": (["lineage", name], None),
        "cfsm runs list": (["runs", "list"], None),
        "cfsm status": (["status"], None),
        "cfsm history replay --event, half way": (["history", "replay", "--json", "--event", str(count // 2)], None),
        "cfsm history verify": (["history", "verify"], None),
    }
    for what, (arguments, target) in measured.items():
        say_median(what, cfsm(home, *arguments), target)
    say_median("for comparison: python -c pass", [sys.executable, "-c", "pass"], None)


def say_median(what: str, command: list[str], target: float | None) -> None:
    times, processor = [], []
    for _ in range(RUNS):
        began, used = time.perf_counter(), children_seconds()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
        processor.append(children_seconds() - used)
    beside = f"processor {statistics.median(processor):.3f} s"  # what it would be on a machine with nothing else to do
    say(what, statistics.median(times), "s", at_most=target, beside=beside)


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def running(home: Path, *options: str) -> Iterator[None]:
    """Run a factory on the home inside the block."""
    note("starting the factory")
    command = cfsm(home, *options, "run", "--quiet")
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        end = time.monotonic() + STARTING_SECONDS
        while not is_ready(home, process.pid):
            assert process.poll() is None, "the factory ended"
            assert time.monotonic() < end, "the factory is not ready"
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def is_ready(home: Path, pid: int) -> bool:
    status = read_status(home)
    units = status.units if status is not None and status.pid == pid else ()
    return bool(units) and all(unit.state in {UnitState.RUNNING, UnitState.RESTING} for unit in units)


def idle(home: Path, seconds: float) -> None:
    title(f"Idle for {seconds:g} s")
    status = read_status(home)
    assert status is not None
    pids = {"supervisor": status.pid, **{unit.name: unit.pid for unit in status.units if unit.pid}}
    time.sleep(5)  # what starting left behind
    before = {name: processor_seconds(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    for name, pid in pids.items():
        share = 100 * (processor_seconds(pid) - before[name]) / seconds
        is_worker = name not in {"supervisor", "forge"}
        say(f"{name}: processor time of one core", share, "%", at_most=0.1 if is_worker else None)
    for name, pid in pids.items():
        is_worker = name not in {"supervisor", "forge"}
        say(f"{name}: resident memory", resident_mb(pid), "MB", at_most=80 if is_worker else None)


def processor_seconds(pid: int) -> float:
    """Give the processor time of all threads of a process, to the nanosecond."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def reaction(home: Path, factory: Factory) -> None:
    """From a commit to what other processes make of it: the cleaner's decision and effect, the projector's table."""
    title(f"From a commit to a reaction, {CLEANINGS} times")
    view = read(StrategiesView, home / "projections")
    decided, recorded, shown = [], [], []
    for number in range(CLEANINGS):
        cleaning = Cleaning.request(f"benchmark/{number}", "benchmark", factory.stamp())
        factory.transact(lambda cleaning=cleaning: [cleaning])
        committed, head = time.time(), factory.store.head()
        while view.position < head:
            time.sleep(0.0001)
        shown.append(time.time() - committed)
        while len(stream := factory.store.stream(cleaning.id)) < 2:
            time.sleep(0.0001)
        recorded.append(time.time() - committed)
        stamped = datetime.fromisoformat(orjson.loads(stream[1].state)["timestamp"])
        decided.append(max(0.0, stamped.timestamp() - committed))
        time.sleep(0.02)
    for what, times in (
        ("cleaner: planned, claimed and decided", decided),
        ("cleaner: its effect is recorded", recorded),
        ("projector: it is shown", shown),
    ):
        say(f"{what}, p50", 1000 * statistics.median(times), "ms")
        say(f"{what}, p99", 1000 * statistics.quantiles(times, n=100)[98], "ms")


def demo(home: Path) -> None:
    title("From nothing to the first leaderboard, on a machine that is set up")
    note("cfsm demo in an empty home")
    began, used = time.perf_counter(), children_seconds()
    subprocess.run(cfsm(home, "demo"), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds, processor = time.perf_counter() - began, children_seconds() - used
    say("cfsm demo, 12 strategies", seconds, "s", at_most=180, beside=f"processor {processor:.0f} s over all cores")


if __name__ == "__main__":
    main()
