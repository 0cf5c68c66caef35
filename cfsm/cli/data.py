"""``cfsm data``: the candles that strategies are tested on."""

from datetime import datetime
from pathlib import Path
from typing import Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import as_json, print_json, print_table, progress, show_progress, talk

Day = click.DateTime(formats=["%Y-%m-%d", "%Y%m%d"])

SYNTHETIC = "synthetic"


@click.group()
def data() -> None:
    """Import, download, synthesise and list candles."""


@data.command("list")
@as_json
@click.pass_obj
def list_(house: House, as_json: bool) -> None:
    """List the datasets: pairs, ranges, gaps, hash."""
    found = house.datasets.list()
    if as_json:
        print_json([_as_mapping(dataset) for dataset in found])
        return
    if not found:
        talk("There are no candles yet: `cfsm data synth`, `cfsm data import DIR` or `cfsm data download`.")
        return
    rows = [
        (
            dataset.name,
            dataset.kind,
            len(dataset.pairs),
            " ".join(dataset.timeframes),
            f"{dataset.first:%Y-%m-%d} to {dataset.last:%Y-%m-%d}" if dataset.first else "-",
            sum(len(file.gaps) for file in dataset.files),
            dataset.data_hash[:12],
            len(dataset.problems) or "",
        )
        for dataset in found
    ]
    print_table(rows, ("dataset", "kind", "pairs", "timeframes", "range (UTC)", "gaps", "hash", "problems"))
    for dataset in found:
        for problem in dataset.problems:
            talk(f"{dataset.name}: {problem}")


def _as_mapping(dataset: Any) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "kind": dataset.kind.value,
        "label": dataset.label,
        "source": dataset.description.source,
        "data_hash": dataset.data_hash,
        "pairs": dataset.pairs,
        "timeframes": dataset.timeframes,
        "problems": [str(problem) for problem in dataset.problems],
        "files": [
            {
                "pair": file.series.pair,
                "timeframe": file.series.timeframe,
                "candle_type": str(file.series.candle_type),
                "first": file.first,
                "last": file.last,
                "candles": file.candles,
                "gaps": len(file.gaps),
                "sha256": file.sha256,
            }
            for file in dataset.files
        ],
    }


@data.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the dataset. [default: the folder's name]")
@click.option("--pair", "pairs", multiple=True, help="Only this pair; may be given several times.")
@click.option("--markets", type=click.Path(path_type=Path), help="Markets as ccxt describes them, JSON.")
@click.pass_obj
def import_(house: House, folder: Path, name: str | None, pairs: tuple[str, ...], markets: Path | None) -> None:
    """Import a folder of candles in Freqtrade's layout (its datadir, the one that holds `futures/`)."""
    chosen = name or folder.resolve().name
    dataset = _store(house).import_folder(folder, chosen, pairs=pairs, markets_file=markets, progress=progress())
    _made(dataset)


@data.command()
@click.option("--name", default="synthetic", show_default=True, help="Name of the dataset.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Another seed gives another market. [default: the embedded one]"
)
@click.option("--start", type=Day, help="First day, such as 2025-01-01.")
@click.option("--end", type=Day, help="The day after the last one.")
@click.pass_obj
def synth(house: House, name: str, seed: int | None, start: datetime | None, end: datetime | None) -> None:
    """Make a synthetic futures market: deterministic, and labelled synthetic wherever a result is shown."""
    given: dict[str, Any] = {"seed": seed, "start": start and start.date(), "end": end and end.date()}
    options = {key: value for key, value in given.items() if value is not None}
    _made(_store(house).synthesise(name, progress=progress(), **options))


@data.command()
@click.option("--name", required=True, help="Name of the new dataset.")
@click.option("--pair", "pairs", multiple=True, required=True, help="Such as BTC/USDT:USDT; several times.")
@click.option("--timeframe", "timeframes", multiple=True, default=("5m",), show_default=True, help="Several times.")
@click.option("--timerange", required=True, help="As Freqtrade writes it: 20250101-20250401.")
@click.option("--exchange", default="binance", show_default=True, help="As ccxt names it.")
@click.pass_obj
def download(
    house: House,
    name: str,
    pairs: tuple[str, ...],
    timeframes: tuple[str, ...],
    timerange: str,
    exchange: str,
) -> None:
    """Download candles with Freqtrade's downloader. It needs the internet.

    Binance is asked through the market gateway, within its limits: the factory's, or one for as long as this takes.
    """
    from cfsm.bootstrap.market import downloader_of

    store = _store(house)
    with downloader_of(house, exchange) as downloader:
        made = store.download(
            name,
            pairs=pairs,
            timeframes=timeframes,
            timerange=timerange,
            exchange=exchange,
            downloader=downloader,
            progress=progress(),
        )
    _made(made)


def open_dataset(house: House, name: str) -> Any:
    """Give a dataset that can be used; the synthetic market, the embedded default, is made if need be.

    Raise Misconfigured if there is no such dataset or its results would be wrong.
    """
    if name == SYNTHETIC and name not in house.datasets:
        talk("Making the synthetic market, the embedded default (once) …")
        _store(house).synthesise(name, progress=progress())
    return house.datasets.open(name)


def _store(house: House) -> Any:
    """Give the store to write to, in a home that is for this user's eyes only should it be new."""
    from cfsm.adapters.home import make_home

    make_home(house.path)
    return house.datasets


def _made(dataset: Any) -> None:
    show_progress("")
    talk(f"{dataset.label}: {len(dataset.pairs)} pairs, {' '.join(dataset.timeframes)}, hash {dataset.data_hash[:12]}.")
    talk(f"Strategies are tested on it when the configuration says market_data.dataset: {dataset.name}.")
    click.echo(dataset.name)
