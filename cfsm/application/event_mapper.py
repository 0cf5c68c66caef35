"""How events become bytes and come back: JSON, upcasting, and no event that is newer than the code.

A fact that is NaN or infinite becomes null in the log: JSON has neither. Keys are text; what is no JSON value of its
own (an Enum, a UUID, a dataclass, a tuple) comes back as the text, the mapping or the list that stands for it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from cfsm.application.errors import Misconfigured
from cfsm.domain.aggregate import VERSION_KEY, Recorded, RecordedEvent
from cfsm.domain.log import LogEntry, NewEntry


class EventTooNew(Misconfigured):
    """An event was written by a newer CFSM than this one."""

    def __init__(self, entry: LogEntry) -> None:
        super().__init__(
            f"{_named(entry)} was written by a newer CFSM than this one. Upgrade CFSM; nothing was changed."
        )


class EventDamaged(Misconfigured):
    """An event's bytes are not what CFSM writes."""

    def __init__(self, entry: LogEntry, what: object) -> None:
        super().__init__(
            f"{_named(entry)} cannot be read: {what}. `cfsm history verify` says whether the log was changed, "
            "`cfsm restore FILE --replace` restores a backup; nothing was changed."
        )


def _named(entry: LogEntry) -> str:
    return f"the event {UUID(entry.originator_id)}:{entry.originator_version} ({entry.topic})"


class EventMapper:
    """Maps events to entries of the log and back.

    Only topics of CFSM's own events are resolved: the library would import whatever module a topic names.
    """

    def __init__(self) -> None:
        self._events: dict[str, type[RecordedEvent]] = {}
        self._aggregates: set[str] = set()

    def entry_of(self, event: RecordedEvent) -> NewEntry:
        """Give the event as it is recorded."""
        event_class = type(event)
        facts = dict(vars(event))
        originator_id = facts.pop("originator_id")
        originator_version = facts.pop("originator_version")
        if event_class.class_version > 1:
            facts[VERSION_KEY] = event_class.class_version
        return NewEntry(originator_id.hex, originator_version, event_class.TOPIC, orjson.dumps(facts))

    def event_of(self, entry: LogEntry) -> RecordedEvent:
        """Give the event, brought up to the version of the code. Raise EventTooNew or EventDamaged."""
        event_class = self._event_class(entry.topic)
        if event_class is None:
            raise EventTooNew(entry)
        try:
            facts = orjson.loads(entry.state)
            if not event_class.upcast(facts):
                raise EventTooNew(entry)
            facts["timestamp"] = datetime.fromisoformat(facts["timestamp"])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise EventDamaged(entry, f"{type(error).__name__}: {error}") from error
        if facts.get("originator_topic", "") not in self._aggregates:
            raise EventTooNew(entry)
        facts["originator_id"] = UUID(entry.originator_id)
        facts["originator_version"] = entry.originator_version
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
