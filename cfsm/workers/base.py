"""What every worker does: follow, claim, work under a lease, feed the watchdog, stop in order."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

import structlog

from cfsm.application.factory import Factory
from cfsm.application.ports import Bell, Cancelled, Misconfigured, Notifier, TryAgain
from cfsm.application.pulse import NO_PULSE, Pulse, Record
from cfsm.application.tasks import Claim, LeaseLost, TaskKind
from cfsm.domain.evaluation import Stage

LONGEST_RETRY_SECONDS = 3_600.0
BEAT_SECONDS = 1.0
"""The longest sleep: so soon a worker notices that it is to stop, or that a bell was lost."""

PUT_BACK_SECONDS = 60.0
"""How long a stopping worker may wait for an event store that others have locked, to put back its task."""

PROGRESS_SECONDS = 2.0
"""How often a claim's progress is written down for others to see."""


@dataclass(frozen=True)
class Terms:
    """On which terms a worker claims tasks: how long a lease is, how often and how soon a failed task is tried."""

    lease_seconds: float = 90.0
    max_attempts: int = 3
    retry_seconds: float = 10.0


@dataclass(frozen=True)
class Equipment:
    """What a worker needs: the factory, a bell, whoever watches, the terms, and whether to stop."""

    factory: Factory
    bell: Bell
    notifier: Notifier
    terms: Terms
    is_stopping: Callable[[], bool]
    refusal: Callable[[], str] = str
    """Gives why no new task may start now; the empty text, as here, where it may."""
    pulse: Pulse = NO_PULSE
    """Hears how it fares."""


class Worker(ABC):
    """One process of the factory: it sleeps until the bell rings and does what is due, one thing at a time."""

    name: ClassVar[str]

    def __init__(self, equipment: Equipment) -> None:
        self.factory = equipment.factory
        self.log = structlog.get_logger(self.name)
        self.record = Record()
        self._equipment = equipment
        self._said = ""
        self._fed_at = float("-inf")
        self._trouble = ""
        interval_seconds = equipment.notifier.watchdog_interval_seconds
        self._beat_seconds = BEAT_SECONDS if interval_seconds is None else min(BEAT_SECONDS, interval_seconds / 2)
        self._feed_seconds = BEAT_SECONDS if interval_seconds is None else interval_seconds / 2

    def run(self) -> None:
        """Work until told to stop. Raise Misconfigured when a person has to change something first."""
        self._equipment.notifier.ready()
        self.log.info("ready")
        try:
            while not self._equipment.is_stopping():
                self._turn()
        except Misconfigured as error:
            self.say(str(error))  # what `cfsm status` shows of a worker that is not started again
            raise
        finally:
            self._equipment.notifier.stopping()
            self._equipment.pulse.end()
            self._equipment.bell.close()
            self.log.info("stopped")

    def _turn(self) -> None:
        self.feed()
        try:
            worked = self.step()
            if not worked and not self._equipment.is_stopping():
                self._equipment.bell.wait(self._beat_seconds)
        except TryAgain as error:  # the event store is locked, full or away: it is asked again
            self.say(f"waiting: {error}")
            if str(error) != self._trouble:
                self.log.warning("waiting", error=str(error))
            self._trouble = str(error)
            time.sleep(self._beat_seconds)
        else:
            self._trouble = ""

    def feed(self) -> None:
        """Tell the watchdog that the work goes on, as often as it wants to know."""
        now = time.monotonic()
        if now - self._fed_at >= self._feed_seconds:
            self._equipment.notifier.watchdog()
            self._fed_at = now
        self._equipment.pulse.beat(self.record)

    def say(self, words: str) -> None:
        """Say in one line what the worker does, unless that was said last."""
        if words != self._said:
            self._equipment.notifier.status(words)
            self._said = self.record.doing = words
            self._equipment.pulse.beat(self.record)

    @abstractmethod
    def step(self) -> bool:
        """Do what is due, if anything is; say whether something was done."""


