"""The event log: what is appended is read back, once, in one order, or nothing of it is there."""

from uuid import uuid4

import pytest

from cfsm.adapters.event_store.errors import StoreDamaged
from cfsm.application.errors import Conflict, Misconfigured, TryAgain
from cfsm.application.factory import CONFLICTS, NotThere
from cfsm.application.history import told
from cfsm.application.tasks import LeaseLost, TaskKind
from cfsm.domain.evaluation import Finding
from cfsm.domain.generation import Generation
from cfsm.domain.lifecycle import State
from cfsm.domain.log import NewEntry
from cfsm.domain.strategy import Reason, Strategy
from tests.fakes.stores import NOON, execute, generate, name, strategy


def test_a_new_event_store_is_empty(factory):
    assert factory.store.head() == 0
    assert factory.store.read(0, 10) == []
    assert factory.store.stream(uuid4()) == []
    assert factory.store.chain_head() == (0, "")


def test_what_is_recorded_is_read_back_in_order_and_without_gaps(factory):
    first, second = generate(factory, range(2))

    entries = factory.store.read(0, 10)

    assert [entry.id for entry in entries] == [1, 2]
    assert [entry.originator_id for entry in entries] == [first.id.hex, second.id.hex]
    assert {entry.topic for entry in entries} == {"Strategy.Generated"}
    assert all(isinstance(entry.state, bytes) for entry in entries)
    assert factory.store.read(1, 10) == entries[1:]
    assert factory.store.read(0, 1) == entries[:1]
    assert factory.store.stream(second.id) == entries[1:]
    assert factory.store.head() == 2


def test_an_aggregate_is_loaded_as_another_process_left_it(opened):
    here, there = opened("generator@here"), opened("validator@there")
    (made,) = generate(here, [1])

    def validate():
        found = there.get(Strategy, made.id)
        found.record_validation("run-1", [Finding("slow", "it is slow")], there.stamp())
        return [found]

    there.transact(validate)

    found = here.get(Strategy, made.id)
    assert found.state is State.VALIDATED
    assert found.version == 2
    assert found.parameters == {"period": 1}
    assert found.modified_on == NOON


def test_several_aggregates_are_saved_together(factory):
    pair = [strategy(1, factory.stamp()), strategy(2, factory.stamp())]
    pair[1].retire(Reason.DUPLICATE, "of the first", factory.stamp())

    factory.transact(lambda: pair)

    assert [entry.id for entry in factory.store.read(0, 10)] == [1, 2, 3]
    assert factory.store.verify_chain().events == 3


def test_a_command_that_finds_nothing_new_records_nothing(factory):
    generate(factory, [1])

    factory.transact(lambda: [factory.get(Strategy, Strategy.id_of(name(1)))])
    factory.transact(list)

    assert factory.store.head() == 1


def test_every_event_says_when_who_and_why(opened, clock):
    factory = opened("validator@here")
    (made,) = generate(factory, [1])
    factory.plan()
    claim = factory.claim([TaskKind.VALIDATE], 60)
    clock.jump(minutes=1)

    def validate():
        found = factory.get(Strategy, made.id)
        found.record_validation("run-1", [], factory.stamp(claim, correlation=str(made.id)))
        return [found]

    factory.transact(validate, claim)

    generated, validated = map(told, factory.store.read(0, 10))
    assert generated.meta == {"actor": "validator@here"}
    assert generated.at == NOON
    assert validated.meta == {
        "actor": "validator@here",
        "correlation": str(made.id),
        "causation": f"{made.id.hex}:1",
        "task": claim.key,
    }
    assert validated.at == clock.at


def test_a_name_that_is_taken_is_a_conflict_and_nothing_is_overwritten(factory):
    generate(factory, [1])
    before = factory.store.read(0, 10)
    tries = []

    def again():
        tries.append(strategy(1, factory.stamp(), code_hash="f" * 64))
        return [strategy(2, factory.stamp()), tries[-1]]

    with pytest.raises(TryAgain, match="conflicts in a row"):
        factory.transact(again)

    assert len(tries) == CONFLICTS
    assert factory.store.read(0, 10) == before
    assert factory.store.verify_chain().broken is None


def test_the_event_store_itself_refuses_a_version_that_is_there(factory):
    (made,) = generate(factory, [1])
    (entry,) = factory.store.stream(made.id)

    with pytest.raises(Conflict):
        factory.store.append([NewEntry(*entry[1:])])

    assert factory.store.head() == 1


