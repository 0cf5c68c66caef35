"""``cfsm doctor``: is the machine fit, is the home whole?"""

from dataclasses import asdict
from typing import Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import EXIT_FAILED, as_json, print_json, talk


@click.command()
@click.option("--deep", is_flag=True, help="Read every event and every blob.")
@as_json
@click.pass_obj
def doctor(house: House, deep: bool, as_json: bool) -> int:
    """Check the machine, the home and the event store, and say what to do about what is wrong."""
    checks = _checks(house, deep=deep)
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        for check in checks:
            click.echo(f"{'ok  ' if check.ok else 'BAD '} {check.name}: {check.message}")
            if not check.ok and check.what_to_do:
                click.echo(f"     {check.what_to_do}")
    wrong = sum(not check.ok for check in checks)
    if wrong:
        talk(f"{wrong} of {len(checks)} checks found something wrong.")
    return EXIT_FAILED if wrong else 0


def _checks(house: House, *, deep: bool) -> list[Any]:
    from cfsm.adapters.event_store.inspection import Check, inspect
    from cfsm.adapters.sandbox.cage import layers
    from cfsm.settings import ConfigurationError

    try:
        checks = [Check("configuration", ok=True, message=f"profile {house.settings.profile}", what_to_do="")]
    except ConfigurationError as error:
        return [Check("configuration", ok=False, message=str(error), what_to_do="See `cfsm config check`.")]
    checks += inspect(house.path, house.store_terms, deep=deep)
    checks += [Check(f"sandbox: {name}", ok=ok, message=words, what_to_do="") for name, ok, words in layers()]
    checks += [
        Check(
            f"dataset {dataset.name}",
            ok=not dataset.problems,
            message="; ".join(map(str, dataset.problems)) or "whole",
            what_to_do="Make or import it again.",
        )
        for dataset in house.datasets.list()
    ]
    return checks
