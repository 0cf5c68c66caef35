"""Candles in memory: checks, gaps, and the hash of their content."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cfsm.adapters.market_data.series import CandleType, Series, grid_offset_ms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LONGEST_FUNDING_STEP_MS = 8 * 3_600_000
"""Exchanges settle funding every 8 hours or more often."""


class UnreadableFile(Exception):
    """A file holds no candles that can be read; the message says why."""


@dataclass(frozen=True)
class Gap:
    """Candles that are not there: the first and the last missing one (epoch, milliseconds), and how many."""

    first_ms: int
    last_ms: int
    candles: int


@dataclass(frozen=True)
class Candles:
    """One series: opening times in milliseconds since the epoch, and a column of numbers for each name."""

    series: Series
    dates_ms: Ints
    columns: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.dates_ms)


def content_hash(candles: Candles) -> str:
    """Give the sha256 of pair, timeframe, candle type and the columns' bytes, whatever file held them."""
    digest = hashlib.sha256()
    series = candles.series
    digest.update(f"{series.pair}\n{series.timeframe}\n{series.candle_type}\n{len(candles)}\n".encode())
    digest.update(np.ascontiguousarray(candles.dates_ms, dtype="<i8").data)
    for name in series.columns:
        digest.update(f"\n{name}\n".encode())
        digest.update(np.ascontiguousarray(candles.columns[name], dtype="<f8").data)
    return digest.hexdigest()


def find_gaps(candles: Candles) -> tuple[Gap, ...]:
    """Give the runs of missing candles, in order. Funding rates may lie up to 8 hours apart."""
    step = candles.series.step_ms
    if candles.series.candle_type is CandleType.FUNDING_RATE:
        step = max(step, LONGEST_FUNDING_STEP_MS)
    dates = candles.dates_ms
    (before,) = np.nonzero(np.diff(dates) > step)
    return tuple(_gap(int(dates[i]), int(dates[i + 1]), step) for i in before)


def _gap(before_ms: int, after_ms: int, step_ms: int) -> Gap:
    missing = -(-(after_ms - before_ms) // step_ms) - 1
    return Gap(before_ms + step_ms, before_ms + missing * step_ms, missing)


def find_faults(candles: Candles) -> Iterator[str]:
    """Say what is wrong with the content, each fault once with the first place where it shows."""
    if not len(candles):
        yield "holds no candles"
        return
    yield from _faults_of_dates(candles)
    for name, values in candles.columns.items():
        if (at := _first(~np.isfinite(values))) is not None:
            yield f"column {name} is not a number at {when(candles, at)}"
            return
    if candles.series.candle_type is not CandleType.FUNDING_RATE:
        yield from _faults_of_prices(candles)


def _faults_of_dates(candles: Candles) -> Iterator[str]:
    dates, series = candles.dates_ms, candles.series
    steps = np.diff(dates)
    if (at := _first(steps < 0)) is not None:
        yield f"dates are not in order after {when(candles, at)}"
    if (at := _first(steps == 0)) is not None:
        yield f"the date {when(candles, at)} comes twice"
    if (at := _first(dates % series.step_ms != grid_offset_ms(series.timeframe))) is not None:
        yield f"the date {when(candles, at)} is not a multiple of {series.timeframe}"


def _faults_of_prices(candles: Candles) -> Iterator[str]:
    column = candles.columns
    if (at := _first(column["high"] < np.maximum(column["open"], column["close"]))) is not None:
        yield f"high is below open or close at {when(candles, at)}"
    if (at := _first(column["low"] > np.minimum(column["open"], column["close"]))) is not None:
        yield f"low is above open or close at {when(candles, at)}"
    if (at := _first(column["low"] <= 0)) is not None:
        yield f"a price is not positive at {when(candles, at)}"
    if (at := _first(column["volume"] < 0)) is not None:
        yield f"volume is negative at {when(candles, at)}"


def _first(wrong: npt.NDArray[np.bool_]) -> int | None:
    return int(wrong.argmax()) if wrong.any() else None


def when(candles: Candles, index: int) -> str:
    """Give a candle's opening time as people read it, in UTC."""
    return f"{np.datetime64(int(candles.dates_ms[index]), 'ms')!s}Z"
