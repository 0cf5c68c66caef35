import pytest

from cfsm.domain.metrics import ReturnMoments
from cfsm.domain.selection import DoubtCode, ProofRules, Trials, deflated_sharpe
from cfsm.projections.leaderboard import LeaderboardView
from cfsm.projections.reading import fold
from tests.fakes import talk
from tests.fakes.story import Story, figures

LENIENT = ProofRules(minimum_trades=1, deflated_probability=0.5, out_of_sample_required=False)


def view_of(story, until=None):
    return fold(LeaderboardView, story.log, until)


def names(contenders):
    return [contender.name for contender in contenders]


def test_only_what_was_backtested_contends():
    story = Story()
    story.generate("A")
    story.validate(story.generate("B"))
    story.backtested("C")

    assert names(view_of(story).top()) == ["C"]


def test_an_empty_house_has_an_empty_leaderboard():
    assert view_of(Story()).top() == []
    assert view_of(Story()).trials() == Trials()


def test_the_best_comes_first_and_ranks_count_from_one():
    story = Story()
    for name, sr in (("Middle", 0.1), ("Best", 0.3), ("Worst", -0.2), ("Undefined", None)):
        story.backtested(name, sr)

    top = view_of(story).top(rules=LENIENT)

    assert names(top) == ["Best", "Middle", "Worst", "Undefined"]
    assert [contender.rank for contender in top] == [1, 2, 3, 4]


@pytest.mark.parametrize("limit", [0, 1, 2, 10])
def test_no_more_than_the_limit_are_given(limit):
    story = Story()
    for number in range(3):
        story.backtested(f"S{number}", number / 10)

    assert len(view_of(story).top(limit)) == min(limit, 3)


def test_every_evaluation_that_ended_is_a_trial():
    story = Story()
    strategy = story.backtested("A", 0.1)  # a validation and a backtest
    story.fail(story.start(strategy, key="failed"))
    story.start(strategy, key="under way")
    rejected = story.generate("B")
    story.complete(story.start(rejected, key="rejected"), figures(0.5), verdict="rejected")
    story.complete(story.start(rejected, key="no trades"), figures(None, 0))

    trials = view_of(story).trials()

    assert trials == Trials().add(None).add(0.1).add(None).add(0.5).add(None)


def test_a_proposal_that_was_screened_is_a_trial_as_well():
    story = Story()
    generation = story.request()
    generation.begin(talk.PLAN, 1, story.stamp())
    generation.ask(talk.step("phi3:mini/0"), story.stamp())
    generation.propose(talk.proposal("phi3:mini/0"), story.stamp())
    generation.screen(talk.screening("phi3:mini/0", figures=figures(0.3)), story.stamp())
    story.record(generation)

    assert view_of(story).trials() == Trials().add(0.3)


def test_the_deflation_is_that_of_all_trials_up_to_now():
    story = Story()
    story.backtested("A", 0.1)
    before = view_of(story).top()[0].standing.deflated_probability
    for number in range(30):
        story.complete(story.start(story.generate(f"S{number}")), figures(number / 100))

    [contender] = view_of(story).top()

    trials = view_of(story).trials()
    assert contender.standing.deflated_probability == deflated_sharpe(ReturnMoments(0.1, 365, 0.1, 3.5), trials)
    assert contender.standing.deflated_probability < before


def test_too_few_trades_and_luck_are_not_proven_and_say_why():
    story = Story()
    story.backtested("A", 0.01, total_trades=5)

    [contender] = view_of(story).top()

    assert str(contender.standing) == "not proven"
    assert [doubt.code for doubt in contender.standing.doubts] == [
        DoubtCode.TOO_FEW_TRADES,
        DoubtCode.MAY_BE_LUCK,
        DoubtCode.IN_SAMPLE,
    ]


def test_a_long_good_record_out_of_sample_is_proven_and_leads():
    story = Story()
    story.backtested("Lucky", 0.4, total_trades=2)
    story.backtested("Good", 0.3, total_trades=400, is_out_of_sample=True)

    first, second = view_of(story).top()

    assert (first.name, str(first.standing), first.is_out_of_sample) == ("Good", "proven", True)
    assert (second.name, str(second.standing), second.is_out_of_sample) == ("Lucky", "not proven", False)


def test_freqtrades_figures_stand_beside_ours_under_their_own_names():
    story = Story()
    story.backtested("A", 0.1)

    [contender] = view_of(story).top()

    assert contender.freqtrade["sharpe"] == 6.05
    assert contender.sharpe_daily == figures(0.1)["sharpe_daily"]
    assert contender.calmar == 1.9
    assert contender.data_label == "synthetic"
    assert contender.figures == figures(0.1)


def test_figures_with_everything_missing_are_borne_and_come_last():
    story = Story()
    strategy = story.generate("Empty")
    story.validate(strategy)
    story.backtest(strategy, {})
    story.backtested("Full", -0.5)

    top = view_of(story).top()

    assert names(top) == ["Full", "Empty"]
    assert (top[1].total_trades, top[1].sharpe_daily, top[1].freqtrade) == (0, None, {})


def test_the_retired_are_shown_on_demand_only():
    story = Story()
    story.retire(story.backtested("Gone", 0.9))
    story.backtested("Here", 0.1)

    assert names(view_of(story).top()) == ["Here"]
    assert names(view_of(story).top(include_retired=True)) == ["Gone", "Here"]


def test_the_retired_still_count_as_trials():
    story = Story()
    story.retire(story.backtested("Gone", 0.9))

    assert view_of(story).trials().count == 2


def test_the_last_backtest_replaces_the_one_before():
    story = Story()
    strategy = story.backtested("A", 0.1)
    story.backtest(strategy, figures(0.4), key="2")

    [contender] = view_of(story).top()

    assert contender.sharpe_daily == figures(0.4)["sharpe_daily"]


def test_the_state_is_the_strategys():
    story = Story()
    strategy = story.backtested("A")
    story.optimize(strategy)
    story.start_dry_run(strategy)

    assert view_of(story).top()[0].state == "DryRun"


def test_plain_data_says_the_standing_in_words():
    story = Story()
    story.backtested("A", 0.01, total_trades=5)

    facts = view_of(story).top()[0].as_mapping()

    assert facts["standing"] == "not proven"
    assert facts["doubts"][0] == {"code": "too_few_trades", "detail": "5 trades; 30 are needed"}
    assert 0 < facts["deflated_probability"] < 1
    assert facts["rank"] == 1


def test_equals_are_ordered_by_name():
    story = Story()
    for name in ("C", "A", "B"):
        story.backtested(name, 0.1)

    assert names(view_of(story).top()) == ["A", "B", "C"]


def test_every_epoch_that_was_evaluated_is_a_trial():
    story = Story()
    strategy = story.backtested("One", sr=0.1)
    before = fold(LeaderboardView, story.log).trials()

    story.try_epochs(strategy, srs=(0.2, None, 0.3))

    after = fold(LeaderboardView, story.log).trials()
    assert (after.count - before.count, after.defined - before.defined) == (3, 2)
    assert after.sr_by_luck > before.sr_by_luck
