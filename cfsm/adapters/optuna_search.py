"""Optuna draws the candidates of an optimisation. It sees dimensions and losses, never a strategy."""

import logging
import warnings
from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial, create_trial

from cfsm.domain.hyperopt import Candidate, Dimension

RANDOM_EPOCHS = 30
"""So many candidates are drawn at random before losses guide the search, as in Freqtrade."""


class OptunaSearch:
    """A tree-structured Parzen estimator: after its random epochs it draws where losses were small."""

    def __init__(self, dimensions: Sequence[Dimension], seed: int) -> None:
        optuna.logging.set_verbosity(logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # The liar keeps candidates apart that are drawn together, before any of their losses is known.
            sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_EPOCHS, constant_liar=True)
        self._study = optuna.create_study(sampler=sampler, direction="minimize")
        self._distributions = {each.name: _distribution(each) for each in dimensions}
        self._asked: list[Trial] = []

    def ask(self, count: int) -> list[Candidate]:
        """Give so many candidates, all before any of their losses is known."""
        self._asked = [self._study.ask(dict(self._distributions)) for _ in range(count)]
        return [self._candidate(trial.params) for trial in self._asked]

    def tell(self, losses: Sequence[float]) -> None:
        """Take the losses of the candidates that were asked for last, in their order."""
        for trial, loss in zip(self._asked, losses, strict=True):
            self._study.tell(trial, loss)
        self._asked = []

    def remember(self, candidates: Sequence[Candidate], losses: Sequence[float]) -> None:
        """Take candidates of the past with their losses.

        They are asked for again, so that what follows is the same as if the search had never been interrupted. Where
        another version of Optuna draws others, those of the past are told all the same.
        """
        asked = self.ask(len(candidates))
        if asked == list(candidates):
            self.tell(losses)
            return
        for trial in self._asked:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        self._asked = []
        for candidate, loss in zip(candidates, losses, strict=True):
            params = {name: self._known(name, value) for name, value in candidate.items()}
            self._study.add_trial(create_trial(params=params, distributions=dict(self._distributions), value=loss))

    def _candidate(self, params: Mapping[str, object]) -> Candidate:
        return {name: params[name] for name in self._distributions}  # type: ignore[misc]  # as the dimensions have them

    def _known(self, name: str, value: object) -> object:
        distribution = self._distributions[name]
        if isinstance(distribution, FloatDistribution) and isinstance(value, int | float):
            return float(value)
        return value


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    if dimension.is_whole:
        return IntDistribution(int(dimension.low), int(dimension.high), step=int(dimension.step or 1))
    return FloatDistribution(dimension.low, dimension.high, step=dimension.step)
