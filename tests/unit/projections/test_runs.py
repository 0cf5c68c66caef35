import pytest

from cfsm.domain.evaluation import Kind, Stage
from cfsm.projections.reading import fold
from cfsm.projections.runs import NoSuchRun, RunState, RunsView
from tests.fakes.story import FINDING, Story, figures


def view_of(story):
    return fold(RunsView, story.log)


def only(story):
    [run] = view_of(story).select()
    return run


def test_a_run_that_began_is_active_and_knows_its_strategy_and_conditions():
    story = Story()
    strategy = story.generate("A")
    story.start(strategy)

    [run] = view_of(story).active()

    assert (run.kind, run.state, run.stage, run.percent, run.attempts) == ("backtest", "running", "", 0, 1)
    assert (run.strategy_name, run.strategy_id) == ("A", strategy.id.hex)
    assert run.conditions["dataset"] == "synth-1"
    assert run.started == run.updated == "2026-01-01T00:02:00+00:00"
    assert run.correlation == str(strategy.id)
    assert run.seconds is None


def test_stages_say_how_far_it_is():
    story = Story()
    run = story.start(story.generate())
    story.reach(run, Stage.ANALYZING)

    assert (only(story).stage, only(story).percent) == ("analyzing", 30)
    assert only(story).updated == "2026-01-01T00:03:00+00:00"


def test_a_resumed_run_counts_its_attempts_and_begins_at_the_beginning():
    story = Story()
    run = story.start(story.generate())
    story.reach(run, Stage.BACKTESTING)
    story.resume(run)

    assert (only(story).attempts, only(story).stage, only(story).percent) == (2, "", 0)
    assert only(story).conditions["dataset"] == "synth-2", "under which it runs now"
    assert only(story).state == "running"


def test_a_completed_run_has_its_verdict_and_all_that_it_left():
    story = Story()
    story.complete(story.start(story.generate()))

    run = only(story)

    assert (run.state, run.stage, run.percent, run.verdict) == ("completed", "completed", 100, "backtested")
    assert run.seconds == 1.5
    assert run.figures == figures()
    assert run.findings == [
        {"code": FINDING.code, "message": FINDING.message, "line": 12, "what_to_do": FINDING.what_to_do}
    ]
    assert run.identity["data_hash"] == "data"
    assert run.blobs == {"trades": "hash of a blob"}
    assert view_of(story).active() == []


def test_a_failed_run_says_why_and_where_it_was():
    story = Story()
    run = story.start(story.generate())
    story.reach(run, Stage.BACKTESTING)
    story.fail(run, "no memory")

    assert (only(story).state, only(story).stage, only(story).percent) == ("failed", "error", 50)
    assert only(story).failure == "no memory"
    assert only(story).findings[0]["code"] == FINDING.code


@pytest.fixture
def several():
    story = Story()
    first = story.backtested("A")
    story.fail(story.start(first, key="2"))
    second = story.generate("B")
    story.start(second, Kind.VALIDATION)
    return story


@pytest.mark.parametrize(
    ("filters", "places"),
    [
        ({}, [0, 1, 2, 3]),
        ({"kind": Kind.VALIDATION}, [0, 3]),
        ({"kind": "backtest"}, [1, 2]),
        ({"state": RunState.FAILED}, [1]),
        ({"state": "running"}, [0]),
        ({"strategy": "A"}, [1, 2, 3]),
        ({"strategy": "B"}, [0]),
        ({"strategy": "nobody"}, []),
        ({"verdict": "accepted"}, [3]),
        ({"strategy": "A", "limit": 2}, [1, 2]),
        ({"limit": 0}, []),
    ],
)
def test_runs_are_selected_by_all_that_is_given_newest_first(several, filters, places):
    every = view_of(several).select()
    assert [run.place for run in every] == sorted((run.place for run in every), reverse=True)

    assert view_of(several).select(**filters) == [every[place] for place in places]


def test_a_run_is_found_by_its_id_and_by_its_beginning(several):
    run = view_of(several).select()[0]
    dashed = f"{run.id[:8]}-{run.id[8:12]}-{run.id[12:16]}-{run.id[16:20]}-{run.id[20:]}"

    for query in (run.id, dashed, dashed[:13], run.id.upper()):
        assert view_of(several).find(query) == run


def test_a_run_that_is_not_there_or_not_the_only_one_is_refused():
    story = Story()
    strategy = story.generate()
    for number in range(17):  # more than there are hex digits: two begin alike
        story.start(strategy, key=str(number))
    ids = [run.id for run in view_of(story).select()]
    shared = next(each[0] for each in ids if [other[0] for other in ids].count(each[0]) > 1)

    with pytest.raises(NoSuchRun, match="several"):
        view_of(story).find(shared)
    for query in ("zzzz", ""):
        with pytest.raises(NoSuchRun, match="no run"):
            view_of(story).find(query)
