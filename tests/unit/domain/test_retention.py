import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfsm.domain.lifecycle import State
from cfsm.domain.retention import RetentionRules, Summary, to_retire
from cfsm.domain.strategy import Reason

NOW = datetime(2025, 6, 1, 2, 0, tzinfo=UTC)
SEED_RULES = RetentionRules(max_strategies=50, max_strategy_age_days=30, min_backtest_score=0.1)


def a_strategy(name, days_old=1.0, score=None, state=State.BACKTESTED, *, backtested=None):
    was_backtested = score is not None if backtested is None else backtested
    return Summary(
        name=name,
        state=state,
        created_on=NOW - timedelta(days=days_old),
        score=score,
        last_backtest=NOW - timedelta(hours=1) if was_backtested else None,
    )


def names(retirements):
    return [retirement.name for retirement in retirements]


def test_old_and_weak_strategies_go_with_their_evidence():
    old, weak, good = a_strategy("old", 31, 5.0), a_strategy("weak", 2, 0.05), a_strategy("good", 2, 0.5)

    gone = to_retire([good, weak, old], SEED_RULES, NOW)

    assert [(each.name, each.reason) for each in gone] == [("old", Reason.TOO_OLD), ("weak", Reason.WEAK)]
    assert gone[0].evidence == {
        "created_on": "2025-05-01T02:00:00+00:00",
        "age_days": 31.0,
        "max_strategy_age_days": 30,
    }
    assert gone[0].detail == "31.0 days old; max_strategy_age_days is 30"
    assert gone[1].evidence["score"] == 0.05
    assert gone[1].detail == "backtest score 0.05; min_backtest_score is 0.1"


def test_limits_are_kept_to_the_letter():
    assert to_retire([a_strategy("a", 30.0, 0.1)], SEED_RULES, NOW) == []
    assert names(to_retire([a_strategy("a", 30 + 1 / 86_400, 0.1)], SEED_RULES, NOW)) == ["a"]


def test_a_strategy_from_the_future_is_not_old():
    assert to_retire([a_strategy("a", -400.0)], SEED_RULES, NOW) == []


def test_what_was_never_backtested_is_not_weak():
    assert to_retire([a_strategy("new", state=State.VALIDATED)], SEED_RULES, NOW) == []


def test_a_backtest_without_a_score_is_not_weak_but_goes_first_when_there_are_too_many():
    never_traded = a_strategy("never traded", 1, None, backtested=True)
    untested = a_strategy("untested", 9)

    assert to_retire([never_traded, untested], SEED_RULES, NOW) == []
    assert names(to_retire([untested, never_traded], RetentionRules(max_strategies=1), NOW)) == ["never traded"]


def test_too_old_is_said_of_what_is_both_old_and_weak():
    (gone,) = to_retire([a_strategy("both", 40, -1.0)], SEED_RULES, NOW)

    assert gone.reason is Reason.TOO_OLD


def test_surplus_goes_untested_before_tested_and_weakest_before_better():
    rules = RetentionRules(max_strategies=1)
    strategies = [
        a_strategy("best", 5, 3.0),
        a_strategy("young untested", 1),
        a_strategy("old untested", 2),
        a_strategy("worse", 5, 1.0),
        a_strategy("worse and older", 6, 1.0),
    ]

    gone = to_retire(strategies, rules, NOW)

    assert names(gone) == ["old untested", "young untested", "worse and older", "worse"]
    assert {each.reason for each in gone} == {Reason.SURPLUS}
    assert gone[0].detail == "5 strategies; max_strategies is 1"
    assert [each.evidence["place_from_the_end"] for each in gone] == [1, 2, 3, 4]


def test_old_and_weak_ones_make_room_before_anything_is_surplus():
    rules = RetentionRules(max_strategies=1, max_strategy_age_days=30, min_backtest_score=0.1)

    gone = to_retire([a_strategy("old", 31), a_strategy("weak", 1, 0.0), a_strategy("kept", 1, 1.0)], rules, NOW)

    assert [each.reason for each in gone] == [Reason.TOO_OLD, Reason.WEAK]


