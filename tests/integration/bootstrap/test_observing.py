"""What an observer sees of a factory that runs."""

import pytest

from cfsm.bootstrap.observing import Observer
from cfsm.domain.health import Level
from tests.fakes.running_factory import RunningFactory


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with RunningFactory(tmp_path_factory.mktemp("observed") / "home") as running:
        running.make_candles()
        running.start().until_ready()
        yield running


def worker(running, name):
    return next(each for each in Observer(running.house).look().workers if each.name == name)


def test_a_factory_at_rest_is_well(running):
    running.until(lambda: worker(running, "projector").lag_events == 0)
    overview = Observer(running.house).look()

    assert overview.is_running
    assert [each.name for each in overview.workers][:3] == ["projector", "coordinator", "generator"]
    assert overview.workers[-1].name == "forge"
    assert {each.health.level for each in overview.workers} <= {Level.WELL, Level.RESTING}
    assert all(each.memory_mb > 1 for each in overview.workers if each.state == "running" and each.name != "forge")
    assert overview.machine.memory_available_mb > 0
    assert not overview.is_stale


def test_work_that_was_done_is_counted(running):
    running.cfsm("generate", "--count", "2")
    running.until(lambda: Observer(running.house).look().generations.concluded == 2)
    running.until_idle()

    running.until(lambda: worker(running, "generator").done_within_hour == 2)
    overview = Observer(running.house).look(wait=True)
    assert sum(overview.pipeline.values()) == 2
    assert overview.queues == {}
    assert overview.shown_until == overview.events


def test_a_worker_that_died_loses_points_though_it_works_again(running):
    before = worker(running, "validator").pid
    running.kill(before)
    running.until(lambda: worker(running, "validator").pid not in {None, before})
    running.until(lambda: worker(running, "validator").deaths_within_hour == 1)

    found = worker(running, "validator")
    assert found.restarts == 1
    assert found.health.score == 85
    assert found.health.reason == "started again once within the hour"
    assert "validator: started again once within the hour" in running.cfsm("status").stdout


def test_any_number_of_observers_look_on(running):
    observers = [Observer(running.house) for _ in range(5)]

    assert {each.look().is_running for each in observers} == {True}
    assert running.cfsm("status", "--json").returncode == 0
    assert running.exit_code is None
