"""How events become bytes and come back: JSON, upcasting, and no event that is newer than the code.

A fact that is NaN or infinite becomes null in the log: JSON has neither. Keys are text; what is no JSON value of its
own (an Enum, a UUID, a dataclass, a tuple) comes back as the text, the mapping or the list that stands for it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import orjson
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent, Transcoder

from cfsm.application.errors import Misconfigured
from cfsm.domain.aggregate import VERSION_KEY, Recorded, RecordedEvent


class EventTooNew(Misconfigured):
    """An event was written by a newer CFSM than this one."""

    def __init__(self, topic: str, place: str) -> None:
        super().__init__(
            f"the event {place} ({topic}) was written by a newer CFSM than this one. Upgrade CFSM; nothing was changed."
        )


class EventDamaged(Misconfigured):
    """An event's bytes are not what CFSM writes."""

    def __init__(self, topic: str, place: str, what: object) -> None:
        super().__init__(
            f"the event {place} ({topic}) cannot be read: {what}. `cfsm history verify` says whether the log was "
            "changed, `cfsm restore FILE --replace` restores a backup; nothing was changed."
        )


class OrjsonTranscoder(Transcoder):
    """Facts as JSON text: what a person can read in the database, and fast."""

    def encode(self, obj: Any) -> bytes:
        """Give the JSON text of the facts."""
        return orjson.dumps(obj)

    def decode(self, data: bytes) -> Any:
        """Give the facts."""
        return orjson.loads(data)


class EventMapper(Mapper[UUID]):
    """Maps events to stored events and back.

    Only topics of CFSM's own events are resolved: the library would import whatever module a topic names.
    """

    def __init__(self) -> None:
        super().__init__(OrjsonTranscoder())
        self._events: dict[str, type[RecordedEvent]] = {}
        self._aggregates: set[str] = set()

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Give the event as it is stored."""
        event_class = cast("type[RecordedEvent]", type(domain_event))
        facts = dict(vars(domain_event))
        originator_id = facts.pop("originator_id")
        originator_version = facts.pop("originator_version")
        if event_class.class_version > 1:
            facts[VERSION_KEY] = event_class.class_version
        return StoredEvent(originator_id, originator_version, event_class.TOPIC, orjson.dumps(facts))

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Give the event, brought up to the version of the code. Raise EventTooNew or EventDamaged."""
        topic, version = stored_event.topic, stored_event.originator_version
        place = f"{stored_event.originator_id}:{version}"
        event_class = self._event_class(topic)
        if event_class is None:
            raise EventTooNew(topic, place)
        try:
            facts = orjson.loads(stored_event.state)
            if not event_class.upcast(facts):
                raise EventTooNew(topic, place)
            facts["timestamp"] = datetime.fromisoformat(facts["timestamp"])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise EventDamaged(topic, place, f"{type(error).__name__}: {error}") from error
        if facts.get("originator_topic", "") not in self._aggregates:
            raise EventTooNew(topic, place)
        facts["originator_id"] = stored_event.originator_id
        facts["originator_version"] = version
        event = object.__new__(event_class)
        object.__setattr__(event, "__dict__", facts)
        return event

    def _event_class(self, topic: str) -> type[RecordedEvent] | None:
        if topic not in self._events:  # a module that defines events may have been imported since
            aggregates = list(_heirs(Recorded))
            self._aggregates = {"", *(each.TOPIC for each in aggregates)}
            self._events = {event.TOPIC: event for each in aggregates for event in _events_of(each)}
        return self._events.get(topic)


def _heirs(kind: type[Any]) -> Iterator[type[Any]]:
    for heir in kind.__subclasses__():
        if "TOPIC" in vars(heir):
            yield heir
        yield from _heirs(heir)


def _events_of(aggregate: type[Any]) -> Iterator[type[Any]]:
    for each in vars(aggregate).values():
        if isinstance(each, type) and issubclass(each, RecordedEvent) and hasattr(each, "TOPIC"):
            yield each
