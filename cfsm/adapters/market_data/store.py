"""The store of datasets: one folder each, complete or not there at all."""

import fcntl
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson

from cfsm.adapters.durable import make_durable
from cfsm.adapters.market_data.dataset import (
    DESCRIPTION_FILE,
    MARKETS_FILE,
    Dataset,
    Description,
    Kind,
    Problem,
    UnusableData,
    read_markets,
)
from cfsm.adapters.market_data.download import Downloader, Wanted
from cfsm.adapters.market_data.feather import write_candles
from cfsm.adapters.market_data.index import inspect_files
from cfsm.adapters.market_data.markets import listed_market, market_from_candles
from cfsm.adapters.market_data.recipe import (
    DEFAULT_END,
    DEFAULT_PAIRS,
    DEFAULT_SEED,
    DEFAULT_START,
    DEFAULT_TIMEFRAMES,
    Recipe,
)
from cfsm.adapters.market_data.series import FUTURES_FOLDER, CandleType, series_of
from cfsm.adapters.market_data.synthetic import generate
from cfsm.application.errors import Misconfigured
from cfsm.application.progress import Progress, silent

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)
_EXCHANGE = "binance"


def _now() -> datetime:
    return datetime.now(UTC)


class DatasetStore:
    """Datasets under one folder. A dataset appears whole, by one rename; a crash leaves nothing to be listed."""

    def __init__(self, folder: Path, *, now: Callable[[], datetime] = _now) -> None:
        self._folder = folder
        self._now = now

    def list(self) -> list[Dataset]:
        """Give all datasets by name, the damaged ones too: ``problems`` says what is wrong with them."""
        described = sorted(self._folder.glob(f"*/{DESCRIPTION_FILE}"))
        return [_load(path.parent) for path in described if not path.parent.name.startswith(".")]

    def __contains__(self, name: str) -> bool:
        return (self._folder / name / DESCRIPTION_FILE).is_file()

    def open(self, name: str, *, trust_index: bool = True, progress: Progress = silent) -> Dataset:
        """Give a dataset that can be used.

        ``trust_index=False`` reads every file again, whatever its size and date. Raise Misconfigured if there is
        no such dataset, UnusableData (a Misconfigured) if its results would be wrong.
        """
        if name not in self:
            there = ", ".join(dataset.name for dataset in self.list()) or "none yet"
            raise Misconfigured(
                f"there is no dataset {name!r} in {self._folder} (there are: {there}). "
                "Make one with `cfsm data synth`, `cfsm data import` or `cfsm data download`."
            )
        dataset = _load(self._folder / name, trust_index=trust_index, progress=progress)
        dataset.require_usable()
        return dataset

    def synthesise(
        self,
        name: str,
        seed: int = DEFAULT_SEED,
        pairs: Sequence[str] = DEFAULT_PAIRS,
        timeframes: Sequence[str] = DEFAULT_TIMEFRAMES,
        start: date = DEFAULT_START,
        end: date = DEFAULT_END,
        progress: Progress = silent,
    ) -> Dataset:
        """Make a synthetic market; the same recipe again gives the dataset that is there.

        Raise Misconfigured if no market can be made so, or the name is taken by another dataset.
        """
        try:
            recipe = Recipe(seed, tuple(pairs), tuple(timeframes), start, end)
        except ValueError as error:
            raise Misconfigured(str(error)) from error
        description = Description(
            name=name,
            kind=Kind.SYNTHETIC,
            source=f"CFSM's synthetic futures market, drawn from seed {seed}",
            created=self._now().isoformat(timespec="seconds"),
            exchange=_EXCHANGE,
            seed=seed,
            recipe=recipe.facts,
        )

        def fill(folder: Path) -> dict[str, Any]:
            for done, candles in enumerate(generate(recipe)):
                progress(f"making {candles.series}", done, recipe.series_count)
                write_candles(folder, candles)
            return {pair: listed_market(pair) for pair in recipe.pairs}

        return self._build(description, fill, progress)

    def import_folder(
        self,
        source: Path,
        name: str,
        *,
        pairs: Sequence[str] = (),
        markets_file: Path | None = None,
        exchange: str = _EXCHANGE,
        progress: Progress = silent,
    ) -> Dataset:
        """Copy a folder of Freqtrade's candles into the store; all its pairs, or those named.

        Files that a futures backtest does not read are left out. Markets come from ``markets_file`` (ccxt's
        ``load_markets`` as JSON) or are made from the candles' digits. The same candles again give the dataset
        that is there. Raise UnusableData, with every bad file named, and keep nothing, if one file is bad.
        """
        found = _files_to_import(source, pairs)
        description = Description(
            name=name,
            kind=Kind.IMPORTED,
            source=f"imported from {source.resolve()}",
            created=self._now().isoformat(timespec="seconds"),
            exchange=exchange,
        )

        def fill(folder: Path) -> dict[str, Any]:
            for done, path in enumerate(found):
                progress(f"copying {path.name}", done, len(found))
                _copy(path, folder / path.name)
            return read_markets(markets_file) if markets_file else {}

        return self._build(description, fill, progress)

    def download(
        self,
        name: str,
        pairs: Sequence[str],
        timeframes: Sequence[str],
        timerange: str,
        *,
        exchange: str = _EXCHANGE,
        markets_file: Path | None = None,
        downloader: Downloader | None = None,
        progress: Progress = silent,
    ) -> Dataset:
        """Fetch candles, marks and funding rates with Freqtrade's downloader, which needs the internet.

        Raise TryAgain without a network, Misconfigured if the exchange has no such candles.
        """
        description = Description(
            name=name,
            kind=Kind.DOWNLOADED,
            source=f"downloaded from {exchange}, timerange {timerange}",
            created=self._now().isoformat(timespec="seconds"),
            exchange=exchange,
        )
        wanted = Wanted(exchange, tuple(pairs), tuple(timeframes), timerange)

        def fill(folder: Path) -> dict[str, Any]:
            (downloader or Downloader()).fetch(wanted, folder.parent, progress)
            return read_markets(markets_file) if markets_file else {}

        return self._build(description, fill, progress)

    def remove(self, name: str) -> None:
        """Remove a dataset; results that were computed from it stay. Raise Misconfigured if there is none."""
        with self._building(name) as building:
            if not (self._folder / name).is_dir():
                raise Misconfigured(f"there is no dataset {name!r} in {self._folder}")
            (self._folder / name).rename(building)
            shutil.rmtree(building)

    def _build(self, description: Description, fill: Callable[[Path], dict[str, Any]], progress: Progress) -> Dataset:
        """Fill a folder beside the store's, check it, and rename it into place.

        ``fill`` writes candles into the folder it is given and gives the markets that it knows.
        """
        with self._building(description.name) as building:
            target = self._folder / description.name
            if target.exists() and description.recipe:
                return _the_same(_load(target), description, None)
            try:
                return self._fill(building, description, fill, progress)
            except OSError as error:
                raise self._not_writable(error) from error

    def _fill(
        self,
        building: Path,
        description: Description,
        fill: Callable[[Path], dict[str, Any]],
        progress: Progress,
    ) -> Dataset:
        target = self._folder / description.name
        (building / FUTURES_FOLDER).mkdir(parents=True)
        markets = fill(building / FUTURES_FOLDER)
        files, broken = inspect_files(building, progress=progress)
        fresh = Dataset(building, description, files, broken)
        _refuse_bad(fresh)
        if target.exists():
            return _the_same(_load(target), description, fresh.data_hash)
        _write_json(building / MARKETS_FILE, _complete(markets, fresh))
        _write_json(building / DESCRIPTION_FILE, asdict(description))
        _let_read(building)
        _sync(building)
        building.rename(target)
        make_durable(self._folder)
        return self.open(description.name)

    @contextmanager
    def _building(self, name: str) -> Iterator[Path]:
        """Give the folder to build in, empty and one's own: what a crash left there is removed first."""
        if not _NAME.fullmatch(name):
            raise Misconfigured(
                f"{name!r} cannot name a dataset: use small letters, digits, '_', '-' and '.', 64 at most"
            )
        building = self._folder / f".{name}.building"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = (self._folder / f".{name}.lock").open("w")
        except OSError as error:
            raise self._not_writable(error) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(building, ignore_errors=True)
            try:
                yield building
            finally:
                shutil.rmtree(building, ignore_errors=True)

    def _not_writable(self, error: OSError) -> Misconfigured:
        return Misconfigured(
            f"no dataset can be written to {self._folder}: {error}. "
            "Free some space there, or set CFSM_HOME to a folder that you may write to."
        )


