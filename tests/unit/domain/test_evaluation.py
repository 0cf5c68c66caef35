"""The evaluation: its stages, its one verdict, and its beginning again."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from cfsm.domain.aggregate import Stamp
from cfsm.domain.evaluation import STAGE_PERCENT, Conditions, Evaluation, Finding, Identity, Kind, Stage

STAMP = Stamp(datetime(2026, 11, 21, 12, tzinfo=UTC), "tester@here")
STRATEGY_ID = UUID(int=7)
IDENTITY = Identity("c", "p", "d", "o", "freqtrade-2026.9/stock/1")


def started(key="backtest/1"):
    return Evaluation.start(
        Evaluation.run_id_of(key),
        kind=Kind.BACKTEST,
        strategy_id=STRATEGY_ID,
        strategy_name="Some",
        code_hash="c" * 64,
        conditions=Conditions("synthetic", pairs=("BTC/USDT:USDT",)),
        stamp=STAMP,
    )


def complete(run, verdict="accepted"):
    run.complete(
        verdict=verdict,
        identity=IDENTITY,
        result_hash="r" * 64,
        figures={"sharpe_daily": 1.0},
        findings=[Finding("slow", "it is slow")],
        blobs={"trades": "t" * 64},
        seconds=1.23456,
        stamp=STAMP,
    )


def recorded(run):
    return [type(event).__qualname__ for event in run.pending_events]


def test_the_same_cause_is_the_same_run():
    assert Evaluation.run_id_of("backtest/1") == Evaluation.run_id_of("backtest/1")
    assert Evaluation.run_id_of("backtest/1") != Evaluation.run_id_of("backtest/2")
    assert started().id == Evaluation.id_of(Evaluation.run_id_of("backtest/1"))


def test_a_run_begins_with_what_it_is_about():
    run = started()

    assert run.kind is Kind.BACKTEST
    assert (run.strategy_id, run.strategy_name, run.code_hash) == (str(STRATEGY_ID), "Some", "c" * 64)
    assert run.conditions["dataset"] == "synthetic"
    assert (run.attempt, run.stage, run.is_over) == (1, None, False)


def test_stages_are_entered_once_and_say_how_far():
    run = started()

    for stage in (Stage.LOADING_DATA, Stage.LOADING_DATA, Stage.BACKTESTING):
        run.reach(stage, STAMP)

    entered = run.pending_events[1:]
    assert [(event.stage, event.percent) for event in entered] == [("loading_data", 10), ("backtesting", 50)]
    assert run.stage is Stage.BACKTESTING


@pytest.mark.parametrize("end", [Stage.COMPLETED, Stage.ERROR])
def test_the_end_is_not_entered_but_comes_with_the_verdict(end):
    run = started()

    run.reach(end, STAMP)

    assert recorded(run) == ["Evaluation.Started"]


def test_every_stage_but_the_error_has_its_percentage():
    assert set(STAGE_PERCENT) == set(Stage) - {Stage.ERROR}
    assert sorted(STAGE_PERCENT.values()) == list(STAGE_PERCENT.values())


def test_the_verdict_is_kept_with_all_that_it_is_a_function_of():
    run = started()

    complete(run)

    assert run.stage is Stage.COMPLETED
    assert run.is_over
    event = run.pending_events[-1]
    assert event.identity == {
        "code_hash": "c",
        "parameters_hash": "p",
        "data_hash": "d",
        "config_hash": "o",
        "engine": "freqtrade-2026.9/stock/1",
    }
    assert event.seconds == 1.235
    assert event.blobs == {"trades": "t" * 64}
    assert event.findings[0]["code"] == "slow"


def test_a_failure_is_kept_with_its_findings():
    run = started()

    run.fail("broken", [Finding("crash", "KeyError", line=7)], STAMP)

    assert run.stage is Stage.ERROR
    assert run.pending_events[-1].findings == [{"code": "crash", "message": "KeyError", "line": 7, "what_to_do": ""}]


@pytest.mark.parametrize("end", [complete, lambda run: run.fail("broken", [], STAMP)])
def test_what_is_over_stays_as_it_is(end):
    run = started()
    end(run)
    before = recorded(run)

    complete(run)
    run.fail("late", [], STAMP)
    run.reach(Stage.BACKTESTING, STAMP)
    run.resume(Conditions("other"), STAMP)

    assert recorded(run) == before


def test_a_run_whose_worker_died_begins_again_under_the_conditions_of_now():
    run = started()
    run.reach(Stage.BACKTESTING, STAMP)

    run.resume(Conditions("newer"), STAMP)
    run.reach(Stage.BACKTESTING, STAMP)

    assert run.attempt == 2
    assert run.conditions["dataset"] == "newer"
    assert recorded(run)[-1] == "Evaluation.StageReached"


def test_what_is_replayed_is_what_was():
    run = started()
    run.reach(Stage.LOADING_DATA, STAMP)
    run.resume(Conditions("newer"), STAMP)
    complete(run)
    replayed = None

    for event in run.pending_events:
        replayed = event.mutate(replayed)

    assert facts(replayed) == facts(run)


def facts(run):
    return {name: value for name, value in vars(run).items() if name != "_pending_events"}
