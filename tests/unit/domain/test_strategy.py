"""The strategy: what its commands record, what they refuse, and that a late result revives nothing."""

from datetime import UTC, datetime

import pytest

from cfsm.domain import lifecycle
from cfsm.domain.aggregate import Stamp
from cfsm.domain.evaluation import Finding
from cfsm.domain.lifecycle import IllegalTransition, State
from cfsm.domain.naming import strategy_id
from cfsm.domain.strategy import Origin, Reason, Strategy

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
STAMP = Stamp(NOON, "tester@here", correlation="pipeline", causation="cause:1", task="validate/x/1")
NAME = "VolatilityStrategy_phi3_20261121_120000"


def generated(**others):
    facts = {
        "name": NAME,
        "strategy_type": "volatility",
        "model_used": "phi3",
        "origin": Origin.MODEL,
        "code_hash": "c" * 64,
        "normalised_hash": "n" * 64,
    }
    return Strategy.generate(**{**facts, **others}, stamp=STAMP)


def validated():
    strategy = generated()
    strategy.record_validation("run-1", [], STAMP)
    return strategy


def backtested():
    strategy = validated()
    strategy.record_backtest("run-2", "20250101-20250401", "r" * 64, {"sharpe_daily": 1.5}, STAMP)
    return strategy


def optimized():
    strategy = backtested()
    strategy.record_optimization("run-3", "p" * 64, {"sharpe_daily": 2.0}, STAMP)
    return strategy


def in_dry_run():
    strategy = backtested()
    strategy.start_dry_run("paper", STAMP)
    return strategy


def retired():
    strategy = backtested()
    strategy.retire(Reason.TOO_OLD, "31 days", STAMP)
    return strategy


EVERY_LIVING = [generated, validated, backtested, optimized, in_dry_run]


def recorded(strategy):
    return [type(event).__qualname__ for event in strategy.pending_events]


def test_a_new_strategy_knows_where_it_comes_from():
    strategy = generated(generation_id="g", parents=["P"], parameters={"period": 14})

    assert strategy.id == Strategy.id_of(NAME) == strategy_id(NAME)
    assert strategy.state is State.GENERATED
    assert strategy.origin is Origin.MODEL
    assert (strategy.generation_id, strategy.parents, strategy.parameters) == ("g", ["P"], {"period": 14})
    assert (strategy.score, strategy.retired_because, strategy.is_retired) == (None, "", False)
    assert strategy.created_on == NOON


def test_the_same_name_is_the_same_id_whatever_the_code():
    assert generated().id == generated(code_hash="d" * 64).id
    assert generated().id != generated(name=NAME.replace("phi3", "phi4")).id


def test_what_is_not_told_is_empty():
    strategy = generated()

    assert (strategy.generation_id, strategy.parents, strategy.parameters) == ("", [], {})


@pytest.mark.parametrize("make", [*EVERY_LIVING, retired])
def test_every_event_keeps_the_stamp(make):
    for event in make().pending_events:
        assert event.timestamp == NOON
        assert event.meta == {
            "actor": "tester@here",
            "correlation": "pipeline",
            "causation": "cause:1",
            "task": "validate/x/1",
        }


def test_what_a_stamp_does_not_know_is_left_out():
    assert Stamp(NOON, "a").meta() == {"actor": "a"}
    assert Stamp(NOON, "a").correlated("c").meta() == {"actor": "a", "correlation": "c"}


def test_a_life_goes_through_every_state():
    assert [make().state for make in EVERY_LIVING] == [
        State.GENERATED,
        State.VALIDATED,
        State.BACKTESTED,
        State.OPTIMIZED,
        State.DRY_RUN,
    ]
    assert retired().state is State.RETIRED


def test_a_validation_keeps_what_was_found():
    strategy = generated()

    strategy.record_validation("run-1", [Finding("slow", "it is slow", line=3, what_to_do="hurry")], STAMP)

    (event,) = strategy.pending_events[1:]
    assert event.destination == "Validated"
    assert event.findings == [{"code": "slow", "message": "it is slow", "line": 3, "what_to_do": "hurry"}]


@pytest.mark.parametrize("make", EVERY_LIVING[1:])
def test_an_audit_leaves_the_state(make):
    strategy = make()
    before = strategy.state

    strategy.record_validation("audit", [], STAMP)

    assert strategy.state is before
    assert recorded(strategy)[-1] == "Strategy.Validated"


@pytest.mark.parametrize("make", [backtested, optimized, in_dry_run])
def test_a_repeated_backtest_leaves_the_state_and_brings_new_figures(make):
    strategy = make()
    before = strategy.state

    strategy.record_backtest("run-9", "20250101-20250501", "s" * 64, {"sharpe_daily": -0.5}, STAMP)

    assert strategy.state is before
    assert strategy.backtests == ["run-2", "run-9"]
    assert strategy.score == -0.5


def test_the_same_backtest_delivered_twice_is_recorded_once():
    strategy = backtested()
    before = recorded(strategy)

    strategy.record_backtest("run-2", "20250101-20250401", "r" * 64, {"sharpe_daily": 1.5}, STAMP)

    assert recorded(strategy) == before


