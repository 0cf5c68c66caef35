"""What an audit finds: by looking, and by running again."""

from dataclasses import replace

import orjson
import pytest

from cfsm.adapters.blobs import BlobFolder
from cfsm.application.audit import Difference, Outcome, examine, run_again
from cfsm.application.history import History
from cfsm.application.ports import Cancelled, Misconfigured, TryAgain
from cfsm.application.verdicts import verdicts_of
from cfsm.domain.evaluation import Finding, Kind, Limits
from tests.fakes.command_engine import CommandEngine
from tests.fakes.evaluated import evaluate
from tests.fakes.workplace import NAME, Workplace


class OtherEngine(CommandEngine):
    """An engine that differs from the one of the records as it is told to."""

    def __init__(self, data_hash="data", name="fake-1/scripted/1", change=lambda outcome: outcome):
        super().__init__(data_hash)
        self._name = name
        self._change = change

    @property
    def name(self):
        return self._name

    def validate(self, job, report):
        return self._change(super().validate(job, report))

    def backtest(self, job, report):
        return self._change(super().backtest(job, report))


class Kept:
    """The verdicts on one strategy, and its blobs."""

    def __init__(self, home, text):
        evaluate(home, CommandEngine(), {NAME: text})
        place = Workplace(home)
        self.verdicts = {
            "broken" if each.verdict == "broken" else each.kind.value: each
            for each in verdicts_of(History(place.factory.store).between(0))
        }
        self.blobs = place.blobs
        place.close()

    def examine(self, kind=Kind.BACKTEST, data_hash="data", **changes):
        return examine(replace(self.verdicts[kind], **changes), self.blobs, lambda _: data_hash)

    def run_again(self, engine, kind=Kind.BACKTEST):
        return run_again(self.verdicts[kind], engine, self.blobs, Limits(), lambda *_: None)


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path / "home", "# trades: 12")


def damage(blobs, blob_hash):
    path = blobs.path(blob_hash)
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def test_what_the_workers_record_is_the_same_when_it_is_looked_at(kept):
    for kind, verdict in kept.verdicts.items():
        found = kept.examine(kind)

        assert found.is_same, (kind, found)
        assert [blob.problem for blob in found.blobs] == [""] * len(found.blobs)
        assert verdict.identity is not None

    names = [blob.name for blob in kept.examine().blobs]
    assert names == ["code", "trades", "equity_curve"]


def test_a_blob_that_is_gone_or_damaged_is_named(kept):
    verdict = kept.verdicts[Kind.BACKTEST]
    damage(kept.blobs, verdict.blobs["trades"])
    kept.blobs.path(verdict.code_hash).unlink()

    found = kept.examine()

    problems = {blob.name: blob.problem for blob in found.blobs}
    assert not found.is_same
    assert "is damaged" in problems["trades"]
    assert problems["code"].startswith("no blob")
    assert problems["equity_curve"] == ""


def test_figures_that_do_not_follow_from_the_trades_are_named(kept):
    figures = kept.verdicts[Kind.BACKTEST].figures
    forged = {**figures, "sharpe_daily": 9.9, "wins": 12}

    found = kept.examine(figures=forged)

    assert not found.is_same
    assert set(found.differences) == {
        Difference("figures.sharpe_daily", 9.9, figures["sharpe_daily"]),
        Difference("figures.wins", 12, figures["wins"]),
    }


def test_a_figure_that_was_not_known_then_is_no_difference(kept):
    figures = {**kept.verdicts[Kind.BACKTEST].figures}
    del figures["fees_share"]

    assert kept.examine(figures=figures).is_same


def test_an_equity_curve_of_other_trades_is_found(kept):
    verdict = kept.verdicts[Kind.BACKTEST]
    curve = orjson.loads(kept.blobs.get(verdict.blobs["equity_curve"]))
    curve["balances"][5] += 1
    blobs = {**verdict.blobs, "equity_curve": kept.blobs.put(orjson.dumps(curve))}

    assert [each.what for each in kept.examine(blobs=blobs).differences] == ["equity_curve"]


