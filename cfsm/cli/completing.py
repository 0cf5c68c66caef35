"""What the shell is offered for a word that only this home knows. Nothing is made, awaited or complained of."""

import os

import rich_click as click

from cfsm.bootstrap import House

OFFERED = 50
"""How many names are offered at most: nobody reads more."""


def strategy_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Give the strategies whose names begin so, the newest first."""
    from cfsm.projections.reading import NotBuilt, Unreadable, read
    from cfsm.projections.strategies import StrategiesView

    view = read(StrategiesView, _house(ctx).projections_folder)
    try:
        return [each.name for each in view.select(prefix=incomplete, newest_first=True, limit=OFFERED)]
    except (NotBuilt, Unreadable):
        return []


def projection_names(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Give the projections whose names begin so."""
    from cfsm.projections.registry import all_projections

    return [each.name for each in all_projections() if each.name.startswith(incomplete)]


def _house(ctx: click.Context) -> House:
    given = ctx.find_root().params
    return House.at(given.get("home"), file=given.get("config_file"), profile=given.get("profile"), environ=os.environ)