def test_a_strategy_in_dry_run_is_surplus_only_after_all_others():
    dry = a_strategy("dry", 9, 0.2, State.DRY_RUN)
    strategies = [dry, a_strategy("best", 1, 9.0), a_strategy("untested", 1)]

    assert names(to_retire(strategies, RetentionRules(max_strategies=1), NOW)) == ["untested", "best"]
    assert names(to_retire(strategies, RetentionRules(max_strategies=0), NOW)) == ["untested", "best", "dry"]


@pytest.mark.parametrize(("days_old", "score", "reason"), [(31, 9.0, Reason.TOO_OLD), (1, 0.0, Reason.WEAK)])
def test_a_strategy_in_dry_run_gets_old_and_weak_as_others(days_old, score, reason):
    (gone,) = to_retire([a_strategy("dry", days_old, score, State.DRY_RUN)], SEED_RULES, NOW)

    assert gone.reason is reason


def test_the_retired_are_not_counted_nor_retired_again():
    retired = [a_strategy(f"r{number}", 400, -9.0, State.RETIRED) for number in range(9)]

    assert to_retire([*retired, a_strategy("alive", 1, 1.0)], RetentionRules(max_strategies=1), NOW) == []


def test_rules_that_are_off_retire_nobody():
    assert to_retire([a_strategy("a", 9999, -9.0)], RetentionRules(max_strategies=1), NOW) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: RetentionRules(max_strategies=-1),
        lambda: a_strategy("a", score=float("nan")),
        lambda: Summary(name="a", state=State.GENERATED, created_on=NOW.replace(tzinfo=None)),
    ],
)
def test_facts_that_cannot_be_are_refused(make):
    with pytest.raises(ValueError):
        make()


STRATEGIES = st.lists(
    st.builds(
        a_strategy,
        name=st.text("abcdefgh", min_size=1, max_size=6),
        days_old=st.floats(-5, 60),
        score=st.none() | st.floats(-2, 2),
        state=st.sampled_from(State),
        backtested=st.none() | st.booleans(),
    ),
    max_size=30,
    unique_by=lambda summary: summary.name,
)
RULES = st.builds(
    RetentionRules,
    max_strategies=st.integers(0, 20),
    max_strategy_age_days=st.none() | st.floats(0, 60),
    min_backtest_score=st.none() | st.floats(-1, 1),
)


@settings(deadline=None, max_examples=200)
@given(STRATEGIES, RULES, st.randoms(use_true_random=False))
def test_a_cleaning_keeps_the_limit_takes_no_more_and_does_not_depend_on_order(strategies, rules, shuffler):
    gone = to_retire(strategies, rules, NOW)

    by_name = {each.name: each for each in strategies}
    alive = {each.name for each in strategies if each.state is not State.RETIRED}
    left = alive - set(names(gone))
    assert len(left) <= rules.max_strategies
    assert len(set(names(gone))) == len(gone)
    assert set(names(gone)) <= alive
    surplus = [by_name[each.name] for each in gone if each.reason is Reason.SURPLUS]
    assert not surplus or len(left) == rules.max_strategies
    if any(each.state is State.DRY_RUN for each in surplus):
        assert all(by_name[name].state is State.DRY_RUN for name in left)
    weak = [by_name[each.name] for each in gone if each.reason is Reason.WEAK]
    assert all(each.last_backtest is not None and each.score < rules.min_backtest_score for each in weak)
    json.dumps([each.evidence for each in gone], allow_nan=False)
    shuffled = list(strategies)
    shuffler.shuffle(shuffled)
    assert to_retire(shuffled, rules, NOW) == gone


@settings(deadline=None, max_examples=50)
@given(STRATEGIES, RULES)
def test_a_second_cleaning_finds_nothing(strategies, rules):
    gone = set(names(to_retire(strategies, rules, NOW)))

    assert to_retire([each for each in strategies if each.name not in gone], rules, NOW) == []


def test_thousands_of_strategies_are_decided_in_one_go():
    draw = random.Random(5)
    many = [
        a_strategy(f"s{number}", draw.uniform(0, 40), draw.choice([None, draw.random()])) for number in range(20_000)
    ]

    assert len(many) - len(to_retire(many, SEED_RULES, NOW)) == 50
