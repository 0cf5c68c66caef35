"""The log -> every projection, page by page, as soon as something is recorded."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from cfsm.application.ports import Cancelled
from cfsm.workers.base import Equipment, Worker

Progress = Callable[[int, int], None]
"""Hears after every page how far it is: the last event taken in, and the last one of the log."""


class ProjectorWorker(Worker):
    """Keeps what is shown up to date: each of ``catch_up`` takes one projection to the log's head."""

    name: ClassVar[str] = "projector"

    def __init__(self, equipment: Equipment, catch_up: Sequence[Callable[[Progress], int]]) -> None:
        super().__init__(equipment)
        self._catch_up = catch_up

    def step(self) -> bool:
        """Take every projection to the head of the log; a page at a time, so that a long log is no silence."""
        try:
            positions = [each(self._hear) for each in self._catch_up]
        except Cancelled:
            return False
        self.record.position = min(positions, default=0)
        self.say(f"up to date at event {self.record.position}")
        return False

    def _hear(self, done: int, head: int) -> None:
        self.feed()
        if done < head:
            self.say(f"folding event {done} of {head}")
        if self._equipment.is_stopping():
            raise Cancelled("stopping")
