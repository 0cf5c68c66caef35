"""``cfsm generate``: ask for strategies now."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import is_terminal, show_progress, talk
from cfsm.domain.conversation import Mode
from cfsm.domain.planning import FEWEST_TOGETHER, PREDEFINED

MOST = 1_000
LOOK_SECONDS = 0.5
"""How often is looked how far the work is."""


@click.command()
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    help="How models make it. [default: generation.mode; predefined where no model is configured]",
)
@click.option("--type", "strategy_type", help="Only of this type. [default: the configured types, in turn]")
@click.option(
    "--model", help="The model that writes, where one writes alone. [default: drawn from the configured ones]"
)
@click.option("--count", type=click.IntRange(1, MOST), default=1, show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the first one. [default: drawn]")
@click.option(
    "--follow/--no-follow",
    default=None,
    help="Show what goes on until all are made, or ask and leave. [default: follow on a terminal]",
)
@click.pass_obj
def generate(
    house: House,
    mode: str | None,
    strategy_type: str | None,
    model: str | None,
    count: int,
    seed: int | None,
    follow: bool | None,
) -> None:
    """Ask for strategies now; the running factory makes them.

    \b
    Examples:
      cfsm generate --mode contest --type scalping
      cfsm generate --model phi3:mini --count 5
      cfsm generate --mode predefined --no-follow
    """
    types = house.settings.generation.strategy_types
    if strategy_type is not None and strategy_type not in types:
        raise click.BadParameter(f"one of {', '.join(types)}", param_hint="--type")
    _check(house, mode, model)
    wanted = [strategy_type] if strategy_type else list(types)
    keys = request(house, wanted, count, seed, mode=mode, model=model or "")
    for key in keys:
        click.echo(key)
    is_running = _is_running(house)
    if not is_running:
        talk(f"Asked for {count}. `cfsm run` starts the factory, which makes them.")
    if follow if follow is not None else is_running and is_terminal():
        talk("Ctrl+C leaves the factory at work.")
        _follow(house, keys)
    elif is_running:
        talk(f"Asked for {count}. `cfsm history follow` shows what becomes of it.")


def _check(house: House, mode: str | None, model: str | None) -> None:
    """Refuse what cannot be meant: a mode without its models, a model that is not configured."""
    models = house.settings.generation.models
    if mode not in {None, PREDEFINED} and not models:
        raise click.BadParameter("no model is configured: name some in generation.models", param_hint="--mode")
    writers = house.settings.model_selection.generation or models
    if mode is not None and Mode(mode).is_cooperative:
        if model:
            raise click.BadParameter(f"a {mode} is made by all writers; leave it out", param_hint="--model")
        if len(writers) < FEWEST_TOGETHER:
            raise click.BadParameter(
                f"a {mode} needs two models; {', '.join(writers)} writes alone", param_hint="--mode"
            )
    if model is not None and model not in {*models, PREDEFINED}:
        raise click.BadParameter(f"one of {', '.join([*models, PREDEFINED])}", param_hint="--model")


def request(
    house: House, types: Sequence[str], count: int, seed: int | None, *, mode: str | None = None, model: str = ""
) -> list[str]:
    """Record the requests and give the ids of the generations. Without a mode it is the configured one.

    A model that is named writes alone where the configured mode is one of several models.
    """
    from cfsm.domain.generation import Generation

    order = uuid4().hex
    first = int(order[:8], 16) if seed is None else seed
    chosen = mode or (Mode.SINGLE.value if model else house.settings.generation.mode)
    requests = [
        Generation.request(
            f"by-hand/{order}/{number}",
            strategy_type=types[number % len(types)],
            mode=chosen,
            model=model,
            seed=first + number * 1_000,
            why="asked for by hand",
            stamp=house.factory.stamp(),
        )
        for number in range(count)
    ]
    house.factory.transact(lambda: requests)
    return [str(each.id) for each in requests]


def _is_running(house: House) -> bool:
    from cfsm.bootstrap.supervision import supervision_of

    status = supervision_of(house).status()
    return status is not None and status.running


def _follow(house: House, keys: Sequence[str]) -> None:
    """Tell what happens in these generations until all are over; how far answers are stands below, on a terminal."""
    from cfsm.application.history import History
    from cfsm.cli.telling import in_words
    from cfsm.domain.generation import Generation

    ids = [UUID(key) for key in keys]
    ends = {Generation.Concluded.TOPIC, Generation.Failed.TOPIC}
    history, bell = History(house.factory.store), house.open_bell()
    told, over = 0, 0
    try:
        while over < len(ids):
            news = [each for each in history.of(ids) if each.id > told]
            if news:
                show_progress("")
            for happening in news:
                talk(in_words(happening))
                told, over = happening.id, over + (happening.topic in ends)
            if over + _parked(house, ids) >= len(ids):
                break
            show_progress(_doing(house, ids))
            bell.wait(LOOK_SECONDS)
    finally:
        show_progress("")
        bell.close()
    if over < len(ids):
        talk(f"{len(ids) - over} were parked: `cfsm status` says why.")


def _tasks(house: House, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    subjects = {each.hex for each in ids}
    return [task for task in house.factory.store.overview() if task["subject"] in subjects]


def _parked(house: House, ids: Sequence[UUID]) -> int:
    """Give how many were parked: those do not go on by themselves."""
    return sum(task["state"] == "parked" for task in _tasks(house, ids))


def _doing(house: House, ids: Sequence[UUID]) -> str:
    """Say what is being done for these generations."""
    tasks = _tasks(house, ids)
    doing = [task["progress"] for task in tasks if task["claimed"] and task["progress"]]
    return "; ".join(doing) or f"{len(tasks)} wait for the generator: `cfsm status` says what it does"