def test_a_command_is_decided_again_when_another_process_was_faster(opened):
    here, there = opened("here"), opened("there")
    (made,) = generate(here, [1])
    seen = []

    def retire():
        found = here.get(Strategy, made.id)
        seen.append(found.state)
        if len(seen) == 1:
            validate(there, made.id)  # after we have looked, before we save
        found.retire(Reason.BY_HAND, "enough", here.stamp())
        return [found]

    here.transact(retire)

    assert seen == [State.GENERATED, State.VALIDATED]
    assert [entry.topic for entry in here.store.stream(made.id)] == [
        "Strategy.Generated",
        "Strategy.Validated",
        "Strategy.Retired",
    ]


def validate(factory, strategy_id):
    def decide():
        found = factory.get(Strategy, strategy_id)
        found.record_validation("run-1", [], factory.stamp())
        return [found]

    factory.transact(decide)


def test_nothing_is_recorded_when_the_lease_was_lost(factory):
    (made,) = generate(factory, [1])
    factory.plan()
    claim = factory.claim([TaskKind.VALIDATE], -1)
    factory.claim([TaskKind.VALIDATE], 60)  # another worker has it now

    def decide():
        found = factory.get(Strategy, made.id)
        found.record_validation("run-1", [], factory.stamp(claim))
        return [found]

    with pytest.raises(LeaseLost):
        factory.transact(decide, claim)

    assert factory.store.head() == 1


def test_what_is_not_there_is_said(factory):
    (made,) = generate(factory, [1])

    assert factory.find(Strategy, uuid4()) is None
    with pytest.raises(NotThere, match="there is no Strategy with the id"):
        factory.get(Strategy, uuid4())
    with pytest.raises(NotThere, match="there is no Generation with the id"):
        factory.get(Generation, made.id)


def test_the_clock_may_jump_back_and_the_order_stays(factory, clock):
    generate(factory, [1])
    clock.jump(hours=-3)
    generate(factory, [2])

    earlier, later = map(told, factory.store.read(0, 10))

    assert later.at < earlier.at
    assert later.id > earlier.id
    assert factory.store.verify_chain().broken is None


def test_a_log_whose_end_was_cut_off_is_not_appended_to(factory):
    generate(factory, range(3))
    execute(factory, "DELETE FROM {schema}stored_events WHERE id = 3")

    with pytest.raises(StoreDamaged, match="its last event is 2, the chain's last link is of 3"):
        generate(factory, [7])

    assert factory.store.head() == 2


def test_a_log_that_somebody_else_appended_to_is_not_appended_to(factory):
    generate(factory, [1])
    execute(
        factory,
        "INSERT INTO {schema}stored_events (id, originator_id, originator_version, topic, state) VALUES (?, ?, ?, ?, ?)",
        2, uuid4().hex, 1, "Strategy.Generated", b"{}",
    )  # fmt: skip

    with pytest.raises(StoreDamaged, match="its last event is 2, the chain's last link is of 1"):
        generate(factory, [7])


def test_a_log_without_any_chain_is_not_appended_to(factory):
    generate(factory, [1])
    execute(factory, "DELETE FROM {schema}chain")

    with pytest.raises(StoreDamaged, match="its last event is 1, the chain's last link is of 0"):
        generate(factory, [7])


def test_the_environment_of_the_process_names_no_event_store(opened, monkeypatch):
    monkeypatch.setenv("SQLITE_DBNAME", "elsewhere.sqlite")
    monkeypatch.setenv("PERSISTENCE_MODULE", "eventsourcing.popo")
    monkeypatch.setenv("IS_SNAPSHOTTING_ENABLED", "yes")

    factory = opened()

    generate(factory, [1])
    assert opened().store.head() == 1


def test_a_retired_strategy_keeps_a_late_result_and_stays_retired(factory):
    (made,) = generate(factory, [1])
    made.retire(Reason.TOO_OLD, "old", factory.stamp())
    made.record_backtest("run-9", "20250101-", "f" * 64, {"sharpe_daily": 3.0}, factory.stamp())
    factory.transact(lambda: [made])

    found = factory.get(Strategy, made.id)

    assert found.is_retired
    assert found.late_results == ["run-9"]
    assert found.score is None


def test_an_aggregate_with_a_gap_in_its_events_is_not_loaded(factory):
    (made,) = generate(factory, [1])
    made.record_validation("run-1", [], factory.stamp())
    made.record_backtest("run-2", "2025", "r", {}, factory.stamp())
    factory.transact(lambda: [made])
    execute(factory, "DELETE FROM {schema}stored_events WHERE id = 2")

    with pytest.raises(Misconfigured, match=r"do not follow each other.*cfsm history verify"):
        factory.get(Strategy, made.id)