def _load(folder: Path, *, trust_index: bool = True, progress: Progress = silent) -> Dataset:
    files, broken = inspect_files(folder, trust_index=trust_index, progress=progress)
    try:
        description = Description(**orjson.loads((folder / DESCRIPTION_FILE).read_bytes()))
        description = Description(**{**asdict(description), "name": folder.name, "kind": Kind(description.kind)})
    except (OSError, ValueError, TypeError) as error:
        description = Description(folder.name, Kind.IMPORTED, "unknown", "", _EXCHANGE)
        broken = (*broken, Problem(DESCRIPTION_FILE, f"cannot be read ({error})"))
    return Dataset(folder, description, files, broken)


def _the_same(there: Dataset, wanted: Description, data_hash: str | None) -> Dataset:
    """Give the dataset that is there if it is the one that is wanted; else the name is taken."""
    same_recipe = data_hash is None and dict(there.description.recipe) == dict(wanted.recipe)
    if same_recipe or there.data_hash == data_hash:
        there.require_usable()
        return there
    raise Misconfigured(
        f"there is another dataset {wanted.name!r} already ({there.description.source}). "
        "Choose another name, or remove that one first."
    )


def _files_to_import(source: Path, pairs: Sequence[str]) -> Sequence[Path]:
    """Find the candle files, in Freqtrade's data folder or in its folder ``futures``."""
    advice = "Give Freqtrade's data folder of one exchange, as in user_data/data/binance."
    folder = source / FUTURES_FOLDER if (source / FUTURES_FOLDER).is_dir() else source
    if not folder.is_dir():
        raise UnusableData("nothing to import", [Problem(str(source), "is no folder")], advice)
    readable = [(path, series) for path in sorted(folder.iterdir()) if (series := series_of(path.name))]
    found = [path for path, series in readable if not pairs or series.pair in pairs]
    held = {series.pair for _, series in readable}
    lacking = [Problem(pair, "has no files here") for pair in pairs if pair not in held]
    if lacking:
        raise UnusableData(f"{folder} does not hold every pair", lacking, advice)
    if not found:
        raise UnusableData(
            "nothing to import",
            [Problem(str(folder), "holds no file like BTC_USDT_USDT-5m-futures.feather")],
            f"{advice} Other formats: `freqtrade convert-data --format-to feather --trading-mode futures`.",
        )
    return found


