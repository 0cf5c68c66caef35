"""A validated strategy is backtested: figures of our own from its trades, blobs, twins, and what is broken."""

from dataclasses import replace
from math import prod

import orjson
import pytest

from cfsm.application.ports import BrokenStrategy, Misconfigured, TryAgain
from cfsm.domain.evaluation import Conditions, Finding, Job, Limits, Verdict
from cfsm.domain.metrics import measure
from cfsm.domain.strategy import Reason
from cfsm.domain.trades import Trade
from cfsm.projections.leaderboard import LeaderboardView
from cfsm.projections.reading import fold
from cfsm.workers.backtester import BacktesterWorker
from tests.fakes.engine import FakeEngine
from tests.fakes.evaluated import DIVIDED, UNDIVIDED
from tests.fakes.workplace import NAME, work

CONDITIONS = Conditions(dataset="synthetic", dry_run_wallet=1000.0)
SECOND = f"{NAME}_2"


class Forging(FakeEngine):
    """Changes the outcome that the scripted engine gives."""

    def __init__(self, **changes):
        super().__init__()
        self.changes = changes

    def backtest(self, job, report):
        return replace(super().backtest(job, report), **self.changes)


def backtester(place, engine=None, actor="backtester@here", **changes):
    given = {"conditions": CONDITIONS, "limits": Limits(), "is_engine_ready": lambda: True}
    given |= {"division": lambda: UNDIVIDED} | changes
    return BacktesterWorker(
        place.equipment(actor),
        engine or FakeEngine(),
        blobs=place.blobs,
        data_label="synthetic",
        name_of_result=place.name_of_result,
        **given,
    )


def validated(place, text="", name=NAME):
    strategy = place.add(text, name)
    place.change(lambda each, stamp: each.record_validation("run-1", (), stamp), name)
    return strategy


def test_a_validated_strategy_is_backtested(place):
    strategy = validated(place)

    assert work(backtester(place)) == 1

    assert place.topics()[2:] == [
        "Evaluation.Started",
        *["Evaluation.StageReached"] * 4,
        "Evaluation.Completed",
        "Strategy.Backtested",
    ]
    completed, backtested = place.happened("Evaluation.Completed", "Strategy.Backtested")
    assert backtested.facts["timerange"] == "20250101-20250302"
    assert backtested.facts["result_hash"] == completed.facts["result_hash"]
    figures = dict(backtested.facts["figures"])
    assert list(figures.pop("parts")) == ["whole"]
    assert figures == completed.facts["figures"]
    for event in (completed, backtested):
        assert event.meta["causation"] == f"{strategy.id.hex}:2"
        assert event.meta["correlation"] == str(strategy.id)
    assert place.due("backtest") == []


def test_the_figures_are_computed_from_the_trades_and_freqtrades_stand_beside_them(place):
    validated(place)
    forged = {"total_trades": 999, "sharpe": 66.0, "profit_total": 63.17}

    work(backtester(place, Forging(statistics=forged)))

    (completed,) = place.happened("Evaluation.Completed")
    figures, blobs = completed.facts["figures"], completed.facts["blobs"]
    trades = [Trade(**each) for each in orjson.loads(place.blobs.get(blobs["trades"]))]
    outcome = FakeEngine().backtest(_job(place), lambda *_: None)
    ours = measure(trades, 1000.0, outcome.backtest_start, outcome.backtest_end).figures()
    assert figures["total_trades"] == len(trades) == 20
    assert {name: figures[name] for name in ours} == orjson.loads(orjson.dumps(ours))
    assert figures["freqtrade"] == forged


def _job(place):
    return Job("run", NAME, place.blobs.get(place.strategy().code_hash), CONDITIONS)


def test_the_figures_say_what_the_candles_were(place):
    validated(place)

    work(backtester(place))

    figures = place.happened("Strategy.Backtested")[0].facts["figures"]
    assert (figures["dataset"], figures["data_label"], figures["timeframe"]) == ("synthetic", "synthetic", "1h")
    assert figures["backtest_start"] == "2025-01-01T00:00:00+00:00"
    assert (figures["part"], figures["is_out_of_sample"]) == ("whole", False)


