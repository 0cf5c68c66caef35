"""Speed of the event store, measured against the raw database in the same run: python -m benchmarks.event_store.

Options: --events N (of the long log, 1,000,000), --folder DIR (which disk), --no-postgres.
"""

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cfsm.adapters.clock import SystemClock
from cfsm.adapters.event_store.opening import StoreTerms, open_bell, open_factory
from cfsm.adapters.event_store.tables import CHAIN_COLUMNS, EVENT_COLUMNS, insert
from cfsm.application.event_mapper import EventMapper
from cfsm.application.factory import Factory
from cfsm.domain.chain import START, link
from cfsm.domain.log import LogEntry
from cfsm.domain.strategy import Strategy
from tests.fakes.postgres_server import PostgresServer, binaries
from tests.fakes.stores import strategy

SQLITE = StoreTerms()
SAFE = "-c listen_addresses='' -c shared_buffers=64MB"
"""PostgreSQL as it comes: every commit is on the disk."""

RAW_POSTGRES = "INSERT INTO public.raw_events VALUES (%s, %s, %s, %s, %s)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--no-postgres", action="store_true")
    options = parser.parse_args()
    with working_folder(options.folder) as folder, postgres(wanted=not options.no_postgres) as server:
        opening(folder)
        append(folder)
        load(folder)
        reaction("SQLite", folder / "reaction", SQLITE)
        if server is not None:
            append_to_postgres(folder, server.terms())
            reaction("PostgreSQL", folder / "reaction-postgres", server.terms())
        long_log(folder, options.events)


@contextmanager
def working_folder(parent: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cfsm-benchmark-", dir=parent) as folder:
        yield Path(folder)


@contextmanager
def postgres(*, wanted: bool) -> Iterator[PostgresServer | None]:
    programs = binaries() if wanted else None
    if programs is None:
        say("PostgreSQL", "left out" if not wanted else "not installed: left out")
        yield None
        return
    server = PostgresServer(programs, SAFE).start()
    try:
        yield server
    finally:
        server.stop()


def opened(home: Path, terms: StoreTerms = SQLITE) -> Factory:
    return open_factory(home, terms, actor="benchmark", clock=SystemClock())


def say(what: str, figure: str, target: str = "") -> None:
    print(f"{what:<58} {figure:>24}  {target}", flush=True)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3f} ms"


def timed(deed: Callable[[], object]) -> float:
    begin = time.perf_counter()
    deed()
    return time.perf_counter() - begin


def opening(folder: Path) -> None:
    say("open: a new store is made", milliseconds(timed(lambda: opened(folder / "new").close())))
    say("open: one that is there", milliseconds(min(timed(lambda: opened(folder / "new").close()) for _ in range(20))))


def append(folder: Path) -> None:
    """One event a transaction, alternating with a raw commit of the same row on the same disk."""
    count = 1_000
    factory = opened(folder / "append")
    strategies = [strategy(number, factory.stamp()) for number in range(count)]
    raw = sqlite3.connect(folder / "raw.sqlite", isolation_level=None)
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute(
        "CREATE TABLE stored_events (id INTEGER PRIMARY KEY, originator_id TEXT NOT NULL, "
        "originator_version INTEGER NOT NULL, topic TEXT NOT NULL, state BLOB NOT NULL, "
        "UNIQUE (originator_id, originator_version))"
    )
    times: dict[str, list[float]] = {"raw": [], "append": []}

    def commit(row: tuple[object, ...]) -> None:
        raw.execute("BEGIN IMMEDIATE")
        raw.execute("INSERT INTO stored_events VALUES (?, ?, ?, ?, ?)", row)
        raw.execute("COMMIT")

    for each in strategies:
        times["append"].append(timed(lambda each=each: factory.transact(lambda: [each])))
        (row,) = factory.store.read(factory.store.head() - 1, 1)
        times["raw"].append(timed(lambda row=row: commit(row)))
    compare("append", times)
    raw.close()
    factory.close()


def append_to_postgres(folder: Path, terms: StoreTerms) -> None:
    import psycopg

    count = 500
    factory = opened(folder / "append-postgres", terms)
    again = min(timed(lambda: opened(folder / "append-postgres", terms).close()) for _ in range(20))
    say("open: one that is there, on PostgreSQL", milliseconds(again))
    strategies = [strategy(number, factory.stamp()) for number in range(count)]
    times: dict[str, list[float]] = {"raw": [], "append": []}
    with psycopg.connect(terms.server().conninfo, autocommit=True) as raw:
        raw.execute(
            "CREATE TABLE public.raw_events (id BIGINT PRIMARY KEY, originator_id TEXT, originator_version BIGINT, "
            "topic TEXT, state BYTEA, UNIQUE (originator_id, originator_version))"
        )
        for each in strategies:
            times["append"].append(timed(lambda each=each: factory.transact(lambda: [each])))
            (row,) = factory.store.read(factory.store.head() - 1, 1)
            times["raw"].append(timed(lambda row=row: raw.execute(RAW_POSTGRES, row)))
    compare("append on PostgreSQL", times, target="")
    factory.close()


