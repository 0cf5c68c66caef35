"""``cfsm completion``: the shell's completion script."""

import rich_click as click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      eval "$(cfsm completion bash)"
      cfsm completion fish > ~/.config/fish/completions/cfsm.fish
    """
    from cfsm.cli.root import cfsm_command

    script = get_completion_class(shell)
    assert script is not None, "click knows the shells that are offered"
    click.echo(script(cfsm_command, {}, "cfsm", "_CFSM_COMPLETE").source())
