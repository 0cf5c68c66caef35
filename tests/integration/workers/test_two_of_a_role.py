"""Two processes of one role share the tasks: none is done twice, and both have their part."""

import re
import subprocess
from collections import Counter
from contextlib import contextmanager

import pytest

from cfsm.application.history import History
from cfsm.domain.generation import Generation
from tests.fakes.forge import forge_command, until_it_answers
from tests.fakes.running_factory import ROOT, RunningFactory
from tests.fakes.stores import strategy

TASKS = 40


@pytest.fixture
def running(tmp_path):
    with RunningFactory(tmp_path / "home", seconds=0.0) as running:
        running.make_candles()
        yield running


@pytest.fixture
def forge(running):
    process = subprocess.Popen(forge_command(running.house.forge_socket, "--seconds", 0.05), cwd=ROOT)
    until_it_answers(running.house.forge_socket)
    yield
    process.kill()
    process.wait()


@contextmanager
def two_workers(running, role):
    """Run two processes of a role, both at work from the beginning of the block."""
    logs = [running.home / f"{number}.log" for number in (1, 2)]
    processes = []
    for number, log in enumerate(logs, start=1):
        with log.open("wb") as file:
            command = running.command("worker", role, "--instance", str(number))
            processes.append(subprocess.Popen(command, cwd=ROOT, stderr=file))
    try:
        running.until(lambda: all("ready" in log.read_text() for log in logs))
        yield
    finally:
        for process in processes:
            process.terminate()
        codes = [process.wait(30) for process in processes]
    assert codes == [0, 0]


def ask_for_strategies(factory):
    requests = [
        Generation.request(
            f"two/{number}", strategy_type="trend", mode="single", model="", seed=number, why="", stamp=factory.stamp()
        )
        for number in range(TASKS)
    ]
    factory.transact(lambda: requests)


def effects(running, topic):
    """Give how often each task had this effect, and who recorded it."""
    happened = [each for each in History(running.house.factory.store).between(0) if each.topic == topic]
    actors = {re.sub("@.*", "", each.meta["actor"]) for each in happened}
    return Counter(each.meta["task"] for each in happened), actors


def test_two_generators_make_each_strategy_once(running):
    with two_workers(running, "generator"):
        ask_for_strategies(running.house.factory)
        running.until(lambda: all(task["kind"] != "generate" for task in running.due()))

    generated, actors = effects(running, "Strategy.Generated")
    assert len(generated) == TASKS
    assert set(generated.values()) == {1}
    assert actors == {"generator", "generator-2"}
    names = {each.facts["name"] for each in History(running.house.factory.store).between(0) if "name" in each.facts}
    assert len(names) == TASKS


def test_two_validators_execute_each_strategy_once(running, forge):
    factory = running.house.factory
    blob = running.house.blobs.put(b"class S: pass")
    strategies = [strategy(number, factory.stamp(), code_hash=blob) for number in range(TASKS)]
    with two_workers(running, "validator"):
        factory.transact(lambda: strategies)
        running.until(lambda: all(task["kind"] != "validate" for task in running.due()))

    completed, actors = effects(running, "Evaluation.Completed")
    validated, _ = effects(running, "Strategy.Validated")
    started, _ = effects(running, "Evaluation.Started")
    assert completed == validated == started
    assert (len(completed), set(completed.values())) == (TASKS, {1})
    assert actors == {"validator", "validator-2"}
