"""What the forge keeps warm: datasets, their exchanges and configurations; made once, inherited by every fork."""

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from freqtrade.configuration import TimeRange, validate_config_consistency
from freqtrade.configuration.configuration import Configuration
from freqtrade.constants import Config
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import Exchange, timeframe_to_msecs

from cfsm.adapters.freqtrade.configs import config_hash, freqtrade_config
from cfsm.adapters.freqtrade.exchange import leverage_tiers, offline_exchange
from cfsm.adapters.freqtrade.warm_candles import Key, WarmCandles
from cfsm.adapters.market_data import CandleType, Dataset, DatasetStore, Progress, Series
from cfsm.application.ports import Misconfigured
from cfsm.domain.evaluation import Conditions, Job

_DAY_MS = 86_400_000
_MOST_DATASETS = 4
_MOST_CONDITIONS = 64
_TIMEFRAME = re.compile(rb"""^\s+timeframe\s*(?::\s*\w+\s*)?=\s*["'](\d+[mhdw])["']""", re.MULTILINE)
_ANY_TIMEFRAME = re.compile(rb"""["'](\d+[mhdw])["']""")

Stamp = tuple[tuple[str, int, int], ...]
"""Names, sizes and times of a dataset's files: another stamp, other data."""


@dataclass(frozen=True)
class Prepared:
    """All that a run needs beside the strategy; it stays as it is whatever the workshop opens or forgets meanwhile."""

    dataset: str
    stamp: Stamp
    config: Config
    exchange: Exchange
    candles: WarmCandles
    datadir: Path
    pairs: tuple[str, ...]
    timeframes: tuple[str, ...]
    data_hash: str
    config_hash: str


class _Configuration(Configuration):  # type: ignore[misc]  # Freqtrade is not typed here
    """Freqtrade's configuration as its command line makes it, but for the logging, which stays the forge's own."""

    def _process_logging_options(self, config: Config) -> None:
        config.update({"verbosity": 0, "print_colorized": False})


class _WarmDataset:
    """One dataset: its candles in memory, and one exchange for each stake currency."""

    def __init__(self, dataset: Dataset, stamp: Stamp) -> None:
        self.dataset = dataset
        self.stamp = stamp
        self.files = {_key(file.series): file for file in dataset.files}
        self.candles = WarmCandles(dataset.folder, self._is_gapless)
        self.exchanges: dict[str, Exchange] = {}
        self.prepared: dict[Conditions, tuple[Config, str]] = {}

    def _is_gapless(self, key: Key) -> bool:
        file = self.files.get(key)
        return file is not None and not file.gaps


