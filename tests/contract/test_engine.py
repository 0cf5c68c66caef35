"""What every engine promises, whether it runs Freqtrade or only pretends to, here or behind the forge's socket."""

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from cfsm.adapters.freqtrade.client import ForgeEngine
from cfsm.application.ports import BrokenStrategy, Cancelled, Misconfigured
from cfsm.domain.evaluation import Conditions, Job, Stage, Verdict
from tests.fakes.engine import FakeEngine
from tests.fakes.forge import ROOT, forge_command, until_it_answers
from tests.fakes.strategy_texts import NAME, at_top, in_indicators, right, searchable

CONDITIONS = Conditions(dataset="synthetic")
SEARCHABLE = searchable()
ORDER = list(Stage)


@pytest.fixture(scope="module")
def served_fake():
    """The engine's client with a forge that only pretends: what tests of the whole factory run on."""
    with tempfile.TemporaryDirectory(prefix="cfsm-test-") as run:  # a socket's path must be short
        path = Path(run) / "forge.sock"
        forge = subprocess.Popen(forge_command(path), cwd=ROOT)
        until_it_answers(path)
        yield ForgeEngine(path)
        forge.kill()
        forge.wait()


@pytest.fixture(params=["fake", "served_fake", "forge"])
def engine(request):
    return FakeEngine() if request.param == "fake" else request.getfixturevalue(request.param)


class Heard(list):
    def __call__(self, stage, percent, words):
        self.append((stage, percent, words))


def job(source=None, **changes):
    given = Job("run-1", NAME, right() if source is None else source, CONDITIONS)
    return replace(given, **changes)


def test_a_right_strategy_is_accepted(engine):
    outcome = engine.validate(job(), Heard())

    assert (outcome.verdict, outcome.findings) == (Verdict.ACCEPTED, ())
    assert outcome.timeframe == "1h"
    assert outcome.can_short
    assert outcome.signals["enter_long"] > 0


def test_an_unsafe_strategy_is_unsafe_and_the_line_is_named(engine):
    outcome = engine.validate(job(at_top("import os")), Heard())

    assert outcome.verdict is Verdict.UNSAFE
    assert [(found.code, found.line) for found in outcome.findings] == [("POLICY_IMPORT", 1)]
    assert outcome.timeframe == ""


def test_a_broken_strategy_is_rejected_with_a_finding_that_says_where_and_what_to_do(engine):
    outcome = engine.validate(job(in_indicators('raise KeyError("rsi")')), Heard())

    assert outcome.verdict is Verdict.REJECTED
    (found,) = outcome.findings
    assert (found.code, found.line) == ("INDICATORS_FAILED", 16)
    assert "rsi" in found.message
    assert found.what_to_do


def test_a_backtest_gives_trades_and_freqtrades_figures(engine):
    outcome = engine.backtest(job(), Heard())

    assert outcome.statistics["total_trades"] == len(outcome.trades) > 0
    assert {"profit_total", "profit_factor", "max_drawdown_account", "winrate", "sharpe"} <= outcome.statistics.keys()
    assert outcome.backtest_start < outcome.backtest_end
    assert outcome.timeframe == "1h"


def test_a_broken_strategy_is_not_backtested(engine):
    with pytest.raises(BrokenStrategy) as caught:
        engine.backtest(job(in_indicators('raise KeyError("rsi")')), Heard())

    assert [found.code for found in caught.value.findings] == ["INDICATORS_FAILED"]


def test_an_unsafe_strategy_is_not_backtested(engine):
    with pytest.raises(BrokenStrategy) as caught:
        engine.backtest(job(at_top("import os")), Heard())

    assert [found.code for found in caught.value.findings] == ["POLICY_IMPORT"]


def test_the_same_job_twice_gives_the_same_result(engine):
    first, second = (engine.backtest(job(run_id=run_id), Heard()) for run_id in ("run-1", "run-2"))

    assert first.trades == second.trades
    assert (first.result_hash, first.identity, first.statistics) == (
        second.result_hash,
        second.identity,
        second.statistics,
    )


