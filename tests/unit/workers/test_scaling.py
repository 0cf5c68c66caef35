"""The coordinator's care for processes."""

import pytest

from cfsm.domain.admission import Refused, Shortage
from cfsm.domain.scaling import ScalingRules
from cfsm.workers.scaling import LOOK_SECONDS, STALLED_SECONDS, Scaler, StallWatch, Upkeep
from tests.fakes.processes import FakeProcesses


class Surroundings:
    """What a scaler looks at, all of it set by the test."""

    def __init__(self, running=1, *, least=1, claims=True):
        self.now = 0.0
        self.tasks = []
        self.shortage = None
        self.processes = FakeProcesses(backtester=running)
        self.scaler = Scaler(
            "backtester",
            "backtest",
            ScalingRules(least=least, most=3, idle_seconds=60),
            self.processes,
            tasks=lambda: self.tasks,
            shortage=lambda: self.shortage,
            claims=claims,
            now=lambda: self.now,
        )

    def look(self, seconds=LOOK_SECONDS):
        self.now += seconds
        self.scaler()
        return self.processes.count("backtester")


def task(owner="", kind="backtest", state="open"):
    return {"kind": kind, "state": state, "owner": owner, "claimed": bool(owner)}


@pytest.fixture
def around():
    return Surroundings()


def test_backtesters_are_added_while_backtests_wait_and_end_one_by_one_afterwards(around):
    around.tasks = [task("backtester@here"), task(), task()]
    assert [around.look() for _ in range(4)] == [2, 3, 3, 3]

    around.tasks = []
    assert around.look(30) == 3
    assert around.look(31) == 2
    assert around.look() == 1
    assert around.look(1000) == 1


def test_a_role_that_helps_those_who_claim_is_there_as_long_as_they_work():
    around = Surroundings(running=0, least=0, claims=False)

    around.tasks = [task("dry_runner@here")]
    assert [around.look(), around.look(1000)] == [1, 2]

    around.tasks = []
    assert [around.look(59), around.look(2), around.look()] == [2, 1, 0]


def test_what_is_no_backtest_that_waits_adds_none(around):
    around.tasks = [task(kind="validate"), task(state="parked"), task("backtester@here")]

    assert around.look() == 1


def test_one_that_is_at_work_is_not_ended_for_want_of_memory():
    around = Surroundings(running=3)
    around.tasks = [task("backtester-2@here"), task()]
    around.shortage = Refused(Shortage.MEMORY, "no memory")
    assert around.look() == 2

    around.tasks = [task()]
    assert around.look() == 1


def test_where_nobody_supervises_nothing_is_done(around):
    around.processes.counts["backtester"] = None
    around.tasks = [task()]

    around.look()

    assert around.processes.asked == []


def test_the_processes_are_looked_after_no_more_often_than_they_should():
    now, looks = [0.0], []
    upkeep = Upkeep([lambda: looks.append("a"), lambda: looks.append("b")], lambda: now[0])

    for now[0] in (0.0, LOOK_SECONDS / 2, LOOK_SECONDS, 1.5 * LOOK_SECONDS):
        upkeep()

    assert looks == ["a", "b", "a", "b"]


class Projector:
    def __init__(self):
        self.now, self.position, self.head = 0.0, 10, 10
        self.processes = FakeProcesses()
        self.watch = StallWatch(
            "projector",
            self.processes,
            position=lambda: self.position,
            head=lambda: self.head,
            now=lambda: self.now,
        )

    def look(self, seconds):
        self.now += seconds
        self.watch()
        return self.processes.restarted


def test_a_projector_that_is_behind_and_does_not_come_on_is_started_again_once_a_while():
    projector = Projector()
    projector.look(10)
    projector.head = 20
    projector.look(10)

    assert projector.look(STALLED_SECONDS - 11) == []
    assert projector.look(STALLED_SECONDS) == ["projector"]
    assert projector.look(10) == ["projector"]
    assert projector.look(STALLED_SECONDS) == ["projector", "projector"]


def test_a_projector_that_comes_on_slowly_or_is_at_the_head_is_left_alone():
    projector = Projector()
    for _ in range(10):
        assert projector.look(STALLED_SECONDS) == []
    projector.head = 1000
    for _ in range(10):
        projector.position += 1
        assert projector.look(STALLED_SECONDS) == []


def test_a_projector_of_which_nothing_is_known_is_left_alone():
    projector = Projector()
    projector.position, projector.head = None, 99

    assert projector.look(10 * STALLED_SECONDS) == []
