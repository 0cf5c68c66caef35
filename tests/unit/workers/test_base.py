"""How every worker claims, fails, stops and is watched."""

from dataclasses import replace

import pytest

from cfsm.application.errors import Cancelled, Misconfigured, TryAgain
from cfsm.application.tasks import TaskKind
from cfsm.domain.evaluation import Stage
from cfsm.workers import base
from cfsm.workers.base import TaskWorker, Worker
from tests.fakes.workplace import work


class Doer(TaskWorker):
    """Does with a claim what the test says."""

    name = "doer"
    kinds = (TaskKind.GENERATE,)

    def __init__(self, equipment, deed=lambda worker, claim: worker.close(claim)):
        super().__init__(equipment)
        self.deed = deed
        self.claims = []

    def handle(self, claim):
        self.claims.append(claim)
        self.deed(self, claim)

    def close(self, claim):
        self.factory.transact(list, claim)


class Idler(Worker):
    """Has nothing to do; ``deed`` is done in each step."""

    name = "idler"

    def __init__(self, equipment, deed=lambda: None):
        super().__init__(equipment)
        self.deed = deed

    def step(self):
        self.deed()
        return False


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The workers' own clock stands still but for sleeps, and for what a test adds."""

    class Stopwatch:
        now = 100.0
        slept = []  # noqa: RUF012 - made anew by each test

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.slept.append(seconds)
            self.now += seconds

    stopwatch = Stopwatch()
    stopwatch.slept = []
    monkeypatch.setattr(base, "time", stopwatch)
    return stopwatch


def raising(error):
    def deed(*_):
        raise error

    return deed


def stop(place):
    place.is_stopping = True


# Attempts


def test_a_task_is_claimed_once_and_closed(place):
    place.request()
    worker = Doer(place.equipment())

    assert work(worker) == 1
    assert place.tasks() == {}


@pytest.mark.parametrize("error", [TryAgain("the world is down"), KeyError("a bug")])
def test_a_failed_task_is_tried_again_after_a_pause_that_doubles(place, error):
    place.request()
    worker = Doer(place.equipment(), raising(error))

    assert worker.step()
    assert not worker.step(), "not due yet"
    place.leases += 9
    assert not worker.step()
    place.leases += 2
    assert worker.step()
    place.leases += 19
    assert not worker.step(), "the pause has doubled"
    place.leases += 2
    assert worker.step()
    assert [claim.tries for claim in worker.claims] == [1, 2, 3]


def test_a_task_is_parked_after_its_last_attempt_with_the_error(place):
    generation = place.request()
    worker = Doer(place.equipment(), raising(TryAgain("the world is down")))

    for _ in range(place.terms.max_attempts):
        work(worker)
        place.pass_leases()

    (parked,) = place.happened("ParkedTask.Parked")
    assert parked.facts["key"] == f"generate/{generation.id.hex}/1"
    assert parked.facts["error"] == "TryAgain: the world is down"
    assert parked.facts["attempts"] == 3
    assert not worker.step(), "a parked task is nobody's"


def test_attempts_whose_workers_died_count(place):
    place.request()
    for _ in range(place.terms.max_attempts):
        place.claim("generate")
        place.pass_leases()
    worker = Doer(place.equipment())

    worker.step()

    (parked,) = place.happened("ParkedTask.Parked")
    assert "3 attempts did not end" in parked.facts["error"]
    assert worker.claims == []


def test_a_released_task_has_all_its_attempts_again(place):
    place.request()
    worker = Doer(place.equipment(), raising(TryAgain("down")))
    for _ in range(place.terms.max_attempts):
        work(worker)
        place.pass_leases()

    place.factory.release(next(iter(place.tasks())))
    worker.deed = lambda worker, claim: worker.close(claim)

    assert work(worker) == 1
    assert place.tasks() == {}


def test_what_a_worker_did_is_dropped_when_another_has_the_task(place):
    place.request()

    def too_late(worker, claim):
        place.pass_leases()
        other = place.claim("generate")
        assert other.attempt == claim.attempt + 1
        worker.close(claim)

    worker = Doer(place.equipment(), too_late)

    assert worker.step()
    (task,) = place.tasks().values()
    assert task["attempt"] == 2, "the other one's claim stands"


def test_an_error_that_comes_after_the_lease_was_lost_parks_nothing(place):
    place.request()
    for _ in range(place.terms.max_attempts - 1):
        place.claim("generate")
        place.pass_leases()

    def fail_late(worker, claim):
        place.pass_leases()
        place.claim("generate")
        raise TryAgain("down")

    worker = Doer(place.equipment(), fail_late)

    assert worker.step()
    assert place.happened("ParkedTask.Parked") == []


