import pytest

from cfsm.domain.evaluation import Finding
from cfsm.domain.hyperopt import MAX_LOSS, BadSpace, Dimension, Epoch, best_of, key_of, loss_of, tried

FIGURES = {"sharpe_daily": 1.5, "total_trades": 30, "sr": 0.08, "profit_total": 0.1, "max_drawdown_account": 0.05}


def epoch(**changes):
    return Epoch({"buy": {"x": 1}}, {**FIGURES, **changes}, "hash")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"space": "x" * 201},
        {"low": 2.0, "high": 1.0},
        {"low": float("nan")},
        {"high": float("inf")},
        {"step": 0.0},
        {"choices": tuple(range(1001))},
        {"choices": ("x" * 201,)},
    ],
)
def test_what_cannot_be_searched_is_no_dimension(wrong):
    with pytest.raises(BadSpace):
        Dimension(**{"name": "x", "space": "buy", "high": 1.0, **wrong})


def test_the_loss_is_minus_the_daily_sharpe_ratio():
    assert loss_of(epoch(), 10) == -1.5


@pytest.mark.parametrize(
    "worthless",
    [epoch(total_trades=9), epoch(sharpe_daily=None), Epoch({}, {}, "", (Finding("LIMIT_TIME", "too long"),))],
)
def test_an_epoch_that_is_worth_nothing_has_the_largest_loss(worthless):
    assert loss_of(worthless, 10) == MAX_LOSS


def test_the_best_epoch_is_the_earliest_of_the_least_loss():
    epochs = [tried(number, {}, epoch(sharpe_daily=sharpe), 10) for number, sharpe in enumerate((1.0, 2.0, 2.0), 1)]

    assert best_of(epochs).number == 2


def test_there_is_no_best_of_what_is_worth_nothing():
    assert best_of([tried(1, {}, epoch(total_trades=0), 10)]) is None


def test_a_candidate_is_known_by_its_values_whatever_their_order():
    assert key_of({"a": 1, "b": True}) == key_of({"b": True, "a": 1})
    assert key_of({"a": 1}) != key_of({"a": True})
