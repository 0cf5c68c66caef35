"""No task is taken on while the machine is short; a machine that is merely busy slows the factory, never stops it."""

import pytest

from cfsm.application.tasks import Claim
from cfsm.domain.admission import AdmissionRules
from cfsm.workers.admission import Admission
from cfsm.workers.base import Equipment, TaskWorker, Terms
from tests.fakes.gauge import FakeGauge

SUBJECT = "0" * 32
CLAIM = Claim(f"generate/{SUBJECT}/1", "generate", SUBJECT, 1, f"{SUBJECT}:1", 1, 1)


def refusal(*, at_work=True, **load):
    return Admission(FakeGauge(**load).load, AdmissionRules(), lambda: at_work).refusal()


def test_a_calm_machine_takes_on_work():
    assert refusal() == ""


@pytest.mark.parametrize("at_work", [True, False])
@pytest.mark.parametrize(
    ("load", "words"),
    [
        ({"memory_available_mb": 500}, "memory available is 500 MB; at least 1000 MB is wanted"),
        ({"disk_free_mb": 1}, "disk free is 1 MB; at least 1000 MB is wanted"),
        ({"psi_memory_full_percent": 30.0}, "waited for memory is 30; at most 2 is allowed"),
        ({"temperature_celsius": 99.0}, "the temperature in °C is 99; at most 90 is allowed"),
    ],
)
def test_what_does_harm_refuses_always(load, words, at_work):
    assert words in refusal(at_work=at_work, **load)


def test_a_busy_machine_refuses_a_second_task_and_admits_a_first():
    busy = {"psi_cpu_some_percent": 95.0}

    assert "waited for the CPU is 95; at most 60 is allowed" in refusal(at_work=True, **busy)
    assert refusal(at_work=False, **busy) == ""


def test_who_is_at_work_is_asked_only_when_the_machine_is_busy():
    def unexpected():
        raise AssertionError

    assert Admission(FakeGauge().load, AdmissionRules(), unexpected).refusal() == ""


class Factory:
    """One task, due until it is claimed."""

    def __init__(self):
        self.due = [CLAIM]

    def plan(self):
        return 0

    def claim(self, kinds, lease_seconds):
        return self.due.pop() if self.due else None

    def topic_of(self, claim):
        return "Generation.Requested"


class Said:
    watchdog_interval_seconds = None

    def __init__(self):
        self.words = []

    def status(self, text):
        self.words.append(text)


class Doer(TaskWorker):
    name = "doer"
    kinds = ()

    def handle(self, claim):
        self.done = claim


def test_a_worker_claims_nothing_while_it_is_refused_and_says_why():
    gauge, factory, said = FakeGauge(disk_free_mb=1), Factory(), Said()
    admission = Admission(gauge.load, AdmissionRules(), lambda: False)
    worker = Doer(Equipment(factory, None, said, Terms(), lambda: False, admission.refusal))

    assert worker.step() is False
    assert factory.due == [CLAIM]
    assert said.words == ["waits: disk free is 1 MB; at least 1000 MB is wanted"]

    gauge.set()
    assert worker.step() is True
    assert worker.done == CLAIM
