"""``cfsm run`` and ``cfsm worker``: the factory in this terminal, without systemd."""

import asyncio
import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import rich_click as click

from cfsm.bootstrap import ROLES, House, build_worker, restart_policy, units
from cfsm.cli.config import say_what_has_no_effect
from cfsm.cli.data import open_dataset
from cfsm.cli.output import EXIT_CONFIGURATION, talk

STOP_SECONDS = 60
"""How long a factory may take to stop in order once whoever ran it is gone."""


@click.command()
@click.option("--detach", is_flag=True, help="Go on in the background when the terminal ends.")
@click.option("--quiet", is_flag=True, help="Write what workers say to the logs only.")
@click.pass_obj
def run(house: House, detach: bool, quiet: bool) -> int:
    """Run the factory of this home until Ctrl+C or SIGTERM.

    The workers are child processes that are watched and started again. One factory runs on a home at a time.

    \b
    Examples:
      cfsm run                 in this terminal; Ctrl+C stops in order
      cfsm run --detach        in the background; cfsm status, cfsm stop
    """
    from cfsm.adapters.detach import detach as go_on_detached
    from cfsm.adapters.event_store.inspection import require_sound
    from cfsm.adapters.home import make_home
    from cfsm.adapters.home_lock import HomeLock
    from cfsm.adapters.lifeline import exit_when_supervisor_dies

    say_what_has_no_effect(house)
    require_sound(house.path, house.store_terms)
    make_home(house.path)
    with HomeLock.acquire(house.path) as lock:
        _ = house.factory  # makes the tables before anybody else wants to
        specs = units(house)
        open_dataset(house, house.conditions.dataset)
        if detach:
            pid = go_on_detached(house.path / "logs" / "factory.log")
            if pid is not None:
                talk(f"The factory of {house.path} runs as pid {pid}. See `cfsm status`; stop it with `cfsm stop`.")
                os._exit(0)  # the lock belongs to the process that goes on
            lock.record_holder()
        else:
            exit_when_supervisor_dies(grace_seconds=STOP_SECONDS)  # `cfsm demo` may be what runs it
            if not quiet:
                talk(f"The factory of {house.path} runs. Ctrl+C stops it.")
        return _supervise(house.path, specs, restart_policy(house), quiet=quiet)


def _supervise(home: Path, specs: Any, policy: Any, *, quiet: bool) -> int:
    from cfsm.adapters.supervisor.events import SupervisorEvent
    from cfsm.adapters.supervisor.group import Supervisor, run_until_signalled
    from cfsm.adapters.supervisor.output import Terminal
    from cfsm.adapters.supervisor.status import UnitState

    def say(event: SupervisorEvent) -> None:
        if not quiet:
            talk(f"{event.unit or 'factory'}: {event.message}")

    terminal = Terminal(None if quiet else sys.stderr.fileno())

    async def supervise() -> Any:
        return await run_until_signalled(Supervisor(specs, home, say, terminal=terminal, policy=policy))

    ended = asyncio.run(supervise())
    wrong = [unit for unit in ended if unit.state is UnitState.MISCONFIGURED]
    for unit in wrong:
        talk(f"{unit.name}: {unit.reason or unit.status}")
    return EXIT_CONFIGURATION if wrong else 0


@click.command()
@click.argument("role", type=click.Choice(ROLES), metavar="ROLE")
@click.option("--instance", type=click.IntRange(min=1), default=1, show_default=True, help="Which of several.")
@click.pass_obj
def worker(house: House, role: str, instance: int) -> None:
    """Run one worker in the foreground: projector, coordinator, generator, validator, backtester or another one."""
    from cfsm.adapters.home_lock import HomeLock
    from cfsm.adapters.lifeline import exit_when_supervisor_dies
    from cfsm.adapters.logging import configure
    from cfsm.adapters.systemd import Notifier

    stopping = False

    def ask_to_stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    exit_when_supervisor_dies(ask_to_stop)
    configure(role if instance == 1 else f"{role}-{instance}", json=house.environ.get("CFSM_LOG") == "json")
    notifier = Notifier.from_environment(dict(house.environ))
    by_systemd = house.environ.get("CFSM_SUPERVISION") == "systemd"
    with HomeLock.share(house.path) if by_systemd else nullcontext():
        build_worker(house, role, instance, notifier, lambda: stopping).run()
