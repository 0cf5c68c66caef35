"""What every engine promises, whether it runs Freqtrade or only pretends to, here or behind the forge's socket."""

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from cfsm.adapters.freqtrade.client import ForgeEngine
from cfsm.application.ports import BrokenStrategy, Cancelled, Misconfigured
from cfsm.domain.evaluation import Conditions, Job, Stage, Verdict
from tests.fakes.engine import FakeEngine
from tests.fakes.forge import ROOT, forge_command, until_it_answers
from tests.fakes.strategy_texts import NAME, at_top, in_indicators, right

CONDITIONS = Conditions(dataset="synthetic")
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
