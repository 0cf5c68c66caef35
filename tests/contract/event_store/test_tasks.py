"""Tasks: planned once, held by one, fenced, and never recorded twice."""

import os
import subprocess
import sys
import time
from uuid import UUID, uuid4

import pytest

from cfsm.application.factory import NotThere
from cfsm.application.tasks import POLICY, LeaseLost, TaskKind, TaskState
from cfsm.domain.housekeeping import ParkedTask
from cfsm.domain.strategy import Strategy
from tests.fakes.stores import execute, generate

VALIDATE = [TaskKind.VALIDATE]
EXPIRED = -1
LEASE = 60


@pytest.fixture
def planned(factory):
    """Three new strategies, their validations planned."""
    generate(factory, range(3))
    factory.plan()
    return factory


def validate(factory, claim):
    def decide():
        found = factory.get(Strategy, UUID(claim.subject))
        found.record_validation(claim.key, [], factory.stamp(claim))
        return [found]

    factory.transact(decide, claim)


def states(factory):
    return [task["state"] for task in factory.store.overview()]


def test_every_event_is_looked_at_once_and_planned_once(opened):
    here, there = opened("here"), opened("there")
    generate(here, range(3))

    assert here.plan() == 3
    assert there.plan() == 0
    assert here.plan() == 0
    assert len(here.store.overview()) == 3


def test_a_page_that_a_peer_planned_meanwhile_is_skipped(opened, monkeypatch):
    here, there = opened("here"), opened("there")
    generate(here, range(3))
    read = here.store.read
    monkeypatch.setattr(here.store, "read", lambda *page: (read(*page), there.plan())[0])

    assert here.plan() == 0
    assert len(here.store.overview()) == 3


def test_many_events_are_planned_page_by_page(factory, monkeypatch):
    monkeypatch.setattr("cfsm.adapters.event_store.task_table.PAGE", 2)
    generate(factory, range(5))

    assert factory.plan() == 5
    assert [task["cause_id"] for task in factory.store.overview()] == [1, 2, 3, 4, 5]


def test_only_what_the_policy_names_is_planned(opened):
    factory = opened(policy={topic: kind for topic, kind in POLICY.items() if kind is not TaskKind.VALIDATE})
    generate(factory, range(2))

    assert factory.plan() == 2
    assert factory.store.overview() == []


def test_tasks_are_claimed_oldest_first_and_by_one_only(planned):
    claims = [planned.claim(VALIDATE, LEASE) for _ in range(4)]

    assert [claim and claim.cause_id for claim in claims] == [1, 2, 3, None]
    first = claims[0]
    assert first.key == f"validate/{first.subject}/1"
    assert first.cause_name == f"{first.subject}:1"
    assert (first.kind, first.attempt, first.tries) == ("validate", 1, 1)


def test_only_the_kinds_asked_for_are_claimed(planned):
    assert planned.claim([TaskKind.BACKTEST, TaskKind.CLEAN], LEASE) is None
    assert planned.claim([TaskKind.BACKTEST, TaskKind.VALIDATE], LEASE) is not None


def test_an_expired_lease_is_claimed_again_with_a_new_token(planned):
    lost = planned.claim(VALIDATE, EXPIRED)

    taken = planned.claim(VALIDATE, LEASE)

    assert taken.key == lost.key
    assert (taken.attempt, taken.tries) == (2, 2)


def test_a_lease_of_before_the_machine_started_is_none(planned):
    held = planned.claim(VALIDATE, LEASE)
    execute(planned, "UPDATE {schema}task SET era = ?, lease = 1e12", "another boot")

    assert planned.claim(VALIDATE, LEASE).key == held.key


def test_a_renewed_lease_is_held_and_shows_how_far_it_is(planned):
    claim = planned.claim(VALIDATE, EXPIRED)

    planned.renew(claim, LEASE, "50 %")

    assert planned.claim(VALIDATE, LEASE).key != claim.key
    first = planned.store.overview()[0]
    assert (first["key"], first["progress"], first["claimed"]) == (claim.key, "50 %", True)


def test_a_worker_that_lost_its_lease_can_neither_renew_nor_finish_nor_put_back(planned):
    slow = planned.claim(VALIDATE, EXPIRED)
    quick = planned.claim(VALIDATE, LEASE)
    assert quick.key == slow.key

    with pytest.raises(LeaseLost):
        planned.renew(slow, LEASE)
    with pytest.raises(LeaseLost):
        validate(planned, slow)
    planned.put_back(slow, 0)

    assert planned.store.head() == 3
    validate(planned, quick)
    assert planned.store.head() == 4


def test_an_effect_that_is_recorded_is_not_recorded_again(planned):
    claim = planned.claim(VALIDATE, LEASE)
    validate(planned, claim)

    with pytest.raises(LeaseLost):
        validate(planned, claim)

    assert planned.store.head() == 4
    assert len(planned.store.overview()) == 2


def test_a_task_without_effect_is_closed_all_the_same(planned):
    claim = planned.claim(VALIDATE, LEASE)

    planned.transact(list, claim)

    assert planned.store.head() == 3
    assert claim.key not in {task["key"] for task in planned.store.overview()}


