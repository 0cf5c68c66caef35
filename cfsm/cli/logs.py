"""``cfsm logs``: what the workers said, from the journal or from the home's logs, in the same words."""

from collections.abc import Iterable

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import say


@click.command()
@click.argument("workers", nargs=-1, metavar="[WORKER]...")
@click.option("--lines", "-n", type=click.IntRange(min=0), default=50, show_default=True, help="The last so many.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is said from now on, until Ctrl+C.")
@click.pass_obj
def logs(house: House, workers: tuple[str, ...], lines: int, follow: bool) -> None:
    """Show what the workers, or those that are named, said last.

    \b
    Examples:
      cfsm logs
      cfsm logs backtester forge --follow
    """
    from cfsm.bootstrap.supervision import supervision_of

    _show(supervision_of(house).logs(workers, lines, follow=follow))


def _show(said: Iterable[tuple[str, str]]) -> None:
    for worker, line in said:
        say(f"{worker:<12} | {line}")
