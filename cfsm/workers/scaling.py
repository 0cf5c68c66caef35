"""Tasks that wait, pressure on the machine -> more or fewer processes of a role; what stands still is started again."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from cfsm.application.ports import Processes
from cfsm.domain.admission import Refused
from cfsm.domain.scaling import ScalingRules, scale

LOOK_SECONDS = 2.0


class Upkeep:
    """Looks after the processes now and then; it may be called as often as one likes."""

    def __init__(self, looks: Sequence[Callable[[], None]], now: Callable[[], float] = time.monotonic) -> None:
        self._looks = looks
        self._now = now
        self._looked_at = float("-inf")

    def __call__(self) -> None:
        """Look after each, if it is time to."""
        if self._now() - self._looked_at >= LOOK_SECONDS:
            self._looked_at = self._now()
            for look in self._looks:
                look()


class Scaler:
    """Keeps the number of processes of one role between its limits. A process at work is never ended."""

    def __init__(
        self,
        role: str,
        kind: str,
        rules: ScalingRules,
        processes: Processes,
        *,
        tasks: Callable[[], Sequence[Mapping[str, Any]]],
        shortage: Callable[[], Refused | None],
        claims: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``tasks`` gives those that are not done; ``shortage`` what the machine lacks, if anything.

        A role that does not claim the tasks itself (``claims`` False) helps who does: it is wanted while there are any.
        """
        self._role = role
        self._kind = kind
        self._rules = rules
        self._processes = processes
        self._tasks = tasks
        self._shortage = shortage
        self._claims = claims
        self._now = now
        self._waited_at = now()
        self._log = structlog.get_logger("coordinator")

    def __call__(self) -> None:
        """Have processes started or ended, as it is time for."""
        now = self._now()
        due = [task for task in self._tasks() if task["kind"] == self._kind and task["state"] == "open"]
        waiting = sum(not (self._claims and task["claimed"]) for task in due)
        if due:
            self._waited_at = now
        running = self._processes.count(self._role)
        if running is None:
            return
        shortage = self._shortage() if waiting or running > self._rules.least else None
        wanted = scale(
            self._rules, running=running, waiting=waiting, idle_seconds=now - self._waited_at, shortage=shortage
        )
        owners = {str(task["owner"]).partition("@")[0] for task in due if task["claimed"]}
        at_work = [number for number in range(1, running + 1) if self._processes.name_of(self._role, number) in owners]
        count = max([wanted.count, *at_work]) if wanted.count < running else wanted.count
        if count != running:
            self._log.info("scaled", role=self._role, before=running, now=count, why=wanted.reason)
            self._processes.run(self._role, count)


STALLED_SECONDS = 120.0
"""A projector that is behind and takes in nothing for so long stands still, though its loop turns."""


class StallWatch:
    """Has a process started again that lags behind the log and does not come on."""

    def __init__(
        self,
        name: str,
        processes: Processes,
        *,
        position: Callable[[], int | None],
        head: Callable[[], int],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``position`` is the last event that the process has taken in; None if it does not say."""
        self._name = name
        self._processes = processes
        self._position = position
        self._head = head
        self._now = now
        self._seen: int | None = None
        self._since = now()
        self._log = structlog.get_logger("coordinator")

    def __call__(self) -> None:
        """Look, and have the process started again if it stands still."""
        now = self._now()
        position, head = self._position(), self._head()
        if position is None or position >= head or position != self._seen:
            self._seen, self._since = position, now
        elif now - self._since >= STALLED_SECONDS:
            stalled = round(now - self._since)
            self._log.warning("stands still, is started again", worker=self._name, at=position, seconds=stalled)
            self._processes.restart(self._name)
            self._since = now
