import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfsm.domain.admission import Refused, Shortage
from cfsm.domain.scaling import Scaling, ScalingRules, scale

RULES = ScalingRules(least=1, most=3, idle_seconds=60)
BUSY = Refused(Shortage.CPU_PRESSURE, "the CPU is waited for")
NO_MEMORY = Refused(Shortage.MEMORY, "memory available is 200 MB; at least 1000 MB is wanted")


def wanted(running, waiting=0, idle_seconds=0.0, shortage=None):
    return scale(RULES, running=running, waiting=waiting, idle_seconds=idle_seconds, shortage=shortage)


def test_while_tasks_wait_one_more_is_started_at_a_time_up_to_the_most():
    assert wanted(1, waiting=9) == Scaling(2, "9 tasks wait")
    assert wanted(2, waiting=1) == Scaling(3, "a task waits")
    assert wanted(3, waiting=9) == Scaling(3)


def test_when_nothing_waited_for_a_while_one_less_runs_down_to_the_least():
    assert wanted(3, idle_seconds=59) == Scaling(3)
    assert wanted(3, idle_seconds=60) == Scaling(2, "nothing waited for 60 s")
    assert wanted(1, idle_seconds=9999) == Scaling(1)


def test_a_busy_machine_gets_none_more_and_keeps_those_it_has():
    assert wanted(1, waiting=9, shortage=BUSY) == Scaling(1)
    assert wanted(2, waiting=9, shortage=BUSY) == Scaling(2)


def test_of_a_role_on_demand_one_is_started_even_on_a_busy_machine_but_not_without_memory():
    rules = ScalingRules(least=0, most=2)

    assert scale(rules, running=0, waiting=1, idle_seconds=0, shortage=BUSY).count == 1
    assert scale(rules, running=1, waiting=1, idle_seconds=0, shortage=BUSY).count == 1
    assert scale(rules, running=0, waiting=1, idle_seconds=0, shortage=NO_MEMORY).count == 0
    assert scale(rules, running=1, waiting=0, idle_seconds=60).count == 0


def test_a_machine_that_lacks_memory_keeps_the_least_and_the_reason_is_said():
    assert wanted(3, waiting=9, shortage=NO_MEMORY) == Scaling(1, NO_MEMORY.reason)
    assert wanted(1, waiting=9, shortage=NO_MEMORY) == Scaling(1)


def test_the_least_is_restored_and_what_is_beyond_the_most_ends():
    assert wanted(0).count == 1
    assert wanted(5, waiting=9).count == 3


def test_limits_that_leave_no_number_are_refused():
    with pytest.raises(ValueError, match="between 3 and 2"):
        ScalingRules(least=3, most=2)


@given(
    st.integers(0, 9),
    st.integers(0, 9),
    st.floats(0, 1e6),
    st.sampled_from([None, BUSY, NO_MEMORY]),
)
def test_whatever_is_the_case_the_number_stays_between_the_limits_and_rests_when_nothing_changes(
    running, waiting, idle_seconds, shortage
):
    found = wanted(running, waiting, idle_seconds, shortage)

    assert RULES.least <= found.count <= RULES.most
    assert (found.reason == "") == (found.count == running)
