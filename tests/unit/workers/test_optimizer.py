"""Better parameters are sought on the screening days, and used only where they are better on days no epoch has seen."""

from collections import Counter
from dataclasses import replace

import orjson
import pytest

from cfsm.adapters.optuna_search import OptunaSearch
from cfsm.application.ports import BrokenStrategy, TryAgain
from cfsm.domain.evaluation import Conditions, Finding, Limits, Verdict
from cfsm.domain.optimization import BetterRules, Order
from cfsm.domain.strategy import Reason
from cfsm.projections.leaderboard import LeaderboardView
from cfsm.projections.reading import fold
from cfsm.workers.backtester import BacktesterWorker
from cfsm.workers.optimizer import OptimizerWorker
from tests.fakes.engine import FakeEngine
from tests.fakes.evaluated import DIVIDED, UNDIVIDED
from tests.fakes.workplace import NAME, Workplace, work

CONDITIONS = Conditions(dataset="synthetic")
BETTER = "# gain: 0.002"
ORDER = Order(epochs=50, spaces=("buy", "stoploss"), seed=3)


def optimizer(place, *engines, **changes):
    given = {"division": lambda: DIVIDED, "rules": BetterRules(minimum_trades=5), "open_search": OptunaSearch} | changes
    return OptimizerWorker(
        place.equipment("optimizer@here"),
        engines or (FakeEngine(),),
        lambda: True,
        place.blobs,
        CONDITIONS,
        Limits(),
        data_label="synthetic",
        **given,
    )


def backtester(place):
    return BacktesterWorker(
        place.equipment("backtester@here"),
        FakeEngine(),
        lambda: True,
        place.blobs,
        CONDITIONS,
        Limits(),
        division=lambda: DIVIDED,
        data_label="synthetic",
        name_of_result=place.name_of_result,
    )


def asked(place, text=BETTER, order=ORDER):
    """Record a strategy that was backtested and is to be optimised."""
    strategy = place.add(text)
    place.change(lambda each, stamp: each.record_validation("run-1", (), stamp))
    assert work(backtester(place)) == 1
    place.change(lambda each, stamp: each.request_optimization("a test", order, stamp))
    return strategy


def epochs_of(place):
    """Give all epochs that were kept, in full."""
    blobs = [each.facts["blobs"]["epochs"] for each in place.happened("Evaluation.EpochsTried")]
    return [epoch for blob in blobs for epoch in orjson.loads(place.blobs.get(blob))]


def optimization(place):
    """Give the end of the optimisation's run."""
    kinds = {each.originator_id: each.facts["kind"] for each in place.happened("Evaluation.Started")}
    ends = place.happened("Evaluation.Completed", "Evaluation.Failed")
    return next(each for each in ends if kinds[each.originator_id] == "optimization")


def test_parameters_that_are_better_out_of_sample_are_used(place):
    asked(place)

    assert work(optimizer(place)) == 1

    (optimized,) = place.happened("Strategy.Optimized")
    assert optimized.facts["destination"] == "Optimized"
    document = orjson.loads(place.blobs.get(optimized.facts["parameters_hash"]))
    assert document["strategy_name"] == NAME
    assert document["params"]["buy"]["x"] == 10, "the more the better"
    figures = optimized.facts["figures"]
    assert figures["why"].startswith("better on 3 of 3 windows")
    assert figures["comparison"]["optimized"]["sharpe_daily"] > figures["comparison"]["original"]["sharpe_daily"]
    assert figures["comparison"]["timerange"] == DIVIDED.walk_forward.timerange
    assert place.due("optimize") == []


def test_the_code_stays_as_it_is(place):
    before = asked(place).code_hash

    work(optimizer(place))

    assert place.strategy().code_hash == before


def test_epochs_see_the_screening_days_alone_and_nothing_sees_the_proof(place):
    asked(place)
    engine = FakeEngine()

    work(optimizer(place, engine))

    ranges = [job.conditions.timerange for job in engine.jobs]
    assert ranges.count(DIVIDED.walk_forward.timerange) == 2
    assert set(ranges) == {DIVIDED.screening.timerange, DIVIDED.walk_forward.timerange}


def test_what_is_optimised_is_backtested_next_with_its_parameters(place):
    asked(place)
    work(optimizer(place))

    assert work(backtester(place)) == 1

    backtested = place.happened("Strategy.Backtested")[-1]
    assert backtested.facts["destination"] == "Optimized"
    identities = [each.facts["identity"] for each in place.happened("Evaluation.Completed")][-3:]
    assert {each["parameters_hash"] for each in identities} == {place.strategy().parameters_hash}


