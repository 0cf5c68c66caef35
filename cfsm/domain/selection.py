"""Is it skill, or the best of many tries? Sharpe ratios held against luck, and the order of the leaderboard.

The formulas are those of Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012) and "The
Deflated Sharpe Ratio" (2014). Sharpe ratios here are per observation (one day), never annualised.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import ceil, e, inf, isfinite, sqrt
from statistics import NormalDist
from typing import Any

from cfsm.domain.metrics import ReturnMoments

EULER_MASCHERONI = 0.5772156649015329
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Trials:
    """The Sharpe ratios of every evaluation ever made: how many, how many defined, their mean and spread.

    ``add`` and ``merge`` give new values (Welford, 1962; Chan, Golub and LeVeque, 1979): the same trials in
    the same order give the same bits. ``m2`` is the sum of squared differences from the mean.
    """

    count: int = 0
    defined: int = 0
    mean: float = 0.0
    m2: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.defined <= self.count or not isfinite(self.mean) or not 0 <= self.m2 < inf:
            raise ValueError(f"Not a count of trials: {self}")

    def add(self, sr: float | None) -> "Trials":
        """Count one more trial; one without a Sharpe ratio was tried all the same."""
        if sr is None:
            return Trials(self.count + 1, self.defined, self.mean, self.m2)
        defined = self.defined + 1
        mean = self.mean + (sr - self.mean) / defined
        return Trials(self.count + 1, defined, mean, self.m2 + (sr - self.mean) * (sr - mean))

    @property
    def variance(self) -> float:
        """The sample variance of the Sharpe ratios; 0 for fewer than two."""
        return self.m2 / (self.defined - 1) if self.defined > 1 else 0.0

    @property
    def sr_by_luck(self) -> float:
        """The Sharpe ratio that the best of these trials shows if none has any skill."""
        return expected_maximum_sr(self.count, self.variance)

    def as_mapping(self) -> dict[str, int | float]:
        """Give plain data that ``from_mapping`` takes back without loss."""
        return asdict(self)

    @classmethod
    def from_mapping(cls, facts: Mapping[str, Any]) -> "Trials":
        """Take plain data back. Raise ValueError if it does not come from ``as_mapping``."""
        try:
            return cls(int(facts["count"]), int(facts["defined"]), float(facts["mean"]), float(facts["m2"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"Not a count of trials: {facts!r:.200}") from error


def probabilistic_sharpe(moments: ReturnMoments, benchmark_sr: float = 0.0) -> float | None:
    """Give the probability that the true Sharpe ratio exceeds the benchmark.

    PSR = Phi[(SR - SR*) sqrt(T - 1) / sqrt(1 - g3 SR + (g4 - 1)/4 SR^2)]. None where the estimate's variance
    vanishes, which only returns of two values can bring about.
    """
    variance = _variance_factor(moments)
    if variance <= 0:
        return None
    distance = (moments.sr - benchmark_sr) * sqrt(moments.observations - 1) / sqrt(variance)
    return _NORMAL.cdf(distance)


def expected_maximum_sr(trials: int, variance: float) -> float:
    """Give the largest Sharpe ratio to be expected of ``trials`` trials without skill; 0 for one or none.

    SR0 = sqrt(V) ((1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e))), g the constant of Euler and Mascheroni, V the
    variance of the trials' Sharpe ratios.
    """
    if trials <= 1 or variance <= 0:
        return 0.0
    # Z(1 - p) = -Z(p), which keeps its precision where 1 - p would be rounded to 1.
    typical, extreme = -_NORMAL.inv_cdf(1 / trials), -_NORMAL.inv_cdf(1 / (trials * e))
    return sqrt(variance) * ((1 - EULER_MASCHERONI) * typical + EULER_MASCHERONI * extreme)


def deflated_sharpe(moments: ReturnMoments, trials: Trials) -> float | None:
    """Give the probability that the true Sharpe ratio exceeds what luck gives the best of all trials."""
    return probabilistic_sharpe(moments, trials.sr_by_luck)


def minimum_track_record(moments: ReturnMoments, benchmark_sr: float = 0.0, probability: float = 0.95) -> int | None:
    """Give the observations needed until ``probabilistic_sharpe`` reaches ``probability`` at these moments.

    MinTRL = 1 + (1 - g3 SR + (g4 - 1)/4 SR^2) (Z(probability) / (SR - SR*))^2, rounded up. None where no
    length suffices: the Sharpe ratio does not exceed the benchmark. ``probability`` lies between 0.5 and 1.
    """
    if moments.sr <= benchmark_sr:
        return None
    needed = 1 + max(_variance_factor(moments), 0.0) * (_NORMAL.inv_cdf(probability) / (moments.sr - benchmark_sr)) ** 2
    return ceil(needed) if isfinite(needed) else None


class DoubtCode(StrEnum):
    """Why a strategy is not proven."""

    TOO_FEW_TRADES = "too_few_trades"
    NO_SHARPE = "no_sharpe"
    MAY_BE_LUCK = "may_be_luck"
    IN_SAMPLE = "in_sample"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason why a strategy is not proven, in words that say what would help."""

    code: DoubtCode
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRules:
    """What a strategy must show to be called proven."""

    minimum_trades: int = 30
    deflated_probability: float = 0.95
    out_of_sample_required: bool = True

    def __post_init__(self) -> None:
        if not 0.5 <= self.deflated_probability < 1:  # noqa: PLR2004 - below a half it would be no proof
            raise ValueError("deflated_probability must be at least 0.5 and below 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRecord:
    """What the verdict is about: trades and moments of the returns, and whether selection never saw them."""

    total_trades: int
    moments: ReturnMoments | None
    is_out_of_sample: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """The verdict on a strategy: proven, or not proven and why."""

    deflated_probability: float | None
    doubts: tuple[Doubt, ...]

    @property
    def is_proven(self) -> bool:
        """Say whether nothing speaks against it."""
        return not self.doubts

    def __str__(self) -> str:
        return "proven" if self.is_proven else "not proven"


def standing(record: TrackRecord, trials: Trials, rules: ProofRules) -> Standing:
    """Judge a track record by all trials made so far, its own included."""
    probability = deflated_sharpe(record.moments, trials) if record.moments else None
    doubts: list[Doubt] = []
    if record.total_trades < rules.minimum_trades:
        detail = f"{record.total_trades} trades; {rules.minimum_trades} are needed"
        doubts.append(Doubt(DoubtCode.TOO_FEW_TRADES, detail))
    if record.moments is None or probability is None:
        doubts.append(Doubt(DoubtCode.NO_SHARPE, "its daily returns have no Sharpe ratio"))
    elif probability < rules.deflated_probability:
        doubts.append(_luck(record.moments, probability, trials, rules))
    if rules.out_of_sample_required and not record.is_out_of_sample:
        doubts.append(Doubt(DoubtCode.IN_SAMPLE, "no result yet on days that selection never saw"))
    return Standing(probability, tuple(doubts))


def rank_key(verdict: Standing, sharpe_daily: float | None, name: str) -> tuple[bool, float, float, str]:
    """Give the key that sorts the best first: proven, then by deflated probability, Sharpe ratio, name."""
    probability = verdict.deflated_probability
    return (
        not verdict.is_proven,
        inf if probability is None else -probability,
        inf if sharpe_daily is None else -sharpe_daily,
        name,
    )


def _luck(moments: ReturnMoments, probability: float, trials: Trials, rules: ProofRules) -> Doubt:
    needed = minimum_track_record(moments, trials.sr_by_luck, rules.deflated_probability)
    more = (
        "luck alone gives the best of them as much"
        if needed is None
        else f"{needed} days like its {moments.observations} would do"
    )
    detail = f"{probability:.3f} (trials so far: {trials.count}), below {rules.deflated_probability:g}; {more}"
    return Doubt(DoubtCode.MAY_BE_LUCK, f"deflated probability {detail}")


def _variance_factor(moments: ReturnMoments) -> float:
    return 1 - moments.skew * moments.sr + (moments.kurtosis - 1) / 4 * moments.sr**2
