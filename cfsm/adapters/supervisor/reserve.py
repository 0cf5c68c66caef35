"""A unit that runs only when it is asked for by an order."""

import asyncio

from cfsm.adapters.supervisor.waiting import first_of


class Reserve:
    """Whether the unit is wanted now. Who waits hears of a change, and of the unit's stop."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._wanted = asyncio.Event()

    def fileno(self) -> int | None:
        """Give no socket: it serves none."""

    def set(self, *, wanted: bool) -> None:
        """Change whether it is wanted."""
        if wanted:
            self._wanted.set()
        else:
            self._wanted.clear()

    def is_ringing(self) -> bool:
        """Say whether it is wanted."""
        return self._wanted.is_set()

    def lets_rest(self, exit_code: int | None) -> bool:  # noqa: ARG002  however it ended
        """Say whether a unit that ended so may rest."""
        return not self._wanted.is_set()

    async def wait(self) -> bool:
        """Wait until it is wanted; False if the unit is to stop."""
        await first_of(self._wanted, self._stop)
        return not self._stop.is_set()
