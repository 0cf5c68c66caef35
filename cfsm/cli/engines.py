"""The engine for commands: the forge that runs on this home, or one that is started for as long as it takes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import is_terminal, talk
from cfsm.domain.evaluation import Stage

if TYPE_CHECKING:
    from cfsm.adapters.freqtrade.client import ForgeEngine

CLEAR_LINE = "\r\033[K"


def open_engine(house: House, *, stock: bool = False) -> "ForgeEngine":
    """Give an engine that goes before the queue and starts a forge where none runs; ``stock``: Freqtrade's own loop."""
    from cfsm.adapters.freqtrade.client import ForgeEngine

    return ForgeEngine(house.forge_socket, house.path / "data", stock=stock, urgent=True, keeps_log=True)


@contextmanager
def engines(house: House, count: int, *, stock: bool = False) -> Iterator[list["ForgeEngine"]]:
    """Give engines for as many threads, all of the same forge; one that was started here ends with the block."""
    house.forge_socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        opened = [stack.enter_context(open_engine(house, stock=stock)) for _ in range(count)]
        if not house.is_forge_ready():
            talk("Starting the forge …")
        opened[0].status()  # the others find it running
        yield opened


class ProgressLine:
    """One line on a terminal's stderr that says how far the work is; nothing where nobody looks."""

    def __init__(self, whole: int) -> None:
        self.done = 0
        self._whole = whole
        self._is_shown = is_terminal()

    def report(self, subject: str, stage: Stage, percent: float, words: str) -> None:
        """Say how far a run is."""
        if self._is_shown:
            line = f"{self.done}/{self._whole} {subject} {stage.value} {percent:.0f} % {words}".rstrip()
            click.echo(f"{CLEAR_LINE}  {line[:110]}", err=True, nl=False)

    def clear(self) -> None:
        """Take the line away."""
        if self._is_shown:
            click.echo(CLEAR_LINE, err=True, nl=False)
