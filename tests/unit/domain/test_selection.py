import json
import random
from math import inf, sqrt
from statistics import fmean, variance

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfsm.domain.metrics import ReturnMoments, return_moments
from cfsm.domain.selection import (
    DoubtCode,
    ProofRules,
    Standing,
    TrackRecord,
    Trials,
    deflated_sharpe,
    expected_maximum_sr,
    minimum_track_record,
    probabilistic_sharpe,
    rank_key,
    standing,
)

# The example of Bailey and Lopez de Prado (2014): an annual Sharpe ratio of 2.5 over five years of 250 days, the
# best of 100 trials whose annual Sharpe ratios have a variance of one half.
PUBLISHED = ReturnMoments(sr=2.5 / sqrt(250), observations=1250, skew=-3.0, kurtosis=10.0)
PUBLISHED_TRIALS = Trials(count=100, defined=100, mean=0.0, m2=99 * 0.5 / 250)

SRS = st.floats(-3, 3)


def trials_of(srs):
    trials = Trials()
    for sr in srs:
        trials = trials.add(sr)
    return trials


def moments(sr, observations=300, skew=0.0, kurtosis=3.0):
    return ReturnMoments(sr, observations, skew, kurtosis)


def test_the_published_example_of_the_deflated_sharpe_ratio_comes_out():
    assert PUBLISHED_TRIALS.sr_by_luck == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(PUBLISHED, PUBLISHED_TRIALS) == pytest.approx(0.9004, abs=5e-5)


def test_fewer_trials_deflate_less():
    forty_six = Trials(count=46, defined=46, mean=0.0, m2=45 * 0.5 / 250)

    assert deflated_sharpe(PUBLISHED, forty_six) == pytest.approx(0.9505, abs=5e-4)


def test_a_sharpe_ratio_at_the_benchmark_is_a_coin_toss():
    assert probabilistic_sharpe(moments(0.1), 0.1) == pytest.approx(0.5)


def test_for_normal_returns_the_probability_is_the_textbooks():
    # (0.1 - 0) sqrt(99) / sqrt(1 + 0.1^2 / 2) = 0.99252
    assert probabilistic_sharpe(moments(0.1, observations=100)) == pytest.approx(0.83952, abs=2e-5)


def test_crashes_and_fat_tails_make_a_sharpe_ratio_less_certain():
    plain = probabilistic_sharpe(moments(0.1))

    assert probabilistic_sharpe(moments(0.1, skew=-2.0, kurtosis=9.0)) < plain


def test_returns_of_two_values_can_leave_the_probability_undefined():
    assert probabilistic_sharpe(moments(2.0, skew=1.0, kurtosis=2.0)) is None


@pytest.mark.parametrize(("count", "spread"), [(0, 1.0), (1, 1.0), (5, 0.0)])
def test_one_trial_or_none_has_no_luck(count, spread):
    assert expected_maximum_sr(count, spread) == 0.0


def test_two_trials_have_some_luck():
    assert expected_maximum_sr(2, 4.0) == pytest.approx(2 * 0.5772156649 * 0.9003, abs=1e-3)


@pytest.mark.parametrize(("count", "annual"), [(10, 1.57), (100, 2.53), (1000, 3.26)])
def test_the_best_of_pure_noise_over_a_year_is_as_large_as_measured(count, annual):
    # One year of days: Sharpe ratios of noise have a variance of 1/365.
    assert expected_maximum_sr(count, 1 / 365) * sqrt(365) == pytest.approx(annual, abs=0.01)


def test_a_million_million_trials_are_still_finite():
    assert 7 < expected_maximum_sr(10**12, 1.0) < expected_maximum_sr(10**18, 1.0) < 10


@pytest.mark.slow
def test_a_leaderboard_of_noise_proves_next_to_nothing():
    draw = random.Random(11)
    series = [return_moments([draw.gauss(0, 0.01) for _ in range(365)]) for _ in range(300)]
    trials = trials_of(each.sr for each in series)
    rules = ProofRules(out_of_sample_required=False)

    proven = [each for each in series if standing(TrackRecord(total_trades=99, moments=each), trials, rules).is_proven]
    undeflated = [each for each in series if probabilistic_sharpe(each) > 0.95]

    assert len(undeflated) > 5
    assert proven == []


@settings(deadline=None)
@given(st.lists(SRS | st.none(), max_size=40))
def test_trials_know_count_mean_and_variance(srs):
    trials = trials_of(srs)
    defined = [sr for sr in srs if sr is not None]

    assert (trials.count, trials.defined) == (len(srs), len(defined))
    assert trials.mean == pytest.approx(fmean(defined) if defined else 0.0, abs=1e-9)
    assert trials.variance == pytest.approx(variance(defined) if len(defined) > 1 else 0.0, abs=1e-9)


