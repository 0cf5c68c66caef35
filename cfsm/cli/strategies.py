"""``cfsm strategies``: list, show, add, retire, export."""

import stat
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.completing import strategy_names
from cfsm.cli.output import as_json, figure, print_facts, print_json, print_table, talk
from cfsm.domain.lifecycle import State
from cfsm.domain.parts import PART_HEADERS, PART_NUMBERS, part_rows

MAX_SOURCE_BYTES = 1_000_000


@click.group()
def strategies() -> None:
    """List, show, add, retire and export strategies."""


@strategies.command("list")
@click.option(
    "--state", type=click.Choice([state.value for state in State], case_sensitive=False), help="Only in this state."
)
@click.option("--type", "strategy_type", help="Only of this type, such as volatility.")
@click.option("--model", help="Only made by this model.")
@click.option("--retired/--in-service", "retired", default=None, help="Only the retired, or only those in service.")
@click.option("--limit", type=click.IntRange(min=1), help="The newest so many. [default: all]")
@as_json
@click.pass_obj
def list_(
    house: House,
    state: str | None,
    strategy_type: str | None,
    model: str | None,
    retired: bool | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List strategies, the newest first."""
    found = house.strategies.select(
        state=state, strategy_type=strategy_type, model=model, retired=retired, limit=limit, newest_first=True
    )
    if as_json:
        print_json(found)
        return
    if not found:
        talk("There is no such strategy. `cfsm generate` asks for some.")
        return
    rows = [(each.name, each.state, each.origin, figure(each.backtest_score), each.retired_reason) for each in found]
    print_table(rows, ("strategy", "state", "origin", "score", "retired because"), ("score",))


@strategies.command()
@click.argument("strategy", shell_complete=strategy_names)
@click.option("--source", is_flag=True, help="Print the code, nothing else.")
@as_json
@click.pass_obj
def show(house: House, strategy: str, source: bool, as_json: bool) -> None:
    """Show one strategy; its name or id, or the beginning of it."""
    found = find(house, strategy)
    if source:
        click.echo(house.blobs.get(found.code_hash), nl=False)
    elif as_json:
        print_json(found)
    else:
        facts = asdict(found)
        figures = facts.pop("figures")
        print_facts({name: value for name, value in facts.items() if value not in ("", None, [], {})})
        shown = {name: value for name, value in figures.items() if not isinstance(value, dict)}
        print_facts({f"figures.{name}": value for name, value in shown.items() if name != "windows"})
        _show_parts(figures)


def _show_parts(figures: Mapping[str, Any]) -> None:
    """Print what each part of the days and each window gave, labelled in sample or out of sample."""
    rows = list(part_rows(figures))
    if rows:
        click.echo()
        print_table(rows, PART_HEADERS, PART_NUMBERS)


@strategies.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--type", "strategy_type", default="added", show_default=True, help="Which type it is of.")
@click.pass_obj
def add(house: House, file: Path, strategy_type: str) -> None:
    """Enter a strategy file of your own into the factory; it is validated and backtested like any other.

    The class must be the only strategy of the file. It is entered under its own name, its code unchanged.
    """
    from cfsm.application.adding import NotAStrategy, add_strategy

    source = _read(file)
    try:
        strategy = add_strategy(house.factory, house.blobs, source, strategy_type)
    except NotAStrategy as error:
        raise click.ClickException(f"{file}: {error}") from error
    talk(f"Added {strategy.name}.")
    click.echo(strategy.name)


def _read(file: Path) -> bytes:
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # asked before opening: opening a pipe would wait for ever
            raise click.ClickException(f"{file} is not a regular file: name a strategy's Python file")
        with file.open("rb") as opened:
            source = opened.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    if len(source) > MAX_SOURCE_BYTES:
        raise click.ClickException(f"{file} is larger than {MAX_SOURCE_BYTES} bytes: no strategy is")
    return source


@strategies.command()
@click.argument("strategy", shell_complete=strategy_names)
@click.option("--why", default="by hand", show_default=True, help="The reason that the event keeps.")
@click.pass_obj
def retire(house: House, strategy: str, why: str) -> None:
    """Take a strategy out of service. Nothing of it is deleted."""
    from cfsm.domain.strategy import Reason, Strategy

    found = find(house, strategy)
    if found.is_retired:
        talk(f"{found.name} is retired already: {found.retired_reason}.")
        return

    def decide() -> list[Strategy]:
        aggregate = house.factory.get(Strategy, Strategy.id_of(found.name))
        aggregate.retire(Reason.BY_HAND, why, house.factory.stamp(correlation=str(aggregate.id)))
        return [aggregate]

    house.factory.transact(decide)
    talk(f"Retired {found.name}.")


@strategies.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--all", "include_retired", is_flag=True, help="The retired ones as well.")
@click.pass_obj
def export(house: House, folder: Path, include_retired: bool) -> None:
    """Write strategies_metadata.json and the strategies' files into a folder, ready for Freqtrade.

    Beside a strategy that was optimised stands the .json of its parameters, as Freqtrade reads it.
    """
    view = house.strategies
    found = view.select(retired=None if include_retired else False)
    folder.mkdir(parents=True, exist_ok=True)
    for each in found:
        path = folder / each.file_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(house.blobs.get(each.code_hash))
        beside = path.with_suffix(".json")
        beside.unlink(missing_ok=True)  # Freqtrade would use what an export before left there
        if each.parameters_hash:
            beside.write_bytes(house.blobs.get(each.parameters_hash))
    (folder / "strategies_metadata.json").write_text(view.metadata_json(include_retired=include_retired) + "\n")
    talk(f"Wrote {len(found)} strategies into {folder}.")


def find(house: House, query: str) -> Any:
    """Give the metadata of the strategy that a person names; an error that names the choices otherwise."""
    from cfsm.projections.strategies import AmbiguousStrategy, NoSuchStrategy

    try:
        return house.strategies.find(query)
    except (NoSuchStrategy, AmbiguousStrategy) as error:
        raise click.ClickException(str(error)) from error
