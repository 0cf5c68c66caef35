"""A strategy is executed; the verdict and its consequence are one transaction."""

import pytest

from cfsm.application.errors import Misconfigured
from cfsm.domain.evaluation import Conditions, Limits
from cfsm.domain.strategy import Reason
from cfsm.workers.validator import ValidatorWorker
from tests.fakes.engine import FakeEngine
from tests.fakes.workplace import work

CONDITIONS = Conditions(dataset="synthetic")


def validator(place, engine=None, actor="validator@here", **changes):
    given = {"conditions": CONDITIONS, "limits": Limits(), "is_engine_ready": lambda: True} | changes
    return ValidatorWorker(place.equipment(actor), engine or FakeEngine(), blobs=place.blobs, **given)


def test_a_strategy_that_runs_is_validated(place):
    strategy = place.add()

    assert work(validator(place)) == 1

    assert place.topics() == [
        "Strategy.Generated",
        "Evaluation.Started",
        "Evaluation.StageReached",
        "Evaluation.Completed",
        "Strategy.Validated",
    ]
    completed, validated = place.happened("Evaluation.Completed", "Strategy.Validated")
    assert completed.facts["verdict"] == "accepted"
    assert completed.facts["figures"]["signals"] == {"enter_long": 10}
    assert completed.facts["identity"]["code_hash"] == strategy.code_hash
    assert validated.facts["run_id"].replace("-", "") == completed.originator_id
    for event in (completed, validated):
        assert event.meta["causation"] == f"{strategy.id.hex}:1"
        assert event.meta["correlation"] == str(strategy.id)
        assert event.meta["actor"] == "validator@here"


def test_the_engine_gets_the_code_the_conditions_and_the_limits(place):
    place.add("# some code")
    engine = FakeEngine()

    work(validator(place, engine, limits=Limits(wall_seconds=7.0)))

    (job,) = engine.jobs
    assert b"# some code" in job.source
    assert (job.conditions, job.limits.wall_seconds, job.parameters) == (CONDITIONS, 7.0, None)


@pytest.mark.parametrize(
    ("text", "verdict", "reason", "words"),
    [
        ("raise KeyError", "rejected", "invalid", "INDICATORS_FAILED: raise KeyError"),
        ("# trades: 0", "rejected", "invalid", "NO_TRADES"),
        ("import os", "unsafe", "unsafe", "POLICY_IMPORT"),
    ],
)
def test_a_strategy_that_is_refused_is_retired_with_the_findings(place, text, verdict, reason, words):
    place.add(text)

    work(validator(place))

    completed, retired = place.happened("Evaluation.Completed", "Strategy.Retired")
    assert completed.facts["verdict"] == verdict
    assert retired.facts["reason"] == reason
    assert words in retired.facts["detail"]
    assert retired.facts["evidence"]["run_id"].replace("-", "") == completed.originator_id
    assert retired.facts["evidence"]["findings"] == completed.facts["findings"]
    assert place.tasks() == {}, "what is refused is not backtested"


def test_a_strategy_that_was_retired_meanwhile_is_not_executed(place):
    place.add()
    place.change(lambda strategy, stamp: strategy.retire(Reason.BY_HAND, "not wanted", stamp))
    engine = FakeEngine()

    assert work(validator(place, engine)) == 1

    assert engine.jobs == []
    assert place.tasks() == {}


def test_a_run_whose_strategy_is_retired_after_its_worker_died_does_not_stay_under_way(place):
    strategy = place.add()
    worker = validator(place)
    worker.begin(place.claim("validate"), strategy)
    place.pass_leases()
    place.change(lambda each, stamp: each.retire(Reason.BY_HAND, "not wanted", stamp))

    work(validator(place))

    (failed,) = place.happened("Evaluation.Failed")
    assert "retired" in failed.facts["reason"]


def test_a_result_that_comes_after_retirement_is_kept_and_revives_nothing(place):
    class Slow(FakeEngine):
        def validate(self, job, report):
            outcome = super().validate(job, report)
            place.change(lambda strategy, stamp: strategy.retire(Reason.BY_HAND, "not wanted", stamp))
            return outcome

    place.add()

    work(validator(place, Slow()))

    assert place.topics()[-3:] == ["Strategy.Retired", "Evaluation.Completed", "Strategy.ResultCameLate"]
    assert place.strategy().is_retired
    assert place.tasks() == {}


def test_an_attempt_after_a_death_resumes_the_same_run(place):
    strategy = place.add()
    dead = validator(place)
    dead.begin(place.claim("validate"), strategy)
    place.pass_leases()

    work(validator(place))

    runs = {each.originator_id for each in place.happened() if each.topic.startswith("Evaluation.")}
    assert len(runs) == 1
    (resumed,) = place.happened("Evaluation.Resumed")
    assert resumed.facts["attempt"] == 2
    assert place.topics()[-1] == "Strategy.Validated"


def test_an_attempt_under_another_configuration_says_under_which_it_ran(place):
    strategy = place.add()
    validator(place).begin(place.claim("validate"), strategy)
    place.pass_leases()
    other = Conditions(dataset="synthetic", pairs=("BTC/USDT:USDT",))
    engine = FakeEngine()

    work(validator(place, engine, conditions=other))

    (resumed,) = place.happened("Evaluation.Resumed")
    assert resumed.facts["conditions"]["pairs"] == ["BTC/USDT:USDT"]
    assert engine.jobs[0].conditions == other


def test_stages_that_an_attempt_before_had_reached_are_recorded_again(place):
    strategy = place.add()
    dead = validator(place)
    claim = place.claim("validate")
    job = dead.begin(claim, strategy)
    FakeEngine().validate(job, dead.report(claim, "validating", lambda stage: dead.entered(claim, job, stage)))
    place.pass_leases()

    work(validator(place))

    stages = [each.facts["stage"] for each in place.happened("Evaluation.StageReached")]
    assert stages == ["loading_data", "loading_data"]


def test_it_waits_for_the_forge_and_says_so(place):
    place.add()
    answers = iter([False, False, True])

    work(validator(place, is_engine_ready=lambda: next(answers)))

    assert "waiting for the forge" in place.notifier.statuses
    assert place.topics()[-1] == "Strategy.Validated"


def test_a_worker_that_waits_for_the_forge_stops_when_it_is_told_to(place):
    place.add()

    def never():
        place.is_stopping = True
        return False

    validator(place, is_engine_ready=never).run()

    assert place.topics() == ["Strategy.Generated"]
    (task,) = place.tasks().values()
    assert (task["state"], task["owner"], task["tries"]) == ("open", "", 0)


def test_a_dataset_that_is_not_there_ends_the_worker_with_its_name(place):
    place.add()

    with pytest.raises(Misconfigured, match="'nowhere'"):
        validator(place, conditions=Conditions(dataset="nowhere")).run()

    assert "'nowhere'" in place.notifier.statuses[-1]


def test_a_world_that_is_down_three_times_parks_the_task(place):
    place.add("# world: down")
    worker = validator(place)

    for _ in range(3):
        work(worker)
        place.pass_leases()

    (parked,) = place.happened("ParkedTask.Parked")
    assert "The world is down" in parked.facts["error"]
    assert not place.strategy().is_retired, "the strategy is not at fault"


def test_a_source_that_is_lost_parks_the_task_and_names_the_blob(place):
    strategy = place.add()
    place.blobs.path(strategy.code_hash).unlink()
    worker = validator(place)

    for _ in range(3):
        work(worker)
        place.pass_leases()

    (parked,) = place.happened("ParkedTask.Parked")
    assert strategy.code_hash in parked.facts["error"]
