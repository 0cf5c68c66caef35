"""How fast projections are built from a log: ``.venv/bin/python benchmarks/projections.py [--events N]``.

The log is a plain SQLite table with the event store's columns, filled with whole lives of strategies (20 events each:
a generation, a validation, a backtest, a second one, a retirement) of the sizes that real ones have. Every projection
is built from it, and so are all of them one after the other; the measure is a bare SELECT with orjson in the same run.
"""

import cfsm  # noqa: F401 - puts the safe SQLite in place, before anything imports sqlite3

# isort: split

import argparse
import platform
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from benchmarks.table import say
from cfsm.domain.evaluation import Stage
from cfsm.domain.log import LogEntry
from cfsm.projections.fold import PAGE_ENTRIES
from cfsm.projections.leaderboard import LeaderboardView
from cfsm.projections.projector import Projector
from cfsm.projections.reading import fold, read
from cfsm.projections.registry import all_projections
from cfsm.projections.strategies import StrategiesView
from tests.fakes.story import Story, figures

LIVE_EVENTS = 2_000
FREQTRADE_FIGURES = 25
FREQTRADE = {f"a_figure_of_freqtrade_{number}": 0.123456789 + number for number in range(FREQTRADE_FIGURES)}
TEMPLATES = 40


class SqliteLog:
    """The event store's table, read as the event store reads it."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path)

    def read(self, after: int, limit: int) -> Sequence[LogEntry]:
        rows = self.connection.execute(
            "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events "
            "WHERE rowid > ? ORDER BY rowid LIMIT ?",
            (after, limit),
        )
        return [LogEntry._make(row) for row in rows]

    def head(self) -> int:
        return self.connection.execute("SELECT MAX(rowid) FROM stored_events").fetchone()[0] or 0


def life(number: int) -> list[LogEntry]:
    """Give the 20 events of one strategy's life, as the domain records them."""
    draw = random.Random(number)
    story = Story()
    generation = story.request(f"slot {number}")
    parameters = {f"buy_{name}": draw.random() for name in ("rsi", "ema_fast", "ema_slow", "adx", "volume", "bb")}
    name = f"VolatilityStrategy_phi3_20260101_{number:06}"
    strategy = story.generate(name, generation=generation, parameters=parameters)
    story.validate(strategy)
    for key in ("1", "2"):
        found = figures(draw.gauss(0.02, 0.05), draw.randrange(500), freqtrade=FREQTRADE, days=365, wins=100)
        run = story.start(strategy, key=key)
        for stage in (Stage.LOADING_DATA, Stage.ANALYZING, Stage.BACKTESTING, Stage.GENERATING_REPORT):
            story.reach(run, stage)
        story.complete(run, found)
        strategy.record_backtest(str(run.id), "20250101-20251231", f"{number}/{key}", found, story.stamp())
        story.record(strategy)
    if number % 10:
        story.retire(strategy, score=0.05, min_backtest_score=0.1)
    else:
        story.start_dry_run(strategy)
    return story.log.entries


def events(count: int) -> Iterator[tuple[str, int, str, bytes]]:
    """Give as many events, lives one after the other; later lives are earlier ones under other ids and names."""
    templates = [life(number) for number in range(TEMPLATES)]
    made = 0
    while made < count:
        turn, template = divmod(made // len(templates[0]), TEMPLATES)
        for entry in templates[template]:
            state, mark = entry.state, b"%08x" % turn
            # Every id of the life (hex or with dashes) begins otherwise in every turn, everywhere it is named.
            for other in {each.originator_id for each in templates[template]}:
                state = state.replace(other[:8].encode(), _mixed(other, mark))
            state = state.replace(b"Strategy_phi3_20260101", b"Strategy_phi3_%08d" % turn)
            yield (
                _mixed(entry.originator_id, mark).decode() + entry.originator_id[8:],
                entry.originator_version,
                entry.topic,
                state,
            )
            made += 1
            if made == count:
                return


def _mixed(originator_id: str, mark: bytes) -> bytes:
    return b"%08x" % ((int(originator_id[:8], 16) ^ (int(mark, 16) * 2654435761)) & 0xFFFFFFFF)


def write_log(path: Path, count: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE stored_events (originator_id TEXT, originator_version INTEGER, topic TEXT, state BLOB, "
        "PRIMARY KEY (originator_id, originator_version))"
    )
    with connection:
        connection.executemany("INSERT INTO stored_events VALUES (?, ?, ?, ?)", events(count))
    connection.close()


def timed(what: str, count: int, function, floor: float | None = None) -> float:
    began = time.perf_counter()
    function()
    seconds = time.perf_counter() - began
    say(what, count / seconds, "events/s", at_least=None if floor is None else 100_000, beside=f"{seconds:.2f} s")
    if floor is not None:
        say("… as a share of SELECT + orjson", floor / seconds, "", at_least=0.2)
    return seconds


def raw(log: SqliteLog) -> None:
    rows = log.connection.execute(
        "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events ORDER BY rowid"
    )
    for row in rows:
        orjson.loads(row[4])


def live(log: SqliteLog, directory: Path) -> None:
    """Measure what one more event costs all projections, a commit each."""
    projectors = [Projector(projection, directory) for projection in all_projections()]
    start = 10_000
    for projector in projectors:
        projector.catch_up(log, start)
    began = time.perf_counter()
    for position in range(start, start + LIVE_EVENTS):
        for projector in projectors:
            projector.catch_up(log, position + 1)
    each_ms = (time.perf_counter() - began) / LIVE_EVENTS * 1000
    say(f"one more event, to all {len(projectors)} projections", each_ms, "ms")
    for projector in projectors:
        projector.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=1_000_000)
    arguments.add_argument("--page", type=int, default=PAGE_ENTRIES)
    given = arguments.parse_args()
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, pages of {given.page}")
    with tempfile.TemporaryDirectory() as temporary:
        directory, path = Path(temporary), Path(temporary) / "events.sqlite"
        timed("write the log", given.events, lambda: write_log(path, given.events))
        say("the log's size", path.stat().st_size / 1e6, "MB")
        log = SqliteLog(path)
        raw(log)
        floor = timed("SELECT + orjson", given.events, lambda: raw(log))
        for projection in all_projections():
            with Projector(projection, directory, page=given.page) as projector:
                timed(f"build {projection.name}", given.events, lambda: projector.rebuild(log), floor)
            size = sum(each.stat().st_size for each in directory.glob(f"{projection.name}-*.db")) / 1e6
            say("… its size", size, "MB")
        (directory / "live").mkdir()
        live(log, directory / "live")
        timed(
            "quick check of strategies", given.events, lambda: Projector(all_projections()[0], directory).catch_up(log)
        )
        timed("fold in memory, half way", given.events // 2, lambda: fold(LeaderboardView, log, given.events // 2))
        timed("leaderboard top 20", given.events, lambda: read(LeaderboardView, directory).top(20))
        timed(
            "strategies, newest 50",
            given.events,
            lambda: read(StrategiesView, directory).select(limit=50, newest_first=True),
        )
    say("peak memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")


if __name__ == "__main__":
    main()
