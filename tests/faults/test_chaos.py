"""kill -9 of every kind of process, at moments that nobody chose, while the factory works: the books stay right."""

import logging
import os
import random
import time
from collections import Counter
from uuid import UUID

import pytest

from cfsm.application.history import told
from cfsm.application.tasks import POLICY, planned
from cfsm.bootstrap.workers import ROLES
from cfsm.domain.generation import Generation
from cfsm.domain.log import pages
from cfsm.projections.base import View
from cfsm.projections.reading import fold, read
from cfsm.projections.registry import all_projections
from tests.fakes.dumps import dump
from tests.fakes.lives import check_lives
from tests.fakes.running_factory import RunningFactory, processes_of

log = logging.getLogger(__name__)

KILLS = int(os.environ.get("CFSM_CHAOS_KILLS", "36"))
SEED = int(os.environ.get("CFSM_CHAOS_SEED", "20261121"))
"""Other numbers in the environment search further than there is time for every day."""

PAUSE_SECONDS = (0.3, 2.2)
REQUESTS_A_TURN = 3

CONFIGURATION = """\
generation: {interval_seconds: 5}
backtest: {interval_seconds: 30}
retention: {max_strategies: 40, cleaning_time: "00:00"}
selection: {min_backtest_score: 0.1}
workers:
  instances: {generator: 2, validator: 2, backtester: 2}
  on_demand: []
  lease_seconds: 6
  watchdog_seconds: 5
  max_attempts: 100
  retry_seconds: 0
  restart_backoff_first_seconds: 0.05
  restart_backoff_most_seconds: 0.2
admission: {max_psi_cpu_some_percent: null, max_psi_memory_full_percent: null, min_memory_available_mb: 0,
            min_disk_free_mb: 0, max_temperature_celsius: null}
"""


class Chaos:
    """Kills, asks for strategies, and remembers what the log showed meanwhile."""

    def __init__(self, running):
        self.draw = random.Random(SEED)
        self.running = running
        self.killed = Counter()
        self.asked = []
        self.seen = []

    def turn(self):
        self.ask()
        time.sleep(self.draw.uniform(*PAUSE_SECONDS))
        self.look()
        pids = self.running.pids()
        kind = self.draw.choice(sorted({kind_of(name) for name in pids}))
        victims = [name for name in pids if kind_of(name) == kind]
        try:
            self.running.kill(pids[self.draw.choice(sorted(victims))])
        except ProcessLookupError:
            return  # it was between two lives
        self.killed[kind] += 1
        if kind == "supervisor":
            time.sleep(self.draw.uniform(0, 1))
            self.running.start().until_ready("projector")

    def ask(self):
        """Ask for strategies; what was recorded without an error is never lost."""
        factory = self.running.house.factory
        for _ in range(REQUESTS_A_TURN):
            request = Generation.request(
                f"chaos/{len(self.asked)}",
                strategy_type=self.draw.choice(["trend", "momentum", "breakout"]),
                mode="single",
                model="",
                seed=1000 * len(self.asked),
                why="chaos",
                stamp=factory.stamp(),
            )
            factory.transact(lambda request=request: [request])
            self.asked.append(request.id)

    def look(self):
        after = self.seen[-1].id if self.seen else 0
        store = self.running.house.factory.store
        self.seen += pages(store.read, store.head(), after)


def kind_of(name):
    return name.rstrip("0123456789").rstrip("-")


@pytest.fixture(scope="module")
def survived(tmp_path_factory):
    """What was left of a factory after the chaos, stopped in order; and the chaos."""
    with RunningFactory(tmp_path_factory.mktemp("c") / "home", seconds=0.4, configuration=CONFIGURATION) as running:
        running.make_candles()
        chaos = Chaos(running)
        running.start().until_ready()
        while chaos.killed.total() < KILLS or ALL_KINDS.difference(chaos.killed):
            chaos.turn()
        chaos.look()
        until_calm(running)
        assert running.stop() == 0, running.log()
        chaos.log = list(pages(running.house.factory.store.read, running.house.factory.store.head(), 0))
        chaos.happened = [told(entry) for entry in chaos.log]
        yield chaos


ALL_KINDS = {"supervisor", "forge", *ROLES} - {"metrics"}
"""Nobody asked for metrics: that role has no process here."""


def until_calm(running):
    """Wait until nothing is due but what the calendar has asked for within the last seconds."""
    running.until(lambda: sum(task["kind"] != "backtest" for task in running.due()) <= 1, every_seconds=0.3)


pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_every_kind_of_process_was_killed_often(survived):
    resumed = sum(each.topic == "Evaluation.Resumed" for each in survived.happened)
    log.info("%s; %s events, %s runs resumed", dict(survived.killed), len(survived.log), resumed)

    assert survived.killed.total() >= KILLS
    assert set(survived.killed) == ALL_KINDS
    assert resumed > 0, "no kill met a run under way"


