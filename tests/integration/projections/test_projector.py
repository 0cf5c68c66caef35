import os
import resource
import sqlite3
from contextlib import suppress

import pytest

from cfsm.projections.files import Home, InUse
from cfsm.projections.projector import CannotWrite, Projector
from cfsm.projections.reading import NotBuilt, Unreadable, fold, read
from cfsm.projections.registry import all_projections
from cfsm.projections.strategies import Strategies, StrategiesView
from tests.fakes.deaths import dies
from tests.fakes.dumps import dump
from tests.fakes.story import MemoryLog, Story


def story_of(count):
    story = Story()
    for number in range(count):
        story.backtested(f"S{number}")
    return story


@pytest.fixture
def story():
    return story_of(10)


@pytest.fixture
def home(tmp_path):
    return Home.of(Strategies, tmp_path)


def folded(story, until=None):
    return dump(fold(StrategiesView, story.log, until))


def shown(directory):
    return dump(read(StrategiesView, directory))


def names_in(directory):
    return sorted(path.name for path in directory.iterdir())


def test_what_readers_see_is_what_a_fold_in_memory_gives(tmp_path, story):
    with Projector(Strategies, tmp_path) as projector:
        assert projector.catch_up(story.log) == story.log.head()

    assert shown(tmp_path) == folded(story)


@pytest.mark.parametrize("projection", all_projections())
def test_every_projection_is_built_caught_up_and_rebuilt_the_same(tmp_path, story, projection):
    class Anything(StrategiesView):
        pass

    Anything.projection = projection
    with Projector(projection, tmp_path, page=7) as projector:
        for until in range(0, story.log.head() + 1, 9):
            projector.catch_up(story.log, until)
        projector.catch_up(story.log)
        caught_up = dump(read(Anything, tmp_path))
        projector.rebuild(story.log)

    assert caught_up == dump(read(Anything, tmp_path)) == dump(fold(Anything, story.log))


def test_an_empty_log_gives_an_empty_projection(tmp_path):
    with Projector(Strategies, tmp_path) as projector:
        assert projector.catch_up(MemoryLog()) == 0

    assert read(StrategiesView, tmp_path).select() == []


def test_another_process_goes_on_from_where_one_was(tmp_path, story):
    notes = []
    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(story.log, until=30)
    story.log.reads = 0

    with Projector(Strategies, tmp_path, notes.append) as projector:
        projector.catch_up(story.log)

    assert shown(tmp_path) == folded(story)
    assert notes == []


def test_until_is_kept_to_also_when_building(tmp_path, story):
    with Projector(Strategies, tmp_path) as projector:
        assert projector.catch_up(story.log, until=12) == 12

    assert shown(tmp_path) == folded(story, 12)


def test_the_file_is_not_written_while_there_is_nothing_new(tmp_path, story, home):
    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(story.log)
        before = [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in tmp_path.iterdir()]
        projector.catch_up(story.log)
        after = [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in tmp_path.iterdir()]

    assert sorted(before) == sorted(after)


def test_a_second_projector_is_refused_with_what_to_do(tmp_path):
    with Projector(Strategies, tmp_path), pytest.raises(InUse, match="cfsm projections rebuild"):
        Projector(Strategies, tmp_path)

    Projector(Strategies, tmp_path).close()


def test_a_second_projector_is_refused_in_another_process_too(tmp_path):
    def other():
        with pytest.raises(InUse):
            Projector(Strategies, tmp_path)

    with Projector(Strategies, tmp_path):
        assert not dies(other)


def test_projections_do_not_lock_each_other(tmp_path):
    projectors = [Projector(projection, tmp_path) for projection in all_projections()]
    for projector in projectors:
        projector.close()


def damaged_by(content):
    def damage(path):
        path.write_bytes(content)

    return damage


def cut_in_half(path):
    os.truncate(path, path.stat().st_size // 2)


def overwritten_within(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 8192))


def of_another_shape(path):
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE strategies DROP COLUMN figures")
    connection.close()


