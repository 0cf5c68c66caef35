"""What each event asks for."""

from cfsm.application.tasks import POLICY, TaskKind, planned
from cfsm.domain.log import LogEntry
from tests.unit.domain.test_topics import EVENTS


def entry(topic, version=2):
    return LogEntry(7, "a" * 32, version, topic, b"{}")


def test_the_key_of_a_task_is_a_function_of_its_cause():
    (task,) = planned([entry("Strategy.Validated")])

    assert task.key == f"backtest/{'a' * 32}/2"
    assert (task.kind, task.subject, task.cause_id, task.cause_name) == ("backtest", "a" * 32, 7, f"{'a' * 32}:2")
    assert planned([entry("Strategy.Validated")]) == [task]


def test_what_asks_for_nothing_is_passed_over():
    assert planned([entry("Strategy.Retired"), entry("Unknown.Topic")]) == []


def test_the_policy_names_events_that_there_are():
    assert set(POLICY) <= {event.TOPIC for event in EVENTS}
    assert set(POLICY.values()) == set(TaskKind)


def test_what_the_policy_leaves_out_is_not_planned():
    assert planned([entry("Strategy.Validated")], {}) == []
