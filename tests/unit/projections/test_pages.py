"""However the log is cut into pages, the rows are the same."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfsm.domain.evaluation import Kind, Stage
from cfsm.domain.lifecycle import IllegalTransition
from cfsm.domain.strategy import Reason
from cfsm.projections import table
from cfsm.projections.base import View
from cfsm.projections.fold import Fold
from cfsm.projections.reading import _MemorySource
from cfsm.projections.registry import all_projections
from tests.fakes.dumps import dump
from tests.fakes.story import Story, figures

SHARPES = [None, -0.3, 0.0, 0.1 + 0.2, 1 / 3, 0.7]


class Life:
    """Does something legal, chosen by numbers: what is not allowed just then is left undone."""

    def __init__(self):
        self.story = Story(first_id=3, gap=2)
        self.strategies, self.runs, self.generations, self.tasks = [], [], [], []

    def live(self, deed, which, choice):
        getattr(self, deed)(which, choice)

    def request(self, which, choice):
        self.generations.append(self.story.request(f"slot {len(self.generations)}"))

    def generate(self, which, choice):
        parents = [self.strategies[which % len(self.strategies)].name] if self.strategies and choice % 2 else []
        generation = next((each for each in self.generations if not each.is_over), None)
        name = f"S{len(self.strategies)}"
        self.strategies.append(self.story.generate(name, generation=generation, parents=parents))

    def grow_up(self, which, choice):
        sr = SHARPES[choice % len(SHARPES)]
        self.strategies.append(self.story.backtested(f"S{len(self.strategies)}", sr))

    def backtest_again(self, which, choice):
        if self.strategies:
            strategy = self.strategies[which % len(self.strategies)]
            key = f"again {len(self.story.log.entries)}"
            self.story.backtest(strategy, figures(SHARPES[choice % len(SHARPES)], choice), key)

    def give_up(self, which, choice):
        generation = self.story.request(f"hopeless {len(self.story.log.entries)}")
        generation.fail("no model", self.story.stamp())
        self.story.record(generation)

    def start(self, which, choice):
        if self.strategies:
            strategy = self.strategies[which % len(self.strategies)]
            run = self.story.start(strategy, list(Kind)[choice % 2], str(len(self.runs)))
            self.runs.append((strategy, run))

    def reach(self, which, choice):
        if self.runs:
            self.story.reach(self.runs[which % len(self.runs)][1], list(Stage)[choice % len(Stage)])

    def resume(self, which, choice):
        if self.runs:
            self.story.resume(self.runs[which % len(self.runs)][1])

    def finish(self, which, choice):
        if not self.runs:
            return
        strategy, run = self.runs[which % len(self.runs)]
        found = figures(SHARPES[choice % len(SHARPES)], choice)
        self.story.complete(run, found)
        if run.kind is Kind.VALIDATION:
            strategy.record_validation(str(run.id), [], self.story.stamp())
        else:
            strategy.record_backtest(str(run.id), "", f"trades {choice}", found, self.story.stamp())
        self.story.record(strategy)

    def fail(self, which, choice):
        if self.runs:
            self.story.fail(self.runs[which % len(self.runs)][1])

    def promote(self, which, choice):
        if self.strategies:
            strategy = self.strategies[which % len(self.strategies)]
            (self.story.optimize if choice % 2 else self.story.start_dry_run)(strategy)

    def retire(self, which, choice):
        if self.strategies:
            self.story.retire(self.strategies[which % len(self.strategies)], list(Reason)[choice % len(Reason)])

    def note_twin(self, which, choice):
        if self.strategies:
            twin = self.strategies[choice % len(self.strategies)].name
            self.story.note_twin(self.strategies[which % len(self.strategies)], twin)

    def park(self, which, choice):
        self.tasks.append(self.story.park(f"task {len(self.tasks)}"))

    def release(self, which, choice):
        if self.tasks:
            task = self.tasks[which % len(self.tasks)]
            task.release(self.story.stamp())
            task.park_again(choice, "again", self.story.stamp()) if choice % 2 else None
            self.story.record(task)

    def clean(self, which, choice):
        cleaning = self.story.clean(f"slot {len(self.story.log.entries)}")
        cleaning.finish(["S0"], choice, self.story.stamp()) if choice % 2 else None
        self.story.record(cleaning)

    def surprise(self, which, choice):
        self.story.append(
            self.story.request(f"surprise {len(self.story.log.entries)}").id,
            99,
            f"Future.Topic{choice % 3}",
            b'{"timestamp":"2030-01-01T00:00:00+00:00"}',
        )


DEEDS = [name for name, value in vars(Life).items() if callable(value) and name not in ("__init__", "live")]
LIVES = st.lists(
    st.tuples(
        st.sampled_from([*DEEDS, "grow_up", "grow_up", "backtest_again", "finish"]),
        st.integers(0, 9),
        st.integers(0, 99),
    ),
    min_size=15,
    max_size=80,
)


def lived(deeds):
    life = Life()
    for deed in deeds:
        try:
            life.live(*deed)
        except IllegalTransition:
            continue
    return life.story.log


def rows(projection, log, *cuts, page=10_000):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        folded = Fold(projection(), connection)
        folded.create()
        for until in sorted(cuts):
            folded.run(log, until, page=page)
            folded = Fold(projection(), connection)  # as another process would go on
            assert folded.resume()
        folded.run(log, page=page)
        return dump(View(_MemorySource(connection)))
    finally:
        connection.close()


@pytest.mark.parametrize("projection", all_projections())
@settings(max_examples=40, deadline=None)
@given(deeds=LIVES, page=st.integers(1, 7), cuts=st.lists(st.integers(0, 200), max_size=4))
def test_live_in_odd_pages_equals_built_in_one(projection, deeds, page, cuts):
    log = lived(deeds)

    assert rows(projection, log, *cuts, page=page) == rows(projection, log)


@pytest.mark.parametrize("projection", all_projections())
@settings(max_examples=15, deadline=None)
@given(deeds=LIVES)
def test_rows_that_left_memory_come_back_as_they_were(projection, deeds):
    log = lived(deeds)
    expected = rows(projection, log)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "KEPT_ROWS", 1)
        assert rows(projection, log, page=1) == expected


def test_the_lives_really_are_lived():
    log = lived([(deed, which, choice) for which in range(4) for choice in (0, 1) for deed in DEEDS])

    topics = {entry.topic for entry in log.entries}

    assert {"Strategy.Backtested", "Strategy.Retired", "Strategy.TwinFound", "Evaluation.Resumed"} <= topics
    assert {"ParkedTask.ParkedAgain", "Cleaning.Done", "Generation.Failed", "Future.Topic1"} <= topics
