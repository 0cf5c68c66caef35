"""A synthetic futures market: deterministic, correlated, with bursts of volatility, jumps, trends and ranges.

The model, in steps of five minutes:

- Volatility is the exponential of a sum of autoregressions with half-lives from 20 minutes to 4 days, shared
  and own (stochastic volatility: fat tails, and large moves that follow large moves), times a daily pattern
  and a quieter weekend.
- A return is a shared and an own draw, weighted by the pair's loading, plus rare jumps whose sizes have a
  power-law tail and which raise volatility after them.
- Regimes of hours to days push prices up, push them down, or pull them back to their recent mean; nothing
  tells a strategy which one it is in.
- The high and low of a candle are the extremes of a Brownian bridge between its open and close, drawn
  exactly: max = (a + b + sqrt((b - a)^2 - 2 s^2 ln u)) / 2.
- Funding follows Binance's shape: a premium that follows recent returns, held at 0.01 % per 8 hours where it
  is a little above it.

Equal recipes give equal bytes. Log prices live on a grid of 2**-26, so that last-bit differences of `exp`
and `log` between processors do not add up, and prices, volumes and rates are whole numbers of ticks until
they are written. A pair's candles depend neither on the other pairs of the recipe nor on how long it goes on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cfsm.adapters.market_data.candles import Candles, Floats, Ints
from cfsm.adapters.market_data.draws import Draws
from cfsm.adapters.market_data.markets import Instrument, instrument_of
from cfsm.adapters.market_data.recipe import STEP_MS, STEPS_PER_DAY, STEPS_PER_HOUR, Recipe
from cfsm.adapters.market_data.series import CandleType, Series, funding_of, mark_of

GRID = 2.0**26

_HOURLY_VOLATILITY = (
    1.12, 1.05, 0.97, 0.84, 0.80, 0.80, 0.83, 0.87, 0.90, 0.85, 0.82, 0.85,
    0.98, 1.24, 1.39, 1.28, 1.20, 1.15, 1.06, 1.03, 1.02, 1.11, 0.98, 0.85,
)  # fmt: skip
_HOURLY_TURNOVER = (
    1.00, 0.93, 0.86, 0.77, 0.75, 0.74, 0.83, 0.90, 0.96, 0.88, 0.83, 0.86,
    1.08, 1.49, 1.74, 1.57, 1.34, 1.20, 0.98, 0.97, 0.91, 0.79, 0.78, 0.71,
)  # fmt: skip
_WEEKEND_VOLATILITY, _WEEKEND_TURNOVER = 0.80, 0.65

# Autoregressions of log volatility: half-life in steps, standard deviation.
_SHARED = ((6, 0.30), (72, 0.25), (1152, 0.25))
_OWN = ((4, 0.25), (96, 0.20))
_LOG_VARIANCE = sum(deviation**2 for _, deviation in (*_SHARED, *_OWN))

# Jumps: how many a day, the smallest and the largest, for a pair whose volatility is 4 % a day.
_SHARED_JUMPS = (0.5, 0.006, 0.12)
_OWN_JUMPS = (0.25, 0.004, 0.06)
_JUMPS_AT_VOLATILITY = 0.04
_JUMP_KICK = 0.8  # added to log volatility by a jump of one percent
_CRASHES = 0.53  # share of jumps that go down: a little more than up

_REGIME_SHORTEST, _REGIME_MEAN = 72, 720  # steps: 6 hours, and 60 hours on top of it
_RISING, _TRENDING = 0.3, 0.6  # shares of regimes: three up and three down for every four ranges
_TREND_SHARED, _TREND_OWN = 0.80, 0.60  # drift per day of a trend, in daily standard deviations, on average
_PULL_HALF_LIFE, _ANCHOR_HALF_LIFE, _LEVEL_HALF_LIFE = 96, 288, 17_280

_MARK_DIGITS = 8
_FUNDING_STEP_MS = 8 * 3_600_000
_FUNDING_BASE, _FUNDING_CLAMP, _FUNDING_LARGEST = 1e-4, 5e-4, 3e-3
# The premium of the traded price: its mean, what is kept of a deviation, what a return adds, its own noise.
_PREMIUM_MEAN, _PREMIUM_KEPT, _PREMIUM_OF_RETURN, _PREMIUM_NOISE = 4e-5, 0.6, 8e-4, 4e-5


@dataclass(frozen=True)
class Ticks:
    """Candles as whole numbers: prices in ticks, volume in steps of the amount."""

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints

    def resample(self, per_candle: int) -> "Ticks":
        """Join this many candles into each one."""
        return Ticks(
            open=self.open.reshape(-1, per_candle)[:, 0],
            high=self.high.reshape(-1, per_candle).max(axis=1),
            low=self.low.reshape(-1, per_candle).min(axis=1),
            close=self.close.reshape(-1, per_candle)[:, -1],
            volume=self.volume.reshape(-1, per_candle).sum(axis=1),
        )


def generate(recipe: Recipe) -> Iterator[Candles]:
    """Make the market, one series after another: each pair's timeframes, marks and funding rates."""
    shared = _Shared.draw(recipe)
    for pair in recipe.pairs:
        figures = instrument_of(pair)
        ticks = _trade(recipe, pair, figures, shared)
        for timeframe in recipe.timeframes:
            yield _candles(recipe, Series(pair, timeframe, CandleType.FUTURES), ticks, figures)
        hourly = ticks.resample(STEPS_PER_HOUR)
        yield _mark(recipe, pair, hourly, figures)
        yield _funding(recipe, pair, hourly)