def test_days_that_are_divided_are_backtested_part_by_part_and_the_score_is_from_the_walk_forward_days(place):
    validated(place)
    engine = FakeEngine()

    assert work(backtester(place, engine, division=lambda: DIVIDED)) == 1

    parts = dict(DIVIDED.parts())
    assert [job.conditions.timerange for job in engine.jobs] == [days.timerange for days in parts.values()]
    completed = {each.facts["figures"]["part"]: each for each in place.happened("Evaluation.Completed")}
    (backtested,) = place.happened("Strategy.Backtested")
    figures = backtested.facts["figures"]
    assert figures["part"] == "walk_forward"
    assert backtested.facts["timerange"] == DIVIDED.walk_forward.timerange
    assert backtested.facts["run_id"].replace("-", "") == completed["walk_forward"].originator_id
    assert {part: completed[part].facts["figures"]["is_out_of_sample"] for part in completed} == {
        "screening": False,
        "walk_forward": True,
        "proof": True,
    }
    for part, shown in figures["parts"].items():
        whole = completed[part].facts
        assert shown["run_id"].replace("-", "") == completed[part].originator_id
        assert shown["result_hash"] == whole["result_hash"]
        assert shown["sharpe_daily"] == whole["figures"]["sharpe_daily"]
        assert shown["timerange"] == parts[part].timerange


def test_the_windows_of_the_walk_forward_days_add_up_to_them(place):
    validated(place)

    work(backtester(place, division=lambda: DIVIDED))

    figures = place.happened("Strategy.Backtested")[0].facts["figures"]
    windows = figures["windows"]
    assert [window["timerange"] for window in windows] == [window.timerange for window in DIVIDED.windows]
    assert sum(window["total_trades"] for window in windows) == figures["total_trades"]
    assert prod(1 + window["profit_total"] for window in windows) == pytest.approx(1 + figures["profit_total"])


def test_every_run_is_a_trial(place):
    validated(place)

    work(backtester(place, division=lambda: DIVIDED))

    assert fold(LeaderboardView, place.factory.store).trials().count == 3


def test_a_strategy_that_breaks_on_later_days_is_retired_and_the_runs_before_are_kept(place):
    class BreaksLater(FakeEngine):
        def backtest(self, job, report):
            outcome = super().backtest(job, report)
            if len(self.jobs) == 2:
                raise BrokenStrategy(Finding("INDICATORS_FAILED", "no such column"))
            return outcome

    validated(place)

    work(backtester(place, BreaksLater(), division=lambda: DIVIDED))

    assert place.topics()[-3:] == ["Evaluation.Completed", "Evaluation.Failed", "Strategy.Retired"]


def test_an_attempt_that_died_in_the_middle_is_made_again_under_the_same_ids(place):
    class Dies(FakeEngine):
        def backtest(self, job, report):
            if len(self.jobs) == 2:
                raise KeyboardInterrupt
            return super().backtest(job, report)

    validated(place)
    with pytest.raises(KeyboardInterrupt):
        backtester(place, Dies(), division=lambda: DIVIDED).step()
    place.pass_leases()

    assert work(backtester(place, division=lambda: DIVIDED)) == 1

    assert len(place.happened("Evaluation.Started")) == 3
    assert len({each.originator_id for each in place.happened("Evaluation.Completed")}) == 3


def test_parts_that_were_begun_are_called_off_when_the_strategy_is_retired(place):
    class Retires(FakeEngine):
        def backtest(self, job, report):
            if len(self.jobs) == 1:
                raise TryAgain("the world is down")
            return super().backtest(job, report)

    validated(place)
    backtester(place, Retires(), division=lambda: DIVIDED).step()
    place.change(lambda strategy, stamp: strategy.retire(Reason.BY_HAND, "not wanted", stamp))
    place.pass_leases()

    work(backtester(place, division=lambda: DIVIDED))

    assert len(place.happened("Evaluation.Failed")) == 2


def test_the_trades_and_the_equity_curve_are_kept(place):
    validated(place)

    work(backtester(place))

    blobs = place.happened("Evaluation.Completed")[0].facts["blobs"]
    assert len(orjson.loads(place.blobs.get(blobs["trades"]))) == 20
    assert orjson.loads(place.blobs.get(blobs["equity_curve"]))


def test_a_strategy_without_trades_is_backtested_all_the_same(place):
    validated(place, "# trades: 0")

    work(backtester(place))

    figures = place.happened("Strategy.Backtested")[0].facts["figures"]
    assert (figures["total_trades"], figures["sharpe_daily"]) == (0, None)


def test_a_backtest_that_was_asked_for_again_is_a_run_of_its_own(place):
    validated(place)
    work(backtester(place))
    place.change(lambda strategy, stamp: strategy.request_backtest("the candles are new", stamp))

    assert work(backtester(place)) == 1

    assert len({each.originator_id for each in place.happened("Evaluation.Completed")}) == 2
    assert len(place.strategy().backtests) == 2
    assert place.happened("Strategy.TwinFound") == [], "a strategy is not its own twin"


