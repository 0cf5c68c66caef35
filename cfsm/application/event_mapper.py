"""How events become bytes and come back: orjson, upcasting, and no event that is newer than the code."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent, Transcoder
from eventsourcing.utils import TopicError, get_topic, resolve_topic

from cfsm.application.ports import Misconfigured


class EventTooNew(Misconfigured):
    """An event was written by a newer CFSM than this one."""

    def __init__(self, topic: str, place: str) -> None:
        super().__init__(
            f"the event {place} ({topic}) was written by a newer CFSM than this one. Upgrade CFSM; nothing was changed."
        )


class OrjsonTranscoder(Transcoder):
    """Facts as JSON text: what a person can read in the database, and fast."""

    def encode(self, obj: Any) -> bytes:
        """Give the JSON text of the facts; NaN and infinity are refused by becoming null."""
        return orjson.dumps(obj)

    def decode(self, data: bytes) -> Any:
        """Give the facts."""
        return orjson.loads(data)


class EventMapper(Mapper[UUID]):
    """Maps events to stored events and back."""

    def __init__(self) -> None:
        super().__init__(OrjsonTranscoder())

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Give the event as it is stored."""
        facts = dict(vars(domain_event))
        originator_id = facts.pop("originator_id")
        originator_version = facts.pop("originator_version")
        version = getattr(type(domain_event), "class_version", 1)
        if version > 1:
            facts["class_version"] = version
        return StoredEvent(originator_id, originator_version, get_topic(type(domain_event)), orjson.dumps(facts))

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Give the event, brought up to the version of the code. Raise EventTooNew."""
        originator_id, version = stored_event.originator_id, stored_event.originator_version
        try:
            event_class = resolve_topic(stored_event.topic)
        except TopicError as error:
            raise EventTooNew(stored_event.topic, f"{originator_id}:{version}") from error
        facts = orjson.loads(stored_event.state)
        if upcast(event_class, facts) is None:
            raise EventTooNew(stored_event.topic, f"{originator_id}:{version}")
        facts["timestamp"] = datetime.fromisoformat(facts["timestamp"])
        facts["originator_id"] = originator_id
        facts["originator_version"] = version
        event = object.__new__(event_class)
        object.__setattr__(event, "__dict__", facts)
        return event  # type: ignore[no-any-return]  # the topic says what class it is


def upcast(event_class: type[Any], facts: dict[str, Any]) -> dict[str, Any] | None:
    """Bring facts up to the class's version by its ``upcast_vN_vM`` methods; None if they are newer than it."""
    wanted = getattr(event_class, "class_version", 1)
    written = facts.pop("class_version", 1)
    if written > wanted:
        return None
    for version in range(written, wanted):
        getattr(event_class, f"upcast_v{version}_v{version + 1}")(facts)
    return facts
