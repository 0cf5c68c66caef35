from cfsm.projections.forward_tests import ForwardState, ForwardTestsView
from cfsm.projections.reading import fold
from tests.fakes.forward_tests import BEGIN_MS, conclude, evidence, forward_test
from tests.fakes.story import Story


def view(story):
    return fold(ForwardTestsView, story.log)


def test_a_story_is_told_from_the_request_to_the_verdict():
    story = Story()
    strategy = story.generate()
    test = forward_test(strategy.name, stamp=story.stamp())
    story.record(test)
    assert [each.state for each in view(story).under_way()] == [ForwardState.REQUESTED]

    test.begin("freqtrade-1", story.stamp())
    test.observe(BEGIN_MS + 86_400_000, {"total_trades": 2}, evidence(test, 86_400_000), story.stamp())
    story.record(test)
    (running,) = view(story).under_way()
    assert (running.state, running.attempts, running.observations) == (ForwardState.RUNNING, 1, 1)
    assert running.progress == 0.5
    assert running.figures == {"total_trades": 2}

    test.begin("freqtrade-1", story.stamp())
    conclude(test, story.stamp())
    story.record(test)
    latest = view(story).latest(strategy.name)
    assert (latest.state, latest.verdict, latest.attempts) == (ForwardState.CONCLUDED, "kept", 2)
    assert view(story).under_way() == []
    assert view(story).tested() == {strategy.id.hex}


def test_the_last_one_of_several_is_shown():
    story = Story()
    strategy = story.generate()
    first, second = (forward_test(strategy.name, number=number, stamp=story.stamp()) for number in (1, 2))
    first.fail("its bot died", [{"code": "dies", "message": "x"}], story.stamp())
    story.record(first, second)

    assert view(story).latest(strategy.name).number == 2
    assert [each.state for each in view(story).select(strategy=strategy.name)] == ["requested", "failed"]


def test_a_stop_that_was_asked_for_is_shown():
    story = Story()
    test = story.forward(story.generate())

    assert view(story).latest(test.strategy_name).stop_wanted == "enough"


def test_a_strategy_without_one_has_none():
    assert view(Story()).latest("TrendStrategy_x_20260101_000000") is None
