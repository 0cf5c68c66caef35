"""``cfsm optimize`` on a home whose strategies the workers backtested, with the scripted engine."""

from dataclasses import replace

import orjson
import pytest

from tests.fakes.command_engine import CommandEngine
from tests.fakes.evaluated import DIVIDED, evaluate
from tests.fakes.home import house_at

BETTER, SAME, REFUSED = "BetterStrategy", "SameStrategy", "RefusedStrategy"


@pytest.fixture
def engine(monkeypatch):
    scripted = CommandEngine()
    monkeypatch.setattr("cfsm.cli.engines.open_engine", scripted.open)
    return scripted


@pytest.fixture
def cfsm(new, datasets, engine):
    """Call a command on a home with the candles and three strategies."""
    new.home.mkdir()
    (new.home / "data").symlink_to(datasets)
    (new.home / "cfsm.yaml").write_text("optimization: {epochs: 20, minimum_trades: 5}\n")
    texts = {BETTER: "# gain: 0.002", SAME: "# gain: -0.0", REFUSED: "# trades: 0"}
    evaluate(new.home, engine, texts, division=DIVIDED)
    engine.rows.clear()
    return new


def topics(home):
    factory = house_at(home).open_factory("reader@here")
    try:
        entries = factory.store.select(1, 1000)
        return [entry.topic for entry in entries]
    finally:
        factory.close()


def test_better_parameters_are_found_and_used(cfsm):
    result = cfsm("optimize", BETTER)

    assert result.code == 0
    assert "20 epochs on " in result.out
    assert "Optimized: better on 3 of 3 windows" in result.out
    assert "epoch 0 of 20" in result.err
    assert cfsm("strategies", "show", BETTER, "--json").json["optimization"].startswith("optimized: better on 3")


def test_for_a_program_one_document_and_nothing_else_on_stdout(cfsm):
    result = cfsm("optimize", BETTER, "--epochs", "15", "--spaces", "buy", "--seed", "9", "--json")

    assert result.json["verdict"] == "optimized"
    assert result.json["figures"]["order"] == {"epochs": 15, "seconds": 600.0, "spaces": ["buy"], "seed": 9}
    assert result.json["parameters"]["buy"]["x"] > 5
    assert result.json["parameters_hash"]


def test_what_is_no_better_is_kept_and_the_reason_is_told(cfsm):
    result = cfsm("optimize", SAME)

    assert result.code == 0
    assert "Kept as it was: " in result.out
    assert cfsm("strategies", "show", SAME, "--json").json["state"] == "Backtested"


def test_the_parameters_lie_beside_the_exported_strategy(cfsm, tmp_path):
    cfsm("optimize", BETTER)

    cfsm("strategies", "export", tmp_path)

    document = orjson.loads((tmp_path / "strategies" / f"{BETTER}.json").read_bytes())
    assert document["strategy_name"] == BETTER
    assert document["params"]["buy"]["x"] > 5
    assert not (tmp_path / "strategies" / f"{SAME}.json").exists()


def test_an_export_takes_away_parameters_that_are_no_longer_used(cfsm, tmp_path):
    stale = tmp_path / "strategies" / f"{SAME}.json"
    stale.parent.mkdir()
    stale.write_text("{}")

    cfsm("strategies", "export", tmp_path)

    assert not stale.exists()


def test_the_same_seed_again_tries_the_same_epochs(cfsm, engine):
    first = cfsm("optimize", SAME, "--seed", "4", "--json").json
    rows = list(engine.rows)
    second = cfsm("optimize", SAME, "--seed", "4", "--json").json

    assert first["figures"]["best"] == second["figures"]["best"]
    assert engine.rows == rows * 2


def test_a_strategy_that_was_not_backtested_cannot_be_optimised(cfsm):
    result = cfsm("optimize", REFUSED)

    assert result.code == 1
    assert "cannot be optimised now" in result.err


def test_a_space_that_there_is_not_is_a_wrong_usage(cfsm):
    result = cfsm("optimize", BETTER, "--spaces", "trades")

    assert result.code == 2
    assert "trades cannot be searched: name some of buy, sell" in result.err


# Audit


def optimization_of(result):
    return next(each for each in result.json["verdicts"] if each["kind"] == "optimization")


def test_an_audit_tries_every_epoch_again(cfsm, engine):
    cfsm("optimize", BETTER)
    tried = sum(map(len, engine.rows))
    engine.rows.clear()

    result = cfsm("audit", BETTER, "--rerun", "--json")

    assert [each["rerun"]["differences"] for each in result.json["verdicts"]] == [[]] * 9
    assert sum(map(len, engine.rows)) == tried
    assert {blob["name"] for blob in optimization_of(result)["blobs"]} == {"code", "epochs 1", "parameters"}


def test_the_parameters_of_what_was_kept_are_there_for_an_audit(cfsm):
    cfsm("optimize", SAME)

    result = cfsm("audit", SAME, "--rerun", "--json")

    assert {each["rerun"]["outcome"] for each in result.json["verdicts"]} == {"same"}
    assert {blob["problem"] for each in result.json["verdicts"] for blob in each["blobs"]} == {""}


def test_an_audit_says_which_epoch_came_out_otherwise(cfsm, engine, monkeypatch):
    cfsm("optimize", BETTER)

    def otherwise(job, spaces, candidates, report):
        found = type(engine).try_epochs(engine, job, spaces, candidates, report)
        return (replace(found[0], result_hash="another"), *found[1:])

    monkeypatch.setattr(engine, "try_epochs", otherwise)
    result = cfsm("audit", BETTER, "--rerun", "--json")

    assert result.code == 1
    (difference,) = optimization_of(result)["rerun"]["differences"]
    assert (difference["what"], difference["found"]) == ("epoch 1: trades", "another")
