"""``cfsm start``, ``cfsm stop``, ``cfsm restart``: the factory in the background, under systemd or without it."""

from typing import Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import EXIT_FAILED, talk

TIMEOUT = click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="Seconds to wait.",
)


@click.command()
@TIMEOUT
@click.pass_obj
def start(house: House, timeout_seconds: float) -> int:
    """Start the factory of this home in the background and wait until its workers are ready.

    Under systemd where `cfsm systemd install` has installed its units, by `cfsm run --detach` elsewhere.
    """
    from cfsm.bootstrap.supervision import supervision_of

    return _start(house, supervision_of(house), timeout_seconds)


def _start(house: House, supervision: Any, timeout_seconds: float) -> int:
    before = supervision.status()
    if before is not None and before.running:
        talk(f"The factory of {house.path} runs already.")
    supervision.start(timeout_seconds)
    from cfsm.adapters.supervisor.status import UnitState

    troubled = {UnitState.FAILED, UnitState.MISCONFIGURED, UnitState.WAITING}
    units = supervision.status().units
    wrong = [unit for unit in units if unit.state in troubled]
    for unit in wrong:
        talk(f"{unit.name}: {unit.state}: {unit.reason or unit.status}")
    ready = sum(unit.state in {UnitState.RUNNING, UnitState.RESTING} for unit in units)
    talk(f"The factory of {house.path} runs: {ready} of {len(units)} units are ready.")
    return EXIT_FAILED if wrong else 0


@click.command()
@TIMEOUT
@click.pass_obj
def stop(house: House, timeout_seconds: float) -> None:
    """Stop the factory of this home and wait until it has stopped."""
    from cfsm.bootstrap.supervision import supervision_of

    _stop(house, supervision_of(house), timeout_seconds)


def _stop(house: House, supervision: Any, timeout_seconds: float) -> None:
    ran = supervision.stop(timeout_seconds)
    talk(f"The factory of {house.path} {'has stopped' if ran else 'was not running'}.")


@click.command()
@TIMEOUT
@click.pass_obj
def restart(house: House, timeout_seconds: float) -> int:
    """Stop the factory of this home, wait until it has stopped, and start it again."""
    from cfsm.bootstrap.supervision import supervision_of

    supervision = supervision_of(house)
    _stop(house, supervision, timeout_seconds)
    return _start(house, supervision, timeout_seconds)
