"""Signs of life in files."""

import os

import pytest

from cfsm.adapters.pulse import BEAT_SECONDS, NEWS_SECONDS, PulseFile, read_signs
from cfsm.application.pulse import Record


class Seconds:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


def sign(folder, name="cleaner"):
    return read_signs(folder)[name]


def test_what_a_worker_tells_is_read_back(tmp_path, seconds):
    PulseFile(tmp_path, "cleaner", seconds).beat(Record("idle", "the disk is full", 3, 1, "TryAgain: no", 66))

    found = sign(tmp_path)
    assert (found.doing, found.waits_because, found.last_error) == ("idle", "the disk is full", "TryAgain: no")
    assert (found.done, found.failed, found.position, found.pid, found.at) == (3, 1, 66, os.getpid(), 1000.0)
    assert found.memory_mb > 1
    assert not found.has_ended


def test_where_no_worker_ever_was_there_is_no_sign(tmp_path):
    assert read_signs(tmp_path / "none") == {}


def test_news_are_told_soon_and_the_same_seldom(tmp_path, seconds):
    pulse, record = PulseFile(tmp_path, "cleaner", seconds), Record("idle")
    pulse.beat(record)

    record.doing = "retiring"
    seconds.now += NEWS_SECONDS / 2
    pulse.beat(record)
    assert sign(tmp_path).doing == "idle"

    seconds.now += NEWS_SECONDS
    pulse.beat(record)
    assert sign(tmp_path).doing == "retiring"

    told_at = seconds.now
    seconds.now += BEAT_SECONDS - 0.1
    pulse.beat(record)
    assert sign(tmp_path).at == told_at

    seconds.now += 0.1
    pulse.beat(record)
    assert sign(tmp_path).at == seconds.now


def test_what_was_done_and_what_failed_is_counted_within_the_hour(tmp_path, seconds):
    pulse, record = PulseFile(tmp_path, "cleaner", seconds), Record(done=2, failed=1)
    pulse.beat(record)
    seconds.now += 3000
    record.done = 5
    pulse.beat(record)
    assert (sign(tmp_path).done_within_hour, sign(tmp_path).failed_within_hour) == (5, 1)

    seconds.now += 601
    pulse.beat(record)

    assert (sign(tmp_path).done_within_hour, sign(tmp_path).failed_within_hour) == (3, 0)
    assert (sign(tmp_path).done, sign(tmp_path).failed) == (5, 1)


def test_a_worker_that_ended_in_order_has_not_died(tmp_path, seconds):
    PulseFile(tmp_path, "cleaner", seconds).end()
    assert sign(tmp_path).has_ended

    PulseFile(tmp_path, "cleaner", seconds).beat(Record())

    assert sign(tmp_path).deaths == []
    assert not sign(tmp_path).has_ended


def test_deaths_are_remembered_for_an_hour(tmp_path, seconds):
    for _ in range(3):
        PulseFile(tmp_path, "cleaner", seconds).beat(Record())
        seconds.now += 1500
    assert sign(tmp_path).deaths == [2500.0, 4000.0]

    pulse = PulseFile(tmp_path, "cleaner", seconds)
    pulse.beat(Record())
    assert sign(tmp_path).deaths == [2500.0, 4000.0, 5500.0]

    seconds.now += 1000
    pulse.beat(Record())
    assert sign(tmp_path).deaths == [4000.0, 5500.0]


def test_that_the_machine_was_started_again_is_no_death(tmp_path, seconds):
    PulseFile(tmp_path, "cleaner", seconds).beat(Record())

    PulseFile(tmp_path, "cleaner", Seconds(10.0)).beat(Record())

    assert sign(tmp_path).deaths == []


def test_a_file_of_another_version_is_as_none(tmp_path, seconds):
    (tmp_path / "pulses").mkdir()
    (tmp_path / "pulses" / "cleaner.json").write_text('{"name": "cleaner"}')
    assert read_signs(tmp_path) == {}

    PulseFile(tmp_path, "cleaner", seconds).beat(Record("idle"))

    assert sign(tmp_path).doing == "idle"


def test_a_folder_that_cannot_be_written_stops_no_worker_and_is_told_once(tmp_path, seconds, caplog):
    (tmp_path / "pulses").write_text("a file where the folder should be")
    pulse, record = PulseFile(tmp_path, "cleaner", seconds), Record()

    for doing in ("a", "b", "c"):
        record.doing = doing
        seconds.now += 1
        pulse.beat(record)

    assert [each.levelname for each in caplog.records] == ["WARNING"]
