"""``cfsm status``: how the factory is, at a glance."""

from typing import Any

import rich_click as click

from cfsm.bootstrap import House, refusal_of
from cfsm.cli.output import as_json, print_json, print_table, say, talk


@click.command()
@as_json
@click.pass_obj
def status(house: House, as_json: bool) -> None:
    """Show the workers, the pipeline, what is due and what is parked."""
    facts = _facts(house)
    if as_json:
        print_json(facts)
        return
    factory = facts["factory"]
    if factory is None or not factory["running"]:
        talk(f"The factory of {house.path} is not running; `cfsm run` starts it.")
    else:
        say(f"The factory of {house.path} runs as pid {factory['pid']} since {factory['started_at']:%F %T} UTC.")
        rows = [
            (unit["name"], unit["state"], unit["status"] or unit["reason"], unit["restarts"], unit["memory_mb"])
            for unit in factory["units"]
        ]
        print_table(rows, ("worker", "state", "what it does", "restarts", "MB"), ("restarts", "MB"))
    pipeline = ", ".join(f"{count} {state}" for state, count in facts["strategies"].items() if count)
    say(f"strategies: {pipeline or 'none yet'}")
    waiting = ", ".join(f"{count} to {kind}" for kind, count in facts["due"].items())
    say(f"due: {waiting or 'nothing'}")
    if facts["waits_because"]:
        say(f"nothing new starts now: {facts['waits_because']}")
    say(f"events: {facts['events']}, the last at {facts['last_event_at'] or '-'}")
    for task in facts["parked"]:
        say(f"parked: {task['key']} after {task['attempts']} attempts: {task['error']}")
        say(f"        `cfsm tasks release {task['key']}` lets it be tried again")


def _facts(house: House) -> dict[str, Any]:
    from dataclasses import asdict

    from cfsm.adapters.supervisor.status import read_status
    from cfsm.projections.health import HealthView

    house.factory.plan()
    view = house.view(HealthView)
    running = read_status(house.path)
    due: dict[str, int] = {}
    for task in house.factory.store.overview():
        if task["state"] == "open":
            due[task["kind"]] = due.get(task["kind"], 0) + 1
    return {
        "home": str(house.path),
        "factory": running and asdict(running),
        "strategies": {state.value: count for state, count in view.pipeline().items()},
        "due": due,
        "waits_because": refusal_of(house, house.factory)(),
        "parked": [asdict(parked) for parked in view.parked()],
        "events": house.factory.store.head(),
        "last_event_at": view.last_event_at(),
    }
