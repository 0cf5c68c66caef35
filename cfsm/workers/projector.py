"""The log -> every projection, page by page, as soon as something is recorded."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from cfsm.workers.base import Equipment, Worker


class ProjectorWorker(Worker):
    """Keeps what is shown up to date: each of ``catch_up`` takes one projection to the log's head."""

    name: ClassVar[str] = "projector"

    def __init__(self, equipment: Equipment, catch_up: Sequence[Callable[[], int]]) -> None:
        super().__init__(equipment)
        self._catch_up = catch_up

    def step(self) -> bool:
        """Take every projection to the head of the log."""
        positions = [each() for each in self._catch_up]
        self.notifier.status(f"up to date at event {min(positions, default=0)}")
        return False
