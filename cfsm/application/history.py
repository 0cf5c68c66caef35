"""History: the log read back, by aggregate, by place and by time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import orjson

from cfsm.domain.log import LogEntry, pages

PAGE = 1_000


class Store(Protocol):
    """What history reads from."""

    def read(self, after: int, limit: int) -> Sequence[LogEntry]:
        """Give up to ``limit`` entries after the id ``after``."""

    def head(self) -> int:
        """Give the id of the last entry, 0 for an empty log."""

    def stream(self, originator_id: UUID) -> Sequence[LogEntry]:
        """Give the entries of one aggregate."""


@dataclass(frozen=True)
class Happening:
    """An event as history tells it: its place, when, what, of which aggregate, by whom and why, and its facts."""

    id: int
    at: datetime
    topic: str
    originator_id: str
    version: int
    meta: Mapping[str, str]
    facts: Mapping[str, Any]

    def as_mapping(self) -> dict[str, Any]:
        """Give it as one JSON object."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "topic": self.topic,
            "originator_id": self.originator_id,
            "version": self.version,
            "meta": dict(self.meta),
            "facts": dict(self.facts),
        }


def told(entry: LogEntry) -> Happening:
    """Give an entry as history tells it."""
    facts = orjson.loads(entry.state)
    at = datetime.fromisoformat(facts.pop("timestamp"))
    meta = facts.pop("meta", {})
    facts.pop("originator_topic", None)
    return Happening(entry.id, at, entry.topic, entry.originator_id, entry.originator_version, meta, facts)


class History:
    """Reads the log back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def head(self) -> int:
        """Give the id of the last event."""
        return self._store.head()

    def of(self, originators: Iterable[UUID]) -> list[Happening]:
        """Give the events of these aggregates, in the order in which they happened."""
        entries = [entry for originator in originators for entry in self._store.stream(originator)]
        return [told(entry) for entry in sorted(entries)]

    def between(self, after: int, until: int | None = None) -> Iterator[Happening]:
        """Give the events whose ids are greater than ``after`` and at most ``until``."""
        last = self._store.head() if until is None else until
        return map(told, pages(self._store.read, last, after))

    def place_at(self, moment: datetime) -> int:
        """Give the id of the last event that was recorded at or before a moment; 0 if there is none.

        The machine's clock may have jumped back: what counts is the order of the log, so of several candidates the
        last one is taken.
        """
        last = self._store.head()
        while last > 0:
            first = max(0, last - PAGE)
            for entry in reversed([each for each in self._store.read(first, PAGE) if each.id <= last]):
                if told(entry).at <= moment:
                    return entry.id
            last = first
        return 0

    def follow(self, after: int, wait: Callable[[], bool]) -> Iterator[Happening]:
        """Give the events after an id, and then each new one; ``wait`` sleeps until there may be one, False ends it."""
        place = after
        while True:
            for happening in self.between(place):
                place = happening.id
                yield happening
            if not wait():
                return


def moment_of(text: str) -> datetime:
    """Give the moment that a person wrote: ISO 8601; without a zone it is this machine's. Raise ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.astimezone()).astimezone(UTC)
