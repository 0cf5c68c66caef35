"""The projector takes everything to the head of the log, and a long log is no silence."""

import pytest

from cfsm.application.errors import TryAgain
from cfsm.workers.projector import ProjectorWorker


def test_every_projection_is_brought_up_to_date_and_the_slowest_is_told(place):
    asked = []
    worker = ProjectorWorker(
        place.equipment(), [lambda hear: asked.append("one") or 7, lambda hear: asked.append("two") or 5]
    )

    assert not worker.step(), "it sleeps until the bell rings"

    assert asked == ["one", "two"]
    assert place.notifier.statuses == ["up to date at event 5"]


def test_every_page_feeds_the_watchdog_and_tells_how_far_it_is(place):
    def long(hear):
        for done in (5_000, 10_000, 12_345):
            hear(done, 12_345)
        return 12_345

    place.notifier.watchdog_interval_seconds = 1e-9
    worker = ProjectorWorker(place.equipment(), [long])

    worker.step()

    assert place.notifier.said.count("WATCHDOG") == 3
    assert place.notifier.statuses == [
        "folding event 5000 of 12345",
        "folding event 10000 of 12345",
        "up to date at event 12345",
    ]


def test_a_projector_that_is_to_stop_does_not_finish_a_long_log(place):
    pages = []

    def long(hear):
        for page in range(10):
            pages.append(page)
            place.is_stopping = page == 2
            hear(page, 10)
        raise AssertionError

    worker = ProjectorWorker(place.equipment(), [long])

    assert not worker.step()
    assert pages == [0, 1, 2]


def test_a_projection_that_cannot_be_written_for_now_is_tried_again(place):
    worker = ProjectorWorker(place.equipment(), [lambda hear: _raise(TryAgain("the disk is full"))])

    with pytest.raises(TryAgain):
        worker.step()


def _raise(error):
    raise error