def _refuse_bad(dataset: Dataset) -> None:
    fatal = [problem for problem in dataset.problems if problem.fatal]
    if fatal:
        raise UnusableData(
            f"the candles for {dataset.name} cannot be used",
            fatal,
            "Nothing was kept. Fetch these files again (freqtrade download-data --trading-mode futures).",
        )


def _complete(markets: dict[str, Any], dataset: Dataset) -> dict[str, Any]:
    """Give each pair's market: as it was given, else by its candles' digits."""
    return {pair: markets.get(pair) or _market(pair, dataset) for pair in dataset.pairs}


def _market(pair: str, dataset: Dataset) -> dict[str, Any]:
    own = [file.series for file in dataset.files if file.series.pair == pair]
    futures = [series for series in own if series.candle_type is CandleType.FUTURES]
    try:
        return market_from_candles(pair, [dataset.read(series) for series in futures])
    except ValueError as error:
        raise Misconfigured(str(error)) from error


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise UnusableData(
            "a file cannot be copied", [Problem(source.name, str(error))], "Nothing was kept."
        ) from error


def _write_json(path: Path, content: Any) -> None:
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _let_read(folder: Path) -> None:
    """Let every user that may enter the folder around it read a dataset: the forge may run as another one."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _sync(folder: Path) -> None:
    """Have everything under the folder on disk before the name says that it is complete."""
    for path in sorted(folder.rglob("*")):
        make_durable(path)
    make_durable(folder)
