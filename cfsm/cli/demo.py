"""``cfsm demo``: the factory's main job from beginning to end, with what happens shown."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import rich_click as click

from cfsm.bootstrap import House, find_home
from cfsm.cli.data import open_dataset
from cfsm.cli.output import EXIT_FAILED, is_terminal, show_progress, talk

if TYPE_CHECKING:
    from cfsm.projections.leaderboard import Contender

Factory = subprocess.Popen[bytes]

STOP_SECONDS = 60.0
HURRIED_STOP_SECONDS = 10.0


@click.command()
@click.option("--count", type=click.IntRange(1, 200), help="How many strategies. [default: 12; 3 with --models]")
@click.option(
    "--models",
    "with_models",
    is_flag=True,
    help="Watch several models at work without Ollama: scripted ones play them.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the first one. [default: drawn]")
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=1),
    default=900,
    show_default=True,
    help="Seconds after which it is left to `cfsm run`.",
)
@click.option(
    "--forward-test/--no-forward-test",
    "forward",
    default=True,
    show_default=True,
    help="End with the best strategy's bot on candles that were held back.",
)
@click.pass_obj
def demo(
    house: House, count: int | None, with_models: bool, seed: int | None, timeout_seconds: float, forward: bool
) -> int:
    """Make strategies, validate them by executing them, backtest them, show the leaderboard, forward-test the best.

    Uses the factory that runs on this home, or runs one for as long as it takes. All that happens is recorded as events
    in the home and can be replayed and audited afterwards.

    With --models three models make strategies together: a contest, a vote, a consensus. They are a demonstration: what
    they say is written in a file, and it is recorded in a home of its own, the folder `demonstration` of this one.

    \b
    Examples:
      cfsm demo
      cfsm demo --models
    """
    from cfsm.cli.demonstration import ask_together, demonstration
    from cfsm.cli.generate import request

    dataset = open_dataset(house, house.conditions.dataset)
    talk(f"Candles: {dataset.label}, {len(dataset.pairs)} pairs, {dataset.first:%Y-%m-%d} to {dataset.last:%Y-%m-%d}.")
    if with_models:
        with demonstration(house) as rehearsal:
            return _make(rehearsal, lambda: ask_together(rehearsal, count or 3, seed), timeout_seconds, MODELS_WENT_ON)
    types = list(house.settings.generation.strategy_types)
    return _make(house, lambda: request(house, types, count or 12, seed), timeout_seconds, forward=forward)


FORWARD_WENT_ON = "dryrun show {strategy}"
MODELS_WENT_ON = ("generations list", "generations show {strategy}", "models --by mode")
"""What to look at after models made strategies."""


def _make(
    house: House,
    ask: Callable[[], Sequence[str]],
    timeout_seconds: float,
    more: Sequence[str] = (),
    *,
    forward: bool = False,
) -> int:
    """Let the factory make what is asked for, show it as it goes and the leaderboard; give the exit code."""
    with _running_factory(house) as factory:
        generations = ask()
        deadline = time.monotonic() + timeout_seconds
        done = _watch(house, generations, timeout_seconds, factory)
        best = _show(house) if done else None
        if best is not None and forward:
            from cfsm.cli.demo_forward import forward_test_of_best

            forward_test_of_best(
                house,
                best.name,
                best.timeframe,
                goes_on=lambda: factory is None or factory.poll() is None,
                seconds=max(1.0, deadline - time.monotonic()),
            )
    if factory is not None and not done and factory.returncode:
        talk(f"The factory ended with exit code {factory.returncode}; see above, and the logs in {house.path}/logs.")
        return factory.returncode if factory.returncode > 0 else EXIT_FAILED
    if not done:
        talk(f"Not all were done in {timeout_seconds:g} s. `cfsm run` goes on from there; `cfsm status` says more.")
        return EXIT_FAILED
    _show_what_next(house, best, (FORWARD_WENT_ON, *more) if forward else more)
    return 0


@contextlib.contextmanager
def _running_factory(house: House) -> Iterator[Factory | None]:
    """Use the factory that runs (None), or run one meanwhile and stop it in order."""
    from cfsm.adapters.home_lock import holder_of

    holder = holder_of(house.path)
    if holder is not None:
        talk(f"The factory of {house.path} runs as pid {holder.pid}: it does the work.")
        yield None
        return
    talk(f"Starting the factory of {house.path} …")
    factory, lifeline = _start(house)
    try:
        yield factory
    finally:
        _stop(factory)
        os.close(lifeline)


def _start(house: House) -> tuple[Factory, int]:
    """Start a factory that stops by itself, in order, should this process die: the descriptor keeps it alive."""
    from cfsm.adapters.lifeline import SUPERVISOR_FD

    options = ["--config", str(house.file.absolute())] if house.file else []
    options += ["--profile", house.profile] if house.profile else []
    command = [sys.executable, "-m", "cfsm", "--home", str(house.path), *options, "run", "--quiet"]
    end, lifeline = os.pipe()
    environ = {**house.environ, SUPERVISOR_FD: str(end)}
    try:
        return subprocess.Popen(command, env=environ, pass_fds=[end], start_new_session=True), lifeline
    finally:
        os.close(end)


def _stop(factory: Factory) -> None:
    """Stop the factory in order; Ctrl+C leaves it little time."""
    if factory.poll() is not None:
        return
    factory.terminate()
    try:
        factory.wait(STOP_SECONDS)
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        factory.send_signal(signal.SIGINT)
        try:
            factory.wait(HURRIED_STOP_SECONDS)
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            factory.kill()  # what it started sees that it is gone, and ends
            factory.wait()


def _watch(house: House, generations: Sequence[str], timeout_seconds: float, factory: Factory | None) -> bool:
    """Print what becomes of the requests; say whether all came to their end in time."""
    from cfsm.application.history import History

    past = History(house.factory.store)
    bell = house.open_bell()
    wanted = set(generations)
    strategies: dict[str, str] = {}
    ended: set[str] = set()
    deadline = time.monotonic() + timeout_seconds
    place = past.of([UUID(generations[0])])[0].id - 1
    try:
        while len(ended) < len(wanted) and time.monotonic() < deadline:
            if factory is not None and factory.poll() is not None:
                return False
            for happening in past.between(place):
                place = happening.id
                line = _follow_one(happening, wanted, strategies, ended)
                if line:
                    show_progress("")
                    talk(f"  [{len(ended)}/{len(wanted)}] {line}")
            if is_terminal():
                show_progress(_at_work(house))
            bell.wait(1.0)
    finally:
        show_progress("")
        bell.close()
    return len(ended) >= len(wanted)


def _at_work(house: House) -> str:
    """Give what the workers are at, on one line."""
    from cfsm.cli.runs import progress_of

    return "; ".join(progress_of(house).values()) or "waiting for the workers"


def _follow_one(happening: Any, wanted: set[str], strategies: dict[str, str], ended: set[str]) -> str:
    """Take one event in; give the line that it is worth, or nothing."""
    from cfsm.cli.telling import WORDS

    facts, originator = happening.facts, happening.originator_id
    if happening.topic == "Generation.Failed" and str(UUID(originator)) in wanted:
        ended.add(originator)
        return f"generation failed: {facts['reason']}"
    if happening.topic == "Strategy.Generated" and facts["generation_id"] in wanted:
        strategies[originator] = facts["name"]
        return f"generated   {facts['name']}"
    if happening.topic in TALK and str(UUID(originator)) in wanted:
        return f"{happening.topic.partition('.')[2].lower():<11} {WORDS[happening.topic](facts)}"
    if originator not in strategies or happening.topic not in ENDS:
        return ""
    if happening.topic != "Strategy.Validated":
        ended.add(originator)
    return f"{ENDS[happening.topic]:<11} {strategies[originator]}  {WORDS[happening.topic](facts)}"


TALK = {
    f"Generation.{each}"
    for each in ("Planned", "Asked", "Answered", "AnswerFailed", "Proposed", "Screened", "Voted", "Judged")
} | {"Generation.FellBack", "Generation.Decided"}
ENDS = {
    "Strategy.Validated": "validated",
    "Strategy.Backtested": "backtested",
    "Strategy.Retired": "retired",
}


def _show(house: House) -> "Contender | None":
    """Print the leaderboard; give the best of it, if there is any."""
    from cfsm.cli import leaderboard
    from cfsm.projections.leaderboard import LeaderboardView

    view = house.view(LeaderboardView)
    talk("")
    leaderboard.show(view, house, 10, include_retired=False, as_json=False)
    return next(iter(view.top(1, house.proof_rules)), None)


def _show_what_next(house: House, best: "Contender | None", more: Sequence[str]) -> None:
    talk("\nGo on with:")
    name = best.name if best else ""
    commands = (f"lineage {name}", f"history show {name}", f"strategies show {name} --source")
    further = (each.format(strategy=name) for each in more if best or "{" not in each)
    for command in (*(commands if best else ()), *further, "history verify", "run"):
        talk(f"  {_program(house)} {command}")


def _program(house: House) -> str:
    """Give how the person calls this program for this home."""
    program = house.environ.get("CFSM_CALLED_AS") or "cfsm"
    if house.path == find_home(house.environ).absolute():
        return program
    return f"{program} --home {shlex.quote(str(house.path))}"
