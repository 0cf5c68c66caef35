"""A wall clock that jumps, back and forth, while the whole process runs: the books stay right and nothing is repeated."""

import random
from collections import Counter
from datetime import time, timedelta
from itertools import pairwise

from cfsm.adapters.templates import render
from cfsm.application.history import History
from cfsm.domain.evaluation import Conditions, Limits
from cfsm.domain.retention import RetentionRules
from cfsm.workers.backtester import BacktesterWorker
from cfsm.workers.calendar import Calendar
from cfsm.workers.cleaner import CleanerWorker
from cfsm.workers.coordinator import CoordinatorWorker
from cfsm.workers.generator import GeneratorWorker
from cfsm.workers.validator import ValidatorWorker
from tests.fakes.engine import FakeEngine
from tests.fakes.evaluated import DIVIDED
from tests.fakes.lives import check_lives
from tests.fakes.stores import NOON
from tests.fakes.workplace import work

CALENDAR = Calendar(
    generation_seconds=3600,
    strategy_types=("trend", "momentum"),
    mode="single",
    seed=1,
    max_strategies=10,
    backtest_seconds=7200,
    cleaning_time=time(2),
)
JUMPS = [timedelta(hours=hours) for hours in (1, 1, 2, 5, -1, -3, -26, 26, 1)]


def factory_of(place):
    """Give the workers of a factory, each with what it needs."""
    engine = FakeEngine()
    runs = {
        "is_engine_ready": lambda: True,
        "blobs": place.blobs,
        "conditions": Conditions(dataset="synthetic"),
        "limits": Limits(),
    }
    rules = RetentionRules(max_strategies=10, max_strategy_age_days=3)
    return [
        CoordinatorWorker(place.equipment("coordinator@here"), place.clock, CALENDAR, place.summaries),
        GeneratorWorker(place.equipment("generator@here"), render, place.blobs, place.name_of_code),
        ValidatorWorker(place.equipment("validator@here"), engine, **runs),
        BacktesterWorker(
            place.equipment("backtester@here"),
            engine,
            **runs,
            division=lambda: DIVIDED,
            data_label="synthetic",
            name_of_result=place.name_of_result,
        ),
        CleanerWorker(place.equipment("cleaner@here"), rules, place.summaries),
    ]


def test_a_factory_lives_through_a_clock_that_jumps(place):
    workers = factory_of(place)
    draw = random.Random(7)

    for _ in range(40):
        for worker in workers:
            work(worker)
            place.clock.at += draw.choice(JUMPS) / 10
        place.clock.at += draw.choice(JUMPS)
    while sum(work(worker) for worker in workers[1:]):
        pass

    happened = place.happened()
    topics = Counter(each.topic for each in happened)
    assert any(later.at < earlier.at for earlier, later in pairwise(happened)), "it did jump back"
    assert place.factory.store.verify_chain().broken is None
    assert check_lives(happened) == topics["Strategy.Generated"] == topics["Generation.Requested"] > 5
    assert topics["Cleaning.Requested"] == topics["Cleaning.Done"] > 0
    reasons = Counter(each.facts["why"] for each in happened if each.topic.endswith("tion.Requested"))
    assert set(reasons.values()) == {1}, "no slot was asked for twice"
    runs = Counter(each.originator_id for each in happened if each.topic == "Evaluation.Completed")
    assert set(runs.values()) == {1}
    assert place.tasks() == {}


def test_a_lease_is_no_matter_of_the_wall_clock(place):
    place.request()
    place.claim("generate")

    place.clock.jump(days=400)
    assert place.factory.claim(["generate"], 90) is None
    place.clock.jump(days=-800)
    assert place.factory.claim(["generate"], 90) is None

    place.pass_leases(91)
    assert place.factory.claim(["generate"], 90) is not None


def test_history_at_a_moment_is_all_that_was_recorded_by_then(place):
    place.request("one")
    place.clock.jump(hours=2)
    place.request("two")
    place.clock.jump(hours=-1)
    place.request("three")

    past = History(place.factory.store)

    assert past.place_at(NOON + timedelta(minutes=30)) == 1
    assert past.place_at(NOON + timedelta(hours=1)) == 3
    assert past.place_at(NOON + timedelta(hours=5)) == 3
