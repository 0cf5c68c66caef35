"""The factory: the only writer of events."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Mapper,
    PersistenceError,
    Recording,
)

from cfsm.application.event_mapper import EventMapper
from cfsm.application.ports import Clock, Misconfigured, TryAgain
from cfsm.application.tasks import POLICY, Claim, LeaseLost, Releasing, Settling, TaskKind, TaskState
from cfsm.domain.aggregate import Recorded, Stamp
from cfsm.domain.chain import ChainReport
from cfsm.domain.housekeeping import ParkedTask
from cfsm.domain.log import LogEntry

Aggregate = TypeVar("Aggregate", bound=Recorded)

CONFLICTS = 10
"""How often a command is decided again when another process was faster on the same aggregate."""


class EventRecorder(Protocol):
    """What the factory asks of an event store beside the library's own: the log, the chain, the tasks."""

    def read(self, after: int, limit: int) -> Sequence[LogEntry]:
        """Give up to ``limit`` entries after the id ``after``."""

    def head(self) -> int:
        """Give the id of the last entry, 0 for an empty log."""

    def stream(self, originator_id: UUID) -> Sequence[LogEntry]:
        """Give the entries of one aggregate."""

    def verify_chain(self) -> ChainReport:
        """Hold the log against the chain."""

    def chain_head(self) -> tuple[int, str]:
        """Give the id of the last linked entry and its link in hex."""

    def plan(self, policy: Mapping[str, TaskKind]) -> int:
        """Plan what new entries ask for; give how many were looked at."""

    def claim(self, kinds: Sequence[str], owner: str, lease_seconds: float) -> Claim | None:
        """Claim the oldest due task of these kinds, or give None."""

    def renew(self, claim: Claim, lease_seconds: float, progress: str) -> None:
        """Hold a claim for longer. Raise LeaseLost."""

    def put_back(self, claim: Claim, delay_seconds: float) -> None:
        """Make a task due again after the delay; a lost lease is no matter."""

    def overview(self) -> list[dict[str, Any]]:
        """Give the tasks that are not done, oldest first."""


class NotThere(LookupError):
    """No aggregate has this id."""