class Workshop:
    """The warm datasets under one folder. ``scratch`` is a folder of the forge's own."""

    def __init__(self, datasets: Path, scratch: Path) -> None:
        self._store = DatasetStore(datasets)
        self._folder = datasets
        self._scratch = scratch
        self.user_data = scratch / "user_data"
        """An empty folder where Freqtrade looks for more strategies."""
        self._warm: dict[str, _WarmDataset] = {}
        self.revision = 0
        """Counts what was loaded or forgotten: a fork knows what was there at its revision."""

    def prepare(self, job: Job, progress: Progress) -> Generator[str, None, Prepared]:
        """Load what this job needs, step by step, saying what, and give it in the end.

        Raise Misconfigured where data and conditions do not fit.
        """
        conditions = job.conditions
        warm = self._open(conditions.dataset, progress)
        pairs = _pairs_of(conditions, warm.dataset)
        main = conditions.timeframe or _own_timeframe(job.source)
        _check(conditions, warm.dataset, pairs, main)
        self._configured(warm, conditions, pairs)
        prepared = self._prepared(warm, conditions)
        for key in _needed(job, pairs, main, warm):
            is_new = key not in warm.candles
            if is_new:
                yield f"loading {key[0]} {key[1]} {key[2]}"
            warm.candles.load(key, counting_decimals=key[1] == main and key[2] == CandleType.FUTURES)
            self.revision += is_new
        return prepared

    def prepared(self, job: Job) -> Prepared:
        """Give what `prepare` made ready for this job, as long as nothing else was prepared."""
        return self._prepared(self._warm[job.conditions.dataset], job.conditions)

    def _prepared(self, warm: _WarmDataset, conditions: Conditions) -> Prepared:
        config, hashed = warm.prepared[conditions]
        return Prepared(
            dataset=conditions.dataset,
            stamp=warm.stamp,
            config=config,
            exchange=warm.exchanges[conditions.stake_currency],
            candles=warm.candles,
            datadir=warm.dataset.folder,
            pairs=_pairs_of(conditions, warm.dataset),
            timeframes=warm.dataset.timeframes,
            data_hash=warm.dataset.data_hash,
            config_hash=hashed,
        )

    def is_current(self, prepared: Prepared) -> bool:
        """Say whether a dataset's files are still those that were loaded for a run."""
        try:
            return prepared.stamp == _stamp(self._folder / prepared.dataset)
        except OSError:
            return False

    def is_known(self, job: Job, prepared: Prepared) -> bool:
        """Say whether `prepared` would give the same for this job."""
        warm = self._warm.get(prepared.dataset)
        config, _ = warm.prepared.get(job.conditions, (None, "")) if warm is not None else (None, "")
        return warm is not None and warm.candles is prepared.candles and config is prepared.config

    def folders(self) -> tuple[Path, ...]:
        """Give where the candles of the warm datasets are."""
        return tuple(warm.dataset.folder / "futures" for warm in self._warm.values())

    def bytes_held(self) -> int:
        """Give how much memory the candles of all datasets take."""
        return sum(warm.candles.bytes_held() for warm in self._warm.values())

    def names(self) -> list[str]:
        """Give the datasets that are warm."""
        return list(self._warm)

    def _open(self, name: str, progress: Progress) -> _WarmDataset:
        stamp = _stamp(self._folder / name)
        warm = self._warm.pop(name, None)
        if warm is None or warm.stamp != stamp:
            self.revision += 1
            warm = _WarmDataset(self._store.open(name, progress=progress), stamp)
            while len(self._warm) >= _MOST_DATASETS:
                del self._warm[next(iter(self._warm))]
        self._warm[name] = warm  # the one used last stands last
        return warm

    def _configured(self, warm: _WarmDataset, conditions: Conditions, pairs: tuple[str, ...]) -> None:
        if conditions in warm.prepared:
            return
        plain = freqtrade_config(conditions, pairs)
        config = self._config(plain, warm.dataset.folder)
        if conditions.stake_currency not in warm.exchanges:
            own = self._config(plain, warm.dataset.folder)
            warm.exchanges[conditions.stake_currency] = offline_exchange(own, warm.dataset.markets)
        exchange = warm.exchanges[conditions.stake_currency]
        for key in ("trading_mode", "margin_mode", "candle_type_def"):  # what the exchange writes into its own
            config[key] = exchange._config[key]  # noqa: SLF001 (Freqtrade has no other way to it)
        tiers = leverage_tiers(exchange, pairs)
        without = [pair for pair in pairs if pair not in exchange.markets]
        if without:
            raise Misconfigured(f"markets.json of {warm.dataset.name} does not know {', '.join(without)}")
        self.revision += 1
        while len(warm.prepared) >= _MOST_CONDITIONS:
            del warm.prepared[next(iter(warm.prepared))]
        warm.prepared[conditions] = (config, config_hash(plain, warm.dataset.markets_hash, tiers))

    def _config(self, plain: dict[str, Any], datadir: Path) -> Config:
        file = self._scratch / "config.json"
        file.write_text(json.dumps(plain))
        for folder in ("strategies", "backtest_results", "hyperopt_results"):
            (self.user_data / folder).mkdir(parents=True, exist_ok=True)
        arguments = {"config": [str(file)], "datadir": str(datadir), "user_data_dir": str(self.user_data)}
        try:
            config = _Configuration(arguments, RunMode.BACKTEST).get_config()
            config["dry_run"] = True
            validate_config_consistency(config, preliminary=True)
        except OperationalException as error:
            raise Misconfigured(f"Freqtrade refuses the configuration: {error}") from error
        wallet = config["dry_run_wallet"] * config["tradable_balance_ratio"]
        if config["stake_amount"] != "unlimited" and config["stake_amount"] > wallet:
            raise Misconfigured(
                f"stake_amount {config['stake_amount']} is more than the wallet of {wallet}: lower it or raise "
                "dry_run_wallet"
            )
        return config


def _key(series: Series) -> Key:
    return (series.pair, series.timeframe, series.candle_type.value)


