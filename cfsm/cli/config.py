"""``cfsm config``: what is configured, where it was said, and whether it is right."""

from pathlib import Path

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import EXIT_CONFIGURATION, as_json, print_json, print_table, talk


@click.group()
def config() -> None:
    """Show and check the configuration."""


@config.command()
@as_json
@click.pass_obj
def show(house: House, as_json: bool) -> None:
    """Show every key, its value, and where the value comes from."""
    from cfsm.settings.rendering import describe

    rows = describe(house.settings)
    if as_json:
        print_json([row._asdict() for row in rows])
    else:
        print_table([(row.key, row.value, row.origin) for row in rows], ("key", "value", "from"))


@config.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.pass_obj
def check(house: House, file: Path | None) -> int:
    """Check a configuration file, or the one in use; all problems at once, with file and line."""
    from cfsm.settings import check as findings_of

    if file is None:
        say_what_has_no_effect(house)
        talk("The configuration is right.")
        return 0
    problems, notices = findings_of(file)
    for problem in problems:
        talk(str(problem))
    for notice in notices:
        talk(f"Note: {notice}")
    if not problems:
        talk(f"{file} is right.")
    return EXIT_CONFIGURATION if problems else 0


def say_what_has_no_effect(house: House) -> None:
    """Tell, on stderr, what is configured and changes nothing. Raise ConfigurationError for what is wrong."""
    for notice in house.settings.notices:
        talk(f"Note: {notice}")


@config.command()
def schema() -> None:
    """Print the JSON schema of the configuration."""
    from cfsm.settings.rendering import json_schema

    print_json(json_schema())
