"""``cfsm generate``: ask for strategies now."""

from uuid import uuid4

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import talk

MOST = 1_000


@click.command()
@click.option("--type", "strategy_type", help="Only of this type. [default: the configured types, in turn]")
@click.option("--count", type=click.IntRange(1, MOST), default=1, show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the first one. [default: drawn]")
@click.pass_obj
def generate(house: House, strategy_type: str | None, count: int, seed: int | None) -> None:
    """Ask for strategies now; the running factory makes them."""
    types = house.settings.generation.strategy_types
    if strategy_type is not None and strategy_type not in types:
        raise click.BadParameter(f"one of {', '.join(types)}", param_hint="--type")
    keys = request(house, [strategy_type] if strategy_type else list(types), count, seed)
    for key in keys:
        click.echo(key)
    talk(f"Asked for {count}. `cfsm history follow` shows what becomes of it; `cfsm run` starts the factory.")


def request(house: House, types: list[str], count: int, seed: int | None) -> list[str]:
    """Record the requests and give the ids of the generations."""
    from cfsm.domain.generation import Generation

    order = uuid4().hex
    first = int(order[:8], 16) if seed is None else seed
    requests = [
        Generation.request(
            f"by-hand/{order}/{number}",
            strategy_type=types[number % len(types)],
            mode="single",
            model="",
            seed=first + number * 1_000,
            why="asked for by hand",
            stamp=house.factory.stamp(),
        )
        for number in range(count)
    ]
    house.factory.transact(lambda: requests)
    return [str(each.id) for each in requests]