def test_another_strategy_has_another_identity_and_another_result(engine):
    one = engine.backtest(job(), Heard())
    other = engine.backtest(job(right().replace(b"timeperiod=8", b"timeperiod=5")), Heard())

    assert one.identity.code_hash != other.identity.code_hash
    assert one.identity.data_hash == other.identity.data_hash
    assert one.result_hash != other.result_hash


def test_other_conditions_have_another_identity(engine):
    one = engine.backtest(job(), Heard())
    other = engine.backtest(job(conditions=replace(CONDITIONS, max_open_trades=1)), Heard())

    assert one.identity.config_hash != other.identity.config_hash


def test_progress_goes_through_the_stages_and_never_back(engine):
    heard = Heard()

    engine.backtest(job(), heard)

    stages = [ORDER.index(stage) for stage, _, _ in heard]
    percents = [percent for _, percent, _ in heard]
    assert stages == sorted(stages)
    assert percents == sorted(percents)
    assert {Stage.LOADING_DATA, Stage.GENERATING_REPORT} <= {stage for stage, _, _ in heard}
    assert heard[-1] == (Stage.COMPLETED, 100.0, "")


def test_a_dataset_that_is_not_there_is_a_misconfiguration_that_names_it(engine):
    with pytest.raises(Misconfigured, match="nowhere"):
        engine.validate(job(conditions=Conditions(dataset="nowhere")), Heard())


def test_a_run_is_called_off_by_its_listener(engine):
    def call_off(stage, percent, words):
        raise Cancelled("the lease was lost")

    with pytest.raises(Cancelled):
        engine.backtest(job(), call_off)

    assert engine.backtest(job(), Heard()).trades


# Hyperopt

SEARCHED = ("buy", "stoploss")


def drawn(dimension):
    """Give the value at the upper end."""
    return dimension.choices[-1] if dimension.choices else int(dimension.high) if dimension.is_whole else dimension.high


def parameters_of(epoch):
    return orjson.dumps({"strategy_name": NAME, "params": epoch.parameters, "ft_stratparam_v": 1}).decode()


def test_the_spaces_of_a_strategy_have_dimensions_and_only_those_asked_for(engine):
    search = engine.spaces(job(SEARCHABLE), SEARCHED, Heard())

    assert {each.space for each in search.dimensions} == set(SEARCHED)
    assert search.is_analysed_once
    assert {each.space for each in engine.spaces(job(SEARCHABLE), ("stoploss",), Heard()).dimensions} == {"stoploss"}


def test_every_candidate_gets_an_epoch_and_a_backtest_with_its_parameters_gives_the_same_trades(engine):
    dimensions = engine.spaces(job(SEARCHABLE), SEARCHED, Heard()).dimensions
    first = {each.name: drawn(each) for each in dimensions}
    second = {**first, "stoploss": -0.02}

    epochs = engine.try_epochs(job(SEARCHABLE), SEARCHED, [first, second, first], Heard())

    assert len(epochs) == 3
    assert epochs[0] == epochs[2], "an epoch remembers nothing of those before"
    for epoch in epochs[:2]:
        again = engine.backtest(job(SEARCHABLE, parameters=parameters_of(epoch)), Heard())
        assert again.result_hash == epoch.result_hash
        assert epoch.figures["total_trades"] == len(again.trades)


def test_parameters_that_indicators_read_are_heard_in_every_epoch(forge):
    source = searchable(in_indicators=True)
    assert not forge.spaces(job(source), ("buy",), Heard()).is_analysed_once

    one, other = forge.try_epochs(job(source), ("buy",), [{"x": 0}, {"x": 10}], Heard())

    assert one.result_hash != other.result_hash
    again = forge.backtest(job(source, parameters=parameters_of(other)), Heard())
    assert again.result_hash == other.result_hash


def test_epochs_of_a_broken_strategy_are_not_tried(engine):
    with pytest.raises(BrokenStrategy):
        engine.try_epochs(job(in_indicators('raise KeyError("rsi")')), SEARCHED, [{"stoploss": -0.1}], Heard())


def test_epochs_can_be_cancelled(engine):
    def cancel(*_):
        raise Cancelled

    with pytest.raises(Cancelled):
        engine.try_epochs(job(SEARCHABLE), SEARCHED, [{"x": 1, "stoploss": -0.1}], cancel)
