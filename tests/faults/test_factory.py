"""What the world does to a whole factory, and how it says so, lives through it and goes on."""

import json
import os
import signal
import sqlite3
import time

import pytest

from cfsm.adapters.supervisor.status import read_status
from cfsm.projections.base import View
from cfsm.projections.reading import fold, read
from cfsm.projections.registry import all_projections
from tests.fakes import disks
from tests.fakes.dumps import dump
from tests.fakes.running_factory import QUICK, RunningFactory, processes_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TRY_AGAIN, CONFIGURATION = 75, 78


@pytest.fixture
def running(tmp_path):
    with RunningFactory(tmp_path / "home", seconds=0.05) as running:
        running.make_candles()
        yield running


@pytest.fixture
def disk(tmp_path):
    """A file system of 400 MB."""
    with disks.small_disk(tmp_path / "disk", megabytes=400) as folder:
        yield folder


def generate(running, count=3):
    """Ask for strategies and wait until they are backtested or retired."""
    running.cfsm("generate", "--count", str(count))
    running.until_idle()


def books_are_right(running):
    """Assert that log and projections agree, and that every request came to one strategy."""
    store = running.house.factory.store
    assert store.verify_chain().broken is None
    for projection in all_projections():
        view = type("EveryRow", (View,), {"projection": projection})
        assert dump(running.house.view(view)) == dump(fold(view, store)), projection.name
    entries = store.read(0, 100_000)
    topics = [entry.topic for entry in entries]
    assert (
        topics.count("Strategy.Generated")
        == topics.count("Generation.Requested")
        == topics.count("Generation.Concluded")
    )


