import random

import orjson
import pytest

from cfsm.domain.hyperopt import SPACES
from cfsm.domain.optimization import BetterRules, Contestant, Order, compare, parameter_file

DAYS = 90


def contestant(mean=0.001, *, seed=1, trades=40, windows=(0.02, 0.02, 0.02), sharpe=None, profit=None):
    draw = random.Random(seed)
    returns = [draw.gauss(mean, 0.01) for _ in range(DAYS)]
    figures = {
        "total_trades": trades,
        "profit_total": sum(returns) if profit is None else profit,
        "sharpe_daily": 100 * mean if sharpe is None else sharpe,
        "windows": [{"profit_total": each} for each in windows],
    }
    return Contestant(figures, returns)


GOOD = contestant(0.008, seed=2, windows=(0.05, 0.05, 0.01), profit=0.5)


def test_parameters_that_are_better_in_every_respect_are_better():
    comparison = compare(contestant(), GOOD, BetterRules())

    assert comparison.is_better
    assert comparison.windows_won == 2
    assert comparison.probability > 0.9
    assert comparison.in_words().startswith("better on 2 of 3 windows, with probability 0.9")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (contestant(0.006, seed=2, trades=9, windows=(1, 1, 1), profit=0.5), "9 trades out of sample, 10 are needed"),
        (contestant(0.006, seed=2, windows=(1, 1, 1), profit=-0.01), "it loses out of sample"),
        (contestant(0.006, seed=2, windows=(1, 1, 1), sharpe=0.05, profit=0.5), "0.05 out of sample, the original has"),
        (contestant(0.006, seed=2, windows=(1, 0, 0), profit=0.5), "better on 1 of 3 windows only"),
        (contestant(0.0015, seed=3, windows=(1, 1, 1), sharpe=9, profit=0.5), "the probability that it is better is"),
    ],
)
def test_one_thing_that_speaks_against_them_is_enough(found, why):
    comparison = compare(contestant(), found, BetterRules())

    assert not comparison.is_better
    assert why in comparison.in_words()


def test_the_same_trades_are_not_better():
    assert not compare(GOOD, GOOD, BetterRules()).is_better


def test_an_account_that_was_ruined_is_not_compared_by_its_returns():
    comparison = compare(Contestant(GOOD.figures, None), GOOD, BetterRules())

    assert comparison.probability is None
    assert "unknown" in comparison.in_words()


def test_noise_is_hardly_ever_taken_for_better():
    taken = sum(
        compare(
            contestant(0, seed=seed, windows=(0, 0, 0), sharpe=0),
            contestant(0, seed=seed + 1000, windows=(1, 1, 1), sharpe=1, profit=1),
            BetterRules(),
        ).is_better
        for seed in range(200)
    )

    assert taken < 40, "with a probability of 0.9, about one of ten"


def test_an_order_is_kept_as_plain_data():
    order = Order(300, 60.0, ("roi", "stoploss"), 7)

    assert Order.from_mapping(orjson.loads(orjson.dumps(order.as_mapping()))) == order
    assert Order().spaces == SPACES


@pytest.mark.parametrize("wrong", [{"spaces": ("trades",)}, {"spaces": ()}, {"epochs": 0}, {"seconds": -1}])
def test_an_order_that_cannot_be_carried_out_is_refused(wrong):
    with pytest.raises(ValueError, match=r"cannot be searched|at least one epoch"):
        Order(**wrong)


def test_the_file_of_parameters_is_freqtrades():
    text = parameter_file("S", {"roi": {"0": 0.1}, "buy": {"x": 3}}, "2026-01-01T00:00:00+00:00")

    assert orjson.loads(text) == {
        "strategy_name": "S",
        "params": {"roi": {"0": 0.1}, "buy": {"x": 3}},
        "ft_stratparam_v": 1,
        "export_time": "2026-01-01T00:00:00+00:00",
    }
    assert text == parameter_file("S", {"buy": {"x": 3}, "roi": {"0": 0.1}}, "2026-01-01T00:00:00+00:00")