def test_parameters_that_only_fit_the_screening_days_are_not_used(place):
    asked(place, f"{BETTER}\n# overfit")

    work(optimizer(place))

    (kept,) = place.happened("Strategy.KeptAsItWas")
    assert "better on 0 of 3 windows only" in kept.facts["why"]
    assert kept.facts["figures"]["comparison"]["against"]
    assert place.strategy().parameters_hash == ""
    assert optimization(place).facts["verdict"] == "kept"
    assert place.due("optimize") == place.due("backtest") == []


def test_every_epoch_and_every_run_is_a_trial(place):
    asked(place)
    before = fold(LeaderboardView, place.factory.store).trials().count

    work(optimizer(place))

    new = sum(not epoch["repeats"] for epoch in epochs_of(place))
    runs = len(place.happened("Evaluation.Completed")) - 3
    assert runs == 5, "baseline, again, original, optimized, and the optimisation"
    assert fold(LeaderboardView, place.factory.store).trials().count == before + new + runs


def test_the_same_seed_tries_the_same_epochs_however_many_sandboxes_there_are(tmp_path_factory):
    found = []
    for count in (1, 2, 3):
        place = Workplace(tmp_path_factory.mktemp("home"))
        asked(place)
        work(optimizer(place, *(FakeEngine() for _ in range(count))))
        found.append(epochs_of(place))
        place.close()

    assert len(found[0]) == ORDER.epochs
    assert found[0] == found[1] == found[2]


def test_another_seed_tries_other_epochs(place):
    asked(place)
    work(optimizer(place))
    place.change(lambda each, stamp: each.request_optimization("again", Order(50, 0, ("buy",), 4), stamp))

    work(optimizer(place))

    epochs = epochs_of(place)
    assert [each["number"] for each in epochs] == [*range(1, 51), *range(1, 51)]
    assert epochs[0]["candidate"].keys() != epochs[50]["candidate"].keys()


def test_an_attempt_that_died_is_taken_up_after_its_last_epochs(place):
    class Dies(FakeEngine):
        def try_epochs(self, job, spaces, candidates, report):
            if len(self.rows) == 2:
                raise KeyboardInterrupt  # as good as kill -9: nothing is recorded any more
            return super().try_epochs(job, spaces, candidates, report)

    asked(place)
    with pytest.raises(KeyboardInterrupt):
        optimizer(place, Dies()).step()
    before = epochs_of(place)
    place.pass_leases()
    engine = FakeEngine()

    assert work(optimizer(place, engine)) == 1

    assert len(before) == 40
    assert epochs_of(place)[:40] == before
    assert sum(map(len, engine.rows)) <= 10, "nothing is evaluated twice"
    ends = Counter(each.originator_id for each in place.happened("Evaluation.Completed"))
    assert set(ends.values()) == {1}


def test_a_search_that_was_interrupted_comes_to_the_same_epochs_as_one_that_was_not(place, tmp_path_factory):
    class Fails(FakeEngine):
        def try_epochs(self, job, spaces, candidates, report):
            if len(self.rows) == 1:
                raise TryAgain("the forge went away")
            return super().try_epochs(job, spaces, candidates, report)

    asked(place)
    optimizer(place, Fails()).step()
    place.pass_leases()
    whole = Workplace(tmp_path_factory.mktemp("home"))
    asked(whole)

    for each in (place, whole):
        assert work(optimizer(each)) == 1

    assert epochs_of(place) == epochs_of(whole)
    whole.close()


def test_a_candidate_that_was_tried_is_not_tried_again(place):
    asked(place, order=Order(epochs=40, spaces=("buy",), seed=1))
    engine = FakeEngine()

    work(optimizer(place, engine))

    tried = [candidate["x"] for row in engine.rows for candidate in row]
    assert len(tried) == len(set(tried)) <= 11
    assert len(epochs_of(place)) == 40


def test_time_that_is_up_ends_the_search(place):
    asked(place, order=Order(epochs=1000, seconds=1e-9, spaces=("buy", "stoploss"), seed=1))

    work(optimizer(place))

    assert len(epochs_of(place)) == 20


def test_epochs_that_break_count_nothing_and_keep_no_other_from_its_turn(place):
    asked(place, f"{BETTER}\n# slow")

    work(optimizer(place))

    epochs = epochs_of(place)
    odd = [each for each in epochs if each["candidate"]["x"] % 2]
    assert odd
    assert all(each["loss"] == 100_000 for each in odd)
    assert all(each["loss"] < 100_000 for each in epochs if not each["candidate"]["x"] % 2)


@pytest.mark.parametrize(
    ("text", "changes", "why"),
    [
        ("# no spaces", {}, "it has no parameters in the spaces buy, stoploss"),
        ("", {"division": lambda: UNDIVIDED}, "no days out of sample"),
        (f"{BETTER}\n# remembers", {}, "it remembers earlier runs"),
        ("# trades: 3", {"rules": BetterRules(minimum_trades=5)}, "none of 50 epochs had 5 trades"),
    ],
)
def test_what_cannot_be_optimised_is_kept_as_it_was_and_the_reason_is_recorded(place, text, changes, why):
    asked(place, text)

    assert work(optimizer(place, **changes)) == 1

    (kept,) = place.happened("Strategy.KeptAsItWas")
    assert why in kept.facts["why"]
    assert optimization(place).facts["verdict"] == "kept"
    assert place.due("optimize") == []