def test_a_task_that_was_put_back_waits_and_then_is_due(planned):
    claim = planned.claim(VALIDATE, LEASE)
    planned.put_back(claim, LEASE)

    assert planned.claim(VALIDATE, LEASE).key != claim.key
    task = planned.store.overview()[0]
    assert (task["key"], task["state"], task["claimed"], task["owner"]) == (claim.key, "open", False, "")


def test_a_task_that_was_put_back_without_delay_is_due_at_once(planned):
    claim = planned.claim(VALIDATE, LEASE)
    planned.put_back(claim, EXPIRED)

    assert planned.claim(VALIDATE, LEASE).key == claim.key


def test_a_task_that_was_put_back_uncounted_is_no_try_poorer(planned):
    planned.put_back(planned.claim(VALIDATE, LEASE), EXPIRED)
    planned.put_back(planned.claim(VALIDATE, LEASE), EXPIRED, counted=False)

    again = planned.claim(VALIDATE, LEASE)

    assert (again.attempt, again.tries) == (3, 2), "the fencing token goes on"


def test_a_parked_task_waits_for_a_person_and_starts_afresh(planned):
    claim = planned.claim(VALIDATE, LEASE)

    planned.park(claim, "no candles")

    assert states(planned) == ["parked", "open", "open"]
    parked = planned.get(ParkedTask, ParkedTask.id_of(claim.key))
    assert (parked.error, parked.attempts, parked.is_parked) == ("no candles", 1, True)
    assert planned.claim(VALIDATE, LEASE).key != claim.key

    planned.release(claim.key)

    again = planned.claim(VALIDATE, LEASE)
    assert (again.key, again.attempt, again.tries) == (claim.key, 2, 1)
    assert [entry.topic for entry in planned.store.stream(parked.id)] == ["ParkedTask.Parked", "ParkedTask.Released"]


def test_a_task_that_was_released_can_be_parked_again(planned):
    planned.park(planned.claim(VALIDATE, LEASE), "no candles")
    key = planned.store.overview()[0]["key"]
    planned.release(key)
    claim = planned.claim(VALIDATE, LEASE)
    assert claim.key == key

    planned.park(claim, "still none")

    assert planned.get(ParkedTask, ParkedTask.id_of(key)).is_parked
    assert states(planned) == ["parked", "open", "open"]


def test_an_endless_error_is_cut(planned):
    claim = planned.claim(VALIDATE, LEASE)

    planned.park(claim, "x" * 10**6)
    parked = planned.get(ParkedTask, ParkedTask.id_of(claim.key))

    assert len(parked.error) == 4_000


def test_a_lease_that_was_lost_parks_nothing(planned):
    slow = planned.claim(VALIDATE, EXPIRED)
    planned.claim(VALIDATE, LEASE)

    with pytest.raises(LeaseLost):
        planned.park(slow, "too slow")

    assert planned.find(ParkedTask, ParkedTask.id_of(slow.key)) is None
    assert states(planned) == ["open"] * 3


def test_what_is_not_parked_cannot_be_released(planned):
    claim = planned.claim(VALIDATE, LEASE)

    with pytest.raises(NotThere):
        planned.release(claim.key)
    with pytest.raises(NotThere):
        planned.release(f"validate/{uuid4().hex}/1")


def test_a_task_may_be_settled_as_parked_without_its_event_being_doubled(planned):
    claim = planned.claim(VALIDATE, LEASE)

    planned.transact(list, claim, TaskState.PARKED)

    assert states(planned) == ["parked", "open", "open"]


CLAIMER = """
import sys
import time
from uuid import UUID
from pathlib import Path
from cfsm.adapters.clock import SystemClock
from cfsm.adapters.event_store.opening import StoreTerms, open_factory
from cfsm.domain.strategy import Strategy

home, actor, terms = Path(sys.argv[1]), sys.argv[2], eval(sys.argv[3])
factory = open_factory(home, terms, actor=actor, clock=SystemClock())
print("ready", flush=True)
sys.stdin.readline()
done = 0
while claim := factory.claim(["validate"], 60):
    def decide():
        found = factory.get(Strategy, UUID(claim.subject))
        found.record_validation(claim.key, [], factory.stamp(claim))
        return [found]
    factory.transact(decide, claim)
    done += 1
print(done)
"""


def test_processes_that_claim_at_once_do_no_task_twice(factory, home, terms):
    strategies = generate(factory, range(60))
    factory.plan()
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, home, f"claimer-{number}@here", repr(terms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": "."},
        )
        for number in range(3)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"

    answers = [child.communicate("go\n", timeout=60)[0] for child in children]

    assert [child.returncode for child in children] == [0, 0, 0]
    assert sum(map(int, answers)) == 60
    for each in strategies:
        assert [entry.topic for entry in factory.store.stream(each.id)] == ["Strategy.Generated", "Strategy.Validated"]
    assert factory.store.overview() == []
    assert factory.store.verify_chain().broken is None


def test_no_change_of_the_wall_clock_moves_a_lease(planned, clock, monkeypatch):
    held = planned.claim(VALIDATE, LEASE)
    others = [planned.claim(VALIDATE, EXPIRED) for _ in range(2)]

    for jump in (-10_000, 20_000):
        clock.jump(days=jump)
        monkeypatch.setattr(time, "time", clock.at.timestamp)

        assert planned.claim(VALIDATE, EXPIRED).key in {each.key for each in others}
        planned.renew(held, LEASE)
