"""Models make strategies as their user sees it: a factory in processes, the real forge, a scripted server for Ollama."""

import json
from datetime import date

import pytest

from cfsm.adapters.supervisor.status import read_status
from cfsm.application.history import History
from cfsm.cli.models import DEMONSTRATION
from tests.fakes.ollama_server import OllamaServer
from tests.fakes.running_factory import RunningFactory
from tests.fakes.studio import asked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PATIENCE_SECONDS = 300
MODES = ("single", "sampling", "contest", "voting", "consensus")
CALM = """\
generation: {{interval_seconds: 0, models: {models}, channel: blueprint}}
ollama: {{host: "{url}", memory_mb: 64000}}
backtest: {{interval_seconds: 0}}
workers: {{lease_seconds: 8, watchdog_seconds: 5}}
admission: {{max_psi_cpu_some_percent: null, max_psi_memory_full_percent: null, max_temperature_celsius: null}}
"""


@pytest.fixture
def server():
    server = OllamaServer.from_file(DEMONSTRATION)
    with server.run_in_thread():
        yield server


@pytest.fixture
def factory(tmp_path, server):
    configuration = CALM.format(url=server.url, models=json.dumps(list(server.models)))
    with RunningFactory(tmp_path / "home", seconds=None, configuration=configuration) as running:
        running.house.datasets.synthesise(
            "synthetic",
            pairs=("BTC/USDT:USDT", "ETH/USDT:USDT"),
            timeframes=("15m", "1h"),
            start=date(2025, 1, 1),
            end=date(2025, 3, 15),
        )
        yield running.start().until_ready()


def happened(running, topic):
    return [each.facts for each in History(running.house.factory.store).between(0) if each.topic == topic]


def generator_of(running):
    return next(unit.pid for unit in read_status(running.home).units if unit.name == "generator")


def test_every_mode_gives_a_strategy_that_is_validated_backtested_and_commented_on(factory, server):
    for mode in MODES:
        factory.cfsm("generate", "--mode", mode, "--type", "trend", "--no-follow")
    factory.until_idle(PATIENCE_SECONDS)

    made = [each["facts"]["mode"] for each in happened(factory, "Generation.Concluded")]
    assert sorted(made) == sorted(MODES)
    strategies = happened(factory, "Strategy.Generated")
    assert {each["origin"] for each in strategies} == {"model"}
    assert sum(each["model_used"].startswith("cooperative(") for each in strategies) == 3
    assert len(happened(factory, "Strategy.Validated")) == len(happened(factory, "Strategy.OpinionNoted")) == len(MODES)
    assert len(happened(factory, "Strategy.Backtested")) == len(MODES)


def test_a_generator_that_is_killed_in_mid_contest_goes_on_and_asks_nothing_twice(factory, server):
    factory.cfsm("generate", "--mode", "contest", "--type", "trend", "--no-follow")
    factory.until(lambda: len(happened(factory, "Generation.Answered")) == 3)
    factory.kill(generator_of(factory))
    factory.until_idle(PATIENCE_SECONDS)

    (resumed,) = happened(factory, "Generation.Resumed")
    assert resumed["answers_kept"] == 3
    written = [seen for seen in asked(server) if "Design a strategy" in seen.prompt]
    assert sorted(seen.body["model"] for seen in written) == sorted(server.models)
    (concluded,) = happened(factory, "Generation.Concluded")
    assert concluded["facts"]["mode"] == "contest"
