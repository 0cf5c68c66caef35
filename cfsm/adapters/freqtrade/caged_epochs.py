"""Hyperopt inside the cage: the spaces of a strategy, and its backtest for one set of parameters after the other.

Freqtrade's own spaces are used and assigned as its hyperopt does, with two differences, both for the sake of a result
that a backtest with the exported parameters gives again: values are used as they are exported (rounded to 13 digits),
and indicators that read the value of a parameter are computed for every epoch, as with ``--analyze-per-epoch``.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.data.converter import trim_dataframes
from freqtrade.data.history import get_timerange
from freqtrade.enums import HyperoptState, RunMode
from freqtrade.misc import deep_merge_dicts, round_dict
from freqtrade.optimize.hyperopt.hyperopt_auto import HyperOptAuto
from freqtrade.optimize.hyperopt_tools import HyperoptStateContainer
from freqtrade.optimize.space import SKDecimal
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from cfsm.domain.hyperopt import Candidate

_DIGITS = 13
_FREQTRADES = ("roi", "stoploss", "trailing")
"""Spaces that every strategy has, of parameters that are no ``Parameter``."""


def hyperopt_config(spaces: Sequence[str]) -> dict[str, Any]:
    """Give what a configuration needs in addition for a strategy to know of its spaces."""
    return {"runmode": RunMode.HYPEROPT, "spaces": list(spaces), "hyperopt_ignore_missing_space": True}


class Epochs:
    """The epochs of one loaded strategy. Whatever it raises comes from the strategy."""

    def __init__(self, backtesting: Any, spaces: Sequence[str], seed: int) -> None:
        self._backtesting = backtesting
        self._strategy = backtesting.strategylist[0]
        self._seed = seed
        backtesting._set_strategy(self._strategy)  # noqa: SLF001 (as Freqtrade's hyperopt does)
        self._hyperopt = HyperOptAuto(backtesting.config)
        self._hyperopt.strategy = self._strategy
        self.spaces = {space: found for space in spaces if (found := list(self._dimensions_of(space)))}
        self._indicators: dict[str, pd.DataFrame] | None = None
        self._span: tuple[Any, Any] | None = None

    def _dimensions_of(self, space: str) -> Sequence[Any]:
        if space == "protection" and not self._backtesting.enable_protections:
            return ()
        if space not in _FREQTRADES:
            if not any(each.optimize for _, each in self._strategy.enumerate_parameters(space)):
                return ()  # Freqtrade would warn of it
            found: Sequence[Any] = self._hyperopt.get_indicator_space(space)
            return found
        given: Sequence[Any] = getattr(self._hyperopt, f"{space}_space")()
        return given

    def dimensions(self) -> list[dict[str, Any]]:
        """Give the dimensions as plain data."""
        return [_plain_dimension(space, each) for space, found in self.spaces.items() for each in found]

    def analyse(self) -> bool:
        """Compute the indicators; say whether that is done once for all epochs."""
        HyperoptStateContainer.set_state(HyperoptState.INDICATORS)
        self._data, timerange = self._backtesting.load_bt_data()
        self._startup = timerange
        indicators = self._strategy.advise_all_indicators(self._data)
        trimmed = trim_dataframes(indicators, timerange, self._backtesting.required_startup)
        self._span = get_timerange(trimmed)
        # Freqtrade notes where the value of a parameter was read while it looked.
        reads = any(each._warned_static_use for _, each in self._strategy.enumerate_parameters())  # noqa: SLF001
        self._indicators = None if reads else indicators
        return not reads

    @property
    def span(self) -> tuple[Any, Any]:
        """From when to when trading can happen."""
        assert self._span is not None
        return self._span

    def try_one(self, candidate: Candidate) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Backtest with these values; give the trades, and the parameters as Freqtrade exports them."""
        HyperoptStateContainer.set_state(HyperoptState.OPTIMIZE)
        random.seed(self._seed)
        np.random.seed(self._seed)  # noqa: NPY002 (strategies use the old generator)
        exported = self._assign(candidate)
        if self._indicators is None:
            processed = self._strategy.advise_all_indicators(self._data)
        else:
            processed = {pair: frame.copy(deep=False) for pair, frame in self._indicators.items()}
        start, end = self.span
        found = self._backtesting.backtest(processed=processed, start_date=start, end_date=end)
        return found["results"], exported

    def _assign(self, candidate: Candidate) -> dict[str, Any]:
        """Give the strategy these values, and what is exported of them and of the values that stay."""
        strategy, values = self._strategy, dict(candidate)
        for name, parameter in strategy.enumerate_parameters():
            if parameter.in_space and parameter.optimize and name in values:
                parameter.value = values[name]
        exported = {space: dict(found) for space, found in self._of_spaces(values)}
        if "roi" in exported:
            table = {int(minutes): ratio for minutes, ratio in exported["roi"].items()}
            strategy.minimal_roi = dict(sorted(table.items()))
        if "stoploss" in exported:
            strategy.stoploss = exported["stoploss"]["stoploss"]
        for name, value in exported.get("trailing", {}).items():
            setattr(strategy, name, value)
        whole: dict[str, Any] = deep_merge_dicts(exported, {**strategy.get_no_optimize_params(), **_staying(strategy)})
        return whole

    def _of_spaces(self, values: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for space, dimensions in self.spaces.items():
            if space == "roi":
                table = self._hyperopt.generate_roi_table(dict(values))
                yield space, round_dict({str(minutes): ratio for minutes, ratio in table.items()}, _DIGITS)
            elif space == "trailing":
                yield space, round_dict(self._hyperopt.generate_trailing_params(dict(values)), _DIGITS)
            else:
                yield space, round_dict({each.name: values[each.name] for each in dimensions}, _DIGITS)


def _staying(strategy: Any) -> dict[str, Any]:
    return {
        "roi": {str(minutes): ratio for minutes, ratio in strategy.minimal_roi.items()},
        "stoploss": {"stoploss": strategy.stoploss},
        "trailing": {
            name: getattr(strategy, name)
            for name in (
                "trailing_stop",
                "trailing_stop_positive",
                "trailing_stop_positive_offset",
                "trailing_only_offset_is_reached",
            )
        },
    }


def _plain_dimension(space: str, dimension: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": str(dimension.name), "space": space}
    if isinstance(dimension, CategoricalDistribution):
        return {**plain, "choices": list(dimension.choices)}
    if isinstance(dimension, IntDistribution):
        step = dimension.step if dimension.step != 1 else None
        return {**plain, "low": dimension.low, "high": dimension.high, "step": step, "is_whole": True}
    if isinstance(dimension, FloatDistribution | SKDecimal):
        return {**plain, "low": dimension.low, "high": dimension.high, "step": dimension.step}
    raise TypeError(f"{space}: {type(dimension).__name__} is no dimension that Freqtrade searches")
