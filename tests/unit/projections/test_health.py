from cfsm.domain.lifecycle import State
from cfsm.domain.strategy import Reason
from cfsm.projections.health import CleaningInfo, HealthView, Outcomes, Parked
from cfsm.projections.reading import fold
from tests.fakes.story import Story


def view_of(story):
    return fold(HealthView, story.log)


def test_an_empty_log_is_all_zeros():
    view = view_of(Story())

    assert view.pipeline() == dict.fromkeys(State, 0)
    assert (view.parked(), view.cleanings(), view.events_by_topic()) == ([], [], {})
    assert view.generations() == view.evaluations() == Outcomes(0, 0, 0)
    assert view.last_event_at() is None


def test_the_pipeline_counts_each_strategy_in_its_state_alone():
    story = Story()
    story.generate("A")
    story.validate(story.generate("B"))
    story.backtested("C")
    story.backtested("D")
    story.retire(story.backtested("E"), Reason.SURPLUS)
    dry = story.backtested("F")
    story.optimize(dry)
    story.start_dry_run(dry)

    assert list(view_of(story).pipeline().items()) == [
        (State.GENERATED, 1),
        (State.VALIDATED, 1),
        (State.BACKTESTED, 2),
        (State.OPTIMIZED, 0),
        (State.DRY_RUN, 1),
        (State.RETIRED, 1),
    ]


def test_parked_tasks_wait_until_they_are_released():
    story = Story()
    first, second = story.park("backtest/1"), story.park("backtest/2")
    first.release(story.stamp())
    story.record(first)

    assert view_of(story).parked() == [
        Parked("backtest/2", "backtest", "it", 3, "no memory", "2026-01-01T00:02:00+00:00")
    ]
    assert second.is_parked


def test_a_task_parked_again_says_its_last_error():
    story = Story()
    task = story.park()
    task.release(story.stamp())
    task.park_again(5, "no disk", story.stamp())
    story.record(task)

    assert view_of(story).parked() == [
        Parked("backtest/1", "backtest", "it", 5, "no disk", "2026-01-01T00:03:00+00:00")
    ]


def test_cleanings_say_what_they_did_the_newest_first():
    story = Story()
    done = story.clean("2026-01-01T02:00")
    done.finish(["A", "B"], 48, story.stamp())
    story.record(done)
    story.clean("2026-01-02T02:00")

    newest, oldest = view_of(story).cleanings()

    assert oldest == CleaningInfo("2026-01-01T00:01:00+00:00", "daily", "2026-01-01T00:02:00+00:00", ["A", "B"], 48)
    assert (newest.done_at, newest.retired, newest.kept) == (None, [], 0)
    assert view_of(story).cleanings(limit=1) == [newest]


def test_generations_are_counted_by_what_came_of_them():
    story = Story()
    story.generate(generation=story.request("1"))
    failed = story.request("2")
    failed.fail("no model", story.stamp())
    story.record(failed)
    story.request("3")

    assert view_of(story).generations() == Outcomes(requested=3, concluded=1, failed=1)
    assert view_of(story).generations().under_way == 1


def test_evaluations_are_counted_by_what_came_of_them():
    story = Story()
    strategy = story.backtested("A")
    story.fail(story.start(strategy, key="2"))
    story.start(strategy, key="3")

    assert view_of(story).evaluations() == Outcomes(requested=4, concluded=2, failed=1)


def test_events_are_counted_also_those_that_nobody_here_knows():
    story = Story()
    strategy = story.generate()
    story.append(strategy.id, 2, "Strategy.FromTheFuture", b'{"timestamp":"2027-01-01T00:00:00+00:00"}')

    assert view_of(story).events_by_topic() == {"Strategy.FromTheFuture": 1, "Strategy.Generated": 1}
    assert view_of(story).last_event_at() == "2027-01-01T00:00:00+00:00"