def fill(path):
    """Write a file until the disk has no byte left."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with pytest.raises(OSError, match="No space left"):
                write_for_ever(file, b"\0" * size)


def write_for_ever(file, content):
    while True:
        file.write(content)


def test_a_full_disk_stops_the_work_and_room_lets_it_go_on(disk):
    with RunningFactory(disk / "home", seconds=0.05) as running:
        running.make_candles()
        running.start().until_ready()
        generate(running)
        events = running.house.factory.store.head()

        fill(disk / "filler")
        refused = running.cfsm("generate", check=False)
        running.kill(running.pids()["validator"])
        running.kill(running.pids()["projector"])
        time.sleep(3)

        assert refused.returncode == TRY_AGAIN
        assert "full" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert running.house.factory.store.head() == events

        (disk / "filler").unlink()
        generate(running)
        assert running.stop() == 0
        books_are_right(running)


def test_a_home_that_may_not_be_written_is_said_by_every_command(disk):
    with RunningFactory(disk / "home", seconds=0.05) as running:
        running.make_candles()
        running.cfsm("status")
        with disks.write_protected(disk):
            for command in (["run"], ["generate"], ["worker", "generator"], ["leaderboard"], ["status"]):
                said = running.cfsm(*command, check=False)

                assert said.returncode == CONFIGURATION, (command, said.stderr)
                assert str(running.home) in said.stderr
                assert "written" in said.stderr or "Read-only file system" in said.stderr
                assert "Traceback" not in said.stderr


@pytest.mark.parametrize("name", ["strategies", "leaderboard", "runs"])
def test_a_projection_that_is_damaged_while_the_factory_runs_is_built_anew(running, name):
    running.start().until_ready()
    generate(running, 12)
    (file,) = (running.home / "projections").glob(f"{name}-*.db")
    inode = file.stat().st_ino
    size = file.stat().st_size
    with file.open("r+b") as damaged:
        damaged.seek(4096)
        damaged.write(os.urandom(size - 4096))

    def is_whole():
        said = running.cfsm("strategies" if name == "strategies" else name, *LISTING[name], check=False)
        assert "Traceback" not in said.stderr, said.stderr
        return said.returncode == 0 and len(json.loads(said.stdout)) > 0

    running.kill(running.pids()["projector"])  # else its memory may hide the damage for long
    running.until(is_whole)
    generate(running)

    (rebuilt,) = (running.home / "projections").glob(f"{name}-*.db")
    assert rebuilt.stat().st_ino != inode
    assert running.stop() == 0
    books_are_right(running)


LISTING = {"strategies": ["list", "--json"], "leaderboard": ["--json", "--all"], "runs": ["list", "--json"]}


def test_a_projection_that_is_deleted_while_the_factory_runs_is_built_anew(running):
    running.start().until_ready()
    generate(running)
    for file in (running.home / "projections").glob("strategies-*"):
        if not file.name.endswith(".lock"):
            file.unlink()

    generate(running)

    assert len(json.loads(running.cfsm("strategies", "list", "--json").stdout)) == 6
    assert running.stop() == 0
    books_are_right(running)


def test_a_garbage_configuration_is_said_whole_and_nothing_is_made(tmp_path):
    garbage = "generation: {interval_seconds: soon, sede: 1}\nretention: 7\nworkers: {instances: {generator: -1}}\n"
    with RunningFactory(tmp_path / "home", configuration=garbage) as running:
        for command in (["run"], ["demo"], ["status"], ["worker", "generator"], ["leaderboard"]):
            said = running.cfsm(*command, check=False)

            assert said.returncode == CONFIGURATION, said.stderr
            for words in ("cfsm.yaml:1", "interval_seconds", "sede", "seed", "retention", "instances.generator"):
                assert words in said.stderr, (command, words)
            assert "Traceback" not in said.stderr
        assert not (running.home / "events.sqlite").exists()
        running.house.__dict__["factory"] = _Nothing()


class _Nothing:
    def close(self):
        pass


def test_a_second_factory_on_one_home_is_refused_by_name(running):
    running.start().until_ready("projector")

    second = running.cfsm("run", check=False)

    assert second.returncode == CONFIGURATION
    assert f"pid {running.pid}" in second.stderr
    assert "cfsm stop" in second.stderr
    assert running.exit_code is None, "the first one works on"


def test_a_locked_database_is_waited_for(running):
    running.start().until_ready()
    generate(running)
    locker = sqlite3.connect(running.home / "events.sqlite", isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    try:
        refused = running.cfsm("generate", check=False)
        pids = running.pids()
    finally:
        locker.execute("ROLLBACK")
        locker.close()

    assert refused.returncode == TRY_AGAIN
    assert "locked" in refused.stderr
    generate(running)
    assert running.pids() == pids, "nobody died of it"
    assert running.stop() == 0
    books_are_right(running)


def test_a_dataset_that_is_not_there_is_said_before_anything_starts(tmp_path):
    with RunningFactory(tmp_path / "home", configuration=f"{QUICK}market_data: {{dataset: mine}}") as running:
        said = running.cfsm("run", check=False)

    assert said.returncode == CONFIGURATION
    assert "mine" in said.stderr
    assert "cfsm data" in said.stderr


def test_stopping_leaves_nothing_behind(running):
    running.start().until_ready()
    generate(running)

    assert running.stop() == 0

    assert processes_of(running.home) == {}
    assert read_status(running.home).running is False
    assert list((running.house.run_folder / "bells").iterdir()) == []


def test_a_killed_supervisor_takes_its_workers_along(running):
    running.start().until_ready()

    running.kill()

    running.until(lambda: not processes_of(running.home))


def test_a_machine_that_stood_still_kills_nobody(tmp_path):
    impatient = QUICK.replace("workers: {", "workers: {watchdog_seconds: 3, lease_seconds: 4, ")
    with RunningFactory(tmp_path / "home", seconds=0.05, configuration=impatient) as running:
        running.make_candles()
        running.start().until_ready()
        pids = running.pids()

        for pid in pids.values():
            os.kill(pid, signal.SIGSTOP)
        time.sleep(8)
        for pid in pids.values():
            os.kill(pid, signal.SIGCONT)
        generate(running)

        assert running.pids().items() >= pids.items()  # a backtester in reserve may have been started meanwhile
        assert running.stop() == 0


def test_the_live_view_reads_while_everything_is_killed(running):
    running.start().until_ready()
    generate(running, 6)
    view = type("EveryRow", (View,), {"projection": all_projections()[0]})
    live = read(view, running.house.projections_folder)

    for name in ("projector", "coordinator", "projector"):
        running.kill(running.pids()[name])
        assert live.position > 0
        running.until_ready(name)
