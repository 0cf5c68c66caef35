import pytest

from cfsm.domain.proportion import Proportion


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_the_interval_is_wilsons(successes, trials, low, high):
    """The last one is the example of Newcombe (1998), table I."""
    proportion = Proportion(successes, trials)

    assert proportion.low == pytest.approx(low, abs=5e-5)
    assert proportion.high == pytest.approx(high, abs=5e-5)
    assert proportion.share == successes / trials


def test_of_nothing_nothing_is_known():
    assert Proportion(0, 0).as_mapping() == {"successes": 0, "trials": 0, "share": None, "low": None, "high": None}
