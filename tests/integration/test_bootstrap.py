"""What is wired: views that are up to date, whatever the disk allows."""

from datetime import date

import pytest

from cfsm.application.errors import Misconfigured
from cfsm.bootstrap import House
from cfsm.projections.leaderboard import Leaderboard, LeaderboardView
from tests.fakes.dumps import dump
from tests.fakes.home import StoredStory


@pytest.fixture
def house(tmp_path):
    house = House.at(tmp_path / "home", file=None, profile=None, environ={})
    yield house
    house.factory.close()


def names(view):
    return {contender.name for contender in view.top()}


def test_a_view_knows_of_every_event_whoever_folded_it(house):
    story = StoredStory(house.factory)
    story.backtested("First")
    assert names(house.view(LeaderboardView)) == {"First"}

    story.backtested("Second")

    assert names(house.view(LeaderboardView)) == {"First", "Second"}


def test_where_nothing_can_be_written_a_view_is_folded_in_memory(house):
    StoredStory(house.factory).backtested("First")
    house.projections_folder.write_text("no folder can be made here")

    assert names(house.view(LeaderboardView)) == {"First"}


def test_where_the_right_to_write_cannot_be_taken_the_file_is_read_until_it_is_behind(house):
    story = StoredStory(house.factory)
    story.backtested("First")
    before = dump(house.view(LeaderboardView))
    lock = house.projections_folder / f"leaderboard-v{Leaderboard.version}.sqlite.lock"
    lock.unlink()
    lock.mkdir()

    assert dump(house.view(LeaderboardView)) == before

    story.backtested("Second")
    assert names(house.view(LeaderboardView)) == {"First", "Second"}


def test_the_days_of_the_data_set_are_divided_within_the_configured_timerange(house):
    put_small_dataset(house)

    division = house.division

    assert division.screening.first == date(2025, 1, 1)
    assert division.proof.end == date(2025, 2, 1)


def test_a_timerange_beside_the_data_set_names_the_key_to_change(house):
    put_small_dataset(house)
    (house.path / "cfsm.yaml").write_text("backtest:\n  timerange: 20300101-\n")

    with pytest.raises(Misconfigured, match=r"backtest\.timerange"):
        _ = house.division


def put_small_dataset(house):
    house.datasets.synthesise(
        "synthetic",
        pairs=("BTC/USDT:USDT",),
        timeframes=("1h",),
        start=date(2025, 1, 1),
        end=date(2025, 2, 1),
    )
