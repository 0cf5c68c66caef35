"""``cfsm prompts``: what the models are told, in every version."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import rich_click as click

from cfsm.cli.output import as_json, print_json, print_table, say, talk
from cfsm.domain.answer import estimated_tokens

if TYPE_CHECKING:
    from cfsm.adapters.prompts import PromptFolder


@click.group()
def prompts() -> None:
    """List, show and compare the versions of the prompts. A version that was released never changes."""


@prompts.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List the prompts: versions, the size of the last one (a careful estimate of its tokens), its hash."""
    from cfsm.adapters.prompts import PromptFolder

    folder = PromptFolder()
    found: list[dict[str, Any]] = []
    for name in folder.names():
        text = folder.text(name)
        found.append(
            {
                "name": name,
                "versions": list(folder.versions(name)),
                "tokens": estimated_tokens(text),
                "text_hash": sha256(text.encode()).hexdigest(),
            }
        )
    if as_json:
        print_json(found)
        return
    rows = [
        (each["name"], ", ".join(map(str, each["versions"])), each["tokens"], each["text_hash"][:12]) for each in found
    ]
    print_table(rows, ("prompt", "versions", "tokens", "hash"), ("tokens",))


@prompts.command()
@click.argument("name")
@click.option("--version", type=click.IntRange(min=1), help="Which version. [default: the last]")
@as_json
def show(name: str, version: int | None, as_json: bool) -> None:
    """Print a prompt as it lies in its file; `$names` are filled in when it is asked.

    \b
    Examples:
      cfsm prompts show write-source
      cfsm prompts show write-blueprint --version 1
    """
    with _those_that_are_there() as folder:
        text, last = folder.text(name, version), folder.versions(name)[-1]
    if as_json:
        print_json({"name": name, "version": version or last, "text": text})
    else:
        say(text.rstrip("\n"))


@prompts.command()
@click.argument("name")
@click.argument("before", type=click.IntRange(min=1), required=False)
@click.argument("after", type=click.IntRange(min=1), required=False)
def diff(name: str, before: int | None, after: int | None) -> None:
    """Show what changed between two versions of a prompt, by default from the last but one to the last.

    \b
    Examples:
      cfsm prompts diff write-source
      cfsm prompts diff write-source 1 3
    """
    with _those_that_are_there() as folder:
        versions = folder.versions(name)
        if before is None and len(versions) == 1:
            talk(f"{name} has one version only: {versions[0]}.")
            return
        old, new = before or versions[-2], after or versions[-1]
        one, other = (folder.text(name, version).splitlines() for version in (old, new))
    changed = list(difflib.unified_diff(one, other, f"{name} {old}", f"{name} {new}", lineterm=""))
    if changed:
        say("\n".join(changed))
    else:
        talk(f"{name} {old} and {new} say the same.")


@contextmanager
def _those_that_are_there() -> "Iterator[PromptFolder]":
    """Give the prompts; what is asked for and not there is a plain answer to the user, nothing to be configured."""
    from cfsm.adapters import prompts as shipped
    from cfsm.adapters.prompts.folder import NoSuchPrompt

    try:
        yield shipped.PromptFolder()
    except NoSuchPrompt as error:
        raise click.ClickException(str(error)) from error
