"""Is a strategy worse than its backtest promised? Two sequential tests with declared error rates.

They may be looked at after every trade, for ever, without raising their error rates: what they give are e-values, of
which Ville's inequality (1939) says that they ever reach 1/a with probability a at most, if the promise is kept.

*Returns*: betting against the promise. With m the promise's floor and X a bundle's return, capped from above as the
promise's own were, capital starts at 1 and is multiplied by 1 + b (m - X). The bet b >= 0 is fixed before X is seen and
is at most 1 / (cap - m), so capital never falls below zero; if returns have the mean m or more, given the past, it is
a supermartingale, whatever their distribution. (Waudby-Smith and Ramdas, "Estimating means of bounded random variables
by betting", JRSS B 86(1), 2024; the bet is their aGRAPA, section B.3.)

*Frequency*: Wald's sequential probability ratio test ("Sequential tests of statistical hypotheses", 1945) of a Poisson
rate: the promise's floor against a third of it. After t days with n trades the likelihood ratio is
exp(-n ln 3 + floor (1 - 1/3) t). Trades come in clusters: the logarithm is divided by the index of dispersion that the
backtest showed (quasi-likelihood; McCullagh and Nelder, 1989, chapter 9). That is an approximation, as the floor is.

The two share the error rate evenly (Bonferroni). *Edge* is the same bet the other way: that returns have a mean of
zero or less. A loss twice as deep as the backtest's deepest costs half of the largest bet's capital, one four times as
deep all of it; that deeper ones do not happen is assumed. It is judged at the end, with what open trades are worth
then.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, inf, log
from statistics import fmean
from typing import Any

from cfsm.domain.promise import DAY_MS, WORST_RETURN, Promise, bundles_of
from cfsm.domain.trades import Trade

SLOWER = 3.0
"""So many times more seldom than promised is what the test of the frequency looks for."""

_BOLDNESS = 0.5
"""The share of the largest possible bet that is ever made: one bundle never costs more than half of the capital."""

_DEEPER = 2.0
"""So many times the backtest's deepest loss is the loss by which bets on an edge are bounded."""

_PRIOR_BUNDLES = 5.0
"""The first bets are made as if so many bundles had been seen with a mean return of zero."""

MOST_LOG = 700.0
"""Beyond it a capital is no float any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRules:
    """Declared error rates, and from when on the test may decide.

    ``worse_error`` is the probability at most of retiring a strategy that keeps its promise, ``edge_error`` that of
    confirming one without an edge.
    """

    worse_error: float = 0.05
    edge_error: float = 0.05

    def __post_init__(self) -> None:
        for rate in (self.worse_error, self.edge_error):
            if not 0 < rate < 1:
                raise ValueError("an error rate lies between 0 and 1")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the tests say so far. E-values: how many times the stake a bet against the hypothesis would have made.

    ``worse_returns`` and ``worse_rate`` against "as promised", at their highest so far; ``edge`` against "no edge".
    ``return_mean`` is counted as the promise's is: in bundles, a windfall as the highest return that counts.
    """

    trades: int
    bundles: int
    days: float
    return_mean: float | None
    rate: float | None
    worse_returns: float
    worse_rate: float
    edge: float
    worse_threshold: float
    edge_threshold: float

    @property
    def is_worse(self) -> bool:
        """Say whether the promise is broken, at the declared error rate."""
        return max(self.worse_returns, self.worse_rate) >= self.worse_threshold

    @property
    def has_edge(self) -> bool:
        """Say whether returns above zero are confirmed, at the declared error rate."""
        return self.edge >= self.edge_threshold

    def as_mapping(self) -> dict[str, Any]:
        """Give plain data, rounded as people read it."""
        return {name: _rounded(getattr(self, name)) for name in self.__dataclass_fields__} | {
            "is_worse": self.is_worse,
            "has_edge": self.has_edge,
        }


