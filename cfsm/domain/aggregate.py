"""What every aggregate of CFSM shares: a stamp on every command, meta on every event."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate


@dataclass(frozen=True)
class Stamp:
    """When, who and why: what every command carries and every event keeps.

    ``correlation`` names the pipeline that the event belongs to, ``causation`` the event that caused it (its
    ``LogEntry.name``), ``task`` the key of the claimed task whose effect it is.
    """

    at: datetime
    actor: str
    correlation: str = ""
    causation: str = ""
    task: str = ""

    def meta(self) -> dict[str, str]:
        """Give the mapping that the event keeps; what is unknown is left out."""
        facts = {
            "actor": self.actor,
            "correlation": self.correlation,
            "causation": self.causation,
            "task": self.task,
        }
        return {name: value for name, value in facts.items() if value}

    def correlated(self, correlation: str) -> Self:
        """Give the same stamp for the pipeline named ``correlation``."""
        return replace(self, correlation=correlation)


VERSION_KEY = "class_version"
"""Where an event's facts keep the version of its class, if that is above 1."""


class RecordedEvent(AggregateEvent):
    """An event with meta: actor, correlation, causation and task, as far as they are known.

    Whoever changes the facts of an event that was released raises its ``class_version`` and says in a method called
    ``upcast_v1_v2`` (and so on) how facts of the version before become those of this one.
    """

    TOPIC: ClassVar[str]
    class_version: ClassVar[int] = 1
    meta: Mapping[str, str]

    @classmethod
    def upcast(cls, facts: dict[str, Any]) -> bool:
        """Bring facts of any older version, in place, up to this class; False if a newer CFSM wrote them."""
        written = facts.pop(VERSION_KEY, 1)
        for version in range(written, cls.class_version):
            getattr(cls, f"upcast_v{version}_v{version + 1}")(facts)
        return bool(written <= cls.class_version)


class BeginningEvent(RecordedEvent, AggregateCreated):
    """The first event of an aggregate."""


class Recorded(BaseAggregate[UUID]):
    """Base of CFSM's aggregates.

    Commands decide and may refuse; ``_begin`` and ``_record`` put the stamp's time and meta on the event; an
    event's ``apply`` only assigns. Events are flat: text, numbers, lists and mappings of them.
    """

    class Event(RecordedEvent):
        """An event of this aggregate."""

    @classmethod
    def _begin(cls, event_class: type[BeginningEvent], aggregate_id: UUID, stamp: Stamp, **facts: Any) -> Self:
        return cls._create(event_class, id=aggregate_id, timestamp=stamp.at, meta=stamp.meta(), **facts)

    def _record(self, event_class: type[RecordedEvent], stamp: Stamp, **facts: Any) -> None:
        self.trigger_event(event_class, timestamp=stamp.at, meta=stamp.meta(), **facts)
