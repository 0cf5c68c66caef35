"""Housekeeping: cleanings that are done once, tasks that are parked until a person releases them."""

from datetime import UTC, datetime

from cfsm.domain.aggregate import Stamp
from cfsm.domain.housekeeping import Cleaning, ParkedTask

STAMP = Stamp(datetime(2026, 11, 21, 12, tzinfo=UTC), "tester@here")


def parked():
    return ParkedTask.park(key="backtest/1", kind="backtest", subject="it", attempts=3, error="no memory", stamp=STAMP)


def recorded(aggregate):
    return [type(event).__qualname__ for event in aggregate.pending_events]


def test_a_slot_is_cleaned_once():
    cleaning = Cleaning.request("2026-11-21T02:00", "daily", STAMP)
    assert cleaning.id == Cleaning.id_of("2026-11-21T02:00")
    assert not cleaning.is_done

    cleaning.finish(["Old"], 49, STAMP)
    cleaning.finish(["Other"], 48, STAMP)

    assert cleaning.is_done
    assert recorded(cleaning) == ["Cleaning.Requested", "Cleaning.Done"]
    assert (cleaning.pending_events[-1].retired, cleaning.pending_events[-1].kept) == (["Old"], 49)


def test_a_parked_task_keeps_its_last_error():
    task = parked()

    assert task.id == ParkedTask.id_of("backtest/1")
    assert (task.kind, task.subject, task.attempts, task.error) == ("backtest", "it", 3, "no memory")
    assert task.is_parked


def test_a_task_is_released_once_and_may_be_parked_again():
    task = parked()

    task.release(STAMP)
    task.release(STAMP)
    assert not task.is_parked
    task.park_again(6, "still no memory", STAMP)
    task.park_again(7, "delivered twice", STAMP)

    assert task.is_parked
    assert recorded(task) == ["ParkedTask.Parked", "ParkedTask.Released", "ParkedTask.ParkedAgain"]