@pytest.mark.parametrize("content", [b"[]x", b"7", b'[{"pair": 1}]'])
def test_trades_that_are_none_are_a_difference_and_no_crash(kept, content):
    blobs = {**kept.verdicts[Kind.BACKTEST].blobs, "trades": kept.blobs.put(content)}

    found = kept.examine(blobs=blobs)

    assert [each.what for each in found.differences] == ["trades"]


def test_trades_outside_the_recorded_range_are_a_difference(kept):
    figures = {**kept.verdicts[Kind.BACKTEST].figures, "backtest_end": "2025-01-02T00:00:00+00:00"}

    assert [each.what for each in kept.examine(figures=figures).differences] == ["trades"]


def test_other_candles_are_a_difference(kept):
    assert kept.examine(data_hash="other").differences == (Difference("data_hash", "data", "other"),)


def test_candles_that_are_gone_are_a_difference_that_says_so(kept):
    def gone(name):
        raise Misconfigured(f"there is no dataset {name!r}")

    found = examine(kept.verdicts[Kind.BACKTEST], kept.blobs, gone)

    assert found.differences == (Difference("data_hash", "data", "there is no dataset 'synthetic'"),)


def test_an_identity_of_other_code_is_a_difference(kept):
    verdict = kept.verdicts[Kind.BACKTEST]
    identity = replace(verdict.identity, code_hash="other")

    assert [each.what for each in kept.examine(identity=identity).differences] == ["code_hash"]


@pytest.mark.parametrize("kind", [Kind.VALIDATION, Kind.BACKTEST])
def test_the_same_engine_gives_the_same_again(kept, kind):
    found = kept.run_again(CommandEngine(), kind)

    assert (found.outcome, found.identity, found.differences) == (Outcome.SAME, (), ())
    assert found.engine == "fake-1/scripted/1"


def test_it_runs_the_stored_code_under_the_recorded_conditions(tmp_path):
    kept = Kept(tmp_path / "home", "")
    verdict = kept.verdicts[Kind.BACKTEST]
    verdict = replace(verdict, conditions=replace(verdict.conditions, dry_run_wallet=5.0, pairs=("BTC/USDT:USDT",)))
    engine = CommandEngine()

    run_again(verdict, engine, kept.blobs, Limits(wall_seconds=7), lambda *_: None)

    (job,) = engine.jobs
    assert (job.source, job.strategy_name) == (kept.blobs.get(verdict.code_hash), NAME)
    assert (job.conditions, job.limits.wall_seconds, job.parameters) == (verdict.conditions, 7, None)


def test_it_runs_with_the_recorded_parameters(kept):
    parameters = '{"params": {}}'
    verdict = replace(kept.verdicts[Kind.BACKTEST], parameters_hash=kept.blobs.put(parameters.encode()))
    engine = CommandEngine()

    run_again(verdict, engine, kept.blobs, Limits(), lambda *_: None)

    assert engine.jobs[0].parameters == parameters


def test_another_engine_with_the_same_result_is_the_same_and_is_named(kept):
    found = kept.run_again(OtherEngine(name="fake-2/scripted/1"))

    assert found.outcome is Outcome.SAME
    assert found.identity == (Difference("engine", "fake-1/scripted/1", "fake-2/scripted/1"),)


def test_other_candles_are_different_even_with_the_same_result(kept):
    found = kept.run_again(OtherEngine(data_hash="other"))

    assert found.outcome is Outcome.DIFFERENT
    assert found.identity == (Difference("data_hash", "data", "other"),)
    assert found.differences == ()


def test_the_first_trade_that_differs_is_named_field_by_field(kept):
    def later_exit(outcome):
        trades = list(outcome.trades)
        trades[4] = replace(trades[4], close_rate=99.0, profit_abs=-1.0)
        trades[7] = replace(trades[7], close_rate=98.0)
        return replace(outcome, trades=tuple(trades), result_hash="other")

    found = kept.run_again(OtherEngine(change=later_exit))

    assert found.outcome is Outcome.DIFFERENT
    assert found.identity == ()
    what = [each.what for each in found.differences]
    assert what[0] == "result_hash"
    assert [each for each in what if each.startswith("trade ")] == [
        "trade 5 (BTC/USDT:USDT): close_rate",
        "trade 5 (BTC/USDT:USDT): profit_abs",
    ]
    assert "figures.profit_total_abs" in what


