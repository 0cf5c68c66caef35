"""``cfsm doctor``: is the machine fit, is the home whole?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import EXIT_FAILED, as_json, print_json, say, talk

if TYPE_CHECKING:
    from cfsm.adapters.event_store.inspection import Check
    from cfsm.adapters.market_data import Dataset


@click.command()
@click.option("--deep", is_flag=True, help="Read every event and every blob.")
@as_json
@click.pass_obj
def doctor(house: House, deep: bool, as_json: bool) -> int:
    """Check the machine, the home and the event store, and say what to do about what is wrong."""
    checks = _checks(house, deep=deep)
    if as_json:
        print_json(checks)
    else:
        for check in checks:
            say(f"{'ok  ' if check.ok else 'BAD '} {check.name}: {check.message}")
            if not check.ok and check.what_to_do:
                say(f"     {check.what_to_do}")
    wrong = sum(not check.ok for check in checks)
    if wrong:
        talk(f"{wrong} of {len(checks)} checks found something wrong.")
    return EXIT_FAILED if wrong else 0


def _checks(house: House, *, deep: bool) -> "list[Check]":
    from cfsm.adapters.event_store.inspection import Check, inspect
    from cfsm.adapters.sandbox.cage import missing_layers
    from cfsm.settings import ConfigurationError

    try:
        checks = [Check("configuration", ok=True, message=f"profile {house.settings.profile}")]
    except ConfigurationError as error:
        return [Check("configuration", ok=False, message=str(error), what_to_do="See `cfsm config check`.")]
    checks += inspect(house.path, house.store_terms, deep=deep)
    if not house.path.exists():  # a person who has only just installed CFSM has done nothing wrong
        new = Check("home", ok=True, message=f"{house.path} is not there yet: `cfsm demo` or `cfsm run` makes it")
        checks = [new if check.name == new.name else check for check in checks]
    checks += [_machine(house), _sandbox(missing_layers())]
    return [*checks, *map(_dataset, house.datasets.list())]


def _machine(house: House) -> "Check":
    """Say whether the machine has room for work at all; that it is busy, or warm, will pass."""
    from cfsm.adapters.event_store.inspection import Check
    from cfsm.bootstrap.workers import admission_rules_of, gauge_of
    from cfsm.cli.status import machine_in_words
    from cfsm.domain.admission import Refused, Shortage, admit

    load = gauge_of(house).load()
    answer = admit(load, admission_rules_of(house))
    if isinstance(answer, Refused) and answer.code in {Shortage.MEMORY, Shortage.DISK}:
        what_to_do = "No new work starts before that changes, or the section `admission` of the configuration does."
        return Check("machine", ok=False, message=answer.reason, what_to_do=what_to_do)
    return Check("machine", ok=True, message=machine_in_words(load))


def _sandbox(missing: Sequence[str]) -> "Check":
    from cfsm.adapters.event_store.inspection import Check

    if not missing:
        return Check("sandbox", ok=True, message="Landlock and seccomp lock strategies in")
    words = "No strategy is run without them: install or enable what is missing."
    return Check("sandbox", ok=False, message="; ".join(missing), what_to_do=words)


def _dataset(dataset: "Dataset") -> "Check":
    from cfsm.adapters.event_store.inspection import Check

    name = f"dataset {dataset.name}"
    if not dataset.problems:
        return Check(name, ok=True, message="whole")
    return Check(name, ok=False, message="; ".join(map(str, dataset.problems)), what_to_do="Make or import it again.")