# Stopping


def test_a_task_is_put_back_when_the_worker_stops_and_is_due_at_once(place):
    place.request()

    def called_off(worker, claim):
        stop(place)
        worker.tick(claim, "half way")

    worker = Doer(place.equipment(), called_off)
    worker.run()

    place.is_stopping = False
    assert work(Doer(place.equipment("next@here"))) == 1


def test_stopping_in_order_is_no_attempt(place):
    place.request()
    for _ in range(place.terms.max_attempts + 1):
        worker = Doer(place.equipment(), raising(Cancelled("stopping")))
        assert worker.step()

    last = Doer(place.equipment())
    work(last)

    assert [claim.tries for claim in last.claims] == [1]
    assert place.happened("ParkedTask.Parked") == []


def test_a_worker_that_is_to_stop_begins_nothing(place):
    place.request()
    stop(place)
    worker = Doer(place.equipment())

    worker.run()

    assert worker.claims == []
    assert place.notifier.said == ["READY", "STOPPING"]
    assert place.bell.is_closed


def test_no_sleep_is_longer_than_a_second(place):
    place.bell.then = lambda: stop(place)
    place.notifier.watchdog_interval_seconds = 15.0

    Idler(place.equipment()).run()

    assert place.bell.waits == [1.0]


# Misconfiguration


def test_a_misconfiguration_ends_the_worker_with_the_message_for_its_status(place):
    place.request()
    worker = Doer(place.equipment(), raising(Misconfigured("there is no dataset 'x'")))

    with pytest.raises(Misconfigured):
        worker.run()

    assert place.notifier.said[-2:] == ["there is no dataset 'x'", "STOPPING"]
    assert place.bell.is_closed


def test_a_task_that_met_a_misconfiguration_is_not_one_attempt_poorer(place):
    place.request()
    for _ in range(place.terms.max_attempts + 1):
        with pytest.raises(Misconfigured):
            Doer(place.equipment(), raising(Misconfigured("no dataset"))).step()
        place.pass_leases()

    assert work(Doer(place.equipment())) == 1
    assert place.happened("ParkedTask.Parked") == []


# The event store is away


def test_a_worker_waits_for_an_event_store_that_is_away(place, clock):
    answers = iter([TryAgain("locked"), TryAgain("locked"), None])

    def step():
        error = next(answers)
        if error is None:
            stop(place)
        else:
            raise error

    Idler(place.equipment(), step).run()

    assert place.notifier.statuses == ["waiting: locked"]
    assert clock.slept == [1.0, 1.0]


def test_a_bell_that_cannot_look_ends_no_worker(place, clock):
    def broken():
        if clock.slept:
            stop(place)
        else:
            raise TryAgain("the event store is locked by another process")

    place.bell.then = broken

    Idler(place.equipment()).run()

    assert clock.slept == [1.0]


# The watchdog


def test_the_watchdog_is_fed_in_half_of_the_time_it_allows(place, clock):
    place.notifier.watchdog_interval_seconds = 15.0

    def a_second_passes():
        clock.now += 1
        if clock.now >= 161:
            stop(place)

    place.bell.then = a_second_passes

    Idler(place.equipment()).run()

    fed = place.notifier.said.count("WATCHDOG")
    assert 60 / 15 < fed <= 60 / 7


def test_every_beat_feeds_a_watchdog_that_is_impatient(place, clock):
    place.notifier.watchdog_interval_seconds = 0.5

    def wait():
        clock.now += place.bell.waits[-1]
        if clock.now > 110:
            stop(place)

    place.bell.then = wait

    Idler(place.equipment()).run()

    assert place.bell.waits[0] <= 0.25
    assert place.notifier.said.count("WATCHDOG") >= 40


def test_work_feeds_the_watchdog_and_shows_how_far_it_is(place, clock):
    place.request()
    place.notifier.watchdog_interval_seconds = 15.0

    def long_work(worker, claim):
        for percent in range(0, 100, 10):
            clock.now += 8
            worker.tick(claim, f"working {percent} %")
        worker.close(claim)

    work(Doer(place.equipment(), long_work))

    assert place.notifier.said.count("WATCHDOG") >= 9
    assert "working 90 %" in place.notifier.statuses


def test_the_same_words_are_said_once(place):
    worker = Idler(place.equipment())

    for words in ("idle", "idle", "busy", "idle"):
        worker.say(words)

    assert place.notifier.statuses == ["idle", "busy", "idle"]