class Factory(Application[UUID]):
    """Writes events: loads an aggregate, lets it decide, saves; and is the task board of the workers.

    ``env`` names the event store as the library wants it; ``ring`` wakes those who follow the log.
    """

    name = "Factory"

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        clock: Clock,
        actor: str,
        ring: Callable[[], None] = lambda: None,
        policy: Mapping[str, TaskKind] = POLICY,
    ) -> None:
        self._clock = clock
        self._actor = actor
        self._ring = ring
        self._policy = policy
        with _reactions():
            super().__init__(dict(env))
        self.store = cast("EventRecorder", self.recorder)

    def construct_recorder(self) -> ApplicationRecorder:
        """Give the recorder that also tracks, chains and keeps tasks."""
        return self.factory.process_recorder()

    def construct_mapper(self) -> Mapper[UUID]:
        """Give the mapper that refuses events newer than the code."""
        return EventMapper()

    def _notify(self, recordings: list[Recording[UUID]]) -> None:
        if recordings:
            self._ring()

    # Commands

    def stamp(self, claim: Claim | None = None, correlation: str = "") -> Stamp:
        """Give a stamp of this moment and actor; for a claimed task also of its cause."""
        if claim is None:
            return Stamp(self._clock.now(), self._actor, correlation)
        return Stamp(self._clock.now(), self._actor, correlation, causation=claim.cause_name, task=claim.key)

    def get(self, kind: type[Aggregate], aggregate_id: UUID) -> Aggregate:
        """Give the aggregate as its events make it. Raise NotThere."""
        found = self.find(kind, aggregate_id)
        if found is None:
            raise NotThere(f"there is no {kind.__name__} with the id {aggregate_id}")
        return found

    def find(self, kind: type[Aggregate], aggregate_id: UUID) -> Aggregate | None:  # noqa: ARG002  names the type
        """Give the aggregate as its events make it, or None."""
        with _reactions():
            try:
                return cast("Aggregate", self.repository.get(aggregate_id, projector_func=_project))
            except AggregateNotFoundError:
                return None

    def transact(
        self,
        decide: Callable[[], Iterable[Recorded]],
        claim: Claim | None = None,
        settle: TaskState = TaskState.DONE,
        releasing: str = "",
    ) -> None:
        """Save what ``decide`` gives in one transaction, and close the claim with it.

        ``decide`` loads aggregates, commands them or makes new ones, and gives them all. It is called again when
        another process was faster on one of them, so it must be repeatable. Where nothing is new only the claim is
        closed. Raise LeaseLost (nothing was saved), TryAgain or Misconfigured.
        """
        task: Settling | Releasing | None = None
        if claim is not None:
            task = Settling(claim.key, claim.attempt, settle)
        elif releasing:
            task = Releasing(releasing)
        for _ in range(CONFLICTS):
            changed = [aggregate for aggregate in decide() if aggregate.pending_events]
            with _reactions():
                try:
                    if changed or task is not None:
                        self.save(*changed, task=task)
                except IntegrityError:
                    continue
                return
        raise TryAgain(f"{CONFLICTS} conflicts in a row while saving {[str(each.id) for each in changed]}")

    def park(self, claim: Claim, error: str) -> None:
        """Set a task aside for a person, after its last attempt."""

        def decide() -> Iterable[Recorded]:
            parked = self.find(ParkedTask, ParkedTask.id_of(claim.key))
            if parked is None:
                parked = ParkedTask.park(
                    key=claim.key,
                    kind=claim.kind,
                    subject=claim.subject,
                    attempts=claim.attempt,
                    error=error,
                    stamp=self.stamp(claim),
                )
            else:
                parked.park_again(claim.attempt, error, self.stamp(claim))
            return [parked]

        self.transact(decide, claim, TaskState.PARKED)

    def release(self, key: str) -> None:
        """Let a parked task be tried again. Raise NotThere when no such task is parked."""

        def decide() -> Iterable[Recorded]:
            parked = self.get(ParkedTask, ParkedTask.id_of(key))
            parked.release(self.stamp())
            return [parked]

        try:
            self.transact(decide, releasing=key)
        except LeaseLost:
            raise NotThere(f"the task {key} is not parked") from None
        self._ring()

    # Tasks

    def plan(self) -> int:
        """Plan what new events ask for; give how many entries of the log were looked at."""
        with _reactions():
            return self.store.plan(self._policy)

    def claim(self, kinds: Sequence[str], lease_seconds: float) -> Claim | None:
        """Claim the oldest due task of these kinds, or give None."""
        with _reactions():
            return self.store.claim(kinds, self._actor, lease_seconds)

    def renew(self, claim: Claim, lease_seconds: float, progress: str = "") -> None:
        """Hold a claim for longer and say how far it is. Raise LeaseLost."""
        with _reactions():
            self.store.renew(claim, lease_seconds, progress)

    def put_back(self, claim: Claim, delay_seconds: float) -> None:
        """Give a task back; it is due again after the delay."""
        with _reactions():
            self.store.put_back(claim, delay_seconds)


def _project(aggregate: Any, events: Iterable[DomainEventProtocol[UUID]]) -> Any:
    # The library's own function asks a runtime-checkable Protocol for each event, which is half of a load's time.
    for event in events:
        aggregate = event.mutate(aggregate)  # type: ignore[attr-defined]  # every event of ours mutates
    return aggregate


@contextmanager
def _reactions() -> Iterator[None]:
    """Turn the database's errors into those that name the reaction."""
    try:
        yield
    except IntegrityError:
        raise
    except PersistenceError as error:
        text = str(error)
        if "readonly" in text or "read-only" in text:
            raise Misconfigured(f"the event store cannot be written: {text}") from error
        if "malformed" in text or "not a database" in text:
            raise Misconfigured(
                f"the event store is damaged: {text}. Nothing was written. Restore a backup with "
                "`cfsm restore FILE`; `cfsm doctor` says more."
            ) from error
        raise TryAgain(f"the event store: {text}") from error
