"""A contest: what ran better is better; what ran equally well is a tie."""

import pytest

from cfsm.domain.contest import Candidate, ranked, tied


def candidate(name="a", score=1.0, trades=50, outcome="traded", **others):
    facts = {"model": name, "step": f"{name}/0", "round": 0, "channel": "source", "class_name": "C", "code_hash": "h"}
    return Candidate(proposal=name, score=score, trades=trades, outcome=outcome, **{**facts, **others})


def names(*candidates):
    return [each.proposal for each in ranked(candidates)]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"score": 1.2}, {"score": 0.4}),
        ({"score": -3.0}, {"score": 9.0, "outcome": "never_trades", "trades": 0}),
        ({"score": 0.1, "trades": 30}, {"score": 9.0, "trades": 3}),
        ({"score": 0.1}, {"score": None}),
        ({"round": 0}, {"round": 2}),
        ({"place": 0}, {"place": 1}),
    ],
)
def test_what_goes_before_what(better, worse):
    assert names(candidate("worse", **worse), candidate("better", **better)) == ["better", "worse"]


def test_scores_that_lie_close_together_are_a_tie():
    assert tied(candidate(score=1.0), candidate(score=1.05))
    assert not tied(candidate(score=1.0), candidate(score=1.2))


def test_two_without_a_score_are_a_tie_and_one_without_is_none():
    assert tied(candidate(score=None), candidate(score=None))
    assert not tied(candidate(score=0.0), candidate(score=None))


def test_few_trades_are_no_tie_with_many():
    assert not tied(candidate(trades=3), candidate(trades=30))
