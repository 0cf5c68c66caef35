"""Every event of the factory can be told in one line."""

import pytest

from cfsm.application.history import told
from cfsm.cli.telling import WORDS, in_words
from tests.fakes.story import Story


def everything_that_happens():
    story = Story()
    strategy = story.generate(generation=story.request())
    story.validate(strategy)
    strategy.request_backtest("the hour", story.stamp())
    story.record(strategy)
    story.backtest(strategy)
    story.optimize(strategy)
    story.start_dry_run(strategy)
    story.note_twin(strategy, "another")
    run = story.start(strategy, key="2")
    story.resume(run)
    story.fail(run)
    story.retire(strategy)
    failed = story.request("slot-2")
    failed.fail("nothing new", story.stamp())
    parked = story.park()
    parked.release(story.stamp())
    parked.park_again(4, "no disk", story.stamp())
    cleaning = story.clean()
    story.record(failed, parked)
    assert cleaning is not None
    return [told(entry) for entry in story.log.entries]


@pytest.mark.parametrize("happening", everything_that_happens(), ids=lambda each: each.topic)
def test_an_event_is_told_in_one_line(happening):
    line = in_words(happening)

    assert happening.topic in line
    assert "\n" not in line
    assert line.startswith(f"{happening.id:>7}  ")
    assert line.endswith("[tester@here]")


def test_words_are_for_events_that_exist():
    from cfsm.domain.aggregate import RecordedEvent
    from cfsm.domain.evaluation import Evaluation
    from cfsm.domain.housekeeping import ParkedTask

    def heirs(kind):
        return {kind, *(each for heir in kind.__subclasses__() for each in heirs(heir))}

    ours = {each for each in heirs(RecordedEvent) if each.__module__.startswith("cfsm.") and "TOPIC" in vars(each)}
    topics = {each.TOPIC for each in ours}

    assert {Evaluation.Started.TOPIC, ParkedTask.Parked.TOPIC} <= topics
    assert set(WORDS) <= topics
    assert topics - set(WORDS) == set(), "an event has no words"


def test_what_somebody_wrote_into_an_event_cannot_move_the_cursor():
    story = Story()
    story.fail(story.start(story.generate()), reason="\x1b[2J gone\nnext line")

    line = in_words(told(story.log.entries[-1]))

    assert line.isprintable()
