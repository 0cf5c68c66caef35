"""The factory's main job as its user does it: strategies are made, executed, backtested and ranked; then the books.

The forge, its cage and Freqtrade are real; the candles are two months of the synthetic market, or real ones.
"""

import json
import signal
import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cfsm.application.history import History
from tests.fakes.running_factory import ROOT, RunningFactory, processes_of
from tests.fakes.supervised import is_alive

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

COUNT = 3
PARTS = 3
"""Screening, walk-forward, proof: each is a run."""

DEMO_SECONDS = 600
REAL_CANDLES = ROOT.parent / "shared" / "data" / "binance"
CALM = """\
generation: {interval_seconds: 0}
backtest: {timerange: "20250105-20250301", pairs: ["BTC/USDT:USDT", "ETH/USDT:USDT"]}
market_data: {dataset: %s}
admission: {max_psi_cpu_some_percent: null, max_psi_memory_full_percent: null}
"""


def demo(running, *options):
    """Run ``cfsm demo`` to its end."""
    return subprocess.run(
        running.command("demo", "--count", str(COUNT), "--seed", "11", *options),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        check=False,
    )


def happened(running, *topics):
    return [each for each in History(running.house.factory.store).between(0) if each.topic in topics]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A home after a demo, and what the demo said."""
    with RunningFactory(
        tmp_path_factory.mktemp("e") / "home", seconds=None, configuration=CALM % "synthetic"
    ) as running:
        running.cfsm("data", "synth", "--start", "2025-01-01", "--end", "2025-03-01")
        running.said = demo(running)
        yield running


def best(running):
    return json.loads(running.cfsm("leaderboard", "--json").stdout)[0]["name"]


def test_the_demo_ends_with_a_leaderboard_of_what_it_made(done):
    assert done.said.returncode == 0, done.said.stderr + done.log()
    assert "generated" in done.said.stderr
    assert "validated" in done.said.stderr
    assert f"[{COUNT}/{COUNT}]" in done.said.stderr
    assert "P(not luck)" in done.said.stdout
    assert "The candles are synthetic" in done.said.stdout
    assert best(done) in done.said.stdout


def test_the_demo_ends_with_the_best_in_a_forward_test_on_days_that_nothing_was_chosen_by(done):
    (test,) = json.loads(done.cfsm("dryrun", "list", "--all", "--json").stdout)["forward_tests"]

    assert "Forward test: a Freqtrade bot trades" in done.said.stderr
    assert "Verdict: " in done.said.stdout
    assert test["state"] == "concluded"
    assert test["strategy_name"] in done.said.stdout
    proof = done.house.division.proof
    assert datetime.fromtimestamp(test["span"]["begin_ms"] / 1000, UTC).date() == proof.first
    figures = json.loads(done.cfsm("strategies", "show", test["strategy_name"], "--json").stdout)["figures"]
    assert test["agreement"]["run_id"] == figures["parts"]["proof"]["run_id"]


def test_every_strategy_was_executed_before_it_was_backtested(done):
    named = {each.facts["name"] for each in happened(done, "Strategy.Generated")}
    completed = happened(done, "Evaluation.Completed")

    assert len(named) == COUNT
    for each in completed:
        assert each.facts["identity"]["engine"].startswith("freqtrade-")
        assert each.facts["identity"]["data_hash"]
    verdicts = Counter(each.facts["verdict"] for each in completed)
    assert verdicts["backtested"] == PARTS * verdicts["accepted"] > 0


def test_the_demo_leaves_no_process(done):
    assert processes_of(done.home) == {}


def test_lineage_and_history_of_the_best_tell_its_whole_life(done):
    name = best(done)

    lineage = json.loads(done.cfsm("lineage", name, "--json").stdout)
    history = [json.loads(line)["topic"] for line in done.cfsm("history", "show", name, "--json").stdout.splitlines()]

    assert name in {node["label"] for node in lineage["nodes"]}
    assert history[0] == "Generation.Requested"
    assert history[-1] in {"ForwardTest.Concluded", "Strategy.Retired"}
    assert history.count("Evaluation.Completed") == 1 + PARTS
    assert name in done.cfsm("lineage", name).stdout


def test_a_replay_half_way_is_the_same_to_the_last_byte(done):
    half = str(done.house.factory.store.head() // 2)

    first, second = (done.cfsm("history", "replay", "--event", half, "--json").stdout for _ in range(2))

    assert first == second
    assert json.loads(first)["event"] == int(half)
    assert 0 < len(json.loads(first)["strategies"]) <= COUNT


def test_the_last_replay_is_the_leaderboard_of_now(done):
    now = json.loads(done.cfsm("leaderboard", "--json").stdout)
    replayed = json.loads(done.cfsm("history", "replay", "--json").stdout)

    assert replayed["leaderboard"] == now


def test_the_log_holds_and_the_runs_are_listed(done):
    assert "none altered, removed or inserted" in done.cfsm("history", "verify").stdout
    runs = json.loads(done.cfsm("runs", "list", "--json").stdout)
    assert len(runs) >= COUNT
    assert {run["state"] for run in runs} <= {"completed", "failed"}


def test_a_second_demo_goes_on_in_the_same_home(done):
    said = demo(done, "--count", "1")

    assert said.returncode == 0, said.stderr
    assert len(happened(done, "Strategy.Generated")) == COUNT + 1


def test_what_was_interrupted_goes_on_where_it_was(tmp_path):
    with RunningFactory(tmp_path / "home", seconds=None, configuration=CALM % "synthetic") as running:
        running.cfsm("data", "synth", "--start", "2025-01-01", "--end", "2025-03-01")
        interrupted = subprocess.Popen(
            running.command("demo", "--count", str(COUNT)), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for line in interrupted.stderr:
            if b"validated " in line:
                break
        interrupted.send_signal(signal.SIGINT)
        interrupted.communicate()
        assert interrupted.returncode == 130
        assert processes_of(running.home) == {}
        assert running.due()

        running.start()
        running.until_idle(DEMO_SECONDS)
        assert running.stop() == 0

        assert len(happened(running, "Strategy.Generated")) == COUNT
        ends = Counter(each.originator_id for each in happened(running, "Evaluation.Completed", "Evaluation.Failed"))
        assert set(ends.values()) == {1}
        assert len(json.loads(running.cfsm("leaderboard", "--json").stdout)) > 0


def test_a_forge_that_is_killed_takes_its_runs_along_and_the_work_is_done_again(tmp_path):
    with RunningFactory(tmp_path / "home", seconds=None, configuration=CALM % "synthetic") as running:
        running.cfsm("data", "synth", "--start", "2025-01-01", "--end", "2025-03-01")
        running.start().until_ready()
        running.cfsm("generate", "--seed", "11")
        forge = running.pids()["forge"]
        running.until(lambda: children_of(forge), every_seconds=0.01)
        caged = children_of(forge)

        running.kill(forge)

        running.until(lambda: not any(is_alive(pid) for pid in caged))
        running.until_idle(DEMO_SECONDS)
        assert running.stop() == 0
        assert len(happened(running, "Evaluation.Resumed")) == 1
        ends = Counter(each.originator_id for each in happened(running, "Evaluation.Completed", "Evaluation.Failed"))
        assert set(ends.values()) == {1}
        assert happened(running, "ParkedTask.Parked") == []


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not REAL_CANDLES.exists(), reason="no real candles in ../shared/data")
def test_the_same_on_real_candles(tmp_path):
    with RunningFactory(tmp_path / "home", seconds=None, configuration=CALM % "binance") as running:
        pairs = ["--pair", "BTC/USDT:USDT", "--pair", "ETH/USDT:USDT"]
        running.cfsm("data", "import", str(REAL_CANDLES), *pairs)

        said = demo(running)

        assert said.returncode == 0, said.stderr + running.log()
        assert "The candles are synthetic" not in said.stdout
        figures = json.loads(running.cfsm("strategies", "show", best(running), "--json").stdout)["figures"]
        assert figures["dataset"] == "binance"
        assert figures["parts"]["screening"]["backtest_start"] >= "2025-01-05"
        assert figures["backtest_start"] > figures["parts"]["screening"]["backtest_end"]
        assert "none altered" in running.cfsm("history", "verify").stdout


def test_a_demonstration_of_models_makes_strategies_together_and_credits_no_real_model(tmp_path):
    with RunningFactory(tmp_path / "home", seconds=None, configuration=CALM % "synthetic") as running:
        running.cfsm("data", "synth", "--start", "2025-01-01", "--end", "2025-03-01")

        said = demo(running, "--models")
        own = RunningFactory(running.home / "demonstration", seconds=None)
        generations = json.loads(own.cfsm("generations", "list", "--json").stdout)
        models = json.loads(own.cfsm("models", "--by", "model", "--json").stdout)
        among_its_own = json.loads(running.cfsm("generations", "list", "--json").stdout)

    assert said.returncode == 0, said.stderr
    assert "DEMONSTRATION: no language model is at work" in said.stderr
    assert {each["mode"] for each in generations} == {"contest", "voting", "consensus"}
    assert all(each["strategy_name"] for each in generations)
    assert all(each["model"].startswith("demonstration") for each in models)
    assert among_its_own == []
