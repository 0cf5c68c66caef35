"""The factory: the only writer of events."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from eventsourcing.domain import OriginatorIDError, OriginatorVersionError

from cfsm.application.errors import Conflict, Misconfigured, TryAgain
from cfsm.application.event_mapper import EventMapper
from cfsm.application.ports import Clock
from cfsm.application.tasks import POLICY, Claim, LeaseLost, Releasing, Settling, TaskKind, TaskState
from cfsm.domain.aggregate import Recorded, RecordedEvent, Stamp
from cfsm.domain.chain import ChainReport
from cfsm.domain.housekeeping import ParkedTask
from cfsm.domain.log import Log, LogEntry, NewEntry

Aggregate = TypeVar("Aggregate", bound=Recorded)

CONFLICTS = 10
"""How often a command is decided again when another process was faster on the same aggregate."""

MAX_ERROR_CHARACTERS = 4_000
"""How much of an error an event keeps."""


class EventLog(Log, Protocol):
    """What an event store tells anybody: the log, its chain, and the tasks."""

    def stream(self, originator_id: UUID) -> Sequence[LogEntry]:
        """Give the entries of one aggregate."""

    def verify_chain(self) -> ChainReport:
        """Hold the log against the chain."""

    def chain_head(self) -> tuple[int, str]:
        """Give the id of the last linked entry and its link in hex; (0, "") for an empty log."""

    def chain_link(self, entry_id: int) -> str:
        """Give the link of an entry in hex, "" where there is none: to be held against a head noted earlier."""

    def overview(self) -> list[dict[str, Any]]:
        """Give the tasks that are not done, oldest first."""


class EventStore(EventLog, Protocol):
    """What an event store does for the factory alone: it records events, and keeps the tasks."""

    def append(self, entries: Sequence[NewEntry], task: Settling | Releasing | None = None) -> Sequence[int]:
        """Record entries, their links and the task's change in one transaction; give the entries' ids.

        Raise LeaseLost, Conflict, TryAgain or Misconfigured; then nothing is recorded.
        """

    def plan(self, policy: Mapping[str, TaskKind]) -> int:
        """Plan what new entries ask for; give how many were looked at."""

    def claim(self, kinds: Sequence[str], owner: str, lease_seconds: float) -> Claim | None:
        """Claim the oldest due task of these kinds, or give None."""

    def renew(self, claim: Claim, lease_seconds: float, progress: str) -> None:
        """Hold a claim for longer. Raise LeaseLost."""

    def put_back(self, claim: Claim, delay_seconds: float, *, counted: bool = True) -> None:
        """Make a task due again after the delay; a lost lease is no matter. Not ``counted``, it was no try."""

    def close(self) -> None:
        """Close the connections."""


class NotThere(LookupError):
    """No aggregate has this id."""


class Factory:
    """Writes events: loads an aggregate, lets it decide, saves; and is the task board of the workers.

    ``store`` keeps what is written: everybody may read it, nobody else writes. ``ring`` wakes those who follow the log.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        clock: Clock,
        actor: str,
        ring: Callable[[], None] = lambda: None,
        policy: Mapping[str, TaskKind] = POLICY,
    ) -> None:
        self.store: EventLog = store
        self._store = store
        self._clock = clock
        self._actor = actor
        self._ring = ring
        self._policy = policy
        self._mapper = EventMapper()

    def close(self) -> None:
        """Let the event store go."""
        self._store.close()

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
        found: Any = None
        try:
            for entry in self._store.stream(aggregate_id):
                found = self._mapper.event_of(entry).mutate(found)
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
            except Conflict:
                continue
            return
        raise TryAgain(f"{CONFLICTS} conflicts in a row while saving {[str(each.id) for each in changed]}")

    def _append(self, changed: Iterable[Recorded], task: Settling | Releasing | None) -> None:
        events = [cast("RecordedEvent", event) for aggregate in changed for event in aggregate.collect_events()]
        if events or task is not None:
            self._store.append([self._mapper.entry_of(event) for event in events], task)
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
        return self._store.plan(self._policy)

    def claim(self, kinds: Sequence[str], lease_seconds: float) -> Claim | None:
        """Claim the oldest due task of these kinds, or give None."""
        return self._store.claim(kinds, self._actor, lease_seconds)

    def topic_of(self, claim: Claim) -> str:
        """Give the topic of the event that asked for a claimed task; empty where the store cannot say it now."""
        try:
            return next((entry.topic for entry in self._store.read(claim.cause_id - 1, 1)), "")
        except TryAgain:  # it is told to people only
            return ""

    def renew(self, claim: Claim, lease_seconds: float, progress: str = "") -> None:
        """Hold a claim for longer and say how far it is. Raise LeaseLost."""
        self._store.renew(claim, lease_seconds, progress)

    def put_back(self, claim: Claim, delay_seconds: float, *, counted: bool = True) -> None:
        """Give a task back; it is due again after the delay. Not ``counted``, it was no try of the task."""
        self._store.put_back(claim, delay_seconds, counted=counted)
