"""``cfsm optimize``: seek better parameters for a strategy, now."""

import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import rich_click as click

from cfsm.application.factory import Factory
from cfsm.application.tasks import TaskKind
from cfsm.bootstrap import House
from cfsm.cli.completing import strategy_names
from cfsm.cli.engines import engines
from cfsm.cli.output import (
    EXIT_INTERRUPTED,
    EXIT_TRY_AGAIN,
    as_json,
    figure,
    is_terminal,
    percent,
    print_json,
    print_table,
    say,
    show_progress,
    talk,
)
from cfsm.cli.strategies import find
from cfsm.domain.evaluation import Evaluation
from cfsm.domain.hyperopt import SPACES
from cfsm.domain.optimization import OPTIMIZED, Order
from cfsm.domain.strategy import Strategy

if TYPE_CHECKING:
    from cfsm.workers.optimizer import OptimizerWorker

LOOK_SECONDS = 0.3


@click.command()
@click.argument("strategy", shell_complete=strategy_names)
@click.option("--epochs", type=click.IntRange(min=1, max=100_000), help="At most. [default: the configured number]")
@click.option("--seconds", type=click.FloatRange(min=0), help="For the epochs at most; 0: as long as they take.")
@click.option("--spaces", help=f"Which, with commas or blanks: {', '.join(SPACES)}. [default: the configured ones]")
@click.option("--seed", type=click.IntRange(min=0, max=2**32 - 1), help="The same seed tries the same epochs.")
@as_json
@click.pass_obj
def optimize(
    house: House,
    strategy: str,
    epochs: int | None,
    seconds: float | None,
    spaces: str | None,
    seed: int | None,
    as_json: bool,
) -> int:
    """Seek better parameters for a strategy that was backtested, and use them if they are really better.

    Epochs of hyperopt are tried in the sandbox, on the screening days alone. The best of them and the strategy as it is
    are then backtested on the walk-forward days, which no epoch has seen; only if it is really better there, its
    parameters are used from then on. The code stays as it is; `cfsm strategies export` writes Freqtrade's .json beside
    it.

    The work is done here, or by the optimizer of the factory that runs on this home. After Ctrl+C the same command goes
    on after the last epochs that were kept. The exit code is 0 whether or not something better was found.

    \b
    Examples:
      cfsm optimize VolatilityStrategy_predefined_20261121_093000
      cfsm optimize Vola --epochs 300 --spaces roi,stoploss --seed 7
      cfsm optimize Vola --seconds 120 --json
    """
    found = find(house, strategy)
    order = _order(house, epochs, seconds, spaces, seed)
    is_as_configured = all(each is None for each in (epochs, seconds, spaces, seed))
    key = (_open_task(house, found.id) if is_as_configured else None) or _request(house, found.name, order)
    run = _done(house, key)
    if run is None:
        return EXIT_INTERRUPTED
    if not run.is_over:
        talk("The optimisation did not end: `cfsm status` says why.")
        return EXIT_TRY_AGAIN
    _show(house, found.name, run, as_json=as_json)
    return 0


def _order(house: House, epochs: int | None, seconds: float | None, spaces: str | None, seed: int | None) -> Order:
    given = {"epochs": epochs, "seconds": seconds, "seed": seed}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if spaces is not None:
        changes["spaces"] = tuple(spaces.replace(",", " ").split())
    try:
        return replace(house.optimization_order, **changes)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--spaces") from error


def _open_task(house: House, strategy_id: str) -> str | None:
    """Give the task of an optimisation of this strategy that was asked for before and has not ended."""
    house.factory.plan()
    tasks = (task for task in house.factory.store.overview() if task["kind"] == TaskKind.OPTIMIZE)
    key = next((task["key"] for task in tasks if task["subject"] == strategy_id and task["state"] == "open"), None)
    if key is not None:
        talk("Going on with the optimisation that was asked for before.")
    return key


def _request(house: House, name: str, order: Order) -> str:
    """Record the request and give the key of its task."""
    from cfsm.domain.lifecycle import IllegalTransition

    asked: list[Strategy] = []

    def decide() -> list[Strategy]:
        strategy = house.factory.get(Strategy, Strategy.id_of(name))
        strategy.request_optimization("asked for by hand", order, house.factory.stamp(correlation=str(strategy.id)))
        asked[:] = [strategy]
        return asked

    try:
        house.factory.transact(decide)
    except IllegalTransition as error:
        raise click.ClickException(f"{name} cannot be optimised now: {error}") from error
    return f"{TaskKind.OPTIMIZE}/{asked[0].id.hex}/{asked[0].version}"


# Doing it, or looking on


