"""``cfsm top``: the factory, live."""

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import EXIT_FAILED, is_terminal, talk


@click.command()
@click.option(
    "--interval",
    "interval_seconds",
    type=click.FloatRange(min=0.2, max=3600),
    default=1.0,
    show_default=True,
    help="Seconds from one look to the next.",
)
@click.pass_obj
def top(house: House, interval_seconds: float) -> int | None:
    """Watch the factory: workers, pipeline, runs, last events and the machine. It changes nothing.

    Keys: q ends, p holds the picture still and lets it go on.
    """
    if not is_terminal():
        talk("`cfsm top` needs a terminal; `cfsm status` prints the same once, `cfsm status --json` for programs.")
        return EXIT_FAILED
    from cfsm.cli.live.app import Top

    _ = house.factory  # what is wrong with the home or its configuration is said before the screen is taken
    Top(house, interval_seconds).run()
    return None
