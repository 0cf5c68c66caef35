"""``cfsm systemd``: the units of a factory, installed and removed."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import say, talk

if TYPE_CHECKING:
    from cfsm.adapters.units.layout import Layout

SCOPE = click.option(
    "--user/--system", "for_user", default=None, help="Units of your own, or the machine's. [default: as root --system]"
)
PREFIX = click.option(
    "--prefix",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/"),
    help="Write below this folder, to make a package of; systemd is told nothing.",
)


@click.group()
def systemd() -> None:
    """Install the factory as units of systemd, and remove them."""


@systemd.command()
@SCOPE
@PREFIX
@click.option("--linger", is_flag=True, help="With --user: run without a session of yours, from the machine's start.")
@click.pass_obj
def install(house: House, for_user: bool | None, prefix: Path, linger: bool) -> None:
    """Write the units for this interpreter and this home, let systemd verify them, and enable them.

    They start with the machine, or now by `cfsm start`. Installing again is how they are upgraded: what was written
    before is replaced, what you wrote beside it (`systemctl edit`) and the home stay as they are. Do it again after
    changing `workers` or the calendar in the configuration.

    \b
    Examples:
      sudo cfsm --home /var/lib/cfsm systemd install
      cfsm systemd install --user --linger
      cfsm --home /var/lib/cfsm systemd install --system --prefix build/root
    """
    from cfsm.adapters.shipped import shipped
    from cfsm.adapters.units import installing
    from cfsm.adapters.units.rendering import render
    from cfsm.bootstrap.systemd import installation

    layout = _layout(prefix, for_user=for_user)
    is_here = prefix == Path("/")
    if is_here:
        installing.require_root(layout.scope)
        installing.require_reachable(layout.scope, interpreter=Path(sys.executable), home=house.path)
        _refuse_another_home(layout, house)
    files = render(installation(house, layout), shipped("systemd"))
    outdated = [path for path in installing.written(layout) if path not in files]
    installing.write(files)
    installing.remove(outdated)
    if is_here:
        installing.make_ready(layout, house.path)
        installing.verify(layout)
        installing.enable(layout, linger=linger)
    say(f"{len(files)} files in {layout.units} and beside it, for {house.path}.")
    if is_here:
        talk("Start the factory with `cfsm start`; it starts with the machine from now on.")


@systemd.command()
@SCOPE
@PREFIX
@click.pass_obj
def uninstall(house: House, for_user: bool | None, prefix: Path) -> None:
    """Stop the factory and remove its units; the home with everything in it stays."""
    from cfsm.adapters.units import installing

    layout = _layout(prefix, for_user=for_user)
    is_here = prefix == Path("/")
    files, home = list(installing.written(layout)), layout.home
    if not files:
        talk(f"No units of CFSM are installed in {layout.units}.")
        return
    if is_here:
        installing.require_root(layout.scope)
        installing.disable(layout)
    installing.remove(files)
    if is_here:
        installing.forget(layout)
    say(f"Removed {len(files)} files. What the factory made is in {home or house.path}.")


def _layout(prefix: Path, *, for_user: bool | None) -> "Layout":
    import os

    from cfsm.adapters.units.layout import Layout, Scope

    is_user = os.geteuid() != 0 if for_user is None else for_user
    return Layout.of(Scope.USER if is_user else Scope.SYSTEM, prefix=prefix.absolute())


def _refuse_another_home(layout: "Layout", house: House) -> None:
    if layout.home not in {None, house.path}:
        raise click.ClickException(
            f"the units in {layout.units} run the factory of {layout.home}; `cfsm systemd uninstall` removes them"
        )
