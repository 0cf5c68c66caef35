"""kill -9 of the process that writes a projection: what readers see is always a whole moment of the log."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cfsm.domain.strategy import Strategy
from cfsm.projections import files
from cfsm.projections.base import handles
from cfsm.projections.files import Home
from cfsm.projections.leaderboard import Leaderboard, LeaderboardView
from cfsm.projections.projector import Projector
from cfsm.projections.reading import NotBuilt, fold, read
from cfsm.projections.strategies import Strategies, StrategiesView
from tests.fakes.deaths import die, dies, dies_at_call
from tests.fakes.dumps import dump
from tests.fakes.sqlite_log import SqliteLog
from tests.fakes.story import Story

ROOT = Path(__file__).parents[3]
STEPS_OF_A_SWAP = 12
MORE_STEPS_THAN_A_SWAP_HAS = 40


@pytest.fixture(scope="module")
def story():
    story = Story()
    for number in range(40):
        strategy = story.backtested(f"S{number}")
        if number % 3 == 0:
            story.retire(strategy)
    return story


def assert_whole(view_kind, log, directory):
    """What is shown is exactly the log up to some event, and that is given."""
    view = read(view_kind, directory)
    try:
        position = view.position
    except NotBuilt:
        return 0
    assert dump(view) == dump(fold(view_kind, log, position))
    return position


class Deadly(Strategies):
    """Dies in the middle of the page with the strategy that is called S30."""

    @handles(Strategy.Generated)
    def _generated(self, entry, facts):
        if facts["name"] == "S30":
            die()
        super()._generated(entry, facts)


def test_death_in_the_middle_of_a_page_leaves_the_pages_before_it(tmp_path, story):
    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(story.log, until=50)

    assert dies(lambda: Projector(Deadly, tmp_path, page=30).catch_up(story.log))

    assert assert_whole(StrategiesView, story.log, tmp_path) == 50 + 5 * 30
    with Projector(Strategies, tmp_path, notes_are_errors) as projector:
        projector.catch_up(story.log)
    assert dump(read(StrategiesView, tmp_path)) == dump(fold(StrategiesView, story.log))


def notes_are_errors(note):
    raise AssertionError(note)


def test_death_in_the_middle_of_a_rebuild_leaves_the_old_file(tmp_path, story):
    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(story.log, until=50)

    assert dies(lambda: Projector(Deadly, tmp_path, page=30).rebuild(story.log))

    assert Home.of(Strategies, tmp_path).building.exists()
    assert assert_whole(StrategiesView, story.log, tmp_path) == 50
    with Projector(Strategies, tmp_path, notes_are_errors) as projector:
        projector.rebuild(story.log)
    assert dump(read(StrategiesView, tmp_path)) == dump(fold(StrategiesView, story.log))
    assert not Home.of(Strategies, tmp_path).building.exists()


def test_death_in_the_first_build_leaves_nothing_to_be_seen(tmp_path, story):
    assert dies(lambda: Projector(Deadly, tmp_path, page=30).catch_up(story.log))

    with pytest.raises(NotBuilt):
        read(StrategiesView, tmp_path).count()
    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(story.log)
    assert dump(read(StrategiesView, tmp_path)) == dump(fold(StrategiesView, story.log))


def test_death_at_any_step_of_a_swap_leaves_the_old_file_or_the_new_one(tmp_path, story):
    deaths = 0
    for step in range(1, MORE_STEPS_THAN_A_SWAP_HAS):
        directory = tmp_path / str(step)
        with Projector(Strategies, directory) as projector:
            projector.catch_up(story.log, until=50)

        def swap(step=step, directory=directory):
            projector = Projector(Strategies, directory)
            projector.catch_up(story.log, until=60)
            dies_at_call(step, (files, "_sync"), (Path, "rename"), (Path, "symlink_to"), (Path, "unlink"))
            projector.rebuild(story.log)

        died = dies(swap)

        assert assert_whole(StrategiesView, story.log, directory) in (60, story.log.head())
        with Projector(Strategies, directory, notes_are_errors) as projector:
            projector.catch_up(story.log)
            assert dump(read(StrategiesView, directory)) == dump(fold(StrategiesView, story.log))
            projector.rebuild(story.log)
        assert len(list(directory.glob("*.db"))) == 1
        if not died:
            break
        deaths += 1
    assert STEPS_OF_A_SWAP < deaths < MORE_STEPS_THAN_A_SWAP_HAS - 1, "from its beginning to its end"


CHILD = """
import random, sys
from pathlib import Path
from cfsm.projections.leaderboard import Leaderboard
from cfsm.projections.projector import Projector
from tests.fakes.sqlite_log import SqliteLog

directory, log, draw = Path(sys.argv[1]), SqliteLog(Path(sys.argv[2])), random.Random(int(sys.argv[3]))
with Projector(Leaderboard, directory, page=3) as projector:
    print("writing", flush=True)
    position = projector.catch_up(log, 1)
    while True:
        if draw.random() < 0.2:
            projector.rebuild(log)
            position = 0
        position = projector.catch_up(log, position + draw.randrange(1, 9))
"""


@pytest.mark.parametrize("seed", range(6))
def test_death_at_any_moment_leaves_a_whole_moment_of_the_log(tmp_path, story, seed):
    path, draw = tmp_path / "events.sqlite", random.Random(seed)
    SqliteLog.create(path, story.log.entries)
    directory = tmp_path / "projections"
    for life in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, directory, path, str(seed * 100 + life)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as child:
            assert child.stdout.readline() == b"writing\n"
            try:
                child.wait(draw.random() / 5)
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
            assert child.wait() == -signal.SIGKILL

        assert_whole(LeaderboardView, story.log, directory)

    with Projector(Leaderboard, directory) as projector:
        projector.catch_up(story.log)
    assert dump(read(LeaderboardView, directory)) == dump(fold(LeaderboardView, story.log))