def test_a_strategy_that_cannot_be_run_any_more_is_retired(place):
    class Broken(FakeEngine):
        def backtest(self, job, report):
            raise BrokenStrategy(Finding("INDICATORS_FAILED", "no such column"))

    asked(place)

    work(optimizer(place, Broken()))

    assert place.happened("Strategy.Retired")[0].facts["reason"] == "broken"
    assert optimization(place).topic == "Evaluation.Failed"


class Doubting(FakeEngine):
    """An engine whose closer look finds this."""

    def __init__(self, code, verdict):
        super().__init__()
        self.code, self.verdict = code, verdict

    def second_opinion(self, job, report):
        found = (Finding(self.code, "of 20 trades 7 entries are biased"),)
        return replace(self.validate(job, report), verdict=self.verdict, findings=found)


def test_a_strategy_that_a_closer_look_rejects_is_retired_and_never_optimized(place):
    asked(place)

    work(optimizer(place, Doubting("LOOKAHEAD", Verdict.REJECTED)))

    assert not place.happened("Strategy.Optimized", "Evaluation.EpochsTried")
    (retired,) = place.happened("Strategy.Retired")
    assert retired.facts["evidence"]["findings"][0]["code"] == "LOOKAHEAD"


def test_what_freqtrades_analyses_say_stands_with_the_optimisation(place):
    asked(place)

    work(optimizer(place, Doubting("LOOKAHEAD_ANALYSIS", Verdict.ACCEPTED)))

    assert [found["code"] for found in optimization(place).facts["findings"]] == ["LOOKAHEAD_ANALYSIS"]
    assert place.happened("Strategy.Optimized")


def test_found_parameters_that_break_the_strategy_are_not_used(place):
    class BreaksWithParameters(FakeEngine):
        def backtest(self, job, report):
            outcome = super().backtest(job, report)
            if job.parameters and job.conditions.timerange == DIVIDED.walk_forward.timerange:
                raise BrokenStrategy(Finding("INDICATORS_FAILED", "no such column"))
            return outcome

    asked(place)

    work(optimizer(place, BreaksWithParameters()))

    (kept,) = place.happened("Strategy.KeptAsItWas")
    assert "cannot be run" in kept.facts["why"]
    started = {each.originator_id for each in place.happened("Evaluation.Started")}
    ended = {each.originator_id for each in place.happened("Evaluation.Completed", "Evaluation.Failed")}
    assert started == ended


def test_forged_trades_retire_the_strategy(place):
    class Unmasks(FakeEngine):
        def try_epochs(self, job, spaces, candidates, report):
            return FakeEngine().try_epochs(job, spaces, candidates, report)

        def backtest(self, job, report):
            if job.parameters:
                raise BrokenStrategy(Finding("FORGED_RESULT", "outside of its candle"))
            return super().backtest(job, report)

    asked(place)

    work(optimizer(place, Unmasks()))

    assert place.happened("Strategy.Retired")[0].facts["reason"] == "forged"


def test_an_optimisation_of_a_retired_strategy_is_called_off(place):
    asked(place)
    place.change(lambda strategy, stamp: strategy.retire(Reason.BY_HAND, "not wanted", stamp))
    engine = FakeEngine()

    assert work(optimizer(place, engine)) == 1

    assert engine.jobs == engine.rows == []
    assert place.due("optimize") == []


def test_a_result_that_comes_after_retirement_is_kept_and_revives_nothing(place):
    class Slow(FakeEngine):
        def spaces(self, job, spaces, report):
            place.change(lambda strategy, stamp: strategy.retire(Reason.BY_HAND, "not wanted", stamp))
            return super().spaces(job, spaces, report)

    asked(place)

    work(optimizer(place, Slow()))

    assert place.topics()[-1] == "Strategy.ResultCameLate"
    assert place.strategy().is_retired


def test_a_worker_that_is_to_stop_puts_the_task_back_and_keeps_the_epochs(place):
    class Stops(FakeEngine):
        def try_epochs(self, job, spaces, candidates, report):
            place.is_stopping = len(self.rows) == 1
            return super().try_epochs(job, spaces, candidates, report)

    asked(place)
    optimizer(place, Stops()).step()

    assert len(epochs_of(place)) == 20
    assert len(place.due("optimize")) == 1
    place.is_stopping = False
    assert work(optimizer(place)) == 1
    assert len(epochs_of(place)) == 50