@settings(deadline=None)
@given(st.lists(SRS | st.none(), max_size=20))
def test_trials_survive_json_to_the_last_bit(srs):
    trials = trials_of(srs)

    assert Trials.from_mapping(json.loads(json.dumps(trials.as_mapping()))) == trials


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"count": 1, "defined": 2, "mean": 0.0, "m2": 0.0},
        {"count": 1, "defined": 1, "mean": "x", "m2": 0.0},
        {"count": 1, "defined": 1, "mean": None, "m2": 0.0},
        {"count": 1, "defined": 1, "mean": inf, "m2": 0.0},
        {"count": 1, "defined": 1, "mean": 0.0, "m2": -1.0},
    ],
)
def test_what_is_no_count_of_trials_is_refused(facts):
    with pytest.raises(ValueError):
        Trials.from_mapping(facts)


def test_a_trial_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="Not a count"):
        Trials().add(float("nan"))


def test_the_minimum_track_record_is_where_the_probability_is_reached():
    needed = minimum_track_record(PUBLISHED, 0.05, 0.95)

    def probability(observations):
        return probabilistic_sharpe(ReturnMoments(PUBLISHED.sr, observations, -3.0, 10.0), 0.05)

    assert probability(needed - 1) < 0.95 <= probability(needed)


@pytest.mark.parametrize("benchmark", [0.1, 0.2, 0.1 - 1e-200])
def test_no_length_of_record_proves_what_is_not_above_the_benchmark(benchmark):
    assert minimum_track_record(moments(0.1), benchmark) is None


STRONG = TrackRecord(total_trades=200, moments=moments(0.3), is_out_of_sample=True)
FEW_TRIALS = trials_of([0.3, 0.1, -0.1])
RULES = ProofRules(minimum_trades=30, deflated_probability=0.95)


def codes(verdict):
    return [doubt.code for doubt in verdict.doubts]


def test_a_long_good_record_out_of_sample_is_proven():
    verdict = standing(STRONG, FEW_TRIALS, RULES)

    assert verdict.is_proven
    assert str(verdict) == "proven"
    assert verdict.deflated_probability > 0.95


def test_the_same_record_is_not_proven_as_the_best_of_many_wild_trials():
    wild = trials_of([0.3, *([0.15, -0.15] * 5000)])

    verdict = standing(STRONG, wild, RULES)

    assert str(verdict) == "not proven"
    assert codes(verdict) == [DoubtCode.MAY_BE_LUCK]
    assert "(trials so far: 10001), below 0.95; luck alone gives" in verdict.doubts[0].detail


def test_a_short_record_is_told_how_many_days_it_needs():
    record = TrackRecord(total_trades=200, moments=moments(0.12, observations=60), is_out_of_sample=True)

    (doubt,) = standing(record, Trials().add(0.12), RULES).doubts

    assert doubt.detail == "deflated probability 0.821 (trials so far: 1), below 0.95; 191 days like its 60 would do"


def test_every_reason_is_stated():
    verdict = standing(TrackRecord(total_trades=3, moments=None), FEW_TRIALS, RULES)

    assert codes(verdict) == [DoubtCode.TOO_FEW_TRADES, DoubtCode.NO_SHARPE, DoubtCode.IN_SAMPLE]
    assert verdict.doubts[0].detail == "3 trades; 30 are needed"
    assert verdict.deflated_probability is None


def test_exactly_the_minimum_of_trades_is_enough():
    record = TrackRecord(total_trades=30, moments=STRONG.moments, is_out_of_sample=True)

    assert standing(record, FEW_TRIALS, RULES).is_proven


def test_out_of_sample_can_be_waived():
    in_sample = TrackRecord(total_trades=200, moments=STRONG.moments)

    assert codes(standing(in_sample, FEW_TRIALS, RULES)) == [DoubtCode.IN_SAMPLE]
    assert standing(in_sample, FEW_TRIALS, ProofRules(out_of_sample_required=False)).is_proven


@pytest.mark.parametrize("probability", [0.4, 1.0, float("nan")])
def test_a_threshold_that_proves_nothing_or_nobody_is_refused(probability):
    with pytest.raises(ValueError, match="deflated_probability"):
        ProofRules(deflated_probability=probability)


def test_the_leaderboard_is_ordered_by_proof_probability_sharpe_and_name():
    doubt = standing(TrackRecord(total_trades=0, moments=None), FEW_TRIALS, RULES).doubts
    in_order = [
        (Standing(0.97, ()), 1.0, "c"),
        (Standing(0.96, ()), 3.0, "b"),
        (Standing(0.96, ()), 2.0, "a"),
        (Standing(0.99, doubt), 9.0, "few trades"),
        (Standing(0.5, doubt), 1.0, "a"),
        (Standing(0.5, doubt), 1.0, "b"),
        (Standing(0.5, doubt), None, "a"),
        (Standing(None, doubt), None, "a"),
        (Standing(None, doubt), None, "b"),
    ]
    shuffled = random.Random(1).sample(in_order, len(in_order))

    assert sorted(shuffled, key=lambda row: rank_key(*row)) == in_order
