"""A dataset: a folder of candles that Freqtrade reads, described by two small files beside them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from cfsm.adapters.market_data.candles import Candles, Gap, UnreadableFile
from cfsm.adapters.market_data.feather import read_candles
from cfsm.adapters.market_data.series import FUTURES_FOLDER, CandleType, Series, funding_of, mark_of
from cfsm.application.errors import Misconfigured

DESCRIPTION_FILE = "dataset.json"
MARKETS_FILE = "markets.json"


class Kind(StrEnum):
    """Where a dataset's candles come from."""

    SYNTHETIC = "synthetic"
    IMPORTED = "imported"
    DOWNLOADED = "downloaded"


@dataclass(frozen=True)
class Problem:
    """Something wrong with a file; ``fatal`` if results from this dataset would be wrong."""

    file: str
    message: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.file} {self.message}"


class UnusableData(Misconfigured):
    """The candles cannot be used as they are; the message names every bad file and what is wrong with it."""

    def __init__(self, what: str, problems: Iterable[Problem], advice: str) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([f"{what}:", *(f"  - {problem}" for problem in self.problems), advice]))


@dataclass(frozen=True)
class CandleFile:
    """What one file holds. Times are epoch milliseconds of opening times; ``sha256`` is over the content."""

    series: Series
    first_ms: int
    last_ms: int
    candles: int
    gaps: tuple[Gap, ...]
    sha256: str

    @property
    def first(self) -> datetime:
        """When the first candle opens, UTC."""
        return datetime.fromtimestamp(self.first_ms / 1000, UTC)

    @property
    def last(self) -> datetime:
        """When the last candle opens, UTC."""
        return datetime.fromtimestamp(self.last_ms / 1000, UTC)


@dataclass(frozen=True)
class Description:
    """What ``dataset.json`` says of a dataset. ``recipe`` holds what made a synthetic one."""

    name: str
    kind: Kind
    source: str
    created: str
    exchange: str
    seed: int | None = None
    markets: str = MARKETS_FILE
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Candles of several pairs in Freqtrade's layout, with the markets that they were traded on.

    ``folder`` is what Freqtrade calls ``datadir``.
    """

    folder: Path
    description: Description
    files: tuple[CandleFile, ...]
    broken: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """The dataset's name, unique in its store."""
        return self.description.name

    @property
    def kind(self) -> Kind:
        """Where the candles come from."""
        return self.description.kind

    @property
    def label(self) -> str:
        """The name as it stands beside every result; says so when the candles are synthetic."""
        if self.kind is Kind.SYNTHETIC and "synthetic" not in self.name:
            return f"{self.name} (synthetic)"
        return self.name

    @property
    def markets_path(self) -> Path:
        """The file of the pairs' markets, as ccxt describes them."""
        return self.folder / self.description.markets

    @cached_property
    def markets(self) -> dict[str, Any]:
        """The pairs' markets, as ccxt describes them. Raise UnusableData if the file is damaged."""
        return read_markets(self.markets_path)

    @property
    def markets_hash(self) -> str:
        """The sha256 of the markets, whatever the order of their keys."""
        return hashlib.sha256(orjson.dumps(self.markets, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs that can be traded, in alphabetical order."""
        return tuple(sorted({file.series.pair for file in self._futures}))

    @property
    def timeframes(self) -> tuple[str, ...]:
        """The timeframes of which at least one pair has candles, shortest first."""
        steps = {file.series.timeframe: file.series.step_ms for file in self._futures}
        return tuple(sorted(steps, key=steps.__getitem__))

    @property
    def first(self) -> datetime | None:
        """When the earliest candle of any pair opens; None without candles."""
        return min((file.first for file in self._futures), default=None)

    @property
    def last(self) -> datetime | None:
        """When the latest candle of any pair opens; None without candles."""
        return max((file.last for file in self._futures), default=None)

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """Everything found wrong: unreadable files, and what Freqtrade would pass over in silence."""
        return (*self.broken, *_what_is_missing(self.files))

    @cached_property
    def data_hash(self) -> str:
        """The sha256 over all files' content: the same candles give the same hash on every machine."""
        lines = sorted(
            f"{file.series.pair}\t{file.series.timeframe}\t{file.series.candle_type}\t{file.sha256}\n"
            for file in self.files
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def pairs_with(self, timeframe: str) -> tuple[str, ...]:
        """Give the pairs that have candles of this timeframe; Freqtrade drops the others in silence."""
        return tuple(sorted(file.series.pair for file in self._futures if file.series.timeframe == timeframe))

    def file(self, series: Series) -> CandleFile | None:
        """Tell what the file of a series holds, or None if the dataset has none."""
        return next((file for file in self.files if file.series == series), None)

    def read(self, series: Series) -> Candles:
        """Read the candles of one series. Raise UnusableData if the dataset has none, or a damaged file."""
        try:
            return read_candles(self.folder / FUTURES_FOLDER / series.file_name, series)
        except UnreadableFile as error:
            raise UnusableData(
                f"dataset {self.name} cannot be read",
                [Problem(series.file_name, str(error))],
                "Make it again.",
            ) from error

    def require_usable(self) -> None:
        """Raise UnusableData if results from this dataset would be wrong."""
        fatal = [problem for problem in self.problems if problem.fatal]
        without = [pair for pair in self.pairs if pair not in self.markets]
        fatal += [Problem(self.description.markets, f"has no market for {pair}") for pair in without]
        if fatal:
            raise UnusableData(f"dataset {self.name} cannot be used", fatal, "Remove it and make or import it again.")

    @property
    def _futures(self) -> list[CandleFile]:
        return [file for file in self.files if file.series.candle_type is CandleType.FUTURES]


def read_markets(path: Path) -> dict[str, Any]:
    """Read a file of ccxt markets, by pair. Raise UnusableData if it is none."""
    try:
        markets = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise _no_markets(path, str(error)) from error
    if not isinstance(markets, dict) or not all(isinstance(item, dict) for item in markets.values()):
        raise _no_markets(path, "holds no markets")
    return markets


def _no_markets(path: Path, why: str) -> UnusableData:
    return UnusableData(
        "the markets cannot be read",
        [Problem(str(path), why)],
        "The file should hold what ccxt's load_markets gives: an object of markets by pair.",
    )


def _what_is_missing(files: tuple[CandleFile, ...]) -> Iterable[Problem]:
    """Give what Freqtrade only warns of: without marks or funding rates it books all funding as zero."""
    by_series = {file.series: file for file in files}
    futures = [file for file in files if file.series.candle_type is CandleType.FUTURES]
    if not futures:
        yield Problem(f"{FUTURES_FOLDER}/", "has no futures candles (PAIR-TIMEFRAME-futures.feather)")
    for pair in sorted({file.series.pair for file in futures}):
        own = [file for file in futures if file.series.pair == pair]
        for needed in (mark_of(pair), funding_of(pair)):
            held = by_series.get(needed)
            if held is None:
                yield Problem(needed.file_name, "is missing: all funding fees would silently be zero")
            else:
                yield from _what_is_uncovered(held, own)


_COVER_MS = 24 * 3_600_000


def _what_is_uncovered(held: CandleFile, futures: list[CandleFile]) -> Iterable[Problem]:
    starts_late = held.first_ms - min(file.first_ms for file in futures) > _COVER_MS
    ends_early = max(file.last_ms + file.series.step_ms for file in futures) - held.last_ms > _COVER_MS
    if starts_late or ends_early:
        yield Problem(
            held.series.file_name,
            f"covers only {held.first:%Y-%m-%d} to {held.last:%Y-%m-%d}: outside, funding fees are zero",
            fatal=False,
        )
