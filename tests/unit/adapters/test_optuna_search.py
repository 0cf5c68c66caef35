"""Optuna as the sampler of optimisations: seeded, and taken up again where it was."""

from itertools import chain

import pytest

from cfsm.adapters.optuna_search import OptunaSearch
from cfsm.domain.hyperopt import Dimension

DIMENSIONS = (
    Dimension("whole", "buy", low=0, high=40, is_whole=True),
    Dimension("stepped", "stoploss", low=-0.35, high=-0.02, step=0.001),
    Dimension("any", "sell", low=0.5, high=2.5),
    Dimension("choice", "buy", choices=("ema", None, True, 3)),
)


def loss(candidate):
    return abs(candidate["whole"] - 30) + abs(candidate["any"] - 1.0) + (candidate["choice"] != "ema")


def rounds(search, count, size=10):
    found = []
    for _ in range(count):
        asked = search.ask(size)
        search.tell([loss(each) for each in asked])
        found.append(asked)
    return found


def test_the_same_seed_draws_the_same_candidates():
    assert rounds(OptunaSearch(DIMENSIONS, 7), 6) == rounds(OptunaSearch(DIMENSIONS, 7), 6)
    assert rounds(OptunaSearch(DIMENSIONS, 7), 1) != rounds(OptunaSearch(DIMENSIONS, 8), 1)


def test_candidates_lie_within_the_dimensions():
    for each in list(chain.from_iterable(rounds(OptunaSearch(DIMENSIONS, 1), 5))):
        assert isinstance(each["whole"], int)
        assert 0 <= each["whole"] <= 40
        assert -0.35 <= each["stepped"] <= -0.02
        assert round(each["stepped"], 3) == pytest.approx(each["stepped"], abs=1e-12)
        assert 0.5 <= each["any"] <= 2.5
        assert each["choice"] in ("ema", None, True, 3)


def test_losses_guide_the_search():
    found = rounds(OptunaSearch(DIMENSIONS, 3), 12)

    first, last = list(chain.from_iterable(found[:3])), list(chain.from_iterable(found[-3:]))
    assert sum(map(loss, last)) < sum(map(loss, first)) / 2


def test_a_search_that_remembers_its_past_goes_on_as_if_never_interrupted():
    whole = rounds(OptunaSearch(DIMENSIONS, 5), 6)
    resumed = OptunaSearch(DIMENSIONS, 5)

    for asked in whole[:4]:
        resumed.remember(asked, [loss(each) for each in asked])

    assert rounds(resumed, 2) == whole[4:]


def test_a_past_that_would_be_drawn_otherwise_today_is_remembered_all_the_same():
    foreign = list(chain.from_iterable(rounds(OptunaSearch(DIMENSIONS, 99), 4)))
    search = OptunaSearch(DIMENSIONS, 5)

    search.remember(foreign, [loss(each) for each in foreign])

    assert sum(map(loss, search.ask(10))) < sum(map(loss, foreign)) / 4
