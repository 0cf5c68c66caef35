"""What every worker does: follow, claim, work under a lease, feed the watchdog, stop in order."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import structlog

from cfsm.application.factory import Factory
from cfsm.application.ports import Bell, Cancelled, Misconfigured, Notifier, TryAgain
from cfsm.application.tasks import Claim, LeaseLost, TaskKind
from cfsm.domain.evaluation import Stage

LONGEST_RETRY_SECONDS = 3_600.0
DEFAULT_BEAT_SECONDS = 1.0


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


class Worker(ABC):
    """One process of the factory: it sleeps until the bell rings and does what is due, one thing at a time."""

    name: ClassVar[str]

    def __init__(self, equipment: Equipment) -> None:
        self.factory = equipment.factory
        self.notifier = equipment.notifier
        self.log = structlog.get_logger(self.name)
        self._equipment = equipment
        self._beat_seconds = min(
            equipment.notifier.watchdog_interval_seconds or DEFAULT_BEAT_SECONDS, DEFAULT_BEAT_SECONDS
        )

    def run(self) -> None:
        """Work until told to stop. Raise Misconfigured when a person has to change something first."""
        self.notifier.ready()
        self.log.info("ready")
        try:
            while not self._equipment.is_stopping():
                self.notifier.watchdog()
                try:
                    worked = self.step()
                except TryAgain as error:  # the event store is locked, full or away: it is asked again
                    self.log.warning("waiting for the event store", error=str(error))
                    self.notifier.status(f"waiting: {error}")
                    worked = False
                if not worked and not self._equipment.is_stopping():
                    self._equipment.bell.wait(self._beat_seconds)
        finally:
            self.notifier.stopping()
            self._equipment.bell.close()
            self.log.info("stopped")

    @abstractmethod
    def step(self) -> bool:
        """Do what is due, if anything is; say whether something was done."""


class TaskWorker(Worker):
    """A worker that claims tasks. A transient failure puts the task back; too many park it."""

    kinds: ClassVar[tuple[TaskKind, ...]]
    _renewed_at = 0.0
    _refusal = ""

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
            self.notifier.status("idle")
            return False
        structlog.contextvars.bind_contextvars(STRATEGY_ID=claim.subject, TASK=claim.key)
        try:
            self._attempt(claim)
        finally:
            structlog.contextvars.unbind_contextvars("STRATEGY_ID", "TASK")
        return True

    def _is_refused(self) -> bool:
        before, self._refusal = self._refusal, self._equipment.refusal()
        if self._refusal:
            self.notifier.status(f"waits: {self._refusal}")
        if self._refusal and not before:
            self.log.info("takes on no tasks for now", why=self._refusal)
        elif before and not self._refusal:
            self.log.info("takes on tasks again")
        return bool(self._refusal)

    def _attempt(self, claim: Claim) -> None:
        if claim.tries > self._equipment.terms.max_attempts:
            self._park(claim, f"{claim.tries - 1} attempts did not end: their workers died or lost the lease")
            return
        self._renewed_at = time.monotonic()
        try:
            self.handle(claim)
        except LeaseLost:
            self.log.warning("lease lost: another worker has the task", attempt=claim.attempt)
        except Cancelled:
            self.factory.put_back(claim, 0)
            self.log.info("put back: stopping")
        except Misconfigured:
            self.factory.put_back(claim, self._equipment.terms.retry_seconds)
            raise
        except Exception as error:  # noqa: BLE001  whatever a task does must not end the worker: it is tried again
            self._failed(claim, error)

    def _failed(self, claim: Claim, error: Exception) -> None:
        words = f"{type(error).__name__}: {error}"
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
        self.notifier.watchdog()
        self.notifier.status(words)
        if self._equipment.is_stopping():
            raise Cancelled(words)
        if time.monotonic() - self._renewed_at > self._equipment.terms.lease_seconds / 3:
            self.factory.renew(claim, self._equipment.terms.lease_seconds, words)
            self._renewed_at = time.monotonic()

    def report(
        self, claim: Claim, subject: str, entered: Callable[[Stage], None]
    ) -> Callable[[Stage, float, str], None]:
        """Give the function that an engine reports to: each stage is recorded once, each report is a tick."""
        current: list[Stage] = []

        def hear(stage: Stage, percent: float, words: str) -> None:
            self.tick(claim, f"{subject} {percent:.0f} % {words}".strip())
            if current[-1:] != [stage]:
                current.append(stage)
                entered(stage)

        return hear