def _stamp(folder: Path) -> Stamp:
    files = sorted([*folder.glob("futures/*.feather"), *folder.glob("*.json")])
    stats = [(path.name, path.stat()) for path in files if path.name != "index.json"]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


def _pairs_of(conditions: Conditions, dataset: Dataset) -> tuple[str, ...]:
    return conditions.pairs or dataset.pairs


def _own_timeframe(source: bytes) -> str | None:
    """Give the timeframe that the text sets last, which is the one that counts in a class."""
    found = _TIMEFRAME.findall(source)
    return found[-1].decode("ascii") if found else None


def _minute(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _needed(job: Job, pairs: tuple[str, ...], main: str | None, warm: _WarmDataset) -> Iterator[Key]:
    """Give the candles that this job will surely or probably read: the text names its timeframes."""
    named = {match.decode("ascii") for match in _ANY_TIMEFRAME.findall(job.source)}
    wanted = {main, job.conditions.timeframe_detail, *named} - {None}
    informative = warm.dataset.pairs if len(wanted) > 1 or b"informative" in job.source else pairs
    for timeframe in sorted(wanted & set(warm.dataset.timeframes), key=str):
        for pair in pairs if timeframe == main else informative:
            yield (pair, str(timeframe), CandleType.FUTURES.value)
    for pair in pairs:
        yield (pair, "1h", CandleType.MARK.value)
        yield (pair, "1h", CandleType.FUNDING_RATE.value)


def _check(conditions: Conditions, dataset: Dataset, pairs: tuple[str, ...], main: str | None) -> None:
    unknown = [pair for pair in pairs if pair not in dataset.pairs]
    if unknown:
        raise Misconfigured(
            f"dataset {dataset.name} has no candles of {', '.join(unknown)}; it has {', '.join(dataset.pairs)}"
        )
    for timeframe in (conditions.timeframe, conditions.timeframe_detail):
        if timeframe is not None and timeframe not in dataset.timeframes:
            raise Misconfigured(
                f"dataset {dataset.name} has no {timeframe} candles of every pair; "
                f"it has {', '.join(dataset.timeframes)}"
            )
    start, stop = _check_range(conditions, dataset, main)
    for timeframe in {main, conditions.timeframe_detail} - {None}:
        for pair in pairs:
            _check_gaps(dataset, Series(pair, str(timeframe), CandleType.FUTURES), start, stop)


def _check_range(conditions: Conditions, dataset: Dataset, main: str | None) -> tuple[float, float]:
    """Give the bounds in milliseconds, if the dataset covers them and candles lie between them."""
    try:
        timerange = TimeRange.parse_timerange(conditions.timerange)
    except OperationalException as error:
        raise Misconfigured(f"timerange {conditions.timerange!r}: {error} (write it like 20250101-20250401)") from error
    start = timerange.startts * 1000 if timerange.starttype else -float("inf")
    stop = timerange.stopts * 1000 if timerange.stoptype else float("inf")
    if dataset.first is None or dataset.last is None:
        raise Misconfigured(f"dataset {dataset.name} has no candles")
    first_ms, last_ms = dataset.first.timestamp() * 1000, dataset.last.timestamp() * 1000
    too_early = timerange.starttype is not None and start < first_ms
    too_late = timerange.stoptype is not None and stop > last_ms + _DAY_MS
    if too_early or too_late:
        raise Misconfigured(
            f"timerange {conditions.timerange} lies outside of dataset {dataset.name}, whose candles reach from "
            f"{dataset.first:%Y%m%d} to {dataset.last:%Y%m%d}"
        )
    step_ms = timeframe_to_msecs(main) if main in dataset.timeframes else 0
    if stop - start < max(1, 2 * step_ms):
        raise Misconfigured(f"timerange {conditions.timerange} is too short: it holds no two {main or ''} candles")
    return start, stop


def _check_gaps(dataset: Dataset, series: Series, start: float, stop: float) -> None:
    file = dataset.file(series)
    for gap in file.gaps if file else ():
        if gap.last_ms >= start and gap.first_ms <= stop:
            raise Misconfigured(
                f"{series} of dataset {dataset.name} lacks {gap.candles} candles from {_minute(gap.first_ms)} UTC on: "
                "choose another timerange, leave the pair out, or get the data again"
            )
