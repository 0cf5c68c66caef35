"""``cfsm due``: ask for what the calendar says is due; systemd's timers call it."""

import socket

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import talk

PARTS = ("generation", "reevaluation", "cleaning")


@click.command()
@click.argument("part", type=click.Choice(PARTS), metavar="PART")
@click.pass_obj
def due(house: House, part: str) -> None:
    """Ask for what the calendar says is due now: generation, reevaluation or cleaning. Asking twice is asking once.

    The timers of systemd call this; without systemd the coordinator asks by itself.

    \b
    generation    the strategy of this slot of `generation.interval_seconds`, if there is room for one
    reevaluation  a backtest of each strategy that had none in this slot of `backtest.interval_seconds`
    cleaning      the cleaning of the last `retention.cleaning_time`
    """
    from cfsm.bootstrap.workers import calendar_of
    from cfsm.workers.calendar import Reminder, start_of_slot

    calendar = calendar_of(house)
    factory = house.open_factory(f"calendar@{socket.gethostname()}")
    reminder = Reminder(factory, calendar, house.summaries)
    now = house.clock.now()
    if part == "cleaning":
        reminder.cleaning(now)
    elif part == "reevaluation" and calendar.backtest_seconds:
        reminder.backtests(start_of_slot(now, calendar.backtest_seconds))
    elif part == "generation":
        paused = reminder.why_paused()
        if paused:
            talk(paused)
        else:
            reminder.generation(now)
