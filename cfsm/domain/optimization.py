"""Optimisation: what is asked for, and when found parameters are really better than a strategy's own.

Epochs are tried on the screening days. The best of them and the original are then backtested on the walk-forward days,
which no epoch has seen, and only there it is decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from cfsm.domain.hyperopt import SPACES, Parameters
from cfsm.domain.metrics import return_moments
from cfsm.domain.selection import probabilistic_sharpe

OPTIMIZED, KEPT = "optimized", "kept"
"""The verdicts of an optimisation."""


@dataclass(frozen=True)
class Order:
    """What is asked for: how many epochs at most, in how many seconds at most (0: any), in which spaces, which seed."""

    epochs: int = 100
    seconds: float = 0.0
    spaces: tuple[str, ...] = SPACES
    seed: int = 1

    def __post_init__(self) -> None:
        unknown = [space for space in self.spaces if space not in SPACES]
        if unknown or not self.spaces:
            raise ValueError(f"{', '.join(unknown) or 'nothing'} cannot be searched: name some of {', '.join(SPACES)}")
        if self.epochs < 1 or self.seconds < 0 or self.seed < 0:
            raise ValueError("an optimisation needs at least one epoch, and neither seconds nor seed below zero")

    def as_mapping(self) -> dict[str, Any]:
        """Give plain data."""
        return {**asdict(self), "spaces": list(self.spaces)}

    @classmethod
    def from_mapping(cls, facts: Mapping[str, Any]) -> "Order":
        """Take plain data back."""
        return cls(int(facts["epochs"]), float(facts["seconds"]), tuple(facts["spaces"]), int(facts["seed"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class BetterRules:
    """What found parameters must show on the walk-forward days.

    ``probability`` is the least that the mean of the daily returns is above that of the original, given that there are
    so many days and they vary as they do (probabilistic Sharpe ratio of the differences, against zero).
    """

    probability: float = 0.9
    minimum_trades: int = 10


@dataclass(frozen=True)
class Contestant:
    """One of the two on the walk-forward days: figures with ``windows``, and the daily returns, None after a ruin."""

    figures: Mapping[str, Any]
    daily_returns: Sequence[float] | None


@dataclass(frozen=True)
class Comparison:
    """Which is better, and why: what speaks against the found parameters, empty where nothing does."""

    probability: float | None
    windows_won: int
    windows: int
    against: tuple[str, ...]

    @property
    def is_better(self) -> bool:
        """Say whether the found parameters are to be used."""
        return not self.against

    def in_words(self) -> str:
        """Give the decision as one line."""
        if self.against:
            return "; ".join(self.against)
        assert self.probability is not None
        return f"better on {self.windows_won} of {self.windows} windows, with probability {self.probability:.3f}"


def compare(original: Contestant, found: Contestant, rules: BetterRules) -> Comparison:
    """Hold found parameters against the original's on the same days.

    They are better if all of this holds: enough trades, a profit, a higher daily Sharpe ratio, more profit in more than
    half of the windows, and a difference of the daily returns that is hardly luck (``BetterRules.probability``).
    """
    probability = _probability(original.daily_returns, found.daily_returns)
    windows = list(zip(original.figures["windows"], found.figures["windows"], strict=False))
    won = sum(mine["profit_total"] > theirs["profit_total"] for theirs, mine in windows)
    against = []
    trades, profit = found.figures["total_trades"], found.figures["profit_total"]
    sharpe, before = found.figures.get("sharpe_daily"), original.figures.get("sharpe_daily")
    if trades < rules.minimum_trades:
        against.append(f"{trades} trades out of sample, {rules.minimum_trades} are needed")
    if profit <= 0:
        against.append(f"it loses out of sample ({profit * 100:.2f} %)")
    if sharpe is None or (before is not None and sharpe <= before):
        shown = ["-" if each is None else f"{each:.2f}" for each in (sharpe, before)]
        against.append(f"a daily Sharpe ratio of {shown[0]} out of sample, the original has {shown[1]}")
    if 2 * won <= len(windows):
        against.append(f"better on {won} of {len(windows)} windows only")
    if probability is None or probability < rules.probability:
        shown_probability = "unknown" if probability is None else f"{probability:.3f}"
        against.append(f"the probability that it is better is {shown_probability}, {rules.probability:g} is needed")
    return Comparison(probability, won, len(windows), tuple(against))


def _probability(original: Sequence[float] | None, found: Sequence[float] | None) -> float | None:
    if original is None or found is None or len(original) != len(found):
        return None
    moments = return_moments([mine - theirs for theirs, mine in zip(original, found, strict=True)])
    return None if moments is None else probabilistic_sharpe(moments)


def parameter_file(strategy_name: str, parameters: Parameters, export_time: str) -> bytes:
    """Give Freqtrade's ``.json`` of parameters, to lie beside the strategy's file: the same input, the same bytes."""
    document = {
        "strategy_name": strategy_name,
        "params": parameters,
        "ft_stratparam_v": 1,
        "export_time": export_time,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