def compare(what: str, times: dict[str, list[float]], target: str = "target: at most 1.2") -> None:
    medians = {name: statistics.median(each) for name, each in times.items()}
    for name, median in medians.items():
        say(f"{what}: {name}, median of {len(times[name])}", milliseconds(median))
    say(f"{what}: ratio of the medians", f"{medians['append'] / medians['raw']:.2f}", target)


def load(folder: Path) -> None:
    factory = opened(folder / "load")
    long = strategy(1, factory.stamp())
    long.record_validation("run-0", [], factory.stamp())
    for number in range(1, 99):
        figures = {"sharpe_daily": 1.25, "profit_total": 0.3, "total_trades": number, "dataset": "synthetic"}
        long.record_backtest(f"run-{number}", "20250101-20250401", f"{number:064x}", figures, factory.stamp())
    factory.transact(lambda: [long])
    assert len(factory.store.stream(long.id)) == 100
    times = [timed(lambda: factory.get(Strategy, long.id)) for _ in range(200)]
    say("load a strategy of 100 events, median", milliseconds(statistics.median(times)), "target: at most 1 ms")
    factory.close()


FOLLOWER = """
import sys, time
from pathlib import Path
from cfsm.adapters.clock import SystemClock
from cfsm.adapters.event_store.opening import StoreTerms, open_bell, open_factory

home, terms = Path(sys.argv[1]), eval(sys.argv[2])
factory = open_factory(home, terms, actor="follower", clock=SystemClock())
bell = open_bell(home, terms)
place = factory.store.head()
print("ready", flush=True)
while place < int(sys.argv[3]):
    entries = factory.store.read(place, 100)
    seen = time.monotonic_ns()
    for entry in entries:
        place = entry.id
        print(place, seen, flush=True)
    if not entries:
        bell.wait(1)
"""


def reaction(database: str, home: Path, terms: StoreTerms) -> None:
    """From the moment a commit returned to the moment another process has read the event."""
    count = 300
    factory = opened(home, terms)
    follower = subprocess.Popen(
        [sys.executable, "-c", FOLLOWER, home, repr(terms), str(count)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert follower.stdout is not None
    follower.stdout.readline()
    called, committed = {}, {}
    ring = factory._ring  # noqa: SLF001  to note when the commit returned

    def note_and_ring() -> None:
        committed[len(called)] = time.monotonic_ns()
        ring()

    factory._ring = note_and_ring  # noqa: SLF001  as above
    for number in range(1, count + 1):
        new = strategy(number, factory.stamp())
        called[number] = time.monotonic_ns()
        factory.transact(lambda new=new: [new])
        time.sleep(0.004 + number % 7 / 1_000)
    answers = follower.communicate(timeout=60)[0].split()
    seen = dict(zip(map(int, answers[::2]), map(int, answers[1::2]), strict=True))
    after = sorted(max(0, seen[number] - committed[number]) / 1e9 for number in seen)
    whole = sorted((seen[number] - called[number]) / 1e9 for number in seen)
    say(f"{database}: commit to reaction, p50", milliseconds(after[count // 2]), "target: at most 1 ms")
    say(f"{database}: commit to reaction, p99", milliseconds(after[count * 99 // 100]), "target: at most 10 ms")
    say(f"{database}: command to reaction, commit included, p50", milliseconds(whole[count // 2]))
    factory.close()


def long_log(folder: Path, count: int) -> None:
    home = folder / "long"
    factory = opened(home)
    (sample,) = [EventMapper().entry_of(each) for each in strategy(1, factory.stamp()).collect_events()]
    database = factory.store.database
    before, done = START, 0
    while done < count:
        rows, links = [], []
        for place in range(done + 1, min(done + 10_000, count) + 1):
            entry = LogEntry(place, f"{place:032x}", 1, sample.topic, sample.state)
            before = link(before, entry)
            rows.append(entry)
            links.append((place, before))
        with database.transaction() as cursor:
            cursor.executemany(database.sql(insert("stored_events", EVENT_COLUMNS)), rows)
            cursor.executemany(database.sql(insert("chain", CHAIN_COLUMNS)), links)
        done += len(rows)
    processor = time.process_time()
    seconds = timed(factory.store.verify_chain)
    say(f"verify {count:,} events of {len(sample.state)} bytes", f"{count / seconds:,.0f} events/s", "target: 150,000")
    processor = time.process_time() - processor
    say("… as a share of the time, this process computed", f"{processor / seconds:.0%}", "100 % on an idle machine")

    def read() -> None:
        after = 0
        while entries := factory.store.read(after, 5_000):
            after = entries[-1].id

    say(f"read {count:,} events in pages", f"{count / timed(read):,.0f} events/s")
    say("open: this store", milliseconds(min(timed(lambda: opened(home).close()) for _ in range(5))))
    new = iter(strategy(number, factory.stamp()) for number in range(10_000, 10_200))
    times = [timed(lambda each=each: factory.transact(lambda: [each])) for each in new]
    say("append to this store, median", milliseconds(statistics.median(times)))
    with closing(open_bell(home, SQLITE)) as bell:
        say(
            "a look at an unchanged store",
            milliseconds(statistics.median(timed(lambda: bell.wait(0)) for _ in range(200))),
        )
    factory.close()
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
