import os

import pytest

from cfsm.domain.strategy import Strategy
from cfsm.projections.base import handles
from cfsm.projections.files import Home
from cfsm.projections.projector import Projector
from cfsm.projections.reading import NotBuilt, Unreadable, fold, read
from cfsm.projections.strategies import Strategies, StrategiesView
from tests.fakes.dumps import dump
from tests.fakes.story import Story


@pytest.fixture
def story():
    story = Story()
    for number in range(10):
        story.backtested(f"S{number}")
    return story


@pytest.fixture
def home(tmp_path):
    return Home.of(Strategies, tmp_path)


@pytest.fixture
def projector(tmp_path):
    with Projector(Strategies, tmp_path) as projector:
        yield projector


def test_a_reader_makes_no_file_and_says_what_to_do(tmp_path):
    directory = tmp_path / "projections"

    for place in (directory, tmp_path):
        with pytest.raises(NotBuilt, match=r"cfsm run.*cfsm projections rebuild strategies"):
            read(StrategiesView, place).count()

    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_came_too_early_sees_the_file_when_it_is_there(tmp_path, story, projector):
    view = read(StrategiesView, tmp_path)
    with pytest.raises(NotBuilt):
        view.count()

    projector.catch_up(story.log)

    assert view.count() == 10


def test_a_reader_sees_each_page_with_its_next_question(tmp_path, story, projector):
    view = read(StrategiesView, tmp_path)

    for until in range(5, story.log.head() + 1, 5):
        projector.catch_up(story.log, until)
        assert view.position == until
        assert dump(view) == dump(fold(StrategiesView, story.log, until))


def test_a_reader_sees_a_rebuilt_file_with_its_next_question(tmp_path, story, home, projector):
    projector.catch_up(story.log, until=20)
    view = read(StrategiesView, tmp_path)
    assert view.position == 20
    opened = view._source._connection

    projector.rebuild(story.log)

    assert view.position == story.log.head()
    assert view._source._connection is not opened


def test_questions_of_one_snapshot_see_one_moment_whatever_is_written_or_swapped(tmp_path, story, projector):
    projector.catch_up(story.log, until=20)
    projector.catch_up(story.log, until=22)  # into the write-ahead log
    view = read(StrategiesView, tmp_path)
    with view._source.snapshot():
        before = dump(view)
        projector.catch_up(story.log, until=40)
        assert dump(view) == before
        projector.rebuild(story.log)
        assert dump(view) == before

    assert dump(view) == dump(fold(StrategiesView, story.log))


def test_a_reader_in_the_old_file_and_one_in_the_new_do_not_disturb_each_other(tmp_path, story, projector):
    projector.catch_up(story.log, until=20)
    old = read(StrategiesView, tmp_path)
    with old._source.snapshot():
        expected = dump(old)
        projector.rebuild(story.log)
        new = read(StrategiesView, tmp_path)
        for number in range(20):
            story.backtested(f"Later{number}")
            projector.catch_up(story.log)
            assert dump(new) == dump(fold(StrategiesView, story.log))
            assert dump(old) == expected


def test_a_reader_waits_for_no_page_that_is_being_written(tmp_path, story):
    seen = []

    class Watched(Strategies):
        @handles(Strategy.Retired)
        def _retired(self, entry, facts):
            seen.append(view.count())

    with Projector(Watched, tmp_path) as projector:
        projector.catch_up(story.log)
        view = read(StrategiesView, tmp_path)
        story.retire(story.backtested("Last"))
        projector.catch_up(story.log)

    assert seen == [10]
    assert view.count() == 11


def test_a_writer_waits_for_no_reader(tmp_path, story, projector):
    projector.catch_up(story.log, until=20)
    view = read(StrategiesView, tmp_path)
    with view._source.snapshot():
        assert view.count() > 0
        assert projector.catch_up(story.log) == story.log.head()


@pytest.mark.parametrize("content", [b"", b"no database " * 999])
def test_a_reader_that_finds_damage_asks_for_a_rebuild_and_the_writer_grants_it(
    tmp_path, story, home, projector, content
):
    projector.catch_up(story.log)
    home.path.write_bytes(content)
    view = read(StrategiesView, tmp_path)

    with pytest.raises(Unreadable, match="damaged"):
        view.count()
    projector.catch_up(story.log)

    assert view.count() == 10
    assert not home.wish.exists()


def test_damage_where_nothing_can_be_written_is_told(tmp_path, story, home, projector, monkeypatch):
    projector.catch_up(story.log)
    home.path.write_bytes(b"no database " * 999)
    monkeypatch.setattr(Home, "ask_for_rebuild", lambda _: False)

    with pytest.raises(Unreadable, match="not writable"):
        read(StrategiesView, tmp_path).count()


def test_where_nothing_can_be_written_a_closed_file_is_read_as_it_is(tmp_path, story, monkeypatch):
    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(story.log)
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setattr(os, "access", lambda *_: False)

    view = read(StrategiesView, tmp_path)

    assert view.count() == 10
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_question_that_fails_within_a_snapshot_ends_it(tmp_path, story, projector):
    projector.catch_up(story.log)
    view = read(StrategiesView, tmp_path)

    with pytest.raises(ZeroDivisionError), view._source.snapshot():
        raise ZeroDivisionError

    story.backtested("Later")
    projector.catch_up(story.log)
    assert view.count() == 11
