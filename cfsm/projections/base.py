"""What every projection and every view of one is: handlers by topic into tables, and questions to them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol, TypeVar

import orjson

from cfsm.domain.aggregate import RecordedEvent
from cfsm.domain.log import LogEntry
from cfsm.projections.table import Row, Table

Facts = dict[str, Any]
Handler = Callable[[LogEntry, Facts], None]
Method = TypeVar("Method", bound=Callable[..., None])


class CannotFold(Exception):
    """An event cannot be folded; the message names it and says what to do. Nothing of its page was kept."""

    def __init__(self, entry: LogEntry, why: str, what_to_do: str) -> None:
        super().__init__(f"event {entry.id} ({entry.topic}): {why}. {what_to_do}")


def handles(*events: type[RecordedEvent]) -> Callable[[Method], Method]:
    """Mark a method as the handler of these events: it gets the log's entry and the decoded facts."""

    def mark(method: Method) -> Method:
        method.handled_events = events  # type: ignore[attr-defined]  # read again by Projection
        return method

    return mark


class Projection:
    """A fold of the event log into tables.

    ``version`` rises whenever the fold or the tables change. ``readable_from`` is the oldest version whose tables
    this code can show while its own is being built; unless said, only its own.
    Handlers assign what the event says; events of the same log in pages of any size give the same rows.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    readable_from: ClassVar[int | None] = None
    _handlers: ClassVar[Mapping[str, tuple[str, type[RecordedEvent]]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {
            event.TOPIC: (name, event)
            for name, method in vars(cls).items()
            for event in getattr(method, "handled_events", ())
        }
        cls._handlers = {**cls._handlers, **own}

    def __init__(self) -> None:
        self.tables: list[Table[Any]] = []
        self._by_topic: dict[str, Handler] = {
            topic: _current(event, getattr(self, name)) for topic, (name, event) in self._handlers.items()
        }

    def table(self, name: str, row: type[Row], indexes: Sequence[str] = ()) -> Table[Row]:
        """Give a table of this projection."""
        table = Table(name, row, indexes)
        self.tables.append(table)
        return table

    def see(self, entries: Sequence[LogEntry]) -> None:
        """Look at a whole page, undecoded, before its events are handled."""

    def fold(self, entries: Sequence[LogEntry]) -> None:
        """Take in a page. Topics without a handler are not decoded. Raise CannotFold."""
        by_topic, loads = self._by_topic.get, orjson.loads
        entry = entries[-1]
        try:
            self.see(entries)
            for entry in entries:
                handle = by_topic(entry[3])
                if handle is not None:
                    handle(entry, loads(entry[4]))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise CannotFold(entry, why, "Check the log with `cfsm history verify`") from error


def _current(event: type[RecordedEvent], handle: Handler) -> Handler:
    """Give the handler with facts brought up to the code's version of the event before it."""

    def handle_current(entry: LogEntry, facts: Facts) -> None:
        if not event.upcast(facts):
            raise CannotFold(entry, "it was written by a newer CFSM than this one", "Upgrade CFSM")
        handle(entry, facts)

    return handle_current


class Source(Protocol):
    """Where a view finds the rows."""

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Give the rows of a question."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all questions within see the rows of one moment."""


class View:
    """Answers questions from the tables of one projection, in an order that is always the same."""

    projection: ClassVar[type[Projection]]

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def position(self) -> int:
        """The id of the last event that the answers know of."""
        return int(self._source.rows("SELECT position FROM tracking")[0][0])


def chosen(asked: Sequence[tuple[str, Any]], order: str, limit: int | None) -> tuple[Any, ...]:
    """Give the end of a question, with its parameters: the rows that fit each condition whose value is given."""
    given = [(condition, value) for condition, value in asked if value is not None]
    where = " AND ".join(condition for condition, _ in given) or "1"
    values = (value for _, value in given)
    return f"WHERE {where} ORDER BY {order} LIMIT ?", *values, -1 if limit is None else limit