class TaskWorker(Worker):
    """A worker that claims tasks. A transient failure puts the task back; too many park it."""

    kinds: ClassVar[tuple[TaskKind, ...]]
    subject_field: ClassVar[str] = "STRATEGY_ID"
    """What a task is about, as the log names it."""

    _renewed_at = 0.0
    _progress = ""
    _refusal = ""
    _waiting = 0
    """Tasks of its kinds that nobody has claimed, some seconds old."""

    def subject_field_of(self, claim: Claim) -> str:  # noqa: ARG002  for workers of several kinds of tasks
        """Give how the log names what a task is about."""
        return self.subject_field

    @abstractmethod
    def handle(self, claim: Claim) -> None:
        """Do the task and record its effect with the claim. It may have been done in part before: repeat it."""

    def step(self) -> bool:
        """Claim a task and do it, if there is one."""
        self.factory.plan()
        if self._is_refused():
            return False
        claim = self.factory.claim(self.kinds, self._equipment.terms.lease_seconds)
        if claim is None:
            self.say("idle")
            return False
        with structlog.contextvars.bound_contextvars(**self.fields_of(claim)):
            try:
                self._attempt(claim)
            except LeaseLost:
                self.log.warning("lease lost: another worker has the task", attempt=claim.attempt)
        return True

    def fields_of(self, claim: Claim) -> Mapping[str, str]:
        """Give the fields of every log record of a task: what it is about, and the event that asked for it."""
        return {
            self.subject_field_of(claim): claim.subject,
            "TASK": claim.key,
            "EVENT": self.factory.topic_of(claim),
            "CORRELATION_ID": str(UUID(claim.subject)),
        }

    def _is_refused(self) -> bool:
        before, self._refusal = self._refusal, self._equipment.refusal()
        self.record.waits_because = self._refusal
        if self._refusal:
            self.say(f"waits: {self._refusal}")
        if self._refusal and not before:
            self.log.info("takes on no tasks for now", why=self._refusal)
        elif before and not self._refusal:
            self.log.info("takes on tasks again")
        return bool(self._refusal)

    def _attempt(self, claim: Claim) -> None:
        if claim.tries > self._equipment.terms.max_attempts:
            self._park(claim, f"{claim.tries - 1} attempts did not end: their workers died or lost the lease")
            return
        self._renewed_at, self._progress = time.monotonic(), ""
        try:
            self.handle(claim)
            self.record.done += 1
        except LeaseLost:
            raise
        except Cancelled:
            self._equipment.notifier.extend_timeout(PUT_BACK_SECONDS)
            self.factory.put_back(claim, 0, counted=False)
            self.log.info("put back: stopping")
        except Misconfigured:
            with suppress(TryAgain):  # then the lease runs out
                self.factory.put_back(claim, self._equipment.terms.retry_seconds, counted=False)
            raise
        except Exception as error:  # noqa: BLE001  whatever a task does must not end the worker: it is tried again
            self._failed(claim, error)

    def _failed(self, claim: Claim, error: Exception) -> None:
        words = f"{type(error).__name__}: {error}"
        self.record.failed += 1
        self.record.last_error = words
        if claim.tries >= self._equipment.terms.max_attempts:
            self._park(claim, words)
            return
        delay = min(self._equipment.terms.retry_seconds * 2 ** (claim.tries - 1), LONGEST_RETRY_SECONDS)
        self.factory.put_back(claim, delay)
        known = isinstance(error, TryAgain)
        self.log.warning("failed, to be tried again", error=words, delay_seconds=delay, exc_info=not known)

    def _park(self, claim: Claim, words: str) -> None:
        self.factory.park(claim, words)
        self.log.error("parked: see `cfsm status`", error=words, attempts=claim.attempt)

    def tick(self, claim: Claim, words: str) -> None:
        """Say that the work on the claim goes on: feeds the watchdog, shows ``words``, keeps the lease.

        Raise Cancelled when the worker is to stop and LeaseLost when another has the task.
        """
        self.feed()
        self.say(words)
        if self._equipment.is_stopping():
            raise Cancelled(words)
        waited_seconds = time.monotonic() - self._renewed_at
        is_progress = words != self._progress and waited_seconds >= PROGRESS_SECONDS
        if is_progress or waited_seconds >= self._equipment.terms.lease_seconds / 3:
            self._renew(claim, words)
            self._waiting = self._count_waiting()

    def _count_waiting(self) -> int:
        try:
            tasks = self.factory.store.overview()
        except TryAgain:
            return self._waiting
        return sum(task["state"] == "open" and not task["claimed"] and task["kind"] in self.kinds for task in tasks)

    def _renew(self, claim: Claim, words: str) -> None:
        try:
            self.factory.renew(claim, self._equipment.terms.lease_seconds, words)
        except TryAgain as error:  # the lease still holds for a while: the work is not thrown away for that
            self.log.warning("the lease could not be renewed", error=str(error))
            return
        self._renewed_at, self._progress = time.monotonic(), words

    def report(
        self, claim: Claim, subject: str, entered: Callable[[Stage], None]
    ) -> Callable[[Stage, float, str], None]:
        """Give the function that an engine reports to: each stage is recorded once, each report is a tick."""
        current: list[Stage] = []

        def hear(stage: Stage, percent: float, words: str) -> None:
            waiting = f", {self._waiting} waiting" if self._waiting else ""
            self.tick(claim, f"{subject} {percent:.0f} % {words}".strip() + waiting)
            if current[-1:] != [stage]:
                current.append(stage)
                entered(stage)

        return hear
