"""The socket of a unit that runs only while somebody needs it: the supervisor listens, the unit serves."""

import asyncio
import os
import select
from pathlib import Path
from typing import Self

from cfsm.adapters.listening import listen_at
from cfsm.adapters.supervisor.waiting import first_of

TAKEN_SECONDS = 1.0
"""How often a socket that another process serves is tried again."""


class DoorUnusable(Exception):
    """Nothing can listen at this path; the message says why."""


class Doorbell:
    """Listens at a path until it is left; who comes waits there until the unit serves."""

    def __init__(self, path: Path, stop: asyncio.Event) -> None:
        self._path = path
        self._stop = stop
        self._descriptors: list[int] = []

    async def __aenter__(self) -> Self:
        """Listen; wait while another process does. Raise DoorUnusable."""
        while not self._stop.is_set():
            try:
                own = listen_at(self._path)
            except OSError as error:
                raise DoorUnusable(f"nothing can listen at {self._path}: {error.strerror or error}") from error
            if own is not None:
                listener, lock = own
                self._descriptors = [listener.detach(), lock]
                break
            await self._sleep(TAKEN_SECONDS)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send away who still waits."""
        if self._descriptors:
            self._path.unlink(missing_ok=True)
        while self._descriptors:
            os.close(self._descriptors.pop())

    def fileno(self) -> int:
        """Give the descriptor of the socket."""
        return self._descriptors[0]

    def is_ringing(self) -> bool:
        """Say whether somebody waits to be served."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def lets_rest(self, exit_code: int | None) -> bool:
        """Say whether a unit that ended so may rest."""
        return exit_code == 0

    async def wait(self) -> bool:
        """Wait until somebody connects; False if the unit is to stop."""
        loop = asyncio.get_running_loop()
        rings = asyncio.Event()
        loop.add_reader(self.fileno(), rings.set)
        try:
            await first_of(rings, self._stop)
        finally:
            loop.remove_reader(self.fileno())
        return not self._stop.is_set()

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass
