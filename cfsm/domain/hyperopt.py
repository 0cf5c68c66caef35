"""Hyperopt: the spaces in which a strategy's parameters are sought, the epochs that were tried, and what one is worth.

Spaces, dimensions and exported parameters are Freqtrade's, under its names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from cfsm.domain.evaluation import Finding

Value = bool | int | float | str | None
"""What a parameter may be."""

Candidate = Mapping[str, Value]
"""A value for each dimension, by its name: one point of the spaces."""

Parameters = Mapping[str, Mapping[str, Value]]
"""What Freqtrade exports as ``params``: values by space and name."""

SPACES = ("buy", "sell", "enter", "exit", "roi", "stoploss", "trailing", "protection")
"""The spaces that are searched. Freqtrade's ``trades`` is not among them: how many trades are open at once is the
factory's to say, as the stakes are."""

MAX_LOSS = 100_000.0
"""The loss of an epoch that is worth nothing, as in Freqtrade."""

MOST_DIMENSIONS = 200
MOST_CHOICES = 1_000
MAX_CHARACTERS = 200


class BadSpace(ValueError):
    """This is no dimension that can be searched; the message says why."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One parameter that is sought: in ``choices`` if it has any, else from ``low`` to ``high``, both included.

    ``step`` None is any number between; whole numbers have ``is_whole``. Raise BadSpace.
    """

    name: str
    space: str
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    is_whole: bool = False
    choices: tuple[Value, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= MAX_CHARACTERS or not 0 < len(self.space) <= MAX_CHARACTERS:
            raise BadSpace("a dimension has no name or a very long one")
        if len(self.choices) > MOST_CHOICES:
            raise BadSpace(f"{self.name}: {len(self.choices)} choices, {MOST_CHOICES} are the most")
        if any(isinstance(choice, str) and len(choice) > MAX_CHARACTERS for choice in self.choices):
            raise BadSpace(f"{self.name}: a choice is longer than {MAX_CHARACTERS} characters")
        if not self.choices and not (isfinite(self.low) and isfinite(self.high) and self.low <= self.high):
            raise BadSpace(f"{self.name}: the range from {self.low} to {self.high} is none")
        if self.step is not None and not 0 < self.step < float("inf"):
            raise BadSpace(f"{self.name}: the step {self.step} is none")


@dataclass(frozen=True)
class Epoch:
    """What one candidate gave, computed outside of the cage from its list of trades.

    ``figures`` are those of ``Metrics``; where the strategy failed there are ``findings`` and no figures.
    """

    parameters: Parameters
    figures: Mapping[str, Any]
    result_hash: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Search:
    """What a search of an engine gives for the spaces that were asked for.

    ``is_analysed_once`` says that indicators do not depend on the parameters and are shared between epochs.
    """

    dimensions: tuple[Dimension, ...]
    is_analysed_once: bool = True
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """An epoch with its number, from 1 on, as it is kept. ``sr`` is the Sharpe ratio per day, None where undefined.

    ``repeats`` is the number of an earlier epoch of the same candidate, which was not evaluated again.
    """

    number: int
    candidate: Candidate
    loss: float
    sr: float | None
    total_trades: int
    profit_total: float | None
    max_drawdown_account: float | None
    result_hash: str
    parameters: Parameters = field(default_factory=dict)
    repeats: int | None = None

    def in_short(self) -> dict[str, Any]:
        """Give what events keep of it; the rest is in a blob."""
        return {
            "number": self.number,
            "loss": self.loss,
            "sr": self.sr,
            "total_trades": self.total_trades,
            "profit_total": self.profit_total,
            "max_drawdown_account": self.max_drawdown_account,
            "repeats": self.repeats,
        }


def tried(number: int, candidate: Candidate, epoch: Epoch, minimum_trades: int) -> Tried:
    """Give an epoch as it is kept."""
    figures = epoch.figures
    return Tried(
        number=number,
        candidate=dict(candidate),
        loss=loss_of(epoch, minimum_trades),
        sr=figures.get("sr"),
        total_trades=figures.get("total_trades", 0),
        profit_total=figures.get("profit_total"),
        max_drawdown_account=figures.get("max_drawdown_account"),
        result_hash=epoch.result_hash,
        parameters=epoch.parameters,
    )


def key_of(candidate: Candidate) -> str:
    """Give the same text for the same values."""
    return repr(sorted(candidate.items()))


def loss_of(epoch: Epoch, minimum_trades: int) -> float:
    """Give the loss: minus the Sharpe ratio of the daily equity, by which strategies are ranked as well.

    ``MAX_LOSS`` for fewer trades than the minimum, for an account that was ruined and for a strategy that failed.
    """
    sharpe = epoch.figures.get("sharpe_daily")
    if epoch.findings or sharpe is None or epoch.figures.get("total_trades", 0) < minimum_trades:
        return MAX_LOSS
    return -float(sharpe)


def best_of(epochs: Sequence[Tried]) -> Tried | None:
    """Give the epoch with the least loss, the earliest of several; None where none is worth anything."""
    worth = [each for each in epochs if each.loss < MAX_LOSS]
    return min(worth, key=lambda each: (each.loss, each.number), default=None)
