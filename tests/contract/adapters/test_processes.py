"""Whoever supervises the factory's processes starts and ends those that the coordinator asks for."""

import asyncio
import threading
import time
from contextlib import contextmanager

import pytest

from cfsm.adapters.home_lock import HomeLock
from cfsm.adapters.supervisor.group import Supervisor
from cfsm.adapters.supervisor.orders import SupervisedProcesses
from cfsm.adapters.units.reserves import ReservesOfSystemd
from tests.fakes.processes import FakeProcesses
from tests.fakes.supervised import PATIENCE_SECONDS, QUICK, unit
from tests.fakes.supervised import WORKS as AT_WORK

MOST = 3


def name_of(role, instance):
    return role if instance == 1 else f"{role}-{instance}"


@contextmanager
def embedded(home):
    """Run real processes under the embedded supervisor; the coordinator among them passes on what it finds in a file."""
    orders = home / "orders"
    orders.mkdir()
    relay = f"""
        tell('READY=1')
        while True:
            time.sleep(0.01); tell('WATCHDOG=1')
            for name in sorted(os.listdir({str(orders)!r})):
                if name.endswith('.order'):
                    path = os.path.join({str(orders)!r}, name)
                    tell(open(path).read()); os.unlink(path)
    """
    specs = [unit("coordinator", relay, may_order=True)]
    specs += [unit(name_of("backtester", number), AT_WORK, is_reserve=number > 1) for number in range(1, MOST + 1)]
    sent = iter(range(10**6))

    def notify(state):
        path = orders / f"{next(sent):06}"
        path.write_text(state)
        path.rename(path.with_suffix(".order"))

    with running(Supervisor(specs, home, lambda _: None, policy=QUICK), home):
        yield SupervisedProcesses(home, notify, name_of, {"backtester": MOST})


@contextmanager
def running(supervisor, home):
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    with HomeLock.acquire(home):
        thread = threading.Thread(target=lambda: loop.run_until_complete(supervisor.run(stop)))
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(PATIENCE_SECONDS)
            loop.close()


@pytest.fixture(params=["fake", "embedded", "systemd"])
def processes(request, tmp_path):
    if request.param == "fake":
        yield FakeProcesses(backtester=1)
        return
    home = tmp_path / "home"
    home.mkdir()
    if request.param == "systemd":  # which looks at the files; tests/systemd has the rest
        yield ReservesOfSystemd(home, home / "run", name_of, {"backtester": 1}, {"backtester": MOST})
        return
    with embedded(home) as found:
        until(lambda: found.count("backtester") == 1)
        yield found


def until(holds):
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_as_many_run_as_were_asked_for(processes):
    for count in (3, 2, 3, 1):
        processes.run("backtester", count)
        until(lambda count=count: processes.count("backtester") == count)


def test_asking_again_changes_nothing(processes):
    for _ in range(3):
        processes.run("backtester", 2)
        until(lambda: processes.count("backtester") == 2)


def test_a_role_that_is_not_there_has_no_count(processes):
    assert processes.count("astrologer") is None


def test_names_are_those_of_the_tasks_owners(processes):
    assert [processes.name_of("backtester", number) for number in (1, 2)] == ["backtester", "backtester-2"]


def test_nobody_is_asked_where_no_factory_runs(tmp_path):
    said = []
    processes = SupervisedProcesses(tmp_path, said.append, name_of, {"backtester": MOST})

    processes.run("backtester", 3)

    assert processes.count("backtester") is None
    assert said == []
