"""``cfsm audit`` on a home whose verdicts the workers recorded."""

import pytest

from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.market_data import DatasetStore
from tests.fakes.command_engine import CommandEngine
from tests.fakes.evaluated import evaluate
from tests.fakes.strategy_texts import right
from tests.fakes.workplace import NAME, Workplace

OTHER = "TrendStrategy_predefined_20261121_130000"


@pytest.fixture
def data_hash(datasets):
    return DatasetStore(datasets).open("synthetic").data_hash


@pytest.fixture
def engine(monkeypatch, data_hash):
    scripted = CommandEngine(data_hash)
    monkeypatch.setattr("cfsm.cli.engines.open_engine", scripted.open)
    return scripted


@pytest.fixture
def cfsm(new, datasets, engine):
    """Call a command on a home with the candles and two strategies, one of them validated and backtested."""
    new.home.mkdir()
    (new.home / "data").symlink_to(datasets)
    evaluate(new.home, engine, {NAME: "# trades: 12", OTHER: "# trades: 0"})
    return new


def backtest_of(result):
    return next(each for each in result.json["verdicts"] if each["kind"] == "backtest")


def test_everything_is_as_it_was_recorded(cfsm):
    result = cfsm("audit", NAME)

    assert result.code == 0
    assert f"{NAME}: 2 of 2 verdicts are the same" in result.out
    assert "blobs       3 whole" in result.out
    assert result.out.count("recorded    same") == 2


def test_run_again_everything_is_the_same(cfsm, engine):
    result = cfsm("audit", NAME, "--rerun", "--json")

    assert result.code == 0
    assert {job.limits.cpu_seconds for job in engine.jobs} == {60, 600}  # a validation's and a backtest's
    assert result.json["same"]
    assert [each["rerun"]["outcome"] for each in result.json["verdicts"]] == ["same", "same"]
    assert not engine.stock


def test_freqtrades_own_loop_is_asked_for(cfsm, engine):
    assert cfsm("audit", NAME, "--rerun", "--stock").code == 0
    assert engine.stock


def test_without_rerun_the_engine_is_left_alone(cfsm, engine):
    before = len(engine.jobs)

    result = cfsm("audit", NAME, "--json")

    assert (len(engine.jobs), engine.opened) == (before, 0)
    assert backtest_of(result)["rerun"] is None
    assert cfsm("audit", NAME, "--stock").code == 2


def test_the_identity_is_given_part_by_part(cfsm, data_hash):
    identity = backtest_of(cfsm("audit", NAME, "--json"))["identity"]

    assert identity.keys() == {"code_hash", "parameters_hash", "data_hash", "config_hash", "engine"}
    assert (identity["data_hash"], identity["engine"]) == (data_hash, "fake-1/scripted/1")


def test_a_damaged_blob_is_named_and_the_exit_code_says_so(cfsm):
    blob_hash = next(
        blob["blob_hash"] for blob in backtest_of(cfsm("audit", NAME, "--json"))["blobs"] if blob["name"] == "trades"
    )
    BlobFolder(cfsm.home / "blobs").path(blob_hash).write_bytes(b"")

    result = cfsm("audit", NAME)

    assert result.code == 1
    assert "blobs       1 of 3 damaged" in result.out
    assert f"{blob_hash}.zst is damaged" in result.out
    assert f"{NAME}: 1 of 2 verdicts are the same" in result.out


def test_other_candles_under_the_same_name_are_found(cfsm, datasets, tmp_path):
    (cfsm.home / "data").unlink()
    DatasetStore(cfsm.home / "data").synthesise("synthetic", seed=2, pairs=["BTC/USDT:USDT"], timeframes=["1d"])

    result = cfsm("audit", NAME)

    assert result.code == 1
    assert result.out.count("data_hash: recorded") == 2


def test_another_result_is_told_to_the_first_trade(cfsm, engine, monkeypatch):
    monkeypatch.setattr(engine, "_count", lambda _: 11)

    result = cfsm("audit", NAME, "--rerun")

    assert result.code == 1
    assert "run again   different" in result.out
    assert "number of trades: recorded 12, now 11" in result.out


def test_a_strategy_without_a_verdict_has_nothing_to_audit(cfsm):
    place = Workplace(cfsm.home)
    place.add(name="NewStrategy")
    place.close()

    result = cfsm("audit", "NewStrategy")

    assert (result.code, result.out) == (0, "")
    assert "no verdict yet" in result.err


def test_a_rejected_strategy_is_audited_as_well(cfsm):
    result = cfsm("audit", OTHER, "--rerun", "--json")

    assert result.code == 0
    assert [each["verdict"] for each in result.json["verdicts"]] == ["rejected"]


@pytest.mark.slow
def test_with_the_real_forge_every_verdict_comes_out_the_same_by_both_loops(new, datasets, forge):
    new.home.mkdir()
    (new.home / "data").symlink_to(datasets)
    evaluate(new.home, forge, {"SampleStrategy": right().decode()})

    for options in ([], ["--rerun"], ["--rerun", "--stock"]):
        result = new("audit", "SampleStrategy", "--json", *options)

        assert result.code == 0, result.json
        assert [each["kind"] for each in result.json["verdicts"]] == ["validation", "backtest"]
        assert backtest_of(result)["result_hash"]