# The lease


def test_a_long_work_keeps_its_lease(place, clock):
    place.request()

    def long_work(worker, claim):
        for _ in range(10):
            clock.now += 31
            place.leases += 31
            worker.tick(claim, "working")
        worker.close(claim)

    work(Doer(place.equipment(), long_work))

    assert place.tasks() == {}


def test_progress_is_written_down_for_others_while_it_changes(place, clock):
    place.request()
    seen = []

    def long_work(worker, claim):
        for percent in (10, 20, 30):
            clock.now += 2.5
            worker.tick(claim, f"working {percent} %")
            seen.extend(task["progress"] for task in place.tasks().values())
        worker.close(claim)

    work(Doer(place.equipment(), long_work))

    assert seen == ["working 10 %", "working 20 %", "working 30 %"]


def test_a_tick_says_that_the_lease_was_lost(place, clock):
    place.request()

    def lose(worker, claim):
        place.pass_leases()
        place.claim("generate")
        clock.now += 60
        worker.tick(claim, "working")
        raise AssertionError

    worker = Doer(place.equipment(), lose)

    assert worker.step()
    (task,) = place.tasks().values()
    assert task["attempt"] == 2


def test_a_store_that_is_locked_for_a_moment_does_not_end_the_work(place, clock, monkeypatch):
    place.request()
    worker = Doer(place.equipment())

    def work_while_locked(worker, claim):
        renew = worker.factory.renew
        monkeypatch.setattr(worker.factory, "renew", raising(TryAgain("locked")))
        clock.now += 40
        worker.tick(claim, "working")
        monkeypatch.setattr(worker.factory, "renew", renew)
        worker.close(claim)

    worker.deed = work_while_locked

    assert work(worker) == 1
    assert place.tasks() == {}


# Admission


def test_nothing_is_taken_on_while_the_machine_is_short_and_the_status_says_why(place):
    place.request()
    place.refusal = "memory available is 500 MB"
    worker = Doer(place.equipment())

    assert work(worker) == 0
    assert place.notifier.statuses[-1] == "waits: memory available is 500 MB"

    place.refusal = ""
    assert work(worker) == 1


# Reports of an engine


def test_each_stage_is_recorded_once_and_each_report_is_a_tick(place):
    place.request()
    entered = []

    def run(worker, claim):
        hear = worker.report(claim, "backtesting it", entered.append)
        hear(Stage.LOADING_DATA, 0.0, "waiting for the forge")
        hear(Stage.LOADING_DATA, 10.0, "")
        hear(Stage.BACKTESTING, 50.0, "")
        worker.close(claim)

    work(Doer(place.equipment(), run))

    assert entered == [Stage.LOADING_DATA, Stage.BACKTESTING]
    assert "backtesting it 0 % waiting for the forge" in place.notifier.statuses
    assert "backtesting it 50 %" in place.notifier.statuses


def test_the_status_says_how_far_the_work_is_and_how_many_tasks_of_the_kind_wait(place, clock):
    for slot in range(3):
        place.request(f"slot {slot}")

    def run(worker, claim):
        hear = worker.report(claim, "backtesting it", lambda _: None)
        hear(Stage.BACKTESTING, 50.0, "")
        clock.now += 5
        hear(Stage.BACKTESTING, 56.0, "")
        hear(Stage.BACKTESTING, 62.4, "410 of 1000")
        worker.close(claim)

    Doer(place.equipment(), run).step()

    assert place.notifier.statuses[-1] == "backtesting it 62 % 410 of 1000, 2 waiting"


class FakePulse:
    """Keeps the last record that was told."""

    def __init__(self):
        self.record = None
        self.has_ended = False

    def beat(self, record):
        self.record = record

    def end(self):
        self.has_ended = True


def test_a_worker_tells_what_it_does_and_how_it_goes(place):
    pulse = FakePulse()
    outcomes = iter([None, TryAgain("the world is down")])

    def handle(worker, claim):
        if error := next(outcomes):
            raise error
        worker.close(claim)

    place.request("one")
    place.request("two")
    worker = Doer(replace(place.equipment(), pulse=pulse), handle)
    work(worker)

    assert (pulse.record.done, pulse.record.failed) == (1, 1)
    assert pulse.record.last_error == "TryAgain: the world is down"
    assert pulse.record.doing == "idle"

    place.refusal = "the disk is full"
    worker.step()
    assert pulse.record.waits_because == "the disk is full"

    place.is_stopping = True
    worker.run()
    assert pulse.has_ended