def evidence_of(
    promise: Promise,
    trades: Sequence[Trade],
    begin_ms: int,
    now_ms: int,
    rules: TestRules,
    *,
    still_open_ms: Iterable[int] = (),
    away: Sequence[tuple[int, int]] = (),
) -> Evidence:
    """Give the evidence of the trades that were closed from the beginning of a forward test until now.

    ``still_open_ms`` says when the trades were opened that are not closed yet: they happened too. ``away`` says from
    when to when no bot was there to trade: that time counts for nothing. The last bundle counts once nothing can join
    it any more. A promise of too few trades is not held against anybody.
    """
    done = [trade for trade in trades if trade.close_date <= now_ms]
    bundles = bundles_of(done, promise.bundle_seconds)
    if bundles and now_ms - bundles[-1].first_ms <= promise.bundle_seconds * 1_000:
        bundles = bundles[:-1]
    returns = [bundle.mean for bundle in bundles]
    days = watched_ms(begin_ms, now_ms, away) / DAY_MS
    moments = [*(trade.open_date for trade in trades), *still_open_ms]
    opened = sorted(watched_ms(begin_ms, moment, away) / DAY_MS for moment in moments if moment <= now_ms)
    testable = promise.is_testable
    return Evidence(
        trades=len(done),
        bundles=len(bundles),
        days=days,
        return_mean=fmean(min(each, promise.return_cap) for each in returns) if returns else None,
        rate=len(opened) / days if days else None,
        worse_returns=worse_returns(promise, returns) if testable else 1.0,
        worse_rate=worse_rate(promise, opened, days) if testable else 1.0,
        edge=edge(promise, returns) if testable else 1.0,
        worse_threshold=2 / rules.worse_error,
        edge_threshold=1 / rules.edge_error,
    )


def watched_ms(begin_ms: int, at_ms: int, away: Iterable[tuple[int, int]]) -> int:
    """Give how much of the time up to a moment somebody watched; what was ``away`` does not overlap."""
    missed = sum(max(0, min(end, at_ms) - max(begin, begin_ms)) for begin, end in away)
    return max(0, at_ms - begin_ms - missed)


def worse_returns(promise: Promise, returns: Sequence[float]) -> float:
    """Give the highest e-value that these returns, in order, ever gave against "as promised"."""
    floor, cap = promise.return_floor, promise.return_cap
    if cap <= floor:
        return 1.0
    capital = highest = 0.0
    bets = _Bets(floor, promise.return_deviation, _BOLDNESS / (cap - floor))
    for each in returns:
        gain = floor - min(each, cap)
        capital += log(1 + bets.next() * gain)
        bets.see(gain)
        highest = max(highest, capital)
    return _exp(highest)


def edge(promise: Promise, returns: Sequence[float]) -> float:
    """Give the e-value that these returns, in order, give against "no edge": the last, not the highest."""
    deepest = max(WORST_RETURN, _DEEPER * promise.return_worst)
    if deepest >= 0:
        return 1.0  # it never lost: no bet is bounded
    capital, bets = 0.0, _Bets(promise.return_mean, promise.return_deviation, _BOLDNESS / -deepest)
    for each in returns:
        factor = 1 + bets.next() * each
        if factor <= 0:
            return 0.0
        capital += log(factor)
        bets.see(each)
    return _exp(capital)


def worse_rate(promise: Promise, opened_days: Sequence[float], days: float) -> float:
    """Give the highest e-value that the times of entries (in days) ever gave against "as often as promised"."""
    drift, fall = promise.rate_floor * (1 - 1 / SLOWER), log(SLOWER)
    moments = [*opened_days, days]
    # Between two trades it rises: the highest are just before a trade, and now.
    highest = max((drift * moment - fall * count for count, moment in enumerate(moments)), default=0.0)
    return _exp(max(0.0, highest) / promise.dispersion)


class _Bets:
    """The bets of aGRAPA on gains: their mean so far over their second moment, between nothing and the most allowed."""

    def __init__(self, expected: float, deviation: float, most: float) -> None:
        self._most = most
        self._count = _PRIOR_BUNDLES
        self._sum = _PRIOR_BUNDLES * expected
        self._squares = _PRIOR_BUNDLES * deviation**2

    def next(self) -> float:
        """Give the next bet, which the next gain has no part in."""
        mean = self._sum / self._count
        moment = self._squares / self._count + mean**2
        return max(0.0, min(self._most, mean / moment)) if moment > 0 else 0.0

    def see(self, gain: float) -> None:
        """Take in a gain."""
        before = self._sum / self._count
        self._count += 1
        self._sum += gain
        self._squares += (gain - before) * (gain - self._sum / self._count)


def _exp(value: float) -> float:
    return exp(min(value, MOST_LOG))


def _rounded(value: float | None) -> float | None:
    if not isinstance(value, float) or value in {inf, -inf}:
        return value
    return float(f"{value:.6g}")