def test_no_event_was_lost_altered_or_written_by_half(survived):
    report = survived.running.house.factory.store.verify_chain()

    assert report.broken is None
    assert report.events == len(survived.log)
    assert [entry.id for entry in survived.log] == list(range(1, len(survived.log) + 1))
    assert survived.log[: len(survived.seen)] == survived.seen, "what was once read is still there"
    requested = {UUID(each.originator_id) for each in survived.happened if each.topic == "Generation.Requested"}
    assert requested >= set(survived.asked), "what was acknowledged is there"


def test_each_generation_gave_exactly_one_strategy(survived):
    concluded = Counter(
        each.originator_id for each in survived.happened if each.topic in {"Generation.Concluded", "Generation.Failed"}
    )
    given = Counter(
        UUID(each.facts["generation_id"]).hex for each in survived.happened if each.topic == "Strategy.Generated"
    )
    open_requests = {task["subject"] for task in survived.running.due() if task["kind"] == "generate"}

    for generation in survived.asked:
        assert concluded[generation.hex] == 1

    assert dict.fromkeys(given, 1) == given
    assert not open_requests & concluded.keys()


def test_the_effect_of_every_task_was_recorded_exactly_once(survived):
    due = {task["key"] for task in survived.running.due()}
    once = Counter(
        (each.meta["task"], each.topic, each.originator_id) for each in survived.happened if "task" in each.meta
    )
    effects = {}
    for (key, topic, _), count in once.items():  # a backtest has several runs, each of which ends once
        effect = effects.setdefault(key, Counter())
        effect[topic] = max(effect[topic], count)
    tasks = [task for task in planned(survived.log, POLICY) if task.key not in due]

    assert len(tasks) > 3 * KILLS
    for task in tasks:
        assert is_whole(task.kind, effects[task.key]), (task.key, effects[task.key])
    for key in due:
        assert set(effects.get(key, ())) <= ON_THE_WAY, "what is done is not due"


WHOLE = {
    "generate": [{"Strategy.Generated", "Generation.Concluded"}],
    "validate": [
        {"Evaluation.Completed", "Strategy.Validated"},
        {"Evaluation.Completed", "Strategy.Retired"},
        {"Evaluation.Completed", "Strategy.ResultCameLate"},
        {"Evaluation.Completed"},  # refused after its retirement
        {"Evaluation.Failed"},  # called off after its retirement
        set(),  # retired before it began
    ],
    "backtest": [
        {"Evaluation.Completed", "Strategy.Backtested"},
        {"Evaluation.Completed", "Strategy.ResultCameLate"},
        {"Evaluation.Failed", "Strategy.Retired"},
        {"Evaluation.Completed", "Evaluation.Failed", "Strategy.Retired"},
        {"Evaluation.Failed"},
        set(),
    ],
    "clean": [{"Cleaning.Done"}],
}
ON_THE_WAY = {"Evaluation.Started", "Evaluation.Resumed", "Evaluation.StageReached"}


def is_whole(kind, effect):
    """Say whether events are the whole effect of one task of a kind, each of them once."""
    ends = {topic: count for topic, count in effect.items() if topic not in ON_THE_WAY}
    if kind == "clean":
        ends.pop("Strategy.Retired", None)  # as many as there were to retire
    return effect["Evaluation.Started"] <= 1 and set(ends) in WHOLE[kind] and set(ends.values()) <= {1}


def test_every_strategy_had_a_life_that_the_table_allows(survived):
    assert check_lives(survived.happened) >= len(survived.asked)


def test_every_blob_that_an_event_names_is_there_and_whole(survived):
    blobs = survived.running.house.blobs
    named = [each.facts["code_hash"] for each in survived.happened if each.topic == "Strategy.Generated"]
    for each in survived.happened:
        if each.topic == "Evaluation.Completed":
            named += each.facts["blobs"].values()

    assert len(named) > 2 * KILLS
    for blob in named:
        assert blobs.get(blob)


@pytest.mark.parametrize("projection", all_projections(), ids=lambda projection: projection.name)
def test_what_was_folded_through_the_kills_is_what_is_folded_from_zero(survived, projection):
    view = type("EveryRow", (View,), {"projection": projection})
    store = survived.running.house.factory.store
    live = read(view, survived.running.house.projections_folder)

    assert dump(live) == dump(fold(view, store, live.position)), "as the projector left it"
    assert dump(survived.running.house.view(view)) == dump(fold(view, store)), "brought up to date"


def test_no_process_is_left(survived):
    assert processes_of(survived.running.home) == {}


def test_no_task_was_given_up(survived):
    assert [each for each in survived.happened if each.topic.startswith("ParkedTask")] == []
