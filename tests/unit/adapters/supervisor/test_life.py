"""The deadlines of one run."""

from signal import SIGABRT, SIGKILL

import pytest

from cfsm.adapters.supervisor.life import (
    ABORT_GRACE_SECONDS,
    HURRIED_STOP_SECONDS,
    WAKING_SECONDS,
    Life,
    Order,
    Phase,
)
from cfsm.adapters.supervisor.units import UnitSpec

SPEC = UnitSpec(
    name="worker",
    argv=("worker",),
    environ={},
    watchdog_seconds=3.0,
    start_timeout_seconds=10.0,
    stop_timeout_seconds=5.0,
)


def running():
    life = Life(SPEC, 0.0)
    life.ready(0.0)
    return life


def test_a_unit_that_is_not_ready_in_time_is_aborted_then_killed():
    life = Life(SPEC, 0.0)

    assert life.overdue(9.9) is None
    assert life.overdue(10.0) == Order(SIGABRT, "not ready within 10 s")
    assert life.overdue(10.0 + ABORT_GRACE_SECONDS).signal == SIGKILL
    assert life.overdue(1e9) is None


def test_a_start_is_extended_but_never_shortened():
    life = Life(SPEC, 0.0)

    life.extend(1.0, 5.0)
    assert life.deadline == 10.0
    life.extend(60.0, 5.0)
    assert life.deadline == 65.0


def test_signs_of_life_put_the_watchdog_off():
    life = running()

    life.ping(2.0)

    assert life.overdue(4.9) is None
    assert life.overdue(5.0) == Order(SIGABRT, "no sign of life for 3 s")


def test_a_machine_that_stood_still_makes_no_healthy_unit_a_dead_one():
    life = running()

    assert life.overdue(300.0) is None, "nobody could speak meanwhile"
    life.ping(300.1)
    assert life.overdue(303.0) is None


def test_a_unit_that_is_silent_after_the_machine_stood_still_is_hung():
    life = running()

    assert life.overdue(300.0) is None
    assert life.overdue(300.0 + WAKING_SECONDS) == Order(SIGABRT, "no sign of life for 3 s")


def test_a_start_that_the_machine_slept_through_has_time_to_end():
    life = Life(SPEC, 0.0)

    assert life.overdue(300.0) is None
    assert life.overdue(300.0 + WAKING_SECONDS).signal == SIGABRT


def test_a_sign_of_life_is_not_readiness():
    life = Life(SPEC, 0.0)

    life.ping(9.0)

    assert life.overdue(10.0) is not None


def test_an_extension_does_not_put_the_watchdog_off():
    life = running()

    life.extend(60.0, 1.0)

    assert life.overdue(3.0) is not None


def test_without_a_watchdog_silence_is_allowed():
    life = Life(UnitSpec(name="worker", argv=("worker",), environ={}, watchdog_seconds=None), 0.0)

    life.ready(0.0)

    assert life.deadline is None


def test_a_stop_has_its_time_and_may_ask_for_more():
    life = running()

    life.stopping(1.0)
    life.ping(1.5)
    assert life.deadline == 6.0
    life.extend(20.0, 2.0)

    assert life.overdue(21.9) is None
    assert life.overdue(22.0).signal == SIGKILL


def test_time_to_stop_runs_from_the_first_word_of_it():
    life = running()

    life.stopping(1.0)
    life.stopping(4.0)

    assert life.deadline == 6.0


def test_late_readiness_does_not_undo_a_stop():
    life = Life(SPEC, 0.0)

    life.stopping(1.0)
    life.ready(2.0)

    assert life.phase is Phase.STOPPING


def test_a_hurried_stop_has_little_time():
    life = running()

    life.hurry(0.5)
    assert life.deadline == 3.0, "only a stop can be hurried"
    life.stopping(1.0)
    life.hurry(1.0)

    assert life.deadline == 1.0 + HURRIED_STOP_SECONDS


@pytest.mark.parametrize("word", ["ready", "ping", "stopping"])
def test_an_aborted_unit_cannot_talk_its_way_out(word):
    life = running()
    life.overdue(3.0)

    getattr(life, word)(3.1)

    assert life.phase is Phase.ABORTED
    assert life.overdue(3.0 + ABORT_GRACE_SECONDS).signal == SIGKILL
