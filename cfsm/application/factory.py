"""The factory: the only writer of events."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import DomainEventProtocol, OriginatorIDError, OriginatorVersionError
from eventsourcing.persistence import IntegrityError, Mapper, Recording
from eventsourcing.utils import Environment

from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.application.event_mapper import EventMapper
from cfsm.application.ports import Clock
from cfsm.application.tasks import POLICY, Claim, LeaseLost, Releasing, Settling, TaskKind, TaskState
from cfsm.domain.aggregate import Recorded, Stamp
from cfsm.domain.chain import ChainReport
from cfsm.domain.housekeeping import ParkedTask
from cfsm.domain.log import LogEntry

Aggregate = TypeVar("Aggregate", bound=Recorded)

CONFLICTS = 10
"""How often a command is decided again when another process was faster on the same aggregate."""

MAX_ERROR_CHARACTERS = 4_000
"""How much of an error an event keeps."""


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
        """Give the id of the last linked entry and its link in hex; (0, "") for an empty log."""

    def chain_link(self, entry_id: int) -> str:
        """Give the link of an entry in hex, "" where there is none: to be held against a head noted earlier."""

    def plan(self, policy: Mapping[str, TaskKind]) -> int:
        """Plan what new entries ask for; give how many were looked at."""

    def claim(self, kinds: Sequence[str], owner: str, lease_seconds: float) -> Claim | None:
        """Claim the oldest due task of these kinds, or give None."""

    def renew(self, claim: Claim, lease_seconds: float, progress: str) -> None:
        """Hold a claim for longer. Raise LeaseLost."""

    def put_back(self, claim: Claim, delay_seconds: float, *, counted: bool = True) -> None:
        """Make a task due again after the delay; a lost lease is no matter. Not ``counted``, it was no try."""

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
        super().__init__(dict(env))
        self.store = cast("EventRecorder", self.recorder)

    def construct_env(self, name: str, env: Mapping[str, str] | None = None) -> Environment:
        """Give what ``env`` says and nothing else: the process's own environment names no event store."""
        return Environment(name, dict(env or {}))

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

    def find(self, kind: type[Aggregate], aggregate_id: UUID) -> Aggregate | None:
        """Give the aggregate as its events make it, or None if there is none of that kind."""
        try:
            found: Any = self.repository.get(aggregate_id, projector_func=_project)
        except AggregateNotFoundError:
            return None
        except (OriginatorIDError, OriginatorVersionError) as error:
            raise Misconfigured(
                f"the events of {kind.__name__} {aggregate_id} do not follow each other: {error}. Nothing was changed; "
                "`cfsm history verify` names the first event that was altered, removed or inserted."
            ) from error
        return found if isinstance(found, kind) else None

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
            try:
                self._append(changed, task)
            except IntegrityError:
                continue
            return
        raise TryAgain(f"{CONFLICTS} conflicts in a row while saving {[str(each.id) for each in changed]}")

    def _append(self, changed: Iterable[Recorded], task: Settling | Releasing | None) -> None:
        # The library's `save` asks a runtime-checkable Protocol of each aggregate, which is a quarter of its time.
        events = [event for aggregate in changed for event in aggregate.collect_events()]
        if events or task is not None:
            self.recorder.insert_events([self.mapper.to_stored_event(event) for event in events], task=task)
        if events:
            self._ring()

    def park(self, claim: Claim, error: str) -> None:
        """Set a task aside for a person, after its last attempt."""
        words = error[:MAX_ERROR_CHARACTERS]

        def decide() -> Iterable[Recorded]:
            parked = self.find(ParkedTask, ParkedTask.id_of(claim.key))
            if parked is None:
                parked = ParkedTask.park(
                    key=claim.key,
                    kind=claim.kind,
                    subject=claim.subject,
                    attempts=claim.attempt,
                    error=words,
                    stamp=self.stamp(claim),
                )
            else:
                parked.park_again(claim.attempt, words, self.stamp(claim))
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
        return self.store.plan(self._policy)

    def claim(self, kinds: Sequence[str], lease_seconds: float) -> Claim | None:
        """Claim the oldest due task of these kinds, or give None."""
        return self.store.claim(kinds, self._actor, lease_seconds)

    def renew(self, claim: Claim, lease_seconds: float, progress: str = "") -> None:
        """Hold a claim for longer and say how far it is. Raise LeaseLost."""
        self.store.renew(claim, lease_seconds, progress)

    def put_back(self, claim: Claim, delay_seconds: float, *, counted: bool = True) -> None:
        """Give a task back; it is due again after the delay. Not ``counted``, it was no try of the task."""
        self.store.put_back(claim, delay_seconds, counted=counted)


def _project(aggregate: Any, events: Iterable[DomainEventProtocol[UUID]]) -> Any:
    # The library's own function asks a runtime-checkable Protocol for each event, which is half of a load's time.
    for event in events:
        aggregate = event.mutate(aggregate)  # type: ignore[attr-defined]  # every event of ours mutates
    return aggregate
