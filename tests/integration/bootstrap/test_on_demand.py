"""A role on demand runs only while it has something to do."""

from cfsm.adapters.supervisor.status import UnitState, read_status
from cfsm.domain.housekeeping import Cleaning
from tests.fakes.running_factory import QUICK, RunningFactory


def state(running, name):
    return next(unit.state for unit in read_status(running.home).units if unit.name == name)


def test_the_cleaner_is_started_for_a_cleaning_and_ends_when_nothing_is_left(tmp_path):
    configuration = QUICK.replace("workers: {", "workers: {reserve_idle_seconds: 1, ", 1)
    with RunningFactory(tmp_path / "home", configuration=configuration) as running:
        running.make_candles()
        running.start().until_ready()
        assert state(running, "cleaner") is UnitState.RESTING

        factory = running.house.factory
        factory.transact(lambda: [Cleaning.request("now", "somebody wants it", factory.stamp())])

        running.until(lambda: factory.find(Cleaning, Cleaning.id_of("now")).is_done)
        running.until(lambda: state(running, "cleaner") is UnitState.RESTING)
        assert running.stop() == 0


def test_without_a_coordinator_to_call_it_it_always_runs(tmp_path):
    configuration = QUICK.replace("workers: {", "workers: {instances: {coordinator: 0}, ", 1)
    with RunningFactory(tmp_path / "home", configuration=configuration) as running:
        running.make_candles()
        running.start().until_ready()

        assert state(running, "cleaner") is UnitState.RUNNING
        assert "backtester-2" not in {unit.name for unit in read_status(running.home).units}
