"""The program of a bot's process: ``python -m cfsm.adapters.freqtrade.dry_run.bot FOLDER``.

It locks itself in, takes over the clock where it replays, and becomes ``freqtrade trade``: Freqtrade as it is, its own
command line, its own loop. Whatever the strategy does, it does in this process.
"""

import contextlib
import fcntl
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cfsm.adapters.freqtrade.dry_run.folder import (
    CONFIG_FILE,
    DATABASE_FILE,
    LOCK_FILE,
    STRATEGY_FOLDER,
    USER_FOLDER,
    Instructions,
)
from cfsm.adapters.sandbox.bot_cage import BotCage, enter

if TYPE_CHECKING:  # it reads files that the cage hides
    from cfsm.adapters.freqtrade.dry_run.stepped_clock import SteppedClock

_NICENESS = 5
"""A bot that replays takes all of a core: the factory's own work goes first."""


def main(folder: Path) -> None:
    """Be the bot of this folder, until told to end."""
    sys.dont_write_bytecode = True
    order = Instructions.read(folder)
    strategy = folder.parent / STRATEGY_FOLDER
    os.chdir(folder)
    with contextlib.suppress(OSError):  # a hardened unit may not even be nice
        os.nice(_NICENESS)
    lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # one bot to a folder: one before it that is not quite dead is waited for
    enter(
        BotCage(
            folder=folder,
            readable=(strategy,),
            connect_port=order.gateway_port,
            listen_port=order.api_port,
            memory_mb=order.memory_mb,
        )
    )
    if order.stepping is not None:
        from cfsm.adapters.freqtrade.dry_run.stepped_clock import SteppedClock  # noqa: PLC0415  as above

        _step(SteppedClock(folder, order.stepping, order.exchange_url))
    from freqtrade.main import main as freqtrade  # noqa: PLC0415  Freqtrade is for the cage only

    from cfsm.adapters.freqtrade.dry_run.resuming import finish_what_was_begun  # noqa: PLC0415  as above

    finish_what_was_begun()
    freqtrade(_arguments(folder, strategy, order.strategy_name, verbose=order.is_verbose))


def _arguments(folder: Path, strategy: Path, name: str, *, verbose: bool) -> list[str]:
    return [
        *("trade", "--config", str(folder / CONFIG_FILE)),
        *("--userdir", str(folder / USER_FOLDER)),
        *("--db-url", f"sqlite:///{folder / DATABASE_FILE}"),
        *("--strategy", name, "--strategy-path", str(strategy)),
        *(("-v",) if verbose else ()),
    ]


def _step(clock: "SteppedClock") -> None:
    """Let Freqtrade's worker step the clock in place of sleeping."""
    from freqtrade.exchange import timeframe_to_seconds  # noqa: PLC0415  as above
    from freqtrade.persistence import Trade  # noqa: PLC0415
    from freqtrade.worker import Worker  # noqa: PLC0415

    from cfsm.adapters.freqtrade.dry_run import quick_candles  # noqa: PLC0415  as above
    from cfsm.adapters.freqtrade.dry_run.patience import be_patient  # noqa: PLC0415

    begin = Worker.__init__
    workers = []

    def init(self: Worker, *arguments: object, **options: object) -> None:
        workers.append(self)
        begin(self, *arguments, **options)

    def sleep(seconds: float) -> None:
        timeframe = timeframe_to_seconds(workers[-1].freqtrade.strategy.timeframe)
        clock.wait(seconds, is_flat=not Trade.get_open_trade_count(), timeframe_seconds=timeframe)

    Worker.__init__ = init
    Worker._sleep = staticmethod(sleep)  # noqa: SLF001  the one place where it waits
    quick_candles.install()
    be_patient(clock.tell_gateway)
    clock.start()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
