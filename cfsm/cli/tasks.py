"""``cfsm tasks``: what is due, who is at it, and what waits for a person."""

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import as_json, print_json, print_table, talk


@click.group()
def tasks() -> None:
    """Show what is due, and release what is parked."""


@tasks.command("list")
@as_json
@click.pass_obj
def list_(house: House, as_json: bool) -> None:
    """List the tasks that are not done."""
    house.factory.plan()
    found = house.factory.store.overview()
    if as_json:
        print_json(found)
    elif found:
        rows = [
            (task["key"], task["state"], task["owner"] if task["claimed"] else "", task["tries"], task["progress"])
            for task in found
        ]
        print_table(rows, ("task", "state", "held by", "tries", "progress"), ("tries",))
    else:
        talk("Nothing is due.")


@tasks.command()
@click.argument("key")
@click.pass_obj
def release(house: House, key: str) -> None:
    """Let a parked task be tried again."""
    from cfsm.application.factory import NotThere

    try:
        house.factory.release(key)
    except NotThere as error:
        raise click.ClickException(f"{error}; see `cfsm tasks list`") from error
    talk(f"Released {key}.")
