"""``cfsm projections``: what is shown, folded anew from the log."""

from functools import partial

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.completing import projection_names
from cfsm.cli.output import progress, talk


@click.group()
def projections() -> None:
    """Rebuild what is shown from the log."""


@projections.command()
@click.argument("name", required=False, shell_complete=projection_names)
@click.pass_obj
def rebuild(house: House, name: str | None) -> None:
    """Fold a projection (all of them without NAME) from the first event on; readers keep the old one meanwhile."""
    from cfsm.projections.files import Home, InUse
    from cfsm.projections.projector import Projector
    from cfsm.projections.registry import all_projections, projection_named

    try:
        chosen = all_projections() if name is None else (projection_named(name),)
    except LookupError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="NAME") from error
    for projection in chosen:
        folder = house.projections_folder
        report = partial(progress(), f"events folded into {projection.name}")
        try:
            with Projector(projection, folder) as projector:
                place = projector.rebuild(house.factory.store, report)
        except InUse:
            Home.of(projection, folder).ask_for_rebuild()
            talk(f"{projection.name}: the running projector was asked to rebuild it.")
        else:
            talk(f"{projection.name}: rebuilt up to event {place}.")