def test_a_twin_raises_the_alarm(place):
    validated(place)
    validated(place, name=SECOND)
    engine = Forging(result_hash="the same list of trades")

    assert work(backtester(place, engine)) == 2

    (alarm,) = place.happened("Strategy.TwinFound")
    assert alarm.facts == {"twin": NAME, "result_hash": "the same list of trades"}
    assert alarm.originator_id == place.strategy(SECOND).id.hex


def test_strategies_that_never_trade_are_no_twins(place):
    validated(place, "# trades: 0")
    validated(place, "# trades: 0", SECOND)

    assert work(backtester(place, Forging(result_hash="no trades"))) == 2

    assert place.happened("Strategy.TwinFound") == []


def test_a_strategy_whose_figures_count_for_nothing_never_becomes_backtested(place):
    validated(place)
    knows = Finding("LOOKAHEAD", "bias changes when the later candles are taken away", 16, "Use only shift(n).")

    work(backtester(place, Forging(verdict=Verdict.REJECTED, findings=(knows,))))

    assert "Strategy.Backtested" not in place.topics()
    (retired,) = place.happened("Strategy.Retired")
    assert "LOOKAHEAD" in retired.facts["detail"]


def test_a_broken_strategy_is_retired_with_the_evidence_and_its_run_fails(place):
    validated(place, "raise ValueError('columns overlap')")

    work(backtester(place))

    failed, retired = place.happened("Evaluation.Failed", "Strategy.Retired")
    assert failed.facts["findings"][0]["code"] == "INDICATORS_FAILED"
    assert retired.facts["reason"] == "broken"
    assert "columns overlap" in retired.facts["detail"]
    assert retired.facts["evidence"]["findings"] == failed.facts["findings"]
    assert retired.facts["evidence"]["run_id"].replace("-", "") == failed.originator_id
    assert place.due("backtest") == []


def test_a_result_that_comes_after_retirement_is_kept_and_revives_nothing(place):
    class Slow(FakeEngine):
        def backtest(self, job, report):
            outcome = super().backtest(job, report)
            place.change(lambda strategy, stamp: strategy.retire(Reason.BY_HAND, "not wanted", stamp))
            return outcome

    validated(place)

    work(backtester(place, Slow()))

    assert place.topics()[-3:] == ["Strategy.Retired", "Evaluation.Completed", "Strategy.ResultCameLate"]
    assert place.happened("Strategy.ResultCameLate")[0].facts["figures"]["total_trades"] == 20
    assert place.strategy().is_retired
    assert place.strategy().backtests == []


def test_a_strategy_that_was_retired_meanwhile_is_not_backtested(place):
    validated(place)
    place.change(lambda strategy, stamp: strategy.retire(Reason.BY_HAND, "not wanted", stamp))
    engine = FakeEngine()

    assert work(backtester(place, engine)) == 1

    assert engine.jobs == []
    assert place.due("backtest") == []


def test_a_backtest_whose_lease_was_lost_records_nothing(place):
    class Sleepy(FakeEngine):
        def backtest(self, job, report):
            outcome = super().backtest(job, report)
            place.pass_leases()
            place.claim("backtest")
            return outcome

    validated(place)

    backtester(place, Sleepy()).step()

    assert place.happened("Evaluation.Completed", "Strategy.Backtested") == []


def test_optimized_parameters_are_used_and_days_that_were_not_divided_are_in_sample(place):
    validated(place)
    parameters = place.blobs.put(b'{"strategy_name": "x"}')
    engine = FakeEngine()
    work(backtester(place, engine))
    place.change(lambda strategy, stamp: strategy.record_optimization("run-3", parameters, {}, stamp))
    place.change(lambda strategy, stamp: strategy.request_backtest("new parameters", stamp))

    work(backtester(place, engine))

    assert engine.jobs[-1].parameters == '{"strategy_name": "x"}'
    assert place.happened("Strategy.Backtested")[-1].facts["figures"]["is_out_of_sample"] is False


def test_a_dataset_that_is_not_there_ends_the_worker_and_keeps_the_task(place):
    validated(place)

    with pytest.raises(Misconfigured, match="'nowhere'"):
        backtester(place, conditions=Conditions(dataset="nowhere")).run()

    place.pass_leases()
    assert work(backtester(place)) == 1