def without_its_position(path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DELETE FROM tracking")
    connection.close()


def gone(path):
    path.unlink()


def with_its_generation_gone(path):
    path.resolve().unlink()


DAMAGES = [
    pytest.param(damaged_by(b""), id="emptied"),
    pytest.param(damaged_by(b"this was a database " * 999), id="overwritten"),
    cut_in_half,
    overwritten_within,
    of_another_shape,
    without_its_position,
    gone,
    with_its_generation_gone,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_built_anew_with_a_note(tmp_path, story, home, damage):
    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(story.log)
    damage(home.path)
    notes = []

    with Projector(Strategies, tmp_path, notes.append) as projector:
        assert projector.catch_up(story.log) == story.log.head()

    assert shown(tmp_path) == folded(story)
    assert len(notes) == 1
    assert "strategies is built" in notes[0]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_under_an_open_projector_is_healed_when_the_next_event_comes(tmp_path, story, home, damage):
    notes = []
    with Projector(Strategies, tmp_path, notes.append) as projector:
        projector.catch_up(story.log, until=20)
        damage(home.path)
        with suppress(NotBuilt, Unreadable):  # a reader may come upon it first
            dump(read(StrategiesView, tmp_path))
        projector.catch_up(story.log)

        assert shown(tmp_path) == folded(story)
        assert len(notes) == 2


def test_a_log_restored_from_an_older_backup_is_folded_anew(tmp_path, story):
    notes = []
    with Projector(Strategies, tmp_path, notes.append) as projector:
        projector.catch_up(story.log)
        del story.log.entries[25:]
        projector.catch_up(story.log)

    assert shown(tmp_path) == folded(story)
    assert "has seen event" in notes[-1]


def test_a_log_restored_and_grown_beyond_the_position_is_folded_anew(tmp_path, story):
    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(story.log, until=25)
    other = story_of(3)
    for number in range(20):
        other.generate(f"T{number}")
    assert other.log.head() > 25

    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(other.log)

    assert shown(tmp_path) == folded(other)


def test_a_wish_for_a_rebuild_is_granted_once(tmp_path, story, home):
    notes = []
    with Projector(Strategies, tmp_path, notes.append) as projector:
        projector.catch_up(story.log)
        generation = home.path.resolve()
        assert home.ask_for_rebuild()
        projector.catch_up(story.log)
        projector.catch_up(story.log)

    assert home.path.resolve() != generation
    assert [note for note in notes if "asked for" in note] == notes[1:]
    assert len(notes) == 2


def test_what_was_replaced_is_removed(tmp_path, story, home):
    with Projector(Strategies, tmp_path) as projector:
        for _ in range(3):
            projector.rebuild(story.log)

    own = f"strategies-v{Strategies.version}"
    assert names_in(tmp_path) == [f"{own}.3.db", f"{own}.sqlite", f"{own}.sqlite.lock"]


def test_a_plain_file_in_the_place_of_the_link_is_taken_over(tmp_path, story, home):
    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(story.log, until=20)
    content = home.path.read_bytes()
    home.path.unlink()
    home.path.write_bytes(content)

    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(story.log)
        assert shown(tmp_path) == folded(story)
        projector.rebuild(story.log)
        assert home.path.is_symlink()
        assert shown(tmp_path) == folded(story)


def test_progress_is_told_while_building(tmp_path, story):
    heard = []
    with Projector(Strategies, tmp_path, page=40) as projector:
        projector.rebuild(story.log, lambda *told: heard.append(told))

    assert heard[0] == (40, story.log.head())
    assert heard[-1] == (story.log.head(), story.log.head())


class StrategiesTwo(Strategies):
    version = Strategies.version + 1


class ViewTwo(StrategiesView):
    projection = StrategiesTwo


class StrategiesThree(Strategies):
    version = Strategies.version + 2
    readable_from = StrategiesTwo.version


class ViewThree(StrategiesView):
    projection = StrategiesThree


def test_the_old_version_is_served_until_the_new_one_is_whole_and_then_removed(tmp_path, story):
    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(story.log)
    seen = []

    with Projector(StrategiesTwo, tmp_path, page=20) as projector:
        projector.rebuild(story.log, lambda *_: seen.append(read(StrategiesView, tmp_path).count()))

    assert seen == [10] * len(seen)
    assert seen
    assert dump(read(ViewTwo, tmp_path)) == folded(story)
    assert [
        name for name in names_in(tmp_path) if f"-v{Strategies.version}" in name and not name.endswith(".lock")
    ] == []


def test_a_view_that_can_read_the_version_before_does_so_meanwhile(tmp_path, story):
    with Projector(StrategiesTwo, tmp_path) as projector:
        projector.catch_up(story.log, until=20)
    view = read(ViewThree, tmp_path)
    assert view.position == 20

    with Projector(StrategiesThree, tmp_path) as projector:
        projector.catch_up(story.log)

    assert view.position == story.log.head()


def test_an_old_version_that_is_still_being_written_is_left_alone(tmp_path, story):
    with Projector(Strategies, tmp_path) as old:
        old.catch_up(story.log, until=20)
        with Projector(StrategiesTwo, tmp_path) as new:
            new.catch_up(story.log)
        old.catch_up(story.log)

        assert shown(tmp_path) == folded(story) == dump(read(ViewTwo, tmp_path))


def test_a_newer_version_is_left_alone_by_an_older_cfsm(tmp_path, story):
    with Projector(StrategiesTwo, tmp_path) as projector:
        projector.catch_up(story.log)

    with Projector(Strategies, tmp_path) as projector:
        projector.catch_up(story.log)

    assert dump(read(ViewTwo, tmp_path)) == shown(tmp_path)


def test_a_disk_without_room_is_told_and_nothing_is_lost(tmp_path):
    story = story_of(300)

    def in_a_small_room():
        projector = Projector(Strategies, tmp_path, page=100)
        projector.catch_up(story.log, until=200)
        before = shown(tmp_path)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, limits[1]))
        with pytest.raises(CannotWrite, match="Free space"):
            projector.catch_up(story.log)
        with pytest.raises(CannotWrite, match="Free space"):
            projector.rebuild(story.log)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        position = read(StrategiesView, tmp_path).position
        assert position >= 200
        assert shown(tmp_path) == folded(story, position)
        assert position > 200 or shown(tmp_path) == before
        projector.catch_up(story.log)
        assert shown(tmp_path) == folded(story)

    assert not dies(in_a_small_room)
    assert f"strategies-v{Strategies.version}.sqlite.building" not in names_in(tmp_path)


def test_a_directory_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "projections").write_text("a file")

    with pytest.raises(CannotWrite, match=r"strategies cannot be written to .*projections"):
        Projector(Strategies, tmp_path / "projections")
