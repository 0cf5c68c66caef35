"""An optimizer that is killed again and again: no epoch is lost, none is tried twice, and the end is the same."""

import subprocess

import orjson
import pytest

from cfsm.adapters.optuna_search import OptunaSearch
from cfsm.application.history import History
from cfsm.domain.evaluation import Conditions, Limits
from cfsm.domain.optimization import BetterRules, Order
from cfsm.domain.strategy import Strategy
from cfsm.workers.optimizer import OptimizerWorker
from tests.fakes.engine import FakeEngine
from tests.fakes.evaluated import evaluate
from tests.fakes.forge import forge_command, until_it_answers
from tests.fakes.running_factory import QUICK, ROOT, RunningFactory
from tests.fakes.workplace import NAME, Workplace, work

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

KILLS = 2
ORDER = Order(epochs=100, spaces=("buy", "stoploss"), seed=11)
IMPATIENT = f"{QUICK}optimization: {{minimum_trades: 5}}\n".replace(
    "workers: {", "workers: {lease_seconds: 2, watchdog_seconds: 1, "
)


def ask(factory):
    """Ask for the optimisation."""

    def decide():
        strategy = factory.get(Strategy, Strategy.id_of(NAME))
        strategy.request_optimization("a test", ORDER, factory.stamp())
        return [strategy]

    factory.transact(decide)


def happened(factory, *topics):
    return [each for each in History(factory.store).between(0) if each.topic in topics]


def epochs_of(factory, blobs):
    hashes = [each.facts["blobs"]["epochs"] for each in happened(factory, "Evaluation.EpochsTried")]
    return [epoch for each in hashes for epoch in orjson.loads(blobs.get(each))]


def never_killed(home, division):
    """Give the epochs of the same optimisation in one go."""
    evaluate(home, FakeEngine(), {NAME: "# gain: 0.002"}, division=division)
    place = Workplace(home)
    ask(place.factory)
    worker = OptimizerWorker(
        place.equipment(),
        [FakeEngine()],
        lambda: True,
        place.blobs,
        Conditions(dataset="synthetic"),
        Limits(),
        division=lambda: division,
        data_label="synthetic",
        open_search=OptunaSearch,
        rules=BetterRules(minimum_trades=5),
    )
    assert work(worker) == 1
    epochs = epochs_of(place.factory, place.blobs)
    place.close()
    return epochs


def kill_after_some_epochs(running):
    """Let an optimizer work until it has kept a round more, and kill it."""
    factory = running.house.factory
    kept = len(happened(factory, "Evaluation.EpochsTried"))
    worker = subprocess.Popen(running.command("worker", "optimizer"), cwd=ROOT)
    try:
        running.until(lambda: len(happened(factory, "Evaluation.EpochsTried")) > kept)
    finally:
        worker.kill()
        worker.wait()


def finish(running):
    """Let an optimizer work until it is done, and stop it."""
    worker = subprocess.Popen(running.command("worker", "optimizer"), cwd=ROOT)
    try:
        running.until(lambda: happened(running.house.factory, "Strategy.Optimized", "Strategy.KeptAsItWas"))
    finally:
        worker.terminate()
        worker.wait(30)


def test_an_optimizer_that_is_killed_again_and_again_comes_to_the_same_epochs(tmp_path):
    with RunningFactory(tmp_path / "home", configuration=IMPATIENT) as running:
        running.make_candles()
        house = running.house
        evaluate(running.home, FakeEngine(), {NAME: "# gain: 0.002"}, division=house.division)
        ask(house.factory)
        house.forge_socket.parent.mkdir(parents=True, exist_ok=True)
        forge = subprocess.Popen(forge_command(house.forge_socket, "--seconds", "1"), cwd=ROOT)
        try:
            until_it_answers(house.forge_socket)
            for _ in range(KILLS):
                kill_after_some_epochs(running)
            assert not happened(house.factory, "Strategy.Optimized", "Strategy.KeptAsItWas"), (
                "it was killed in the middle"
            )
            finish(running)
        finally:
            forge.kill()
            forge.wait()

        epochs = epochs_of(house.factory, house.blobs)
        assert [each["number"] for each in epochs] == list(range(1, ORDER.epochs + 1))
        assert epochs == never_killed(tmp_path / "other", house.division)
        started = [each.originator_id for each in happened(house.factory, "Evaluation.Started")]
        ended = [each.originator_id for each in happened(house.factory, "Evaluation.Completed", "Evaluation.Failed")]
        assert sorted(started) == sorted(ended), "every run has one end"