def test_a_backtest_without_a_score_has_none():
    strategy = backtested()

    strategy.record_backtest("run-9", "20250101-20250501", "s" * 64, {}, STAMP)

    assert strategy.score is None


def test_nothing_is_backtested_before_it_was_executed():
    strategy = generated()

    with pytest.raises(IllegalTransition):
        strategy.record_backtest("run-2", "20250101-20250401", "r" * 64, {}, STAMP)
    with pytest.raises(IllegalTransition):
        strategy.request_backtest("the hour", STAMP)
    with pytest.raises(IllegalTransition):
        strategy.record_optimization("run-3", "p" * 64, {}, STAMP)
    with pytest.raises(IllegalTransition):
        strategy.start_dry_run("paper", STAMP)

    assert recorded(strategy) == ["Strategy.Generated"]
    assert strategy.state is State.GENERATED


def test_a_backtest_is_asked_for_once_for_one_cause():
    strategy = backtested()

    strategy.request_backtest("due at 10:00", STAMP)
    strategy.request_backtest("due at 10:00", STAMP)
    strategy.request_backtest("due at 12:00", STAMP)

    assert recorded(strategy).count("Strategy.BacktestRequested") == 2


def test_an_optimisation_keeps_the_parameters_that_were_found():
    assert optimized().parameters_hash == "p" * 64


@pytest.mark.parametrize("make", EVERY_LIVING)
@pytest.mark.parametrize("reason", Reason)
def test_every_state_can_be_retired_from_with_reason_and_evidence(make, reason):
    strategy = make()

    strategy.retire(reason, "words", STAMP, evidence={"score": -1.0})

    assert strategy.state is State.RETIRED
    assert strategy.is_retired
    assert strategy.retired_because == reason
    event = strategy.pending_events[-1]
    assert (event.reason, event.detail, event.evidence) == (reason.value, "words", {"score": -1.0})
    assert event.destination == "Retired"


def test_retiring_twice_keeps_the_first_reason():
    strategy = retired()
    before = recorded(strategy)

    strategy.retire(Reason.WEAK, "again", STAMP)

    assert recorded(strategy) == before
    assert strategy.retired_because == Reason.TOO_OLD


LATE = [
    ("validation", lambda strategy: strategy.record_validation("late", [], STAMP)),
    ("backtest", lambda strategy: strategy.record_backtest("late", "2025", "r", {"sharpe_daily": 9.0}, STAMP)),
    ("optimization", lambda strategy: strategy.record_optimization("late", "q" * 64, {}, STAMP)),
]


@pytest.mark.parametrize(("kind", "deliver"), LATE)
def test_a_late_result_is_kept_and_revives_nothing(kind, deliver):
    strategy = retired()
    score, parameters_hash = strategy.score, strategy.parameters_hash

    deliver(strategy)

    assert strategy.state is State.RETIRED
    assert strategy.late_results == ["late"]
    assert strategy.pending_events[-1].kind == kind
    assert (strategy.score, strategy.parameters_hash) == (score, parameters_hash)


@pytest.mark.parametrize(("kind", "deliver"), LATE)
def test_a_late_result_delivered_twice_is_kept_once(kind, deliver):
    strategy = retired()

    deliver(strategy)
    deliver(strategy)

    assert recorded(strategy).count("Strategy.ResultCameLate") == 1


def test_a_result_that_was_in_time_is_not_late_when_it_comes_again():
    strategy = retired()

    strategy.record_backtest("run-2", "20250101-20250401", "r" * 64, {}, STAMP)

    assert strategy.late_results == []


def test_of_a_retired_strategy_nothing_is_asked():
    strategy = retired()
    before = recorded(strategy)

    strategy.request_backtest("the hour", STAMP)

    assert recorded(strategy) == before
    with pytest.raises(IllegalTransition):
        strategy.start_dry_run("paper", STAMP)


def test_a_twin_is_noted_once():
    strategy = backtested()

    strategy.note_twin("Other", "r" * 64, STAMP)
    strategy.note_twin("Other", "r" * 64, STAMP)

    assert strategy.twins == ["Other"]
    assert recorded(strategy).count("Strategy.TwinFound") == 1


def test_what_is_replayed_is_what_was_and_never_asks_the_table(monkeypatch):
    lives = [make() for make in [*EVERY_LIVING, retired]]
    lives[-1].record_backtest("late", "2025", "r", {}, STAMP)
    monkeypatch.setattr(lifecycle, "MACHINE", None)

    for strategy in lives:
        replayed = None
        for event in strategy.pending_events:
            replayed = event.mutate(replayed)

        assert facts(replayed) == facts(strategy)


def facts(strategy):
    return {name: value for name, value in vars(strategy).items() if name != "_pending_events"}


def test_a_command_that_is_refused_leaves_no_trace():
    strategy = generated()
    before = facts(strategy)

    with pytest.raises(IllegalTransition):
        strategy.start_dry_run("paper", STAMP)

    assert facts(strategy) == before
