"""The command ``cfsm``: its options, and where each command is found."""

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import rich_click as click
from click.exceptions import Exit

import cfsm
from cfsm.cli.failures import exit_code_of, words_of
from cfsm.cli.output import EXIT_FAILED, EXIT_INTERRUPTED, talk

COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("cfsm.cli.demo", "Make strategies, backtest them and show the leaderboard."),
    "run": ("cfsm.cli.run", "Run the factory here, until Ctrl+C."),
    "start": ("cfsm.cli.supervision", "Start the factory of this home in the background."),
    "stop": ("cfsm.cli.supervision", "Stop the factory of this home."),
    "restart": ("cfsm.cli.supervision", "Stop the factory of this home and start it again."),
    "logs": ("cfsm.cli.logs", "Show what the workers said."),
    "due": ("cfsm.cli.due", "Ask for what the calendar says is due now."),
    "systemd": ("cfsm.cli.systemd", "Install the factory as units of systemd."),
    "worker": ("cfsm.cli.run", "Run one worker in the foreground."),
    "status": ("cfsm.cli.status", "Show how the factory is."),
    "top": ("cfsm.cli.top", "Watch the factory, live."),
    "metrics": ("cfsm.cli.metrics", "Print the metrics, the dashboard or the alert rules."),
    "generate": ("cfsm.cli.generate", "Ask for strategies now."),
    "generations": ("cfsm.cli.generations", "List generations and show their conversations with models."),
    "models": ("cfsm.cli.models", "Show which models, channels and prompts work; list and test the models."),
    "prompts": ("cfsm.cli.prompts", "List, show and compare the versions of the prompts."),
    "intake": ("cfsm.cli.intake", "Take in strategy files and models' raw answers: find, mend, judge."),
    "strategies": ("cfsm.cli.strategies", "List, show, add, retire and export strategies."),
    "leaderboard": ("cfsm.cli.leaderboard", "Show the best strategies in service."),
    "lineage": ("cfsm.cli.lineage", "Show where a strategy comes from and what came of it."),
    "audit": ("cfsm.cli.audit", "Hold what was recorded of a strategy against its blobs; run it again."),
    "report": ("cfsm.cli.report", "Write all that is known of a strategy as one HTML page."),
    "optimize": ("cfsm.cli.optimize", "Seek better parameters for a strategy."),
    "compare": ("cfsm.cli.compare", "Show the backtests of strategies side by side, and choose."),
    "history": ("cfsm.cli.history", "Read, replay, follow and verify the log of events."),
    "runs": ("cfsm.cli.runs", "List, show and follow validations, backtests and optimisations."),
    "dryrun": ("cfsm.cli.dryrun", "Forward tests: list, show, start and stop bots that trade on paper."),
    "market": ("cfsm.cli.market", "Show how the market gateway fares."),
    "tasks": ("cfsm.cli.tasks", "Show what is due, and release what is parked."),
    "projections": ("cfsm.cli.projections", "Rebuild what is shown from the log."),
    "forge": ("cfsm.cli.forge", "Validate and backtest strategy files of your own."),
    "data": ("cfsm.cli.data", "Import, download, synthesise and list candles."),
    "config": ("cfsm.cli.config", "Show and check the configuration."),
    "backup": ("cfsm.cli.backup", "Back up the events and everything they refer to."),
    "restore": ("cfsm.cli.backup", "Restore a backup."),
    "doctor": ("cfsm.cli.doctor", "Check the machine, the home and the event store."),
    "completion": ("cfsm.cli.completion", "Print the shell's completion script."),
}
"""Every command: the module that has it, under its own name, and its line in the help."""


AS_ROOT = frozenset({"systemd", "start", "stop", "restart"})
"""Commands that speak to systemd; with every other one root goes on as the owner of the home."""


class Lazy(click.RichGroup):
    """A group that imports a command's module when the command is called.

    Until then one line stands in for each: enough for the help, for completion, and for what a typo may have meant.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name, (_, line) in COMMANDS.items():
            self.add_command(click.RichCommand(name=name, help=line))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's
        """Give the names, in the table's order."""
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Give the command itself in place of its stand-in."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found and command_named(str(name)), rest


def command_named(name: str) -> click.Command:
    """Import a command. Raise KeyError if there is none of this name."""
    found: click.Command = getattr(import_module(COMMANDS[name][0]), name)
    return found


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    envvar="CFSM_HOME",
    help="Folder of the factory. [default: $XDG_STATE_HOME/cfsm]",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    envvar="CFSM_CONFIG",
    help="Configuration file. [default: cfsm.yaml in the home]",
)
@click.option("--profile", help="standard, cpu_optimized, safe or cooperative.")
@click.version_option(cfsm.__version__, prog_name="cfsm")
@click.pass_context
def cfsm_command(ctx: click.Context, home: Path | None, config_file: Path | None, profile: str | None) -> None:
    """CFSM makes, tests and audits Freqtrade futures strategies. Everything that happens is an event.

    \b
    Exit codes: 0 done, 1 failed or the answer is no, 2 wrong usage,
    75 try again later, 78 something has to be configured, 130 interrupted.

    \b
    Examples:
      cfsm demo                     make strategies and show the leaderboard
      cfsm run                      run the factory until Ctrl+C
      cfsm leaderboard --json       the leaderboard for a program
      cfsm lineage BEST             where the best strategy comes from
    """
    from cfsm.adapters.home import act_as_owner
    from cfsm.bootstrap import House

    house = House.at(home, file=config_file, profile=profile, environ=os.environ)
    if ctx.invoked_subcommand not in AS_ROOT:
        act_as_owner(house.path)
    ctx.obj = house


def main(arguments: list[str] | None = None) -> None:
    """Run ``cfsm``; end with an exit code that says what a script should do."""
    try:
        result = cfsm_command.main(arguments, prog_name="cfsm", standalone_mode=False)
        sys.stdout.flush()
    except Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        talk("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        _forget_output()  # `cfsm … | head` is no error
        sys.exit(EXIT_FAILED)
    except Exception as error:
        code = exit_code_of(error)
        if code is None:
            raise  # a bug: its traceback is what whoever mends it needs
        talk(f"Error: {words_of(error)}")
        if isinstance(error, OSError):
            _forget_output()
        sys.exit(code)
    sys.exit(result if isinstance(result, int) else 0)


def _forget_output() -> None:
    """Let what stdout cannot take be lost: the interpreter would try again at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
