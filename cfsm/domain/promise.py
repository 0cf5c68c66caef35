"""What a backtest promises of the trades to come: their returns and how often they happen.

Trades that end together are no independent witnesses: one fall of the market closes them all. So returns are taken
by bundles: the mean return of the trades that closed within ``bundle_seconds`` of the first of them. A bundle's length
is the mean time in a trade.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from math import isfinite, sqrt
from statistics import NormalDist, fmean
from typing import Any

from cfsm.domain.trades import Trade

DAY_MS = 86_400_000
WORST_RETURN = -1.0
"""In isolated margin a trade cannot lose more than its stake; a dry run may book more (no liquidation in time)."""

MIN_BUNDLES = 10
"""Fewer promise nothing that could be broken."""

CONFIDENCE = 0.95
"""One-sided: the true mean and rate lie below the promise's floor with the rest of the probability."""

_SHORTEST_BUNDLE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Promise:
    """A backtest's trades in numbers. Returns are ratios of the stake, with fees; rates are per day.

    ``return_floor`` and ``rate_floor`` are the least that the backtest's own uncertainty leaves of the mean and of the
    rate; ``return_cap`` is the highest return that counts: what is above it counts as it, in backtest and forward test
    alike, ``return_worst`` the lowest. ``dispersion`` is how much more than Poisson's the days' numbers of trades
    vary (1 or more).
    """

    trades: int
    bundles: int
    days: float
    bundle_seconds: int
    return_mean: float
    return_deviation: float
    return_floor: float
    return_cap: float
    return_worst: float
    rate: float
    rate_floor: float
    dispersion: float

    def as_mapping(self) -> dict[str, float | int]:
        """Give plain data that ``from_mapping`` takes back without loss."""
        return asdict(self)

    @classmethod
    def from_mapping(cls, facts: Mapping[str, Any]) -> "Promise":
        """Take plain data back. Raise TypeError if it is none of ``as_mapping``'s."""
        return cls(**facts)

    @property
    def is_testable(self) -> bool:
        """Say whether there were trades enough to promise anything."""
        return self.bundles >= MIN_BUNDLES and self.return_deviation > 0


def promise_of(trades: Sequence[Trade], begin_ms: int, end_ms: int) -> Promise:
    """Give what these trades of a backtest, from its beginning to its end, promise. Raise ValueError for no time."""
    if end_ms <= begin_ms:
        raise ValueError("a backtest that ends before it begins promises nothing")
    seconds = _bundle_seconds(trades)
    returns = [bundle.mean for bundle in bundles_of(trades, seconds)]
    days = (end_ms - begin_ms) / DAY_MS
    cap = _cap(returns)
    capped = [min(each, cap) for each in returns]
    mean, deviation = (fmean(capped), _deviation(capped)) if capped else (0.0, 0.0)
    z = NormalDist().inv_cdf(CONFIDENCE)
    rate = len(trades) / days
    dispersion = _dispersion(trades, begin_ms, end_ms)
    return Promise(
        trades=len(trades),
        bundles=len(returns),
        days=round(days, 6),
        bundle_seconds=seconds,
        return_mean=mean,
        return_deviation=deviation,
        return_floor=mean - z * deviation / sqrt(len(capped)) if capped else 0.0,
        return_cap=cap,
        return_worst=min(returns, default=0.0),
        rate=rate,
        rate_floor=max(0.0, rate - z * sqrt(rate * dispersion / days)),
        dispersion=dispersion,
    )


@dataclass(frozen=True, slots=True)
class Bundle:
    """Trades that closed together: when the first of them did (milliseconds), how many, their mean return."""

    first_ms: int
    trades: int
    mean: float


def bundles_of(trades: Iterable[Trade], bundle_seconds: int) -> list[Bundle]:
    """Give the trades in bundles, in the order in which they closed."""
    bundles: list[Bundle] = []
    held: list[float] = []
    first_ms = 0
    for trade in sorted(trades, key=lambda each: (each.close_date, each.open_date, each.pair)):
        if held and trade.close_date - first_ms > bundle_seconds * 1_000:
            bundles.append(Bundle(first_ms, len(held), fmean(held)))
            held = []
        if not held:
            first_ms = trade.close_date
        held.append(return_of(trade))
    if held:
        bundles.append(Bundle(first_ms, len(held), fmean(held)))
    return bundles


def return_of(trade: Trade) -> float:
    """Give a trade's return on its stake, fees included; no loss beyond the stake."""
    return max(WORST_RETURN, trade.profit_ratio)


def _bundle_seconds(trades: Sequence[Trade]) -> int:
    if not trades:
        return _SHORTEST_BUNDLE_SECONDS
    held = fmean((trade.close_date - trade.open_date) / 1_000 for trade in trades)
    return max(_SHORTEST_BUNDLE_SECONDS, round(held))


def _cap(returns: Sequence[float]) -> float:
    """Give the highest return that counts: the backtest's second highest, so that no single windfall is promised."""
    ordered = sorted(returns)
    return ordered[-2] if len(ordered) > 1 else ordered[0] if ordered else 0.0


def _deviation(values: Sequence[float]) -> float:
    if len(values) < 2:  # noqa: PLR2004  one value has no spread
        return 0.0
    mean = fmean(values)
    found = sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return found if isfinite(found) else 0.0


def _dispersion(trades: Iterable[Trade], begin_ms: int, end_ms: int) -> float:
    """Give the variance of the days' numbers of trades over their mean, 1 or more (index of dispersion)."""
    last = (end_ms - begin_ms) // DAY_MS
    opened = sorted((trade.open_date - begin_ms) // DAY_MS for trade in trades)
    counts = {day: len(list(each)) for day, each in groupby(opened) if day < last}
    days = [counts.get(day, 0) for day in range(last)]
    if len(days) < 2 or not sum(days):  # noqa: PLR2004  as above
        return 1.0
    return max(1.0, _deviation(days) ** 2 / fmean(days))