def test_a_trade_more_or_less_is_named(kept):
    found = kept.run_again(OtherEngine(change=lambda outcome: replace(outcome, trades=outcome.trades[:-1])))

    assert Difference("number of trades", 12, 11) in found.differences


def test_freqtrades_own_figures_are_compared_too(kept):
    def other_statistics(outcome):
        return replace(outcome, statistics={**outcome.statistics, "sharpe": 2.0})

    found = kept.run_again(OtherEngine(change=other_statistics))

    assert found.differences == (Difference("figures.freqtrade.sharpe", 1.0, 2.0),)


def test_another_verdict_of_a_validation_is_different(kept):
    class Strict(CommandEngine):
        def _findings(self, job):
            return [Finding("LOOKAHEAD", "Values of the past change with the future.", 7)]

    found = kept.run_again(Strict(), Kind.VALIDATION)

    assert found.outcome is Outcome.DIFFERENT
    assert {each.what: (each.recorded, each.found) for each in found.differences} == {
        "verdict": ("accepted", "rejected"),
        "findings": ([], ["LOOKAHEAD:7"]),
    }


def test_a_backtest_that_breaks_now_is_different(kept):
    class Strict(CommandEngine):
        def _findings(self, job):
            return [Finding("RUN_FAILED", "It fails now.", 3)]

    found = kept.run_again(Strict())

    assert found.outcome is Outcome.DIFFERENT
    assert found.differences[0] == Difference("verdict", "backtested", "broken")
    assert found.differences[1] == Difference("findings", [], ["RUN_FAILED:3"])


class Late(CommandEngine):
    """Finds what is wrong only in the backtest."""

    def _findings(self, job):
        return super()._findings(job) if len(self.jobs) > 1 else []


def test_a_backtest_that_broke_is_the_same_when_it_breaks_in_the_same_way(tmp_path):
    home = tmp_path / "home"
    evaluate(home, Late(), {NAME: "raise KeyError()"})
    place = Workplace(home)
    broken = verdicts_of(History(place.factory.store).between(0))[-1]
    place.close()
    blobs = BlobFolder(home / "blobs")

    again = run_again(broken, CommandEngine(), blobs, Limits(), lambda *_: None)
    mended = run_again(broken, Late(), blobs, Limits(), lambda *_: None)

    assert broken.verdict == "broken"
    assert again.outcome is Outcome.SAME
    assert mended.differences == (Difference("verdict", "broken", "backtested"),)
    assert examine(broken, blobs, lambda _: "").is_same


def test_what_cannot_be_run_again_says_why(kept):
    kept.blobs.path(kept.verdicts[Kind.BACKTEST].code_hash).unlink()

    found = kept.run_again(CommandEngine())

    assert (found.outcome, found.engine) == (Outcome.NOT_RUN, "")
    assert found.reason.startswith("no blob")
    assert not replace(kept.examine(Kind.VALIDATION), blobs=(), rerun=found).is_same


def test_candles_that_are_gone_keep_it_from_running(kept):
    class Elsewhere(CommandEngine):
        def backtest(self, job, report):
            raise Misconfigured("there is no dataset 'synthetic'")

    found = kept.run_again(Elsewhere())

    assert (found.outcome, found.reason) == (Outcome.NOT_RUN, "there is no dataset 'synthetic'")


@pytest.mark.parametrize("error", [TryAgain("down"), Cancelled("off")])
def test_a_world_that_is_down_is_no_verdict(kept, error):
    class Down(CommandEngine):
        def backtest(self, job, report):
            raise error

    with pytest.raises(type(error)):
        kept.run_again(Down())