class _Teller:
    """Hears what the worker says of itself, in place of a supervisor."""

    watchdog_interval_seconds = None

    def __init__(self) -> None:
        self._told = ""

    def status(self, text: str) -> None:
        """Show how far it is: on a terminal at once, elsewhere each round of epochs as a line."""
        if is_terminal():
            show_progress(text)
            return
        step = text.split(" (", maxsplit=1)[0]
        if step != self._told and ": epoch " in step:
            talk(step)
        self._told = step

    def ready(self) -> None:
        """Nobody waits for it."""

    def watchdog(self) -> None:
        """Nobody watches but the person at the terminal."""

    def stopping(self) -> None:
        """Nobody waits for it."""

    def notify(self, state: str) -> None:
        """Nobody hears it."""

    def extend_timeout(self, seconds: float) -> None:
        """Nobody waits for it."""


def _done(house: House, key: str) -> Evaluation | None:
    """See to it that the task is done, and give its run; None where the person did not want to wait."""
    teller = _Teller()
    with _interrupted() as is_stopping, _worker(house, teller, is_stopping) as worker:
        while not is_stopping():
            task = _task(house.factory, key)
            if task is None or task["state"] != "open":
                break
            if task["claimed"]:
                teller.status(task["progress"] or "under way elsewhere")
            if task["claimed"] or not worker().step():
                time.sleep(LOOK_SECONDS)
        show_progress("")
        if is_stopping():
            talk("Interrupted. The same command without options goes on after the last epochs that were kept.")
            return None
    run_id = Evaluation.id_of(Evaluation.run_id_of(key))
    return house.factory.get(Evaluation, run_id)


def _task(factory: Factory, key: str) -> dict[str, Any] | None:
    factory.plan()
    return next((task for task in factory.store.overview() if task["key"] == key), None)


@contextmanager
def _interrupted() -> Iterator[Callable[[], bool]]:
    """Give what says whether Ctrl+C was pressed."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _worker(
    house: House, teller: _Teller, is_stopping: Callable[[], bool]
) -> "Iterator[Callable[[], OptimizerWorker]]":
    """Give what makes a worker of this process, and a forge where none runs, when it is first needed."""
    from cfsm.bootstrap.workers import optimizer_with
    from cfsm.workers.base import Equipment, Terms

    made: list[OptimizerWorker] = []
    with _warnings_on_stderr(), ExitStack() as stack:

        def worker() -> "OptimizerWorker":
            if not made:
                bell = stack.enter_context(closing(house.open_bell()))
                factory = stack.enter_context(closing(house.open_factory(f"optimize@{socket.gethostname()}")))
                opened = stack.enter_context(engines(house, house.parallel_trials))
                terms = house.settings.workers
                equipment = Equipment(
                    factory=factory,
                    bell=bell,
                    notifier=teller,
                    terms=Terms(terms.lease_seconds, terms.max_attempts, terms.retry_seconds),
                    is_stopping=is_stopping,
                )
                made.append(optimizer_with(house, equipment, opened))
            return made[0]

        yield worker


@contextmanager
def _warnings_on_stderr() -> Iterator[None]:
    """Let the worker's log say only what is wrong: how far it is, is shown otherwise, and stdout is the answer's."""
    import structlog

    before = structlog.get_config()
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    try:
        yield
    finally:
        structlog.configure(**before)


# What came of it


def _show(house: House, name: str, run: Evaluation, *, as_json: bool) -> None:
    figures = run.figures
    strategy = house.factory.get(Strategy, Strategy.id_of(name))
    is_used = run.verdict == OPTIMIZED
    if as_json:
        print_json(
            {
                "strategy": name,
                "run_id": str(UUID(str(run.id))),
                "verdict": run.verdict,
                "why": figures.get("why", ""),
                "parameters_hash": strategy.parameters_hash if is_used else "",
                "parameters": figures.get("best_parameters", {}),
                "figures": {key: value for key, value in figures.items() if key != "best_parameters"},
            }
        )
        return
    epochs, best = figures.get("epochs", 0), figures.get("best")
    seconds = figures.get("epoch_seconds", 0.0)
    say(f"{epochs} epochs on {figures.get('timerange', '')} in {seconds:.0f} s" + _of_best(best))
    comparison = figures.get("comparison")
    if comparison:
        rows = [
            (label, *_row(shown))
            for label, shown in (
                ("as it was", comparison["original"]),
                ("with the parameters", comparison["optimized"]),
            )
        ]
        headers = (f"on {comparison['timerange']}", "Sharpe daily", "profit", "drawdown", "trades")
        print_table(rows, headers, headers[1:])
    say(f"{'Optimized' if is_used else 'Kept as it was'}: {figures.get('why', '')}.")
    if is_used:
        talk("It is backtested with them next. `cfsm strategies export FOLDER` writes them beside the strategy.")


def _of_best(best: dict[str, Any] | None) -> str:
    return f"; the best is number {best['number']}, daily Sharpe {figure(-best['loss'])} in sample." if best else "."


def _row(shown: dict[str, Any]) -> tuple[object, ...]:
    return (
        figure(shown["sharpe_daily"]),
        percent(shown["profit_total"]),
        percent(shown["max_drawdown_account"]),
        shown["total_trades"],
    )