@dataclass(frozen=True)
class _Shared:
    """What moves the market as a whole, step by step."""

    log_volatility: Floats
    returns: Floats
    jumps: Floats
    drift: Floats
    hour: Ints
    weekend: Floats

    @classmethod
    def draw(cls, recipe: Recipe) -> "_Shared":
        steps = recipe.steps
        jumps = _jumps(recipe, "market", *_SHARED_JUMPS)
        minutes = recipe.start_ms // 60_000 + 5 * np.arange(steps)
        day_of_week = (minutes // 1440 + 3) % 7  # 0 is Monday; the epoch was a Thursday
        return cls(
            log_volatility=_log_volatility(recipe, "market", _SHARED, jumps),
            returns=Draws(recipe.seed, "returns market").normals(steps),
            jumps=jumps,
            drift=_regimes(recipe, "market", _TREND_SHARED)[0],
            hour=minutes // 60 % 24,
            weekend=(day_of_week >= 5).astype(np.float64),  # noqa: PLR2004 - Saturday and Sunday
        )


def _trade(recipe: Recipe, pair: str, figures: Instrument, shared: _Shared) -> Ticks:
    """Make a pair's five-minute candles."""
    jumps = _jumps(recipe, pair, *_OWN_JUMPS)
    log_volatility = shared.log_volatility + _log_volatility(recipe, pair, _OWN, jumps)
    pattern = np.asarray(_HOURLY_VOLATILITY)[shared.hour] * (1 + (_WEEKEND_VOLATILITY - 1) * shared.weekend)
    volatility = figures.volatility / STEPS_PER_DAY**0.5 * pattern * np.exp(log_volatility - _LOG_VARIANCE)
    own_drift, pull = _regimes(recipe, pair, _TREND_OWN)
    own_returns = Draws(recipe.seed, f"returns {pair}").normals(recipe.steps)
    loading = figures.loading
    returns = volatility * (loading * shared.returns + (1 - loading**2) ** 0.5 * own_returns)
    returns += (shared.drift + own_drift) * figures.volatility / STEPS_PER_DAY
    returns += (shared.jumps + jumps) * figures.volatility / _JUMPS_AT_VOLATILITY
    path = _walk(returns, pull)
    level = figures.level * float(np.exp(0.1 * Draws(recipe.seed, f"level {pair}").normals(1)[0]))
    prices = _prices(recipe, pair, path, volatility, level * 10.0**figures.price_digits)
    volume = _volume(recipe, pair, prices, log_volatility, shared, figures)
    return Ticks(*prices, volume)


def _log_volatility(recipe: Recipe, purpose: str, parts: Sequence[tuple[int, float]], jumps: Floats) -> Floats:
    """Sum autoregressions, each begun at rest in its stationary law; jumps kick the fastest."""
    keep = np.array([0.5 ** (1 / half_life) for half_life, _ in parts])
    deviation = np.array([each for _, each in parts])
    draws = Draws(recipe.seed, f"volatility {purpose}").normals(recipe.steps + 1, len(parts))
    pushes = draws[1:] * deviation * np.sqrt(1 - keep**2)
    pushes[:, 0] += _JUMP_KICK * np.minimum(np.abs(jumps) / 0.01, 2.0)
    state = draws[0] * deviation
    states = np.empty_like(pushes)
    for step, push in enumerate(pushes):
        state = keep * state + push
        states[step] = state
    total: Floats = states.sum(axis=1)
    return total


def _jumps(recipe: Recipe, purpose: str, per_day: float, smallest: float, largest: float) -> Floats:
    """Give jumps of the log price, most of them zero; the tail of their sizes falls with the square."""
    draws = Draws(recipe.seed, f"jumps {purpose}").uniforms(recipe.steps, 3)
    sign = np.where(draws[:, 2] < _CRASHES, -1.0, 1.0)
    size = np.minimum(smallest / np.sqrt(draws[:, 1]), largest)
    return np.where(draws[:, 0] < per_day / STEPS_PER_DAY, sign * size, 0.0)


def _regimes(recipe: Recipe, purpose: str, trend: float) -> tuple[Floats, Floats]:
    """Give the drift (daily standard deviations per day) and the pull (1 where the regime is a range)."""
    steps = recipe.steps
    draws = Draws(recipe.seed, f"regimes {purpose}").uniforms(steps // _REGIME_SHORTEST + 1, 3)
    lengths = np.rint(_REGIME_SHORTEST - _REGIME_MEAN * np.log(draws[:, 0])).astype(np.int64)
    drift, pull = np.zeros(steps), np.zeros(steps)
    bounds = np.minimum(np.concatenate([[0], np.cumsum(lengths)]), steps)
    for (begin, end), (_, kind, strength) in zip(pairwise(bounds), draws, strict=True):
        if kind < _TRENDING:
            drift[begin:end] = (1 if kind < _RISING else -1) * trend * (0.5 + strength)
        else:
            pull[begin:end] = 1.0
    return drift, pull


def _walk(returns: Floats, pull: Floats) -> Floats:
    """Add up returns into log prices that begin at 0, pulled to their recent mean in ranges, on the grid.

    A faint pull back to 0 keeps prices at realistic levels for years.
    """
    to_mean = pull * (1 - 0.5 ** (1 / _PULL_HALF_LIFE))
    to_level = 1 - 0.5 ** (1 / _LEVEL_HALF_LIFE)
    follow = 1 - 0.5 ** (1 / _ANCHOR_HALF_LIFE)
    path = np.empty(len(returns) + 1)
    here = anchor = 0.0
    path[0] = here
    for step, (move, strength) in enumerate(zip(returns.tolist(), to_mean.tolist(), strict=True), start=1):
        here += round((move + strength * (anchor - here) - to_level * here) * GRID) / GRID
        anchor += follow * (here - anchor)
        path[step] = here
    return path


def _prices(
    recipe: Recipe, pair: str, path: Floats, volatility: Floats, level_ticks: float
) -> tuple[Ints, Ints, Ints, Ints]:
    """Give open, high, low and close in ticks; a candle opens within one tick of the last close."""
    draws = Draws(recipe.seed, f"candles {pair}").uniforms(recipe.steps, 3)
    at_ends = np.maximum(_whole(np.exp(path) * level_ticks), 2)
    closes = at_ends[1:]
    opens = np.maximum(at_ends[:-1] + _whole(2.0 * draws[:, 0] - 1.0), 1)
    begin, end = path[:-1], path[1:]
    spread = np.sqrt((end - begin) ** 2 - 2 * volatility[:, None].T ** 2 * np.log(draws[:, 1:]).T)
    high = _whole(np.exp((begin + end + spread[0]) / 2) * level_ticks)
    low = _whole(np.exp((begin + end - spread[1]) / 2) * level_ticks)
    high = np.maximum(high, np.maximum(opens, closes))
    low = np.maximum(np.minimum(low, np.minimum(opens, closes)), 1)
    return opens, high, low, closes


def _volume(
    recipe: Recipe,
    pair: str,
    prices: tuple[Ints, Ints, Ints, Ints],
    log_volatility: Floats,
    shared: _Shared,
    figures: Instrument,
) -> Ints:
    """Give volumes in steps of the amount: more by day, in wild times, and in candles that move."""
    _, high, low, close = (each.astype(np.float64) for each in prices)
    pattern = np.asarray(_HOURLY_TURNOVER)[shared.hour] * (1 + (_WEEKEND_TURNOVER - 1) * shared.weekend)
    width = np.log(high / low) / (figures.volatility / STEPS_PER_DAY**0.5 * 1.6)
    noise = Draws(recipe.seed, f"volume {pair}").normals(recipe.steps)
    turnover = figures.turnover * pattern * np.exp(0.5 * log_volatility + 0.4 * noise) * np.sqrt(1.8 * width + 0.1)
    amount_steps = turnover / (close / 10.0**figures.price_digits) * 10.0**figures.amount_digits
    return np.maximum(_whole(amount_steps), 1)


def _candles(recipe: Recipe, series: Series, ticks: Ticks, figures: Instrument) -> Candles:
    per_candle = series.step_ms // STEP_MS
    joined = ticks.resample(per_candle)
    columns = {name: getattr(joined, name) / 10.0**figures.price_digits for name in series.columns[:-1]}
    columns["volume"] = joined.volume / 10.0**figures.amount_digits
    return Candles(series, _dates(recipe, series.step_ms), columns)


def _mark(recipe: Recipe, pair: str, hourly: Ticks, figures: Instrument) -> Candles:
    """Make the hourly mark price: the traded one, a few hundredths of a percent off, in steps of 1e-8."""
    hours = len(hourly.open)
    basis: Floats = 1 + 1e-4 * (0.3 + 1.5 * Draws(recipe.seed, f"mark {pair}").normals(hours + 1))
    scale = 10.0 ** (_MARK_DIGITS - figures.price_digits)
    before, after = basis[:-1] * scale, basis[1:] * scale
    most: Floats = np.maximum(before, after)
    least: Floats = np.minimum(before, after)
    opens, closes = _whole(hourly.open * before), _whole(hourly.close * after)
    high = np.maximum(_whole(hourly.high * most), np.maximum(opens, closes))
    low = np.minimum(_whole(hourly.low * least), np.minimum(opens, closes))
    columns = {"open": opens, "high": high, "low": low, "close": closes, "volume": np.zeros(hours, np.int64)}
    series = mark_of(pair)
    dates = _dates(recipe, series.step_ms)
    return Candles(series, dates, {name: values / 10.0**_MARK_DIGITS for name, values in columns.items()})


def _funding(recipe: Recipe, pair: str, hourly: Ticks) -> Candles:
    """Make the funding rate of every eight hours, from what came before it."""
    dates = _dates(recipe, _FUNDING_STEP_MS)
    opens = np.log(hourly.open[::8].astype(np.float64))
    gone = np.diff(opens, prepend=opens[0])
    draws = Draws(recipe.seed, f"funding {pair}").normals(len(dates))
    premium, rates = _PREMIUM_MEAN, np.empty(len(dates))
    for at, (move, draw) in enumerate(zip(gone.tolist(), draws.tolist(), strict=True)):
        kept = _PREMIUM_KEPT * (premium - _PREMIUM_MEAN)
        premium = _PREMIUM_MEAN + kept + _PREMIUM_OF_RETURN * move + _PREMIUM_NOISE * draw
        rates[at] = premium + min(max(_FUNDING_BASE - premium, -_FUNDING_CLAMP), 0.0)
    rates = np.clip(rates, -_FUNDING_LARGEST, _FUNDING_LARGEST)
    return Candles(funding_of(pair), dates, {"funding_rate": _whole(rates * 1e8) / 1e8})


def _dates(recipe: Recipe, step_ms: int) -> Ints:
    return recipe.start_ms + step_ms * np.arange(recipe.steps * STEP_MS // step_ms, dtype=np.int64)


def _whole(values: Floats) -> Ints:
    return np.rint(values).astype(np.int64)
